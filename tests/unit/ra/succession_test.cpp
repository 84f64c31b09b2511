#include "countersign/ra/expiry_watch.hpp"
#include "rollover_fixture.hpp"

#include <gmock/gmock.h>

namespace countersign::ra {
namespace {

using namespace std::chrono_literals;
using test::must;

TEST(PauseTest, GrowsToAnHourAndNeverStandsStill) {
    const auto life = std::chrono::days{300};
    EXPECT_EQ(pause_after(1, life, 0), 45s);
    EXPECT_EQ(pause_after(1, life, 255), 75s);
    EXPECT_LT(pause_after(1, life, 255), pause_after(2, life, 0));
    EXPECT_EQ(pause_after(1000, life, 255), 75min);
    EXPECT_GE(pause_after(0, life, 0), 45s);
}

TEST(PauseTest, IsShortWhereLittleLifeIsLeft) {
    EXPECT_LE(pause_after(7, 80s, 255), 13s);
    EXPECT_GE(pause_after(7, 1ms, 0), 3s);
    EXPECT_GE(pause_after(7, 0s, 0), 45min) << "it is too late for haste";
}

WatchedCertificate watched(Time now, std::chrono::days left, std::chrono::days life = std::chrono::days{730}) {
    return {"agent", "default", "CN=Agent", "01", now + left - life, now + left};
}

TEST(ExpiryWatchTest, SaysEachThresholdOnce) {
    const test::FixedClock clock;
    const auto certificate = watched(clock.now(), std::chrono::days{100});
    ExpiryWatch watch;
    std::vector<int> said;
    for (int day = 0; day <= 105; ++day) {
        for (const auto& notice : watch.look({certificate}, clock.now() + std::chrono::days{day} + 1h))
            said.push_back(notice.days);
    }
    EXPECT_EQ(said, (std::vector{60, 30, 7, 0}));
}

TEST(ExpiryWatchTest, SaysTheNarrowestFirstAndForgetsWhatIsGone) {
    const test::FixedClock clock;
    ExpiryWatch watch;
    const auto old = watched(clock.now(), std::chrono::days{5});
    ASSERT_EQ(watch.look({old}, clock.now()).size(), 1U);
    EXPECT_TRUE(watch.look({old}, clock.now()).empty());
    EXPECT_TRUE(watch.look({}, clock.now()).empty());
    EXPECT_EQ(watch.look({old}, clock.now()).front().days, 7);
}

TEST(ExpiryWatchTest, AShortLivedCertificateIsNotAlwaysInDanger) {
    const test::FixedClock clock;
    const auto certificate = watched(clock.now(), std::chrono::days{50}, std::chrono::days{90});
    EXPECT_FALSE(threshold_passed(certificate, clock.now()));
    EXPECT_EQ(threshold_passed(certificate, clock.now() + std::chrono::days{25}), 30);
    EXPECT_EQ(threshold_passed(certificate, certificate.not_after), 7);
    EXPECT_EQ(threshold_passed(certificate, certificate.not_after + 1s), 0);
}

class OldClientsTest : public test::Rollovers {
protected:
    // As the daemon does after a rollover: the new pair in front, the old one behind it.
    void roll_over(bool new_key) {
        ASSERT_EQ(step(both(new_key)), RenewalStep::installed);
        const auto ra = service();
        auto next = std::make_shared<Profile>();
        // Profiles do not copy; what a test needs of one is little.
        next->name = station.profile->name;
        next->verifier = station.profile->verifier;
        next->ca_name = station.profile->ca_name;
        next->backend = station.profile->backend;
        next->ca_chain = station.profile->ca_chain;
        next->templates = station.profile->templates;
        next->template_signature = next->template_encryption = next->template_general_purpose = "device";
        next->substitute_secret = station.profile->substitute_secret.duplicate();
        next->accepted = station.profile->accepted;
        const auto& encryption = ra.identities.at(Role::encryption);
        next->agent = ra.agent;
        next->decryption_keys = {{encryption.certificate, must(shelf.open(encryption.key))},
                                 station.profile->decryption_keys.front()};
        next->agents_of_old = {nullptr, station.profile->agent};
        before = station.profile;
        station.profile = next;
    }
    Bytes message_of(const test::Device& device, const Profile& cached) {
        test::MessageOptions options;
        options.challenge = station.mint();
        scep::ClientMessage message;
        message.message_type = "19";
        message.transaction_id = device.transaction_id;
        message.sender_nonce = station.random.bytes(16);
        message.content = station.request_der(device, options);
        return must(scep::build_client_message(message, cached.decryption_keys.front().certificate, *device.signer,
                                               *device.key, station.clock.now(), station.random));
    }
    // Strict as Apple's: the reply must be signed by the very certificate GetCACert showed.
    Result<scep::CertRep> enroll(const Profile& cached) {
        const auto device = station.device();
        TRY(const auto reply, station.send(message_of(device, cached)));
        return scep::read_cert_rep(reply, {cached.agent->identity().certificate}, *device.signer, *device.key);
    }
    std::shared_ptr<Profile> before;
};

TEST_F(OldClientsTest, EnrollWithWhatTheyRememberAndNewOnesWithTheNew) {
    for (const bool new_key : {true, false}) {
        roll_over(new_key);
        for (const auto& cached : {before, station.profile}) {
            const auto reply = enroll(*cached);
            ASSERT_TRUE(reply) << describe(reply.error());
            EXPECT_EQ(reply->certificates.size(), 1U);
        }
    }
}

TEST_F(OldClientsTest, GetTheNewSignatureWhenTheOldOneWouldNotBeBelieved) {
    roll_over(true);
    const auto& old = before->agent->identity().certificate;
    EXPECT_EQ(station.profile->replying_agent(1, old.not_after()).identity().certificate, old);
    EXPECT_NE(station.profile->replying_agent(1, old.not_after() + 1s).identity().certificate, old);
    EXPECT_NE(station.profile->replying_agent(0, station.clock.now()).identity().certificate, old);
    EXPECT_NE(station.profile->replying_agent(7, station.clock.now()).identity().certificate, old);
}

TEST_F(OldClientsTest, AreRefusedAfterTheOverlap) {
    roll_over(true);
    station.profile->decryption_keys.pop_back();
    station.profile->agents_of_old.pop_back();
    const auto device = station.device();
    const auto reply = must(station.send(message_of(device, *before)));
    const auto read =
        must(scep::read_cert_rep(reply, {station.profile->agent->identity().certificate}, *device.signer, *device.key));
    EXPECT_TRUE(read.certificates.empty());
    EXPECT_THAT(station.audit.all(), testing::HasSubstr("not exactly one recipient of the envelope is ours"));
}

TEST_F(OldClientsTest, UnderAnExpiredAgentNobodyLosesAPassword) {
    const auto device = station.device();
    test::MessageOptions options;
    options.challenge = station.mint();
    const auto expiry = station.profile->agent->identity().certificate.not_after();
    const auto message = station.message(device, options);
    station.clock.set(expiry + 1s);
    const auto refused = station.send(message);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::unavailable);
    station.clock.set(from_milliseconds(1795240800000));
    EXPECT_EQ(station.exchange(device, message).certificates.size(), 1U);
}

}  // namespace
}  // namespace countersign::ra
