#include "countersign/core/random.hpp"

#include <gtest/gtest.h>

#include <set>

#include "counting_random.hpp"

namespace countersign {
namespace {

TEST(SystemRandom, FillsEverythingAndNeverRepeats) {
    SystemRandom random;
    std::set<Bytes> seen;
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(seen.insert(random.bytes(16)).second);
    // 4 KiB of chance without a run of 32 equal octets, at the end either.
    const Bytes much = random.bytes(4096);
    EXPECT_NE(Bytes(much.end() - 32, much.end()), Bytes(32, much.back()));
    EXPECT_TRUE(random.bytes(0).empty());
}

TEST(CountingRandom, IsTheSameEveryTimeAndNeverTwice) {
    test::CountingRandom one;
    test::CountingRandom two;
    const Bytes first = one.bytes(16);
    EXPECT_EQ(first, two.bytes(16));
    EXPECT_NE(first, one.bytes(16));
    EXPECT_NE(first, test::CountingRandom(2).bytes(16));
}

}  // namespace
}  // namespace countersign
