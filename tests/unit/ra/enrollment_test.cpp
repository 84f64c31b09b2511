// The main path and the design's invariants, against a real store, CA and keys.
#include "countersign/crypto/oid.hpp"
#include "station.hpp"

#include <gmock/gmock.h>
#include <thread>

namespace countersign::test {
namespace {

using scep::FailInfo;
using scep::PkiStatus;
using testing::HasSubstr;
using testing::Not;

class EnrollmentTest : public testing::Test {
protected:
    Station station;

    scep::CertRep ask(const Device& device, const MessageOptions& options) {
        return station.exchange(device, station.message(device, options));
    }
    static void expect_failure(const scep::CertRep& reply, FailInfo info) {
        EXPECT_EQ(reply.status, PkiStatus::failure);
        EXPECT_EQ(reply.fail_info, info);
        EXPECT_TRUE(reply.certificates.empty());
    }
};

TEST_F(EnrollmentTest, AGoodRequestGetsACertificateOfTheTemplate) {
    const auto device = station.device();
    const auto certificate = station.enroll(device, {.challenge = station.mint()});
    EXPECT_EQ(certificate.subject().text(), "CN=device-7,O=Example");
    EXPECT_TRUE(certificate.public_key() == device.key->public_key());
    EXPECT_THAT(certificate.extended_key_usage(), testing::ElementsAre(std::string(oid::client_auth)));
    EXPECT_FALSE(certificate.basic_constraints().ca);
    EXPECT_TRUE(certificate.verify_signed_by(station.ca_certificate.public_key()).has_value());
    EXPECT_EQ(station.certificates(), 1U);
    EXPECT_EQ(station.audit.count("enrollment.accepted"), 1U);
    EXPECT_EQ(station.audit.count("enrollment.issued"), 1U);
}

TEST_F(EnrollmentTest, EveryReplyEchoesTheTransactionAndTheNonceAndHasAFreshOne) {
    const auto device = station.device();
    const auto message = station.message(device, {.challenge = station.mint()});
    const auto first = station.exchange(device, message);
    const auto second = station.exchange(device, message);
    EXPECT_EQ(first.transaction_id, device.transaction_id);
    ASSERT_TRUE(first.sender_nonce && second.sender_nonce && first.recipient_nonce);
    EXPECT_EQ(first.recipient_nonce->size(), 16U);
    EXPECT_NE(*first.sender_nonce, *second.sender_nonce);
}

TEST_F(EnrollmentTest, TheSameMessageGetsTheSameCertificateAgainWithoutANewOne) {
    const auto device = station.device();
    const auto message = station.message(device, {.challenge = station.mint()});
    const auto first = station.exchange(device, message);
    const auto second = station.exchange(device, message);
    ASSERT_EQ(second.status, PkiStatus::success);
    EXPECT_TRUE(first.certificates.front() == second.certificates.front());
    EXPECT_EQ(station.certificates(), 1U);
    EXPECT_EQ(station.audit.count("enrollment.repeated"), 1U);
}

TEST_F(EnrollmentTest, ARevokedCertificateIsNotHandedOutAgain) {
    const auto device = station.device();
    const auto message = station.message(device, {.challenge = station.mint()});
    const auto certificate = station.exchange(device, message).certificates.front();
    must(station.local_ca->revoke(certificate.serial_hex(), 1, station.clock.now()));
    expect_failure(station.exchange(device, message), FailInfo::bad_request);
}

TEST_F(EnrollmentTest, LateInItsLifeACertificateIsNotHandedOutAgainButSucceeded) {
    const auto device = station.device();
    const auto first = station.enroll(device, {.challenge = station.mint()});
    station.clock.set(first.not_before() + (first.not_after() - first.not_before()) / 4 * 3);
    expect_failure(ask(device, {}), FailInfo::bad_message_check);
    const auto again = ask(device, {.challenge = station.mint()});
    ASSERT_EQ(again.status, PkiStatus::success);
    EXPECT_NE(again.certificates.front().serial_hex(), first.serial_hex());
}

TEST_F(EnrollmentTest, AnotherRequestUnderAFinishedTransactionNeedsItsOwnChallenge) {
    const auto device = station.device();
    const auto challenge = station.mint();
    station.enroll(device, {.challenge = challenge});
    expect_failure(ask(device, {.challenge = challenge, .subject = "CN=administrator"}), FailInfo::bad_message_check);
    EXPECT_EQ(station.audit.count("challenge.reused"), 1U);
    EXPECT_EQ(ask(device, {.challenge = station.mint(), .subject = "CN=device-8"}).status, PkiStatus::success);
}

TEST_F(EnrollmentTest, OneTimeMeansOnceUnderManyThreads) {
    const auto challenge = station.mint();
    std::vector<std::pair<Device, Bytes>> messages;
    for (int i = 0; i < 64; ++i) {
        const auto device = station.device();
        messages.emplace_back(device, station.message(device, {.challenge = challenge}));
    }
    std::atomic<int> issued{0};
    {
        std::vector<std::jthread> threads;
        for (const auto& [device, message] : messages) {
            threads.emplace_back(
                [&] { issued += station.exchange(device, message).status == PkiStatus::success ? 1 : 0; });
        }
    }
    EXPECT_EQ(issued, 1);
    EXPECT_EQ(station.certificates(), 1U);
}

TEST_F(EnrollmentTest, TheSameMessageOnManyThreadsIssuesOnce) {
    const auto device = station.device();
    const auto message = station.message(device, {.challenge = station.mint()});
    std::atomic<int> failures{0};
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 16; ++i) {
            threads.emplace_back(
                [&] { failures += station.exchange(device, message).status == PkiStatus::failure ? 1 : 0; });
        }
    }
    EXPECT_EQ(failures, 0) << station.audit.all();
    EXPECT_EQ(station.certificates(), 1U);
}

