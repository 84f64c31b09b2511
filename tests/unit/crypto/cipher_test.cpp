#include "countersign/crypto/cipher.hpp"

#include <gtest/gtest.h>

#include <set>

#include "vectors.hpp"

namespace countersign::crypto {
namespace {

constexpr std::array all{ContentCipher::des_cbc, ContentCipher::des_ede3_cbc, ContentCipher::aes128_cbc,
                         ContentCipher::aes192_cbc, ContentCipher::aes256_cbc};

Bytes counting(std::uint8_t first, std::size_t size) {
    Bytes octets(size);
    for (std::uint8_t& octet : octets) octet = first++;
    return octets;
}

Bytes key_for(ContentCipher cipher) {
    return counting(0x00, key_size(cipher));
}
Bytes iv_for(ContentCipher cipher) {
    return counting(0xf0, iv_size(cipher));
}

class CipherVector : public testing::TestWithParam<std::pair<ContentCipher, const char*>> {};

TEST_P(CipherVector, AgreesWithTheOpensslCommand) {
    const auto [cipher, file] = GetParam();
    const Bytes plaintext = test::vector_octets("crypto/message.txt");
    const Bytes ciphertext = test::vector_octets(file);
    EXPECT_EQ(encrypt(cipher, key_for(cipher), iv_for(cipher), plaintext).value(), ciphertext);
    EXPECT_TRUE(decrypt(cipher, key_for(cipher), iv_for(cipher), ciphertext).value().equals(plaintext));
}

INSTANTIATE_TEST_SUITE_P(All, CipherVector,
                         testing::Values(std::pair{ContentCipher::des_cbc, "crypto/des-cbc.bin"},
                                         std::pair{ContentCipher::des_ede3_cbc, "crypto/des-ede3-cbc.bin"},
                                         std::pair{ContentCipher::aes128_cbc, "crypto/aes-128-cbc.bin"},
                                         std::pair{ContentCipher::aes192_cbc, "crypto/aes-192-cbc.bin"},
                                         std::pair{ContentCipher::aes256_cbc, "crypto/aes-256-cbc.bin"}));

TEST(Cipher, EveryLengthComesBack) {
    for (const ContentCipher cipher : all) {
        for (std::size_t size = 0; size <= 33; ++size) {
            const Bytes plaintext = counting(1, size);
            const Bytes ciphertext = encrypt(cipher, key_for(cipher), iv_for(cipher), plaintext).value();
            EXPECT_EQ(ciphertext.size(), size - size % iv_size(cipher) + iv_size(cipher));
            EXPECT_TRUE(decrypt(cipher, key_for(cipher), iv_for(cipher), ciphertext).value().equals(plaintext));
        }
    }
}

TEST(Cipher, EveryRefusalSoundsTheSame) {
    for (const ContentCipher cipher : all) {
        const Bytes key = key_for(cipher);
        const Bytes iv = iv_for(cipher);
        const Bytes good = encrypt(cipher, key, iv, as_bytes("something of some length")).value();
        std::set<std::string> words;
        const auto refused = [&](ByteView ciphertext) {
            const auto opened = decrypt(cipher, key, iv, ciphertext);
            ASSERT_FALSE(opened.has_value());
            EXPECT_EQ(opened.error().kind, ErrorKind::malformed);
            words.insert(opened.error().detail);
        };
        refused({});
        refused(ByteView(good).first(good.size() - 1));
        refused(ByteView(good).first(good.size() - iv_size(cipher)));  // its last block ends in no padding
        Bytes damaged = good;
        damaged[damaged.size() - iv_size(cipher) - 1] ^= 0xff;
        refused(damaged);
        EXPECT_EQ(words.size(), 1U);
        EXPECT_FALSE(decrypt(cipher, key, Bytes(iv_size(cipher) + 1), good).has_value());
        EXPECT_FALSE(decrypt(cipher, Bytes(key_size(cipher) - 1), iv, good).has_value());
    }
}

TEST(Cipher, EncryptRefusesWrongSizes) {
    EXPECT_FALSE(encrypt(ContentCipher::aes128_cbc, Bytes(32), Bytes(16), {}).has_value());
    EXPECT_FALSE(encrypt(ContentCipher::aes128_cbc, Bytes(16), Bytes(8), {}).has_value());
    EXPECT_FALSE(encrypt(ContentCipher::des_cbc, Bytes(24), Bytes(8), {}).has_value());
}

TEST(Cipher, NamesAndIdentifiers) {
    for (const ContentCipher cipher : all) {
        EXPECT_EQ(cipher_from_name(name(cipher)).value(), cipher);
        EXPECT_EQ(cipher_from_oid(oid_of(cipher)).value(), cipher);
    }
    EXPECT_EQ(cipher_from_name("aes-256-cbc").value(), ContentCipher::aes256_cbc);
    for (const char* refused : {"", "RC2-CBC", "AES-256-GCM", "AES256"})
        EXPECT_FALSE(cipher_from_name(refused).has_value());
    EXPECT_EQ(cipher_from_oid("1.2.840.113549.3.2").error().kind, ErrorKind::malformed);  // RC2
    EXPECT_FALSE(cipher_from_oid("2.16.840.1.101.3.4.1.46").has_value());                 // AES-256-GCM
}

}  // namespace
}  // namespace countersign::crypto
