// What JOSE needs beyond certificates, against the vectors of its specifications.
#include "countersign/crypto/aead.hpp"
#include "countersign/crypto/ed25519.hpp"
#include "countersign/crypto/encoding.hpp"
#include "countersign/crypto/key_agreement.hpp"
#include "countersign/crypto/public_key_parts.hpp"
#include "test_keys.hpp"

#include <gtest/gtest.h>

namespace countersign::crypto {
namespace {

using test::p256_key;
using test::p384_key;
using test::rsa_key;

Bytes hex(std::string_view text) {
    return from_hex(text).value();
}

TEST(Base64Url, HasOneTextForEachValue) {
    EXPECT_EQ(base64url(hex("fbff")), "-_8");
    EXPECT_EQ(base64url({}), "");
    EXPECT_EQ(from_base64url("-_8").value(), hex("fbff"));
    EXPECT_TRUE(from_base64url("").value().empty());
    for (const char* wrong : {"-_8=", "+/8", "-_9", "A", "AA A", "AA\n", "AAA.", "AB"}) {
        EXPECT_FALSE(from_base64url(wrong)) << wrong;
    }
}

// Test case 16 of the GCM specification (McGrew and Viega).
TEST(Aes256Gcm, AgreesWithItsSpecificationAndOpensNothingElse) {
    const Bytes key = hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
    const Bytes iv = hex("cafebabefacedbaddecaf888");
    const Bytes associated = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
    const Bytes plaintext = hex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de6"
        "57ba637b39");
    const auto sealed = seal_aes256_gcm(key, iv, associated, plaintext).value();
    EXPECT_EQ(
        lower_hex(sealed.ciphertext),
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393"
        "ba7a0abcc9f662");
    EXPECT_EQ(lower_hex(sealed.tag), "76fc6ece0f4e1768cddf8853bb2d551b");
    EXPECT_TRUE(open_aes256_gcm(key, iv, associated, sealed)->equals(plaintext));

