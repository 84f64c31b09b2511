#include "countersign/admin/password_hash.hpp"

#include "counting_random.hpp"

#include <gtest/gtest.h>

namespace countersign::admin {
namespace {

TEST(PasswordHash, MatchesItsPasswordAndNoOther) {
    test::CountingRandom random;
    const std::string hash = hash_password(Secret("correct horse"), random).value();
    EXPECT_TRUE(hash.starts_with("$y$")) << hash;
    EXPECT_TRUE(check_password_hash(hash));
    EXPECT_TRUE(password_matches(Secret("correct horse"), hash));
    EXPECT_FALSE(password_matches(Secret("correct horsf"), hash));
    EXPECT_FALSE(password_matches(Secret("correct hors"), hash));
    EXPECT_FALSE(password_matches(Secret("correct horse "), hash));
}

TEST(PasswordHash, IsSaltedFromTheGivenRandomness) {
    test::CountingRandom random;
    const std::string first = hash_password(Secret("tea"), random).value();
    const std::string second = hash_password(Secret("tea"), random).value();
    EXPECT_NE(first, second);
}

TEST(PasswordHash, RefusesPasswordsThatCryptWouldCut) {
    test::CountingRandom random;
    EXPECT_FALSE(hash_password(Secret(""), random));
    EXPECT_FALSE(hash_password(Secret(std::string_view("a\0b", 3)), random));
    EXPECT_FALSE(hash_password(Secret(std::string(512, 'x')), random));
    EXPECT_TRUE(hash_password(Secret(std::string(511, 'x')), random));
    // What stands before the NUL must not match either.
    const std::string hash = hash_password(Secret("a"), random).value();
    EXPECT_FALSE(password_matches(Secret(std::string_view("a\0b", 3)), hash));
    EXPECT_FALSE(password_matches(Secret(""), hash));
}

// Made by: openssl passwd -6 -salt saltsalt secret; openssl passwd -5 -salt saltsalt secret
TEST(PasswordHash, KnowsHashesOfOtherMakers) {
    EXPECT_TRUE(password_matches(
        Secret("secret"),
        "$6$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aDehy0S5knV8wiOQSpT0Y77vwPZN.Pq.H91p5hVO1"));
    EXPECT_FALSE(password_matches(
        Secret("Secret"),
        "$6$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aDehy0S5knV8wiOQSpT0Y77vwPZN.Pq.H91p5hVO1"));
    // libxcrypt calls SHA-256 crypt a legacy method.
    EXPECT_FALSE(password_matches(Secret("secret"), "$5$saltsalt$0IyaXrmV7.sGNS6tirgqHLqX/G.FBvgkYA.lpPdS5sA"));
}

TEST(PasswordHash, RefusesWeakAndDamagedHashes) {
    for (const char* bad :
         {"", "*", "x", "secret", "ab1cd2ef3gh4i", "$1$saltsalt$abcdefghijklmnopqrstuv", "$y$", "$y$j9T$salt",
          "$6$saltsalt$", "$6$saltsalt$short", "$9$unknown$abcdefghijklmnopqrstuvwxyz0123456789"}) {
        EXPECT_FALSE(check_password_hash(bad)) << bad;
        EXPECT_FALSE(password_matches(Secret("secret"), bad)) << bad;
    }
}

TEST(PasswordHash, NobodysHashIsWholeAndTheSameEachTime) {
    EXPECT_TRUE(check_password_hash(hash_of_nobody()));
    EXPECT_EQ(&hash_of_nobody(), &hash_of_nobody());
    EXPECT_FALSE(password_matches(Secret("nobody"), hash_of_nobody()));
}

}  // namespace
}  // namespace countersign::admin
