// Messages that other programs made (tests/vectors/clients): each verifies, opens, and says what it was told to say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "countersign/keys/file_key.hpp"
#include "countersign/scep/request.hpp"
#include "countersign/scep/transport.hpp"
#include "vectors.hpp"

namespace countersign::scep {
namespace {

using crypto::ContentCipher;
using crypto::DigestAlgorithm;

AcceptedAlgorithms everything() {
    AcceptedAlgorithms accepted;
    accepted.ciphers.insert(ContentCipher::des_cbc);
    accepted.ciphers.insert(ContentCipher::des_ede3_cbc);
    accepted.digests.insert(DigestAlgorithm::sha1);
    return accepted;
}

std::vector<DecryptionKey> ra_keys() {
    return {{*crypto::Certificate::from_pem(test::vector_text("clients/encryption.pem")),
             *keys::key_from_pem(Secret(test::vector_text("clients/encryption.key.pem")), "vector")}};
}

struct Captured {
    const char* file;
    MessageType type;
    ContentCipher cipher;
    DigestAlgorithm digest;
    const char* common_name;
    const char* challenge;  // null: none
    std::size_t nonce;
};

void PrintTo(const Captured& captured, std::ostream* out) {
    *out << captured.file;
}

Bytes message_of(const std::string& file) {
    if (!file.ends_with(".query")) return test::vector_octets("clients/" + file);
    const Query query = parse_query(test::vector_text("clients/" + file));
    EXPECT_EQ(query.operation, Operation::pki_operation);
    auto message = decode_get_message(query.message);
    EXPECT_TRUE(message);
    return message ? *message : Bytes();
}

class CapturedMessage : public ::testing::TestWithParam<Captured> {};

TEST_P(CapturedMessage, verifies_and_opens) {
    const auto& expected = GetParam();
    auto envelope = VerifiedEnvelope::verify(message_of(expected.file));
    ASSERT_TRUE(envelope) << describe(envelope.error());
    EXPECT_EQ(envelope->message_type(), expected.type);
    EXPECT_EQ(envelope->digest(), expected.digest);
    EXPECT_FALSE(envelope->transaction_id().empty());
    ASSERT_TRUE(envelope->sender_nonce());
    EXPECT_EQ(envelope->sender_nonce()->size(), expected.nonce);

    const auto outcome = open_request(*std::move(envelope), ra_keys(), everything(), Secret(std::string_view("s")));
    ASSERT_TRUE(std::holds_alternative<OpenedRequest>(outcome)) << std::get<OpenFailure>(outcome).detail;
    const auto& request = std::get<OpenedRequest>(outcome);
    EXPECT_EQ(request.type(), expected.type);
    EXPECT_EQ(request.style().cipher, expected.cipher);
    EXPECT_FALSE(request.style().transport.oaep);
    const auto& csr = std::get<crypto::CertificateRequest>(request.content());
    EXPECT_THAT(csr.subject().values_of("2.5.4.3"), ::testing::ElementsAre(expected.common_name));
    const auto challenge = csr.challenge_password();
    ASSERT_EQ(challenge.has_value(), expected.challenge != nullptr);
    if (challenge) {
        EXPECT_EQ(challenge->reveal_text(), expected.challenge);
    }
    if (expected.type == MessageType::pkcs_req) {
        EXPECT_EQ(csr.public_key(), request.envelope().signer().public_key());
    }
}

TEST_P(CapturedMessage, is_refused_where_its_algorithms_are_not_accepted) {
    AcceptedAlgorithms accepted = everything();
    accepted.digests.erase(GetParam().digest);
    const auto expect_bad_alg = [&] {
        auto envelope = VerifiedEnvelope::verify(message_of(GetParam().file));
        ASSERT_TRUE(envelope);
        const auto outcome = open_request(*std::move(envelope), ra_keys(), accepted, Secret(std::string_view("s")));
        ASSERT_TRUE(std::holds_alternative<OpenFailure>(outcome));
        EXPECT_EQ(std::get<OpenFailure>(outcome).wire, OpenFailure::Wire::unsupported_algorithm);
    };
    expect_bad_alg();
    accepted = everything();
    accepted.ciphers.erase(GetParam().cipher);
    expect_bad_alg();
}

TEST_P(CapturedMessage, does_not_open_with_the_key_of_somebody_else) {
    auto keys = ra_keys();
    keys.front().key = *keys::key_from_pem(*keys::generate_private_key_pem(keys::GeneratedKey::rsa2048), "other");
    auto envelope = VerifiedEnvelope::verify(message_of(GetParam().file));
    ASSERT_TRUE(envelope);
    const auto outcome = open_request(*std::move(envelope), keys, everything(), Secret(std::string_view("s")));
    ASSERT_TRUE(std::holds_alternative<OpenFailure>(outcome));
    EXPECT_EQ(std::get<OpenFailure>(outcome).wire, OpenFailure::Wire::undecipherable);
}

INSTANTIATE_TEST_SUITE_P(
    OfDebian12, CapturedMessage,
    ::testing::Values(Captured{"scepclient-post.der", MessageType::pkcs_req, ContentCipher::des_cbc,
                               DigestAlgorithm::sha1, "device-scepclient", "secret-of-scepclient", 16},
                      Captured{"scepclient-get.query", MessageType::pkcs_req, ContentCipher::des_cbc,
                               DigestAlgorithm::sha1, "device-scepclient", "secret-of-scepclient", 16},
                      Captured{"strongswan-aes-sha256.der", MessageType::pkcs_req, ContentCipher::aes128_cbc,
                               DigestAlgorithm::sha256, "device-strongswan", "secret-of-strongswan", 16},
                      Captured{"strongswan-pss-sha512.der", MessageType::pkcs_req, ContentCipher::aes128_cbc,
                               DigestAlgorithm::sha512, "device-strongswan", "secret-of-strongswan", 16},
                      Captured{"strongswan-des3-sha1.der", MessageType::pkcs_req, ContentCipher::des_ede3_cbc,
                               DigestAlgorithm::sha1, "device-strongswan", "secret-of-strongswan", 16},
                      Captured{"strongswan-renewal.der", MessageType::renewal_req, ContentCipher::aes128_cbc,
                               DigestAlgorithm::sha256, "device-strongswan", nullptr, 16},
                      Captured{"certmonger.query", MessageType::pkcs_req, ContentCipher::aes256_cbc,
                               DigestAlgorithm::sha256, "device-certmonger", "secret-of-certmonger", 16}));

TEST(CapturedRenewal, is_signed_by_the_certificate_being_renewed) {
    const auto envelope = VerifiedEnvelope::verify(message_of("strongswan-renewal.der"));
    ASSERT_TRUE(envelope);
    EXPECT_EQ(envelope->signer(),
              *crypto::Certificate::from_pem(test::vector_text("clients/strongswan-renewal-signer.pem")));
}

}  // namespace
}  // namespace countersign::scep