// Invariant 1: all 256 values, and a few that are no number at all, with a good password and without.
TEST_F(EnrollmentTest, OnlyMessageType19Enrolls) {
    std::vector<std::string> types{"", "019", "+19", "19 ", "0x13", "nineteen"};
    for (int value = 0; value < 256; ++value) types.push_back(std::to_string(value));
    const auto device = station.device();
    const auto challenge = station.mint();
    for (const auto& type : types) {
        if (type == "19") continue;
        const bool query = type == "20" || type == "21" || type == "22";
        const auto reply = ask(device, {.message_type = type, .challenge = challenge});
        SCOPED_TRACE("message type " + type);
        // Queries by one who has nothing here are refused before anything is decrypted.
        expect_failure(reply, query ? FailInfo::bad_cert_id : FailInfo::bad_request);
    }
    expect_failure(ask(device, {.message_type = "19"}), FailInfo::bad_message_check);
    EXPECT_EQ(station.certificates(), 0U);
    EXPECT_EQ(station.backend->submitted, 0) << "no CA was asked";
    EXPECT_EQ(ask(device, {.message_type = "19", .challenge = challenge}).status, PkiStatus::success)
        << "the password was still good";
}

// Who still needs what a profile would better not accept is to be read from the audit.
TEST_F(EnrollmentTest, TheAuditSaysWhatTheMessageWasProtectedWith) {
    station.enroll(station.device(), {.challenge = station.mint()});
    EXPECT_THAT(station.audit.all(), HasSubstr(R"("cipher":"AES-256-CBC","digest":"SHA-256")"));
}

// Each of these fails before or after the envelope is open; whoever sends them is to wait, and nobody else.
TEST_F(EnrollmentTest, ASourceThatKeepsFailingIsAskedToWait) {
    const auto station_with_credit =
        std::make_unique<ra::Enrollment>(ra::EnrollmentParts{station.database->transactions(),
                                                             station.database->issued(),
                                                             station.database->holds(),
                                                             station.audit,
                                                             station.clock,
                                                             station.random,
                                                             {},
                                                             6});
    auto& enrollment = *station_with_credit;
    const auto send = [&](ByteView message) { return enrollment.answer(*station.profile, message, "192.0.2.7"); };
    const auto device = station.device();
    auto broken = station.message(device, {.challenge = station.mint()});
    broken.back() ^= 1;  // in the signature
    for (const auto& bad :
         {station.message(device, {.challenge = "0011223344556677"}), station.message(device, {.message_type = "17"}),
          station.message(device, {.message_type = "99"}), broken, Bytes{0x30, 0x00}}) {
        static_cast<void>(send(bad));
        EXPECT_EQ(enrollment.wait_for("192.0.2.7").count(), 0);
    }
    EXPECT_EQ(station.read(device, must(send(station.message(device, {.challenge = station.mint()}))).message).status,
              PkiStatus::success);
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(enrollment.wait_for("192.0.2.7").count(), 0) << "the certificate has made up for one";
        EXPECT_EQ(station.audit.count("source.slowed"), 0U);
        static_cast<void>(send(Bytes{0x30, 0x00}));
    }
    EXPECT_EQ(enrollment.wait_for("192.0.2.7"), std::chrono::seconds(1));
    EXPECT_EQ(enrollment.wait_for("192.0.2.8").count(), 0);
    EXPECT_EQ(station.audit.count("source.slowed"), 1U);
}

