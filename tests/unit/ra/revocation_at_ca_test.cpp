// A certificate that was revoked at the CA, and not through us: what it may still ask for.
#include "station.hpp"

#include <gmock/gmock.h>

namespace countersign::test {
namespace {

using scep::FailInfo;
using scep::PkiStatus;
using testing::HasSubstr;

class ScriptedRevocations final : public ca::RevocationView {
public:
    Result<std::optional<crypto::Revocation>> find(const crypto::Certificate& certificate, Time now) const override {
        ++asked;
        if (away) return fail::unavailable("no list says so now");
        if (forgets_expired && certificate.not_after() < now) return fail::expired("it was left out");
        const auto found = revoked.find(certificate.serial_hex());
        if (found == revoked.end()) return std::optional<crypto::Revocation>();
        return std::optional(found->second);
    }
    std::map<std::string, crypto::Revocation> revoked;
    bool away = false;
    bool forgets_expired = false;
    mutable int asked = 0;
};

class RevocationAtCaTest : public testing::Test {
protected:
    Station station;
    std::shared_ptr<ScriptedRevocations> ca = std::make_shared<ScriptedRevocations>();

    RevocationAtCaTest() { station.profile->revocations = ca; }

    Device enrolled() {
        auto device = station.device();
        device.signer = station.enroll(device, {.challenge = station.mint()});
        return with_new_transaction(device);
    }
    Device with_new_transaction(Device device) {
        device.transaction_id = upper_hex(station.random.bytes(16));
        return device;
    }
    Bytes renewal(const Device& device, const std::string& type = "17", std::optional<std::string> challenge = {}) {
        return station.message(device, {.message_type = type, .challenge = std::move(challenge)});
    }
    scep::CertRep renew(const Device& device, const std::string& type = "17") {
        return station.exchange(device, renewal(device, type));
    }
    Bytes get_cert(const Device& device) {
        const crypto::IssuerAndSerial content{device.signer->issuer(), to_bytes(device.signer->serial())};
        return station.envelop(device, "21", crypto::encode_issuer_and_serial(content));
    }
    void revoke_at_ca(const Device& device, int reason = 1) {
        ca->revoked[device.signer->serial_hex()] = {station.clock.now() - std::chrono::hours{2}, reason};
    }
};

TEST_F(RevocationAtCaTest, WhatIsNotRevokedRenews) {
    const auto device = enrolled();
    EXPECT_EQ(renew(device, "17").status, PkiStatus::success) << station.audit.all();
    EXPECT_EQ(renew(with_new_transaction(device), "19").status, PkiStatus::success) << station.audit.all();
    EXPECT_GE(ca->asked, 2);
}

TEST_F(RevocationAtCaTest, WhatIsRevokedRenewsNothingAndTheAuditSaysSo) {
    const auto device = enrolled();
    revoke_at_ca(device);
    EXPECT_EQ(renew(device, "17").fail_info, FailInfo::bad_request) << "as if it were revoked in our ledger";
    EXPECT_THAT(station.audit.last(), HasSubstr("revoked at the CA since 2026-11-21T04:00:00.000Z (keyCompromise)"));
    EXPECT_EQ(renew(with_new_transaction(device), "19").fail_info, FailInfo::bad_message_check)
        << "as an enrollment it lacks a challenge";
    EXPECT_THAT(station.audit.last(), HasSubstr("revoked at the CA since"));
    EXPECT_EQ(station.certificates(), 1U);
}

TEST_F(RevocationAtCaTest, OnHoldIsRevoked) {
    const auto device = enrolled();
    revoke_at_ca(device, 6);
    EXPECT_EQ(renew(device).fail_info, FailInfo::bad_request);
    EXPECT_THAT(station.audit.last(), HasSubstr("certificateHold"));
    ca->revoked.clear();
    EXPECT_EQ(renew(with_new_transaction(device)).status, PkiStatus::success) << "released";
}

TEST_F(RevocationAtCaTest, WhileNobodyKnowsARenewalComesAgainLater) {
    const auto device = enrolled();
    ca->away = true;
    for (const auto* type : {"17", "19"}) {
        const auto message = renewal(with_new_transaction(device), type);
        const auto answer = station.send(message);
        ASSERT_FALSE(answer) << type;
        EXPECT_EQ(answer.error().kind, ErrorKind::unavailable) << type;
        EXPECT_EQ(station.audit.count("message.unanswered"), type == std::string("17") ? 1U : 2U);
        EXPECT_THAT(station.audit.last(), HasSubstr("no list says so now"));
    }
    EXPECT_EQ(station.backend->submitted, 1) << "the first enrollment";
    EXPECT_EQ(station.certificates(), 1U);
    const auto waiting = with_new_transaction(device);
    const auto message = renewal(waiting);
    EXPECT_FALSE(station.send(message));
    ca->away = false;
    EXPECT_EQ(station.exchange(waiting, message).status, PkiStatus::success) << "the very same message";
}

// A template may let expired certificates renew; a list does not tell which of those were revoked.
TEST_F(RevocationAtCaTest, WhatNobodyWillEverKnowIsRefused) {
    auto& rules = station.profile->templates.at("device");
    rules.validity = std::chrono::days{30};  // the RA outlives it
    rules.renewal.allow_expired = true;
    const auto device = enrolled();
    station.clock.set(device.signer->not_after() + std::chrono::hours{1});
    ca->forgets_expired = true;
    EXPECT_EQ(renew(device).fail_info, FailInfo::bad_request);
    EXPECT_THAT(station.audit.last(), HasSubstr("it was left out"));
    EXPECT_EQ(station.exchange(device, get_cert(device)).fail_info, FailInfo::bad_cert_id);
    ca->forgets_expired = false;
    EXPECT_EQ(renew(with_new_transaction(device)).status, PkiStatus::success) << station.audit.all();
}

TEST_F(RevocationAtCaTest, EnrollmentsNeedNoList) {
    ca->away = true;
    const auto device = enrolled();
    EXPECT_EQ(ca->asked, 0);
    // A fresh challenge makes it one.
    const auto message = renewal(device, "19", station.mint());
    EXPECT_EQ(station.exchange(device, message).status, PkiStatus::success) << station.audit.all();
}

TEST_F(RevocationAtCaTest, AChallengeEnrollsEvenForARevokedCertificate) {
    const auto device = enrolled();
    revoke_at_ca(device);
    EXPECT_EQ(station.exchange(device, renewal(device, "19", station.mint())).status, PkiStatus::success)
        << station.audit.all();
}

TEST_F(RevocationAtCaTest, TheLedgersWordNeedsNoList) {
    const auto device = enrolled();
    must(station.local_ca->revoke(device.signer->serial_hex(), 1, station.clock.now()));
    ca->away = true;
    EXPECT_EQ(renew(device).fail_info, FailInfo::bad_request);
}

TEST_F(RevocationAtCaTest, AnAnswerIsNotToldAgainOnceItsCertificateIsRevoked) {
    const auto device = station.device();
    const auto message = station.message(device, {.challenge = station.mint()});
    const auto first = station.exchange(device, message);
    ASSERT_EQ(first.status, PkiStatus::success);
    ca->away = true;
    EXPECT_EQ(station.exchange(device, message).status, PkiStatus::success) << "it is public, and its owner's";
    ca->away = false;
    ca->revoked[first.certificates.front().serial_hex()] = {station.clock.now(), 1};
    const auto again = station.enrollment->answer(*station.profile, message, "192.0.2.7");
    ASSERT_TRUE(again);
    EXPECT_TRUE(again->refusal);
    EXPECT_THAT(station.audit.last(), HasSubstr("revoked at the CA since"));
}

TEST_F(RevocationAtCaTest, QueriesAreForHoldersOfCertificatesThatStillCount) {
    const auto device = enrolled();
    EXPECT_EQ(station.exchange(device, get_cert(device)).status, PkiStatus::success);
    ca->away = true;
    EXPECT_FALSE(station.send(get_cert(device)));
    ca->away = false;
    revoke_at_ca(device);
    EXPECT_EQ(station.exchange(device, get_cert(device)).fail_info, FailInfo::bad_cert_id);
    ca->revoked.clear();
    must(station.local_ca->revoke(device.signer->serial_hex(), 1, station.clock.now()));
    EXPECT_EQ(station.exchange(device, get_cert(device)).fail_info, FailInfo::bad_cert_id);
}

}  // namespace
}  // namespace countersign::test
