// CMP: the contract against a stand-in that reads our messages with another implementation, and what CAs answer instead
// of what was asked. The real `openssl cmp` server is in cmp_openssl_test.cpp.
#include "countersign/ca/cmp.hpp"
#include "countersign/crypto/encoding.hpp"
#include "stand_in.hpp"

#include <gmock/gmock.h>

namespace countersign::ca::test {
namespace {

using ::testing::HasSubstr;

CmpOptions options_in(Surroundings& at) {
    CmpOptions options;
    options.name = "corp";
    options.url = "http://127.0.0.1:" + at.port + "/cmp";
    options.chain = {at.world.root};
    options.poll_interval = std::chrono::seconds{0};
    return options;
}
CmpOptions with_agent(CmpOptions options, const LocalWorld& world) {
    options.key = keys::key_from_pem(Secret(rsa_key(1).pem()), "agent").value();
    options.signer = {world.agent, world.root};
    options.responders = {world.root};
    return options;
}
CmpOptions with_secret(CmpOptions options, std::string_view secret = "a shared secret") {
    options.secret = std::make_shared<const Secret>(secret);
    options.reference = "ra-1";
    return options;
}

struct BySignature {
    static constexpr auto script = "cmp.py";
    static constexpr bool cmc = false;
    static constexpr bool reconciles = false;
    static std::vector<std::string> words() { return {"signature"}; }
    static std::unique_ptr<Backend> make(Surroundings& at) {
        return std::make_unique<CmpCa>(with_agent(options_in(at), at.world), at.http, at.world.random, at.world.clock);
    }
};
struct BySecret : BySignature {
    static std::vector<std::string> words() { return {"secret", "tls"}; }
    static std::unique_ptr<Backend> make(Surroundings& at) {
        auto options = with_secret(options_in(at));
        options.url.replace(0, 4, "https");
        options.profiles = {{"device", "tls-client"}};
        return std::make_unique<CmpCa>(std::move(options), at.http, at.world.random, at.world.clock);
    }
};
using SignatureWorld = RemoteWorld<BySignature>;
using SecretWorld = RemoteWorld<BySecret>;

template <class World>
class CmpTest : public ::testing::Test {
protected:
    std::string told(const std::string& words) { return world_.server().tell(words); }
    Backend& ca() { return world_.backend(); }
    World world_;
};
using Worlds = ::testing::Types<SignatureWorld, SecretWorld>;
TYPED_TEST_SUITE(CmpTest, Worlds);

const crypto::Certificate* issued(const Result<Outcome>& outcome) {
    if (!outcome || !std::holds_alternative<Issued>(*outcome)) return nullptr;
    return &std::get<Issued>(*outcome).certificate;
}

TYPED_TEST(CmpTest, WhatIsSentIsWhatTheRfcSays) {
    const auto outcome = this->world_.submit("01");
    EXPECT_EQ(this->told("violations"), "");
    ASSERT_TRUE(outcome) << describe(outcome.error());
    ASSERT_NE(issued(outcome), nullptr);
    EXPECT_EQ(this->told("confirmed"), "accepted");
}

TYPED_TEST(CmpTest, AWrongCertificateIsRefusedAndHandedOver) {
    this->told("next lie");
    EXPECT_NE(issued(this->world_.submit()), nullptr);
    EXPECT_EQ(this->told("confirmed"), "this is not what was requested");
    EXPECT_EQ(this->told("violations"), "");
}

// The outcome of a request as the RA gets it, before it has recorded anything.
template <class World>
Result<Outcome> unrecorded(World& world, const std::string& key = "0123456789abcdef0123456789abcdef") {
    return world.bare().submit(world.request(Countersigned::properly, "device-1"), key);
}

TYPED_TEST(CmpTest, WhatIsIssuedIsConfirmedOnlyWhenItIsRecorded) {
    for (const bool held : {false, true}) {
        if (held) this->told("next hold");
        auto outcome = unrecorded(this->world_, held ? "0102" : "0101");
        ASSERT_TRUE(outcome) << describe(outcome.error());
        if (held) {
            EXPECT_FALSE(std::get<Pending>(*outcome).at_once);
            this->told("release");
            outcome = this->world_.bare().poll(std::get<Pending>(*outcome).handle);
            ASSERT_TRUE(outcome) << describe(outcome.error());
        }
        ASSERT_TRUE(std::holds_alternative<Pending>(*outcome));
        const auto pending = std::get<Pending>(*outcome);
        EXPECT_TRUE(pending.at_once);
        EXPECT_EQ(this->told("confirmed"), held ? "accepted" : "") << "nobody has recorded it yet";
        // Whatever process reads the handle.
        EXPECT_NE(issued(this->ca().poll(pending.handle)), nullptr);
        EXPECT_EQ(this->told("confirmed"), held ? "accepted,accepted" : "accepted");
        EXPECT_EQ(this->told("violations"), "");
    }
}

TYPED_TEST(CmpTest, WhatWasConfirmedBeforeACrashIsConfirmedAgain) {
    const auto outcome = unrecorded(this->world_);
    ASSERT_TRUE(outcome && std::holds_alternative<Pending>(*outcome));
    const auto handle = std::get<Pending>(*outcome).handle;
    const auto first = this->ca().poll(handle);
    ASSERT_NE(issued(first), nullptr);
    const auto again = this->ca().poll(handle);
    ASSERT_NE(issued(again), nullptr) << "the record of the first was lost";
    EXPECT_EQ(*issued(again), *issued(first));
    EXPECT_EQ(this->told("made"), "1");
}

TYPED_TEST(CmpTest, HandlesOfEarlierVersionsAreUnderstood) {
    const auto outcome = unrecorded(this->world_);
    ASSERT_TRUE(outcome && std::holds_alternative<Pending>(*outcome));
    auto handle = std::get<Pending>(*outcome).handle;
    ASSERT_TRUE(handle.ends_with(":0"));
    EXPECT_EQ(this->ca().poll(handle.substr(0, handle.size() - 1) + "2").error().kind, ErrorKind::not_found);
    handle.resize(handle.size() - 2);
    EXPECT_NE(issued(this->ca().poll(handle)), nullptr);
}

TYPED_TEST(CmpTest, AConfirmationThatWasNotAnsweredIsSentAgain) {
    this->told("next lose_confirmation");
    const auto outcome = this->world_.submit();
    ASSERT_TRUE(outcome) << describe(outcome.error());
    ASSERT_TRUE(std::holds_alternative<Pending>(*outcome)) << "the CA may take back what was not confirmed";
    EXPECT_FALSE(std::get<Pending>(*outcome).at_once) << "it does not answer now";
    const auto later = this->ca().poll(std::get<Pending>(*outcome).handle);
    EXPECT_NE(issued(later), nullptr);
    EXPECT_EQ(this->told("confirmed"), "accepted,accepted");
    EXPECT_EQ(this->told("made"), "1");
    EXPECT_EQ(this->told("violations"), "");
}

TYPED_TEST(CmpTest, ARefusedConfirmationIsARefusalOfWhatExists) {
    this->told("next refuse_confirmation");
    const auto outcome = this->world_.submit();
    ASSERT_TRUE(outcome) << describe(outcome.error());
    ASSERT_TRUE(std::holds_alternative<Rejected>(*outcome));
    EXPECT_THAT(std::get<Rejected>(*outcome).reason, HasSubstr("refused our confirmation: rejection, badRequest: no"));
    ASSERT_TRUE(std::get<Rejected>(*outcome).certificate) << "somebody must revoke it";
    EXPECT_TRUE(this->world_.bare().revoker()->revoke(std::get<Rejected>(*outcome).certificate->serial_hex(), 5,
                                                      this->world_.now()));
    EXPECT_EQ(this->told("revoked"), "5");
    this->told("next reject");
    EXPECT_FALSE(std::get<Rejected>(*this->world_.submit("02")).certificate) << "nothing was issued";
}

TYPED_TEST(CmpTest, ABusyCaDidNothing) {
    this->told("next busy");
    const auto outcome = this->world_.submit();
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().kind, ErrorKind::unavailable);
    EXPECT_THAT(outcome.error().detail, HasSubstr("systemUnavail: we are being mended"));
    EXPECT_EQ(this->told("made"), "0");
}

TYPED_TEST(CmpTest, AnswersThatAreNotToUsTellNothing) {
    for (const auto* how : {"wrong_transaction", "wrong_nonce", "bad_protection", "unprotected", "html"}) {
        this->told(std::string("next ") + how);
        const auto outcome = this->world_.submit();
        ASSERT_FALSE(outcome) << how;
        EXPECT_EQ(outcome.error().kind, ErrorKind::outcome_unknown) << how;
    }
    EXPECT_EQ(this->told("confirmed"), "");
}

TYPED_TEST(CmpTest, BeingTurnedAwayAtTheDoorIsNotARefusalByTheCa) {
    for (const auto* status : {"401", "403", "404", "503"}) {
        this->told(std::string("status ") + status);
        const auto outcome = this->world_.submit();
        ASSERT_FALSE(outcome);
        EXPECT_EQ(outcome.error().kind, ErrorKind::unavailable) << status;
        EXPECT_FALSE(this->ca().probe());
    }
    this->told("status 500");
    EXPECT_EQ(this->world_.submit().error().kind, ErrorKind::outcome_unknown);
    this->told("status 0");
    EXPECT_TRUE(this->ca().probe());
}

TYPED_TEST(CmpTest, WhatIsRevokedIsRevokedAtTheCa) {
    const auto outcome = this->world_.submit();
    ASSERT_NE(issued(outcome), nullptr);
    auto& revoker = *this->ca().revoker();
    const auto serial = issued(outcome)->serial_hex();
    const auto now = this->world_.now();
    ASSERT_TRUE(revoker.revoke(serial, 4, now));
    EXPECT_EQ(this->told("revoked"), "4");
    EXPECT_EQ(revoker.revoke(serial, 4, now).error().kind, ErrorKind::conflict);
    EXPECT_EQ(revoker.revoke("f042", 4, now).error().kind, ErrorKind::not_found);
    EXPECT_FALSE(revoker.revoke("xx", 4, now));
    EXPECT_EQ(this->told("violations"), "");
}

TYPED_TEST(CmpTest, ACaThatRemembersFindsALostAnswer) {
    this->told("remember");
    this->told("next lose_the_answer");
    EXPECT_EQ(this->world_.submit().error().kind, ErrorKind::outcome_unknown);
    const auto found = this->ca().reconcile("k", Time{});
    ASSERT_TRUE(found) << describe(found.error());
    ASSERT_TRUE(*found);
    EXPECT_TRUE(std::holds_alternative<Issued>(**found));
    EXPECT_EQ(this->told("made"), "1");
    EXPECT_EQ(this->told("violations"), "");
}

TYPED_TEST(CmpTest, PeopleMayHandInWhatTheyFound) {
    const auto& root = this->world_.world().root;
    const auto found = this->ca().poll("certificate:" + crypto::base64(root.der()));
    ASSERT_NE(issued(found), nullptr);
    EXPECT_EQ(*issued(found), root);
    for (const auto* handle : {"certificate:", "certificate:AAAA", "certificate:*", "cmp1:", "cmp1:00:00:0:0:k:AA",
                               "cmp1::00:0:0:k:", "cmp1:00:00:x:0:k:", "cmp2:00:00:0:0:k:"})
        EXPECT_EQ(this->ca().poll(handle).error().kind, ErrorKind::not_found) << handle;
}

TEST(CmpPolling, ACaIsNotAskedBeforeItsTime) {
    SignatureWorld world;
    auto options = with_agent({}, world.world());
    options.url = world.backend().describe().substr(std::string("CMP at ").size());
    options.chain = {world.world().root};
    CmpCa patient(std::move(options), net::make_http_client({}), world.world().random, world.world().clock);
    world.server().tell("next hold");
    const auto outcome = patient.submit(world.request(Countersigned::properly, "device-1"), "abcdef01");
    ASSERT_TRUE(outcome && std::holds_alternative<Pending>(*outcome));
    const auto handle = std::get<Pending>(*outcome).handle;
    world.server().tell("release");
    const auto early = patient.poll(handle);
    ASSERT_TRUE(early && std::holds_alternative<Pending>(*early));
    EXPECT_EQ(std::get<Pending>(*early).handle, handle);
    world.world().clock.advance(std::chrono::seconds{31});
    const auto due = patient.poll(handle);
    ASSERT_TRUE(due && std::holds_alternative<Pending>(*due));
    EXPECT_TRUE(std::get<Pending>(*due).at_once);
    EXPECT_NE(issued(patient.poll(std::get<Pending>(*due).handle)), nullptr) << "due at once, not 30 seconds later";
}

TEST(CmpErrors, AreBelievedWithoutProtectionOverTlsAlone) {
    for (const auto* how : {"unprotected_error", "stranger"}) {
        SignatureWorld plain;
        plain.server().tell(std::string("next ") + how);
        EXPECT_EQ(plain.submit().error().kind, ErrorKind::outcome_unknown) << how;
        SecretWorld tls;
        tls.server().tell(std::string("next ") + how);
        const auto outcome = tls.submit();
        ASSERT_FALSE(outcome);
        EXPECT_EQ(outcome.error().kind, ErrorKind::unavailable);
        EXPECT_THAT(outcome.error().detail, HasSubstr("badMessageCheck: who are you?"));
    }
}

TEST(CmpSecret, AProfileIsNamedWhenTheTemplateHasAName) {
    SecretWorld world;
    EXPECT_NE(issued(world.submit()), nullptr);
    EXPECT_EQ(world.server().tell("profiles"), "tls-client");
    EXPECT_EQ(world.server().tell("violations"), "");
}

TEST(CmpSecret, AWrongSecretIsNoticed) {
    SecretWorld world;
    net::HttpClientOptions http;
    http.ca_file = (world.home() / "server.pem").string();
    Surroundings at{world.world(), world.home(), world.server().port(), net::make_http_client(http)};
    auto options = with_secret(options_in(at), "another secret");
    options.url.replace(0, 4, "https");
    CmpCa stranger(std::move(options), at.http, world.world().random, world.world().clock);
    EXPECT_FALSE(stranger.probe());
    EXPECT_EQ(world.server().tell("violations"), "the MAC");
}

TEST(CmpSigner, AKeyThatIsAwayCostsNothing) {
    SignatureWorld world;
    Surroundings at{world.world(), world.home(), world.server().port(), net::make_http_client({})};
    auto options = with_agent(options_in(at), world.world());
    const auto key = std::make_shared<MovableKey>(rsa_key(1));
    key->away = true;
    options.key = key;
    CmpCa ca(std::move(options), at.http, world.world().random, world.world().clock);
    EXPECT_EQ(ca.submit(world.request(Countersigned::properly, "device-1"), "abcdef01").error().kind,
              ErrorKind::unavailable);
    EXPECT_EQ(ca.submit(world.request(Countersigned::properly, "device-1"), "no number").error().kind,
              ErrorKind::malformed);
}

}  // namespace
}  // namespace countersign::ca::test

namespace countersign::contract {
INSTANTIATE_TYPED_TEST_SUITE_P(CmpBySignature, CaBackendContract, ca::test::SignatureWorld);
INSTANTIATE_TYPED_TEST_SUITE_P(CmpBySecret, CaBackendContract, ca::test::SecretWorld);
}  // namespace countersign::contract