    const auto flipped = [](Bytes octets) {
        octets.back() ^= 1;
        return octets;
    };
    EXPECT_FALSE(open_aes256_gcm(flipped(key), iv, associated, sealed));
    EXPECT_FALSE(open_aes256_gcm(key, flipped(iv), associated, sealed));
    EXPECT_FALSE(open_aes256_gcm(key, iv, flipped(associated), sealed));
    EXPECT_FALSE(open_aes256_gcm(key, iv, associated, {flipped(sealed.ciphertext), sealed.tag}));
    EXPECT_FALSE(open_aes256_gcm(key, iv, associated, {sealed.ciphertext, flipped(sealed.tag)}));
    EXPECT_FALSE(
        open_aes256_gcm(key, iv, associated, {sealed.ciphertext, Bytes(sealed.tag.begin(), sealed.tag.end() - 4)}));
    EXPECT_FALSE(open_aes256_gcm(Bytes(16), iv, associated, sealed));
    EXPECT_FALSE(seal_aes256_gcm(Bytes(16), iv, associated, plaintext));
    const auto empty = seal_aes256_gcm(key, iv, {}, {}).value();
    EXPECT_TRUE(open_aes256_gcm(key, iv, {}, empty)->empty());
}

// RFC 7518 appendix C.
TEST(ConcatKdf, AgreesWithRfc7518) {
    const Bytes z{158, 86, 217, 29,  129, 113, 53,  211, 114, 131, 66,  131, 191, 132, 38,  156,
                  251, 49, 110, 163, 218, 128, 106, 72,  246, 218, 167, 121, 140, 254, 144, 196};
    Bytes info{0, 0, 0, 7};
    for (const std::string_view part : {"A128GCM", "Alice", "Bob"}) {
        if (part != "A128GCM") info.insert(info.end(), {0, 0, 0, static_cast<std::uint8_t>(part.size())});
        info.insert(info.end(), part.begin(), part.end());
    }
    info.insert(info.end(), {0, 0, 0, 128});
    EXPECT_EQ(base64url(concat_kdf_sha256(z, info, 16).reveal()), "VqqN6vgjbSBcIijNcacQGg");
}

TEST(OneTimeAgreement, IsForEcKeysAndNeverTheSameTwice) {
    const auto first = agree_once_with(p256_key().public_key()).value();
    const auto second = agree_once_with(p256_key().public_key()).value();
    EXPECT_EQ(first.shared.size(), 32u);
    EXPECT_FALSE(first.shared.equals(second.shared.reveal()));
    EXPECT_EQ(agree_once_with(p384_key().public_key())->shared.size(), 48u);
    EXPECT_FALSE(agree_once_with(rsa_key().public_key()));
}

TEST(PublicKeyParts, GoApartAndTogether) {
    const auto& rsa = rsa_key().public_key();
    EXPECT_EQ(rsa_public_key(rsa.rsa_modulus(), rsa.rsa_exponent()).value(), rsa);
    EXPECT_FALSE(rsa_public_key({}, rsa.rsa_exponent()));
    EXPECT_FALSE(rsa_public_key(Bytes(256, 0), rsa.rsa_exponent()));
    EXPECT_FALSE(rsa_public_key(rsa.rsa_modulus(), Bytes{2}));
    EXPECT_FALSE(point_of(rsa));
    for (const auto* key : {&p256_key(), &p384_key()}) {
        const auto& ec = key->public_key();
        auto point = point_of(ec).value();
        EXPECT_EQ(ec_public_key(ec.algorithm(), point.x, point.y).value(), ec);
        EXPECT_FALSE(ec_public_key(KeyAlgorithm::rsa, point.x, point.y));
        EXPECT_FALSE(ec_public_key(ec.algorithm(), point.x, ByteView(point.y).first(point.y.size() - 1)));
        point.y.back() ^= 1;
        EXPECT_FALSE(ec_public_key(ec.algorithm(), point.x, point.y)) << "off the curve";
    }
}

TEST(EcdsaForms, GoBothWays) {
    const auto& key = p256_key();
    const Bytes der = key.sign(key.sha256_scheme(), as_bytes("message"));
    const Bytes raw = ecdsa_from_der(key.public_key(), der).value();
    EXPECT_EQ(raw.size(), 64u);
    EXPECT_EQ(ecdsa_to_der(key.public_key(), raw).value(), der);
    EXPECT_FALSE(ecdsa_to_der(key.public_key(), ByteView(raw).first(63)));
    EXPECT_FALSE(ecdsa_to_der(key.public_key(), Bytes(64, 0)));
    EXPECT_FALSE(ecdsa_from_der(key.public_key(), ByteView(der).first(der.size() - 1)));
    EXPECT_FALSE(ecdsa_from_der(rsa_key().public_key(), der));
    const auto& p384 = p384_key();
    EXPECT_FALSE(ecdsa_from_der(key.public_key(), p384.sign(p384.sha256_scheme(), as_bytes("message"))));
}

// RFC 8032 7.1, test 3.
TEST(Ed25519, AgreesWithRfc8032) {
    const Bytes raw = hex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025");
    const Bytes message = hex("af82");
    Bytes signature =
        hex("6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e971"
            "6ed28d"
            "c027beceea1ec40a");
    const auto key = Ed25519PublicKey::from_raw(raw).value();
    EXPECT_EQ(key.raw(), raw);
    EXPECT_TRUE(key.verify(message, signature));
    EXPECT_FALSE(key.verify(hex("af83"), signature));
    EXPECT_FALSE(key.verify(message, ByteView(signature).first(63)));
    signature.back() ^= 1;
    EXPECT_FALSE(key.verify(message, signature));
    Bytes spki = hex("302a300506032b6570032100");
    spki.insert(spki.end(), raw.begin(), raw.end());
    EXPECT_EQ(Ed25519PublicKey::from_spki(spki)->raw(), raw);
    EXPECT_FALSE(Ed25519PublicKey::from_spki(ByteView(spki).first(spki.size() - 1)));
    EXPECT_FALSE(Ed25519PublicKey::from_spki(rsa_key().spki()));
    EXPECT_FALSE(Ed25519PublicKey::from_raw(spki));
}

}  // namespace
}  // namespace countersign::crypto
