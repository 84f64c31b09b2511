#include "policy/pattern.hpp"

#include <gtest/gtest.h>

#include <string>

namespace countersign::policy {
namespace {

bool plain(std::string_view text, std::string_view pattern) {
    return matches_pattern(text, pattern, PatternText::plain);
}
bool dn(std::string_view text, std::string_view pattern) {
    return matches_pattern(text, pattern, PatternText::distinguished_name);
}

TEST(Pattern, LiteralsMatchThemselvesInAnyCase) {
    EXPECT_TRUE(plain("dns:Host", "DNS:host"));
    EXPECT_FALSE(plain("dns:host", "dns:hos"));
    EXPECT_FALSE(plain("dns:hos", "dns:host"));
    EXPECT_TRUE(plain("", ""));
    EXPECT_FALSE(plain("a", ""));
}

TEST(Pattern, StarsAndQuestionMarks) {
    EXPECT_TRUE(plain("dns:a.b.test", "dns:*.test"));
    EXPECT_TRUE(plain("abc", "*"));
    EXPECT_TRUE(plain("", "*"));
    EXPECT_TRUE(plain("abcabc", "*abc"));
    EXPECT_TRUE(plain("aXbXc", "a*b*c"));
    EXPECT_FALSE(plain("aXbX", "a*b*c"));
    EXPECT_TRUE(plain("abc", "a?c"));
    EXPECT_FALSE(plain("ac", "a?c"));
}

TEST(Pattern, Sets) {
    EXPECT_TRUE(plain("device-7", "device-[0-9]"));
    EXPECT_FALSE(plain("device-x", "device-[0-9]"));
    EXPECT_TRUE(plain("device-x", "device-[!0-9]"));
    EXPECT_FALSE(plain("device-7", "device-[^0-9]"));
    EXPECT_TRUE(plain("a]b", "a[]]b"));
    EXPECT_TRUE(plain("a-b", "a[x-]b"));
    EXPECT_TRUE(plain("a*b", "a[*]b"));
    EXPECT_FALSE(plain("axb", "a[*]b"));
    EXPECT_TRUE(plain("a[b", "a[b")) << "without an end it means itself";
    EXPECT_FALSE(plain("ab", "a[b"));
}

TEST(Pattern, InADistinguishedNameNothingCrossesAnAttributeButTwoStars) {
    EXPECT_TRUE(dn("CN=a,O=E", "CN=*,O=E"));
    EXPECT_FALSE(dn("CN=a,OU=x,O=E", "CN=*,O=E"));
    EXPECT_FALSE(dn("CN=a+UID=b,O=E", "CN=*,O=E"));
    EXPECT_FALSE(dn("CN=a,O=E", "CN=a?O=E"));
    EXPECT_FALSE(dn("CN=a,O=E", "CN=a[!x]O=E"));
    EXPECT_TRUE(dn("CN=a,OU=x,O=E", "CN=**,O=E"));
    EXPECT_TRUE(dn("CN=a,O=E", "**"));
    EXPECT_FALSE(dn("CN=a,O=E", "*"));
    EXPECT_TRUE(plain("CN=a,O=E", "*"));
}

TEST(Pattern, AnEscapedSeparatorIsText) {
    EXPECT_TRUE(dn("CN=a\\,b,O=E", "CN=*,O=E"));
    EXPECT_TRUE(dn("CN=a\\+b", "CN=*"));
    EXPECT_TRUE(dn("CN=a\\,b", "CN=a\\,b"));
    EXPECT_FALSE(dn("CN=a\\,b", "CN=a,b"));
    EXPECT_FALSE(dn("CN=a,b", "CN=a\\,b"));
    EXPECT_FALSE(dn("CN=a\\\\,O=E", "CN=*")) << "an escaped backslash escapes nothing";
}

// Backtracking matchers need time exponential in the stars for this; it would not end.
TEST(Pattern, ManyStarsCostLittle) {
    EXPECT_FALSE(plain(std::string(2000, 'a') + "b", "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*c"));
}

}  // namespace
}  // namespace countersign::policy
