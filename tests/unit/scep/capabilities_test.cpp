#include "countersign/scep/capabilities.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "countersign/core/text.hpp"
#include "pieces.hpp"

namespace countersign::scep {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

std::vector<std::string> lines(const CapabilityFacts& facts) {
    const std::string text = capabilities(facts);
    EXPECT_TRUE(text.ends_with('\n'));
    EXPECT_LE(text.size(), 1024u);
    return split(std::string_view(text).substr(0, text.size() - 1), '\n');
}

TEST(Capabilities, of_the_default_profile) {
    EXPECT_THAT(lines({}),
                ElementsAre("POSTPKIOperation", "Renewal", "SHA-512", "SHA-384", "SHA-256", "AES", "SCEPStandard"));
}

TEST(Capabilities, name_old_algorithms_only_where_accepted_and_never_des_or_md5) {
    CapabilityFacts facts;
    facts.accepted.ciphers.insert(crypto::ContentCipher::des_cbc);
    facts.accepted.digests.insert(crypto::DigestAlgorithm::md5);
    EXPECT_THAT(lines(facts),
                AllOf(Not(Contains("DES")), Not(Contains("DES3")), Not(Contains("MD5")), Not(Contains("SHA-1"))));
    facts.accepted.ciphers.insert(crypto::ContentCipher::des_ede3_cbc);
    facts.accepted.digests.insert(crypto::DigestAlgorithm::sha1);
    EXPECT_THAT(lines(facts), AllOf(Contains("DES3"), Contains("SHA-1")));
}

TEST(Capabilities, follow_the_profile) {
    CapabilityFacts facts;
    facts.renewal = false;
    facts.get_next_ca_cert = true;
    EXPECT_THAT(lines(facts), AllOf(Not(Contains("Renewal")), Contains("GetNextCACert")));
    facts.accepted.digests.erase(crypto::DigestAlgorithm::sha256);
    EXPECT_THAT(lines(facts), Not(Contains("SCEPStandard")));
}

class CaCertificates : public ::testing::Test {
protected:
    test::Pieces pieces_;
};

TEST_F(CaCertificates, come_in_order_and_each_once) {
    const auto answer = ca_certificates({pieces_.agent_certificate, pieces_.encryption_certificate},
                                        {pieces_.ca, pieces_.agent_certificate});
    EXPECT_EQ(answer.content_type, "application/x-x509-ca-ra-cert");
    const auto bag = crypto::CertificateBag::from_ber(answer.body);
    ASSERT_TRUE(bag);
    EXPECT_THAT(bag->certificates, ElementsAre(pieces_.agent_certificate, pieces_.encryption_certificate, pieces_.ca));
}

TEST_F(CaCertificates, of_a_single_certificate_are_that_certificate) {
    const auto answer = ca_certificates({pieces_.ca}, {pieces_.ca});
    EXPECT_EQ(answer.content_type, "application/x-x509-ca-cert");
    EXPECT_TRUE(equal(answer.body, pieces_.ca.der()));
}

TEST_F(CaCertificates, of_the_successor_are_signed_by_the_agent) {
    const auto answer = next_ca_certificates({pieces_.ca}, pieces_.agent, pieces_.now);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->content_type, "application/x-x509-next-ca-cert");
    const auto data = crypto::SignedData::from_ber(answer->body);
    ASSERT_TRUE(data);
    EXPECT_TRUE(data->verify(pieces_.agent_certificate.public_key(), false));
    EXPECT_FALSE(data->verify(pieces_.ca.public_key(), false));
    const auto bag = crypto::CertificateBag::from_ber(data->content);
    ASSERT_TRUE(bag);
    EXPECT_THAT(bag->certificates, ElementsAre(pieces_.ca));
}

}  // namespace
}  // namespace countersign::scep
