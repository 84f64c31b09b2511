#include "countersign/net/percent.hpp"

#include <gtest/gtest.h>

namespace countersign::net {
namespace {

TEST(PercentDecoded, DecodesOnce) {
    EXPECT_EQ(percent_decoded("").value(), "");
    EXPECT_EQ(percent_decoded("a+b").value(), "a+b");
    EXPECT_EQ(percent_decoded("%41%2f%2F").value(), "A//");
    EXPECT_EQ(percent_decoded("%2541").value(), "%41");
    EXPECT_EQ(percent_decoded("%00").value(), std::string(1, '\0'));
}

TEST(PercentDecoded, RefusesBrokenEscapes) {
    for (const auto* broken : {"%", "%4", "a%", "%4g", "%g4", "%%41", "% 1", "%-1"})
        EXPECT_FALSE(percent_decoded(broken)) << broken;
}

}  // namespace
}  // namespace countersign::net
