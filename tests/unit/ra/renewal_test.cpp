// Renewals, and the queries of what exists: GetCert and GetCRL.
#include "station.hpp"

#include <gmock/gmock.h>

namespace countersign::test {
namespace {

using scep::FailInfo;
using scep::PkiStatus;

class RenewalTest : public testing::Test {
protected:
    Station station;

    // A device that has a certificate and signs with it from now on, under a new transaction.
    Device enrolled() {
        auto device = station.device();
        device.signer = station.enroll(device, {.challenge = station.mint()});
        device.transaction_id = upper_hex(station.random.bytes(16));
        return device;
    }
    Device with_new_transaction(Device device) {
        device.transaction_id = upper_hex(station.random.bytes(16));
        return device;
    }
    scep::CertRep renew(const Device& device, const std::string& type = "17",
                        const std::string& subject = "CN=device-7,O=Example") {
        return station.exchange(device, station.message(device, {.message_type = type, .subject = subject}));
    }
    scep::CertRep get(const Device& device, const std::string& type, const crypto::Certificate& about) {
        const crypto::IssuerAndSerial content{about.issuer(), to_bytes(about.serial())};
        return station.exchange(device, station.envelop(device, type, crypto::encode_issuer_and_serial(content)));
    }
};

TEST_F(RenewalTest, AValidCertificateOfOursRenewsWithoutAChallenge) {
    for (const auto* type : {"17", "19"}) {
        const auto device = enrolled();
        const auto reply = renew(device, type);
        ASSERT_EQ(reply.status, PkiStatus::success) << type << station.audit.all();
        EXPECT_NE(reply.certificates.front().serial_hex(), device.signer->serial_hex());
        EXPECT_EQ(reply.certificates.front().subject().text(), "CN=device-7,O=Example");
    }
}

TEST_F(RenewalTest, ARenewalMayCarryANewKey) {
    const auto device = enrolled();
    auto other = station.device();
    while (other.key == device.key) other = station.device();
    const auto message = station.message(device, {.message_type = "17", .request_key = other.key});
    const auto reply = station.exchange(device, message);
    ASSERT_EQ(reply.status, PkiStatus::success) << station.audit.all();
    EXPECT_TRUE(reply.certificates.front().public_key() == other.key->public_key());
}

TEST_F(RenewalTest, ARenewalForAnotherSubjectIsRefused) {
    EXPECT_EQ(renew(enrolled(), "17", "CN=administrator").fail_info, FailInfo::bad_request);
}

TEST_F(RenewalTest, AFreshChallengeMakesItAnEnrollmentThatRenewalRulesDoNotBind) {
    const auto device = enrolled();
    const auto ask = [&](const std::string& type, const std::string& challenge) {
        const auto fresh = with_new_transaction(device);
        return station.exchange(
            fresh, station.message(fresh, {.message_type = type, .challenge = challenge, .subject = "CN=device-8"}));
    };
    EXPECT_EQ(ask("19", "0000000000000000").fail_info, FailInfo::bad_request) << "a renewal, for another subject";
    EXPECT_EQ(ask("17", station.mint()).fail_info, FailInfo::bad_request) << "a renewal by its own word";
    EXPECT_EQ(ask("19", station.mint()).status, PkiStatus::success) << station.audit.all();
}

// The right is the certificate's: a challenge that comes along neither takes it away nor is used up (RFC 8894 2.4).
TEST_F(RenewalTest, AChallengeInARenewalReqDecidesNothing) {
    const auto good = station.mint();
    for (const auto& challenge : {std::string("0000000000000000"), std::string(" "), std::string(255, 'x'), good}) {
        const auto device = enrolled();
        const auto reply =
            station.exchange(device, station.message(device, {.message_type = "17", .challenge = challenge}));
        EXPECT_EQ(reply.status, PkiStatus::success) << station.audit.all();
    }
    const auto device = station.device();
    EXPECT_EQ(station.exchange(device, station.message(device, {.challenge = good})).status, PkiStatus::success)
        << "it is still good where it counts: " << station.audit.all();
}

// Invariant 1 for the other right there is: with a certificate of ours all 256 values, and some that are none.
TEST_F(RenewalTest, OnlyMessageTypes17And19Renew) {
    const auto device = enrolled();
    std::vector<std::string> types{"", "017", "+17", "17 ", "0x11", "seventeen"};
    for (int value = 0; value < 256; ++value) types.push_back(std::to_string(value));
    for (const auto& type : types) {
        if (type == "17" || type == "19") continue;
        SCOPED_TRACE("message type " + type);
        EXPECT_TRUE(renew(with_new_transaction(device), type).certificates.empty());
    }
    EXPECT_EQ(station.certificates(), 1U);
    EXPECT_EQ(station.backend->submitted, 1) << "no CA was asked again";
    EXPECT_EQ(renew(with_new_transaction(device), "17").status, PkiStatus::success) << station.audit.all();
}

TEST_F(RenewalTest, ARevokedCertificateRenewsNothing) {
    const auto device = enrolled();
    must(station.local_ca->revoke(device.signer->serial_hex(), 1, station.clock.now()));
    EXPECT_EQ(renew(device, "17").fail_info, FailInfo::bad_request);
    EXPECT_EQ(renew(with_new_transaction(device), "19").fail_info, FailInfo::bad_message_check)
        << "as an enrollment it lacks a challenge";
    EXPECT_EQ(station.certificates(), 1U);
}

TEST_F(RenewalTest, AnExpiredCertificateRenewsNothing) {
    station.profile->templates.at("device").validity = std::chrono::days{30};  // the RA outlives it
    const auto device = enrolled();
    station.clock.set(device.signer->not_after() + std::chrono::hours{1});
    EXPECT_EQ(renew(device, "17").status, PkiStatus::failure);
    EXPECT_EQ(renew(with_new_transaction(device), "19").status, PkiStatus::failure);
    EXPECT_EQ(station.certificates(), 1U);
}

TEST_F(RenewalTest, ASelfSignedCertificateIsNoRightToRenew) {
    const auto device = station.device();
    EXPECT_EQ(renew(device, "17").fail_info, FailInfo::bad_request);
    const auto message = station.message(device, {.message_type = "17", .challenge = station.mint()});
    EXPECT_EQ(station.exchange(device, message).fail_info, FailInfo::bad_request) << "not even with a challenge";
    EXPECT_EQ(station.certificates(), 0U);
}

TEST_F(RenewalTest, ACertificateWithOurCasNameThatIsNotInTheLedgerIsNoRightToRenew) {
    auto device = station.device();
    crypto::CertificateContent content;
    content.subject = must(crypto::Name::from_text("CN=device-7,O=Example"));
    content.spki = to_bytes(device.key->public_key().spki());
    content.not_before = station.clock.now();
    content.not_after = station.clock.now() + std::chrono::hours{24};
    crypto::IssuerContent issuer{station.ca_certificate.subject(),
                                 {},
                                 station.ca_key->public_key().scheme_with(crypto::DigestAlgorithm::sha256),
                                 {},
                                 {}};
    const auto sign = [&](ByteView octets) { return station.ca_key->sign(issuer.scheme, octets); };
    device.signer = must(crypto::build_certificate(content, issuer, station.random.bytes(8), sign));
    EXPECT_EQ(renew(device, "17").status, PkiStatus::failure);
    EXPECT_EQ(renew(with_new_transaction(device), "19").status, PkiStatus::failure);
    EXPECT_EQ(station.certificates(), 0U);
}

// The enrollment agent's own certificate is of our CA too, and must open no door.
TEST_F(RenewalTest, AnRaCertificateIsNoRightToRenew) {
    Device agent;
    agent.key = station.profile->agent->identity().key;
    agent.signer = station.profile->agent->identity().certificate;
    agent.transaction_id = "AGENT";
    EXPECT_EQ(renew(agent, "17", "CN=Test RA").status, PkiStatus::failure);
    EXPECT_EQ(station.certificates(), 0U);
}

TEST_F(RenewalTest, AProfileWithoutRenewalRefusesIt) {
    const auto device = enrolled();
    station.profile->renewal = false;
    EXPECT_EQ(renew(device, "17").fail_info, FailInfo::bad_request);
    EXPECT_EQ(renew(with_new_transaction(device), "19").fail_info, FailInfo::bad_message_check);
}

TEST_F(RenewalTest, GetCertReturnsOnesOwnCertificateAlone) {
    const auto device = enrolled();
    const auto reply = get(device, "21", *device.signer);
    ASSERT_EQ(reply.status, PkiStatus::success) << station.audit.all();
    EXPECT_TRUE(reply.certificates.front() == *device.signer);

    auto other = enrolled();
    while (other.key == device.key) other = enrolled();
    EXPECT_EQ(get(other, "21", *device.signer).fail_info, FailInfo::bad_cert_id);
    station.profile->answer_queries = false;
    EXPECT_EQ(get(with_new_transaction(device), "21", *device.signer).fail_info, FailInfo::bad_cert_id);
}

// A stranger who may have a captured envelope decrypted as a query, and learns whether its padding held, reads it octet
// by octet.
TEST_F(RenewalTest, NoAnswerToAQueryTellsWhetherItsEnvelopeOpened) {
    const auto outsider = station.device();
    const auto insider = enrolled();
    const auto other = station.enroll(station.device("CN=other"), {.challenge = station.mint(), .subject = "CN=other"});
    const Bytes good = crypto::encode_issuer_and_serial({other.issuer(), to_bytes(other.serial())});
    for (const auto* type : {"20", "21", "22"}) {
        for (const auto& device : {outsider, insider}) {
            if (device.signer->subject() == insider.signer->subject() && std::string(type) == "22" &&
                device.transaction_id == insider.transaction_id) {
                continue;  // the CRL is for him, whatever else he names
            }
            const auto opened = must(station.send(station.envelop(device, type, good)));
            const auto garbage = must(station.send(station.envelop(device, type, {0x00})));
            SCOPED_TRACE(type);
            EXPECT_EQ(station.read(device, opened).fail_info, FailInfo::bad_cert_id);
            EXPECT_EQ(station.read(device, garbage).fail_info, FailInfo::bad_cert_id);
            EXPECT_EQ(opened.size(), garbage.size());
        }
    }
}

TEST_F(RenewalTest, GetCrlReturnsTheCrlToHoldersOfOurCertificates) {
    const auto device = enrolled();
    const auto reply = get(device, "22", *device.signer);
    ASSERT_EQ(reply.status, PkiStatus::success) << station.audit.all();
    EXPECT_EQ(reply.crls.size(), 1U);
    EXPECT_TRUE(reply.certificates.empty());
    EXPECT_EQ(get(station.device(), "22", *device.signer).fail_info, FailInfo::bad_cert_id);
}

}  // namespace
}  // namespace countersign::test
