#include "countersign/crypto/rsa_strength.hpp"

#include "test_keys.hpp"
#include "vectors.hpp"

#include <gtest/gtest.h>

#include <random>
#include <sstream>

namespace countersign::crypto {
namespace {

Bytes weak_modulus(const std::string& wanted) {
    std::istringstream lines(test::vector_text("policy/moduli.txt"));
    std::string line;
    while (std::getline(lines, line)) {
        std::istringstream words(line);
        std::string name, bits, hex;
        words >> name >> bits >> hex;
        if (name == wanted) return from_hex(hex).value();
    }
    throw std::runtime_error("no modulus " + wanted);
}

std::vector<Bytes> sound_moduli() {
    std::vector<Bytes> moduli;
    for (std::size_t i = 0; i < 4; ++i) moduli.push_back(test::rsa_key(i).public_key().rsa_modulus());
    return moduli;
}

TEST(RsaStrength, SoundKeysPassEveryTest) {
    for (const auto& modulus : sound_moduli()) {
        EXPECT_EQ(small_factor(modulus), 0U);
        EXPECT_FALSE(has_close_primes(modulus, 100));
        EXPECT_FALSE(has_roca_fingerprint(modulus));
    }
}

TEST(RsaStrength, FindsFactorsUpTo751AndNoFurther) {
    EXPECT_EQ(small_factor(weak_modulus("small_3")), 3U);
    EXPECT_EQ(small_factor(weak_modulus("small_751")), 751U);
    EXPECT_EQ(small_factor(weak_modulus("small_757")), 0U);
    EXPECT_EQ(small_factor(Bytes{0x04}), 2U);
}

// The plainest way to the same answer: octet by octet, number by number.
unsigned smallest_divisor(const Bytes& modulus) {
    for (unsigned divisor = 2; divisor <= 751; ++divisor) {
        unsigned rest = 0;
        for (const auto octet : modulus) rest = (rest * 256 + octet) % divisor;
        if (rest == 0) return divisor;
    }
    return 0;
}

TEST(RsaStrength, FindsTheSmallestFactorOfNumbersOfEveryLength) {
    std::mt19937 generator(20260101);
    std::size_t without = 0;
    for (std::size_t length = 1; length <= 300; ++length) {
        for (int i = 0; i < 20; ++i) {
            Bytes number(length);
            for (auto& octet : number) octet = static_cast<std::uint8_t>(generator());
            number.back() |= 1;
            const auto expected = smallest_divisor(number);
            EXPECT_EQ(small_factor(number), expected) << lower_hex(number);
            without += expected == 0 ? 1 : 0;
        }
    }
    EXPECT_GT(without, 100U);
}

TEST(RsaStrength, FindsPrimesFermatReachesInItsRounds) {
    EXPECT_TRUE(has_close_primes(weak_modulus("fermat_next"), 1));
    EXPECT_TRUE(has_close_primes(weak_modulus("fermat_512"), 1));
    EXPECT_TRUE(has_close_primes(weak_modulus("square"), 1));
    EXPECT_TRUE(has_close_primes(weak_modulus("fermat_60"), 100));
}

// Python's integers counted 61 and 130 rounds for these two.
TEST(RsaStrength, CountsRoundsExactly) {
    EXPECT_FALSE(has_close_primes(weak_modulus("fermat_60"), 60));
    EXPECT_TRUE(has_close_primes(weak_modulus("fermat_60"), 61));
    EXPECT_FALSE(has_close_primes(weak_modulus("fermat_130"), 129));
    EXPECT_TRUE(has_close_primes(weak_modulus("fermat_130"), 130));
}

TEST(RsaStrength, FactorsSmallNumbersAsFermatDoes) {
    EXPECT_TRUE(has_close_primes(Bytes{15}, 1));  // 3 * 5 = 4^2 - 1^2
    EXPECT_TRUE(has_close_primes(Bytes{0}, 1));
    EXPECT_FALSE(has_close_primes(Bytes{33}, 1));  // 3 * 11 = 7^2 - 4^2, the second round
    EXPECT_TRUE(has_close_primes(Bytes{33}, 2));
}

TEST(RsaStrength, KnowsTheRocaFamily) {
    EXPECT_TRUE(has_roca_fingerprint(weak_modulus("roca1024")));
    EXPECT_TRUE(has_roca_fingerprint(weak_modulus("roca2048")));
    EXPECT_FALSE(has_roca_fingerprint(weak_modulus("fermat_next")));
    EXPECT_FALSE(has_roca_fingerprint(weak_modulus("small_751")));
}

TEST(RsaStrength, RefusesHugeModuliBeforeAnyArithmetic) {
    const Bytes huge(1025, 0xff);
    EXPECT_THROW(small_factor(huge), std::invalid_argument);
    EXPECT_THROW(has_close_primes(huge, 1), std::invalid_argument);
    EXPECT_THROW(has_roca_fingerprint(huge), std::invalid_argument);
}

TEST(RsaStrength, LeavesNothingOnTheErrorQueue) {
    has_close_primes(weak_modulus("roca2048"), 100);
    EXPECT_EQ(ERR_peek_error(), 0UL);
}

}  // namespace
}  // namespace countersign::crypto
