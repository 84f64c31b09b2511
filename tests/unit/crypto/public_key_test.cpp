#include "countersign/crypto/public_key.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "countersign/crypto/encoding.hpp"
#include "crypto/der.hpp"
#include "crypto/signature_algorithm.hpp"
#include "test_keys.hpp"
#include "vectors.hpp"

namespace countersign::crypto {
namespace {

Bytes spki_file(const std::string& name) {
    return from_pem(test::vector_text("crypto/spki-" + name + ".pem"), "PUBLIC KEY").value().at(0);
}

PublicKey key_file(const std::string& name) {
    return PublicKey::from_spki(spki_file(name)).value();
}

// The certificate whose key the openssl vectors were signed with.
PublicKey device_key() {
    return Certificate::from_pem(test::vector_text("crypto/leaf.pem")).value().public_key();
}

Bytes rsa_spki(ByteView modulus, ByteView exponent) {
    DerWriter key;
    key.nest(tag::sequence, [&](DerWriter& w) { w.unsigned_integer(modulus).unsigned_integer(exponent); });
    DerWriter out;
    out.nest(tag::sequence,
             [&](DerWriter& w) { w.algorithm_with_null("1.2.840.113549.1.1.1").bit_string(key.view()); });
    return out.take();
}

Bytes odd_modulus(std::size_t octets) {
    Bytes modulus(octets, 0xff);
    return modulus;
}

const Bytes f4{0x01, 0x00, 0x01};

TEST(PublicKey, ReadsRsa) {
    const PublicKey key = key_file("root");
    EXPECT_TRUE(key.is_rsa());
    EXPECT_EQ(key.algorithm(), KeyAlgorithm::rsa);
    EXPECT_EQ(key.bits(), 2048U);
    EXPECT_EQ(key.rsa_modulus().size(), 256U);
    EXPECT_EQ(key.rsa_exponent(), f4);
    EXPECT_EQ(to_bytes(key.spki()), spki_file("root"));
    EXPECT_EQ(key_file("weak").bits(), 1024U);
}

TEST(PublicKey, ReadsTheNamedCurves) {
    EXPECT_EQ(key_file("p256").algorithm(), KeyAlgorithm::ec_p256);
    EXPECT_EQ(key_file("p384").algorithm(), KeyAlgorithm::ec_p384);
    EXPECT_EQ(key_file("p521").algorithm(), KeyAlgorithm::ec_p521);
    EXPECT_EQ(key_file("p521").bits(), 521U);
    EXPECT_FALSE(key_file("p256").is_rsa());
    EXPECT_TRUE(key_file("p256").rsa_modulus().empty());
    EXPECT_TRUE(key_file("p256").rsa_exponent().empty());
    EXPECT_EQ(name(KeyAlgorithm::rsa), "RSA");
    EXPECT_EQ(name(KeyAlgorithm::ec_p384), "P-384");
}

TEST(PublicKey, RefusesOtherAlgorithms) {
    for (const char* file : {"other", "ed25519", "explicit", "compressed"}) {
        const auto key = PublicKey::from_spki(spki_file(file));
        ASSERT_FALSE(key.has_value()) << file;
        EXPECT_EQ(key.error().kind, ErrorKind::malformed) << file;
    }
}

TEST(PublicKey, RefusesDamagedEncodings) {
    const Bytes good = spki_file("root");
    for (std::size_t size = 0; size < good.size(); ++size) {
        EXPECT_FALSE(PublicKey::from_spki(ByteView(good).first(size)).has_value()) << size;
    }
    Bytes longer = good;
    longer.push_back(0);
    EXPECT_FALSE(PublicKey::from_spki(longer).has_value());
}

TEST(PublicKey, RefusesAPointOffItsCurve) {
    Bytes der = spki_file("p256");
    der.back() ^= 1;
    EXPECT_FALSE(PublicKey::from_spki(der).has_value());
    Bytes infinity = spki_file("p256");
    std::fill(infinity.end() - 64, infinity.end(), std::uint8_t{0});
    EXPECT_FALSE(PublicKey::from_spki(infinity).has_value());
}

TEST(PublicKey, BoundsTheModulus) {
    EXPECT_TRUE(PublicKey::from_spki(rsa_spki(odd_modulus(64), f4)).has_value());
    EXPECT_TRUE(PublicKey::from_spki(rsa_spki(odd_modulus(1024), f4)).has_value());
    EXPECT_FALSE(PublicKey::from_spki(rsa_spki(odd_modulus(63), f4)).has_value());
    EXPECT_FALSE(PublicKey::from_spki(rsa_spki(odd_modulus(1025), f4)).has_value());
    EXPECT_FALSE(PublicKey::from_spki(rsa_spki(odd_modulus(100000), f4)).has_value());
    Bytes even = odd_modulus(256);
    even.back() = 0xfe;
    EXPECT_FALSE(PublicKey::from_spki(rsa_spki(even, f4)).has_value());
    Bytes shorter = odd_modulus(64);
    shorter[0] = 0x7f;  // 511 bits
    EXPECT_FALSE(PublicKey::from_spki(rsa_spki(shorter, f4)).has_value());
    EXPECT_FALSE(PublicKey::from_spki(rsa_spki({}, f4)).has_value());
}

TEST(PublicKey, BoundsTheExponent) {
    const auto accepted = [](Bytes exponent) {
        return PublicKey::from_spki(rsa_spki(odd_modulus(256), exponent)).has_value();
    };
    EXPECT_TRUE(accepted({3}));
    EXPECT_TRUE(accepted({0xff, 0xff, 0xff, 0xff}));
    EXPECT_FALSE(accepted({}));
    EXPECT_FALSE(accepted({1}));
    EXPECT_FALSE(accepted({2}));
    EXPECT_FALSE(accepted({0x01, 0x00, 0x00}));
    EXPECT_FALSE(accepted({1, 0, 0, 0, 1}));
    EXPECT_FALSE(accepted(Bytes(250, 0xff)));
}

TEST(PublicKey, RefusesANegativeModulus) {
    DerWriter key;
    key.nest(tag::sequence, [&](DerWriter& w) { w.integer_content(odd_modulus(256)).unsigned_integer(f4); });
    DerWriter out;
    out.nest(tag::sequence,
             [&](DerWriter& w) { w.algorithm_with_null("1.2.840.113549.1.1.1").bit_string(key.view()); });
    EXPECT_FALSE(PublicKey::from_spki(out.view()).has_value());
}

TEST(PublicKey, ComparesAndNamesItself) {
    EXPECT_EQ(key_file("root"), key_file("root"));
    EXPECT_FALSE(key_file("root") == key_file("p256"));
    EXPECT_EQ(key_file("p256").fingerprint(), sha256_hex(spki_file("p256")));
    // As openssl computed it for the certificate's subjectKeyIdentifier.
    const Certificate root = Certificate::from_pem(test::vector_text("crypto/root.pem")).value();
    EXPECT_EQ(root.public_key().key_identifier(), root.subject_key_identifier());
    EXPECT_EQ(root.public_key(), key_file("root"));
}

struct SignatureVector {
    const char* file;
    const char* key;  // empty: the device's
    SignatureScheme scheme;
};

class Verification : public testing::TestWithParam<SignatureVector> {
protected:
    PublicKey key() const { return *GetParam().key == '\0' ? device_key() : key_file(GetParam().key); }
    Bytes signature = test::vector_octets(GetParam().file);
    Bytes message = test::vector_octets("crypto/message.txt");
};

TEST_P(Verification, HoldsForWhatOpensslSigned) {
    EXPECT_TRUE(key().verify(GetParam().scheme, message, signature).has_value());
}

TEST_P(Verification, FailsForAnythingElse) {
    const SignatureScheme scheme = GetParam().scheme;
    const auto refused = [&](const PublicKey& with, SignatureScheme how, ByteView what, ByteView by) {
        const auto verified = with.verify(how, what, by);
        return !verified && verified.error().kind == ErrorKind::unauthenticated;
    };
    Bytes other_message = message;
    other_message[0] ^= 1;
    Bytes other_signature = signature;
    other_signature.back() ^= 1;
    Bytes longer = signature;
    longer.push_back(0);
    EXPECT_TRUE(refused(key(), scheme, other_message, signature));
    EXPECT_TRUE(refused(key(), scheme, {}, signature));
    EXPECT_TRUE(refused(key(), scheme, message, other_signature));
    EXPECT_TRUE(refused(key(), scheme, message, ByteView(signature).first(signature.size() - 1)));
    EXPECT_TRUE(refused(key(), scheme, message, longer));
    EXPECT_TRUE(refused(key(), scheme, message, {}));
    EXPECT_TRUE(refused(key(), {scheme.padding, DigestAlgorithm::sha1}, message, signature));
    for (const Padding padding : {Padding::rsa_pkcs1, Padding::rsa_pss, Padding::ecdsa}) {
        if (padding == scheme.padding) continue;
        EXPECT_TRUE(refused(key(), {padding, scheme.digest}, message, signature));
    }
    for (const char* other : {"root", "p256", "p384", "p521"}) {
        if (std::string_view(other) != GetParam().key) {
            EXPECT_TRUE(refused(key_file(other), scheme, message, signature)) << other;
        }
    }
    EXPECT_EQ(openssl_error(), "no OpenSSL error");
}

INSTANTIATE_TEST_SUITE_P(
    Openssl, Verification,
    testing::Values(SignatureVector{"crypto/rsa-sha256.sig", "", {Padding::rsa_pkcs1, DigestAlgorithm::sha256}},
                    SignatureVector{"crypto/pss-sha384.sig", "", {Padding::rsa_pss, DigestAlgorithm::sha384}},
                    SignatureVector{"crypto/p256-sha256.sig", "p256", {Padding::ecdsa, DigestAlgorithm::sha256}},
                    SignatureVector{"crypto/p521-sha512.sig", "p521", {Padding::ecdsa, DigestAlgorithm::sha512}}));

TEST(PublicKey, ManyThreadsShareOne) {
    const test::TestKey& key = test::rsa_key();
    const Bytes signature = key.sign(key.sha256_scheme(), as_bytes("message"));
    // A fresh key, so that the threads meet in building OpenSSL's form of it.
    const PublicKey fresh = PublicKey::from_spki(key.spki()).value();
    std::vector<std::thread> threads;
    std::vector<int> right(4, 0);
    for (std::size_t t = 0; t < right.size(); ++t) {
        threads.emplace_back([&, t, copy = fresh] {
            for (int i = 0; i < 50; ++i) {
                if (copy.verify(key.sha256_scheme(), as_bytes("message"), signature)) ++right[t];
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(right, std::vector<int>(4, 50));
}

Bytes decrypted(const test::TestKey& key, const KeyTransport& transport, const Bytes& ciphertext) {
    const Ossl<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.openssl_key(), nullptr));
    EXPECT_EQ(EVP_PKEY_decrypt_init(context.get()), 1);
    EXPECT_EQ(EVP_PKEY_CTX_set_rsa_padding(context.get(), transport.oaep ? RSA_PKCS1_OAEP_PADDING : RSA_PKCS1_PADDING),
              1);
    if (transport.oaep) {
        EXPECT_EQ(EVP_PKEY_CTX_set_rsa_oaep_md(context.get(), evp_md(transport.oaep_digest)), 1);
        EXPECT_EQ(EVP_PKEY_CTX_set_rsa_mgf1_md(context.get(), evp_md(transport.mgf1_digest)), 1);
    }
    Bytes plaintext(256);
    std::size_t length = plaintext.size();
    const ErrorMark mark;
    if (EVP_PKEY_decrypt(context.get(), plaintext.data(), &length, ciphertext.data(), ciphertext.size()) != 1)
        return {};
    plaintext.resize(length);
    return plaintext;
}

TEST(PublicKey, WrapsContentKeys) {
    const Bytes content_key(32, 0x42);
    const test::TestKey& key = test::rsa_key();
    for (const KeyTransport transport :
         {KeyTransport{}, KeyTransport{.oaep = true},
          KeyTransport{.oaep = true, .oaep_digest = DigestAlgorithm::sha256, .mgf1_digest = DigestAlgorithm::sha1},
          KeyTransport{.oaep = true, .oaep_digest = DigestAlgorithm::sha512, .mgf1_digest = DigestAlgorithm::sha512}}) {
        const Bytes wrapped = key.public_key().encrypt(transport, content_key).value();
        EXPECT_EQ(wrapped.size(), 256U);
        EXPECT_EQ(decrypted(key, transport, wrapped), content_key);
        EXPECT_NE(decrypted(test::rsa_key(1), transport, wrapped), content_key);
        EXPECT_NE(key.public_key().encrypt(transport, content_key).value(), wrapped);
    }
    KeyTransport mixed{.oaep = true, .oaep_digest = DigestAlgorithm::sha256, .mgf1_digest = DigestAlgorithm::sha1};
    const Bytes wrapped = key.public_key().encrypt(mixed, content_key).value();
    mixed.mgf1_digest = DigestAlgorithm::sha256;
    EXPECT_NE(decrypted(key, mixed, wrapped), content_key);
}

TEST(PublicKey, RefusesToWrapWhatDoesNotFit) {
    EXPECT_EQ(test::p256_key().public_key().encrypt({}, Bytes(16)).error().kind, ErrorKind::malformed);
    EXPECT_TRUE(test::rsa_key().public_key().encrypt({}, Bytes(245)).has_value());
    EXPECT_FALSE(test::rsa_key().public_key().encrypt({}, Bytes(246)).has_value());
    EXPECT_EQ(openssl_error(), "no OpenSSL error");
}

TEST(SignatureScheme, UsualSchemes) {
    EXPECT_EQ(test::rsa_key().public_key().scheme_with(DigestAlgorithm::sha384).padding, Padding::rsa_pkcs1);
    EXPECT_EQ(test::p256_key().public_key().scheme_with(DigestAlgorithm::sha256).padding, Padding::ecdsa);
    EXPECT_EQ(name(SignatureScheme{}), "RSA PKCS#1 v1.5 with SHA-256");
    EXPECT_EQ(name(SignatureScheme{Padding::rsa_pss, DigestAlgorithm::sha384}), "RSA-PSS with SHA-384");
    EXPECT_EQ(name(SignatureScheme{Padding::ecdsa, DigestAlgorithm::sha512}), "ECDSA with SHA-512");
}

TEST(SignatureScheme, IdentifiersComeBack) {
    for (const Padding padding : {Padding::rsa_pkcs1, Padding::rsa_pss, Padding::ecdsa}) {
        for (const DigestAlgorithm digest :
             {DigestAlgorithm::sha1, DigestAlgorithm::sha256, DigestAlgorithm::sha384, DigestAlgorithm::sha512}) {
            const SignatureScheme scheme{padding, digest};
            const Bytes der = algorithm_identifier(scheme);
            EXPECT_TRUE(check_der(der, "algorithm").has_value());
            EXPECT_EQ(signature_scheme_from(der), scheme) << name(scheme);
        }
    }
    EXPECT_EQ(lower_hex(algorithm_identifier({})), "300d06092a864886f70d01010b0500");
    EXPECT_EQ(lower_hex(algorithm_identifier({}, true)), "300d06092a864886f70d0101010500");
    EXPECT_EQ(lower_hex(algorithm_identifier({Padding::ecdsa, DigestAlgorithm::sha256}, true)),
              "300a06082a8648ce3d040302");
    // RFC 4055 section 3.1: with SHA-1 every parameter has its default.
    EXPECT_EQ(lower_hex(algorithm_identifier({Padding::rsa_pss, DigestAlgorithm::sha1})),
              "300d06092a864886f70d01010a3000");
    EXPECT_THROW(algorithm_identifier({Padding::ecdsa, DigestAlgorithm::md5}), std::invalid_argument);
}

TEST(SignatureScheme, UnknownIdentifiersHaveNoScheme) {
    for (const char* der :
         {"", "3000", "300506032b6570" /* Ed25519 */, "300d06092a864886f70d0101010500" /* rsaEncryption */,
          "300e06092a864886f70d01010b050000", "300c06092a864886f70d01010b04",
          "300e06092a864886f70d01010b040100" /* parameters that are no NULL */,
          "300b06092a864886f70d01010a" /* PSS without parameters */}) {
        const Bytes octets = from_hex(der).value();
        EXPECT_EQ(signature_scheme_from(octets), std::nullopt) << der;
    }
    // Absent parameters are tolerated.
    EXPECT_EQ(signature_scheme_from(from_hex("300b06092a864886f70d01010b").value()), SignatureScheme{});
}

}  // namespace
}  // namespace countersign::crypto
