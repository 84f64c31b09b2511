#include "countersign/crypto/certificate_verification.hpp"

#include "test_keys.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace countersign::crypto {
namespace {

using namespace countersign::test;
using testing::HasSubstr;

constexpr Time now = certificates_begin + std::chrono::days{30};

struct ClientTrustTest : testing::Test {
    Certificate root = self_signed_ca(rsa_key(0));

    // An intermediate CA under the root.
    Certificate intermediate(bool ca = true) {
        auto content = content_for(rsa_key(2).public_key(), "CN=Intermediate");
        content.key_usage = usage::key_cert_sign;
        content.basic_constraints.ca = ca;
        return issue(content, "CN=Test CA", rsa_key(0), 9);
    }
    static std::string refusal(const std::vector<Certificate>& pool, const Certificate& client, Time when = now) {
        const auto verified = ClientTrust::of(pool).value().verify(client, when);
        if (verified) return "accepted";
        EXPECT_EQ(verified.error().kind, ErrorKind::unauthenticated);
        return verified.error().detail;
    }
};

TEST_F(ClientTrustTest, TrustsWhatARootIssuedDirectlyOrThroughAnother) {
    EXPECT_EQ(refusal({root}, issued_by_ca(rsa_key(0), rsa_key(1).public_key())), "accepted");
    const auto below = issued_by_ca(rsa_key(2), rsa_key(1).public_key(), "CN=d", 2, "CN=Intermediate");
    EXPECT_EQ(refusal({root, intermediate()}, below), "accepted");
    EXPECT_EQ(refusal({intermediate(), root}, below), "accepted");
    EXPECT_THAT(refusal({root}, below), HasSubstr("issuer"));
    EXPECT_THAT(refusal({root, intermediate(false)}, below), HasSubstr("CA certificate"));
}

TEST_F(ClientTrustTest, JudgesPurposeAndTime) {
    auto content = content_for(rsa_key(1).public_key(), "CN=d");
    EXPECT_EQ(refusal({root}, issue(content, "CN=Test CA", rsa_key(0))), "accepted");
    content.extended_key_usage = {"1.3.6.1.5.5.7.3.1"};
    EXPECT_THAT(refusal({root}, issue(content, "CN=Test CA", rsa_key(0))), HasSubstr("purpose"));
    const auto good = issued_by_ca(rsa_key(0), rsa_key(1).public_key());
    EXPECT_THAT(refusal({root}, good, certificates_end + std::chrono::days{1}), HasSubstr("expired"));
    EXPECT_THAT(refusal({root}, good, certificates_begin - std::chrono::days{1}), HasSubstr("not yet valid"));
}

TEST_F(ClientTrustTest, RefusesUnknownCriticalExtensionsAndForgeries) {
    auto content = content_for(rsa_key(1).public_key(), "CN=d");
    content.further_extensions.push_back({"1.2.3.4", true, {0x05, 0x00}});
    EXPECT_THAT(refusal({root}, issue(content, "CN=Test CA", rsa_key(0))), HasSubstr("critical extension"));
    const auto forged = issued_by_ca(rsa_key(3), rsa_key(1).public_key());
    EXPECT_NE(refusal({root}, forged), "accepted");
    EXPECT_THAT(refusal({root}, self_signed(rsa_key(1))), HasSubstr("self-signed"));
}

TEST_F(ClientTrustTest, NeedsARoot) {
    EXPECT_FALSE(ClientTrust::of({}));
    EXPECT_FALSE(ClientTrust::of({intermediate()}));
}

}  // namespace
}  // namespace countersign::crypto