TEST_F(EnrollmentTest, AnAnswerGivenAgainMakesUpForNothing) {
    ra::Enrollment enrollment({station.database->transactions(),
                               station.database->issued(),
                               station.database->holds(),
                               station.audit,
                               station.clock,
                               station.random,
                               {},
                               3});
    const auto device = station.device();
    const auto good = station.message(device, {.challenge = station.mint()});
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(enrollment.wait_for("192.0.2.7").count(), 0);
        EXPECT_TRUE(enrollment.answer(*station.profile, good, "192.0.2.7"));
        EXPECT_FALSE(enrollment.answer(*station.profile, Bytes{0x30, 0x00}, "192.0.2.7"));
    }
    EXPECT_GT(enrollment.wait_for("192.0.2.7").count(), 0);
}

// Invariant 2.
TEST_F(EnrollmentTest, NothingOfTheRequestsOwnWishesReachesTheCertificate) {
    const Bytes sid = must(from_hex("3020a01e060a2b060104018237190201a0100c0e532d312d352d32312d312d353030"));
    const auto device = station.device();
    const auto reply = ask(device, {.challenge = station.mint(),
                                    .extensions = {{std::string(oid::ms_security_identifier), false, sid},
                                                   {"1.2.3.4.5", false, {0x05, 0x00}}}});
    ASSERT_EQ(reply.status, PkiStatus::success) << station.audit.last();
    const auto& certificate = reply.certificates.front();
    EXPECT_THAT(certificate.extended_key_usage(), testing::ElementsAre(std::string(oid::client_auth)));
    for (const auto& extension : certificate.extensions()) {
        EXPECT_NE(extension.oid, std::string(oid::ms_security_identifier));
        EXPECT_NE(extension.oid, "1.2.3.4.5");
    }
}

TEST_F(EnrollmentTest, ACaThatSeesTheRequestIsNotShownSomebodyElsesIdentifier) {
    station.backend->shown_requests = true;
    const auto reply =
        ask(station.device(),
            {.challenge = station.mint(),
             .extensions = {{std::string(oid::ms_security_identifier), false, Bytes{0x30, 0x03, 0x02, 0x01, 0x05}}}});
    expect_failure(reply, FailInfo::bad_request);
    EXPECT_THAT(station.audit.last(), testing::HasSubstr("security identifier"));
    EXPECT_EQ(station.backend->submitted, 0);
}

TEST_F(EnrollmentTest, ARequestForAnotherPurposeIsRefused) {
    const auto device = station.device();
    const auto reply = ask(device, {.challenge = station.mint(),
                                    .extensions = {crypto::make_extended_key_usage({std::string(oid::code_signing)})}});
    expect_failure(reply, FailInfo::bad_request);
    EXPECT_EQ(station.certificates(), 0U);
}

TEST_F(EnrollmentTest, ARequestForACaIsRefused) {
    const auto device = station.device();
    const auto reply =
        ask(device, {.challenge = station.mint(), .extensions = {crypto::make_basic_constraints({true, 0})}});
    expect_failure(reply, FailInfo::bad_request);
    EXPECT_EQ(station.certificates(), 0U);
}

// Invariant 3.
TEST_F(EnrollmentTest, TheSignersKeyMustBeTheRequests) {
    const auto device = station.device();
    const auto challenge = station.mint();
    auto other = station.device();
    while (other.key == device.key) other = station.device();
    // As often as it likes: an overheard envelope neither tells whether its password is good nor burns it.
    for (int i = 0; i < 6; ++i) {
        expect_failure(ask(device, {.challenge = challenge, .request_key = other.key}), FailInfo::bad_message_check);
    }
    EXPECT_EQ(station.certificates(), 0U);
    station.profile->templates.at("device").signer_key_must_match = false;
    EXPECT_EQ(ask(device, {.challenge = challenge, .request_key = other.key}).status, PkiStatus::success);
}

