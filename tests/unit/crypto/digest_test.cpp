#include "countersign/crypto/digest.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace countersign::crypto {
namespace {

std::string hex_of(DigestAlgorithm algorithm, std::string_view text) {
    return lower_hex(digest(algorithm, as_bytes(text)));
}

// RFC 1321 A.5, FIPS 180-2 appendices.
TEST(Digest, KnownAnswers) {
    EXPECT_EQ(hex_of(DigestAlgorithm::md5, "abc"), "900150983cd24fb0d6963f7d28e17f72");
    EXPECT_EQ(hex_of(DigestAlgorithm::sha1, "abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    EXPECT_EQ(hex_of(DigestAlgorithm::sha256, "abc"),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(hex_of(DigestAlgorithm::sha384, "abc"),
              "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7");
    EXPECT_EQ(hex_of(DigestAlgorithm::sha512, "abc"),
              "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423"
              "643ce80e"
              "2a9ac94fa54ca49f");
    EXPECT_EQ(hex_of(DigestAlgorithm::sha256, ""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Digest, ShortWays) {
    EXPECT_EQ(lower_hex(sha256(as_bytes("abc"))), hex_of(DigestAlgorithm::sha256, "abc"));
    EXPECT_EQ(sha256_hex(as_bytes("abc")), hex_of(DigestAlgorithm::sha256, "abc"));
    EXPECT_NE(sha256_hex(as_bytes("abd")), sha256_hex(as_bytes("abc")));
}

TEST(Digest, NamesAndIdentifiers) {
    for (const auto algorithm : {DigestAlgorithm::md5, DigestAlgorithm::sha1, DigestAlgorithm::sha256,
                                 DigestAlgorithm::sha384, DigestAlgorithm::sha512}) {
        EXPECT_EQ(digest_from_oid(oid_of(algorithm)).value(), algorithm);
        EXPECT_EQ(digest_from_name(name(algorithm)).value(), algorithm);
    }
    EXPECT_EQ(digest_from_name("sha256").value(), DigestAlgorithm::sha256);
    EXPECT_EQ(digest_from_name("Sha-1").value(), DigestAlgorithm::sha1);
    EXPECT_EQ(oid_of(DigestAlgorithm::sha256), "2.16.840.1.101.3.4.2.1");
    for (const char* unknown : {"", "SHA-3", "sha2566", "sha224"}) EXPECT_FALSE(digest_from_name(unknown).has_value());
    EXPECT_EQ(digest_from_oid("2.16.840.1.101.3.4.2.4").error().kind, ErrorKind::malformed);
    EXPECT_FALSE(digest_from_oid("").has_value());
}

// RFC 4231 test cases 1, 2 and 6.
TEST(Hmac, KnownAnswers) {
    EXPECT_EQ(lower_hex(hmac_sha256(Bytes(20, 0x0b), as_bytes("Hi There"))),
              "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    EXPECT_EQ(lower_hex(hmac_sha256(as_bytes("Jefe"), as_bytes("what do ya want for nothing?"))),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    EXPECT_EQ(
        lower_hex(hmac_sha256(Bytes(131, 0xaa), as_bytes("Test Using Larger Than Block-Size Key - Hash Key First"))),
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Hmac, EmptyKeyIsAKeyOfItsOwn) {
    EXPECT_EQ(lower_hex(hmac_sha256({}, {})), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
    const Bytes before = hmac_sha256(as_bytes("other"), as_bytes("x"));
    EXPECT_NE(hmac_sha256({}, as_bytes("x")), before);
}

TEST(Digest, ManyThreadsAgree) {
    const Bytes expected = hmac_sha256(as_bytes("key"), as_bytes("message"));
    std::vector<std::thread> threads;
    std::vector<int> right(4, 0);
    for (std::size_t t = 0; t < right.size(); ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < 200; ++i) {
                if (hmac_sha256(as_bytes("key"), as_bytes("message")) == expected) ++right[t];
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(right, std::vector<int>(4, 200));
}

}  // namespace
}  // namespace countersign::crypto