TEST_F(EnrollmentTest, AMismatchDoesNotConsumeThePasswordAtOnceButBurnsItAtTheLimit) {
    const auto challenge = station.mint({.subject = "CN=device-7,O=Example", .sans = {}, .template_name = ""});
    for (int refusal = 1; refusal <= 4; ++refusal) {
        expect_failure(ask(station.device(), {.challenge = challenge, .subject = "CN=administrator"}),
                       FailInfo::bad_message_check);
    }
    EXPECT_EQ(ask(station.device(), {.challenge = challenge}).status, PkiStatus::success);

    const auto second = station.mint({.subject = "CN=device-7,O=Example", .sans = {}, .template_name = ""});
    for (int refusal = 1; refusal <= 5; ++refusal) {
        expect_failure(ask(station.device(), {.challenge = second, .subject = "CN=administrator"}),
                       FailInfo::bad_message_check);
    }
    expect_failure(ask(station.device(), {.challenge = second}), FailInfo::bad_message_check);
    EXPECT_EQ(station.audit.count("challenge.burnt"), 1U);
}

// Invariant 5: whatever is wrong with challenge or decryption, the answer is the same.
TEST_F(EnrollmentTest, TheWireDoesNotSayWhatIsWrongWithAChallengeOrADecryption) {
    std::vector<Bytes> replies;
    const auto device = station.device();
    const auto collect = [&](ByteView message) {
        replies.push_back(must(station.send(message)));
        expect_failure(station.read(device, replies.back()), FailInfo::bad_message_check);
    };
    const auto used = station.mint();
    station.enroll(station.device("CN=elsewhere"), {.challenge = used});
    const auto expired = station.mint();
    station.clock.advance(std::chrono::hours{2});

    collect(station.message(device, {.challenge = "0000000000000000"}));
    collect(station.message(device, {.challenge = used}));
    collect(station.message(device, {.challenge = expired}));
    collect(station.message(device, {.challenge = ""}));
    collect(station.message(device, {}));
    collect(station.envelop(device, "19", {0x30, 0x03, 0x02, 0x01, 0x00}));  // decrypts, but is no PKCS#10
    for (const auto& reply : replies) EXPECT_EQ(reply.size(), replies.front().size());
    EXPECT_THAT(station.audit.all(), HasSubstr("expired"));
}

TEST_F(EnrollmentTest, NoSecretIsInTheAudit) {
    const auto challenge = station.mint();
    station.enroll(station.device(), {.challenge = challenge});
    ask(station.device(), {.challenge = challenge});
    ask(station.device(), {.challenge = "SOMETHINGWRONG12"});
    EXPECT_THAT(station.audit.all(), Not(HasSubstr(challenge)));
    EXPECT_THAT(station.audit.all(), Not(HasSubstr("SOMETHINGWRONG12")));
}

TEST_F(EnrollmentTest, WithoutAnAuditRecordNothingIsIssued) {
    const auto challenge = station.mint();
    const auto device = station.device();
    station.audit.broken = "enrollment.accepted";
    const auto reply = station.send(station.message(device, {.challenge = challenge}));
    ASSERT_FALSE(reply.has_value());
    EXPECT_EQ(reply.error().kind, ErrorKind::unavailable);
    EXPECT_EQ(station.certificates(), 0U);

    // By then the CA may have issued: the client polls until it can be told.
    station.audit.broken = "enrollment.issued";
    EXPECT_EQ(station.exchange(device, station.message(device, {.challenge = challenge})).status, PkiStatus::pending);
    EXPECT_EQ(station.certificates(), 0U);
}

TEST_F(EnrollmentTest, WhatIsNoMessageIsAnErrorAndNotAReply) {
    const auto reply = station.send(as_bytes("hello"));
    ASSERT_FALSE(reply.has_value());
    EXPECT_EQ(reply.error().kind, ErrorKind::malformed);
    auto broken = station.message(station.device(), {.challenge = station.mint()});
    broken[broken.size() - 1] ^= 1;  // the signature's last octet
    const auto forged = station.send(broken);
    ASSERT_FALSE(forged.has_value());
    EXPECT_EQ(forged.error().kind, ErrorKind::unauthenticated);
    EXPECT_EQ(station.audit.count("message.refused"), 2U);
}

}  // namespace
}  // namespace countersign::test
