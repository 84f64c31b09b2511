#include "countersign/core/text.hpp"

#include <gtest/gtest.h>

namespace countersign {
namespace {

using Parts = std::vector<std::string>;

TEST(Text, CaseIsAsciiOnly) {
    EXPECT_EQ(to_lower("AbZ[@-\xc3\x84"), "abz[@-\xc3\x84");
    EXPECT_EQ(to_upper("abz{`-\xc3\xa4"), "ABZ{`-\xc3\xa4");
    EXPECT_TRUE(equals_ignoring_case("PKIOperation", "pkioperation"));
    EXPECT_FALSE(equals_ignoring_case("PKIOperation", "pkioperatio"));
    EXPECT_FALSE(equals_ignoring_case("a", "b"));
    EXPECT_FALSE(equals_ignoring_case("[", "{"));  // not letters, although they differ in the same bit
    EXPECT_FALSE(equals_ignoring_case("\xc3\x84", "\xc3\xa4"));
}

TEST(Text, TrimTakesBlanksOffBothEnds) {
    EXPECT_EQ(trim(" \t a b\r\n"), "a b");
    EXPECT_EQ(trim("a"), "a");
    EXPECT_EQ(trim(" \n"), "");
    EXPECT_EQ(trim(""), "");
    EXPECT_EQ(trim("\va"), "\va");
}

TEST(Text, SplitKeepsEmptyParts) {
    EXPECT_EQ(split("a,b", ','), (Parts{"a", "b"}));
    EXPECT_EQ(split(",a,", ','), (Parts{"", "a", ""}));
    EXPECT_EQ(split("", ','), (Parts{""}));
}

TEST(Text, JoinIsTheReverseOfSplit) {
    EXPECT_EQ(join({"a", "b", "c"}, ", "), "a, b, c");
    EXPECT_EQ(join({}, ","), "");
    EXPECT_EQ(join({"", ""}, ","), ",");
    for (const char* text : {"", ",", ",a", "a,", ",,a,,b,,"}) EXPECT_EQ(join(split(text, ','), ","), text);
}

TEST(Printable, LeavesReadableTextAlone) {
    EXPECT_EQ(printable("CN=device-7, O=\"Example\""), "CN=device-7, O=\"Example\"");
    EXPECT_EQ(printable("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f");
    EXPECT_EQ(printable("\xe6\x97\xa5\xf0\x9f\x94\x91"), "\xe6\x97\xa5\xf0\x9f\x94\x91");
    EXPECT_EQ(printable(""), "");
}

TEST(Printable, EscapesControlsAndItsOwnEscapeCharacter) {
    EXPECT_EQ(printable("a\nlevel=error"), "a\\x0alevel=error");
    EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
    EXPECT_EQ(printable("\x1b[31m\x7f"), "\\x1b[31m\\x7f");
    EXPECT_EQ(printable("\\x0a"), "\\x5cx0a");
    EXPECT_EQ(printable("\xc2\x85"), "\\xc2\\x85");  // NEL, a control beyond ASCII
}

TEST(Printable, EscapesWhatTurnsOrHidesText) {
    EXPECT_EQ(printable("\xe2\x80\xae"
                        "evil"),
              "\\xe2\\x80\\xae"
              "evil");  // right-to-left override
    EXPECT_EQ(printable("a\xe2\x80\x8b"
                        "b"),
              "a\\xe2\\x80\\x8b"
              "b");                                           // zero-width space
    EXPECT_EQ(printable("\xe2\x81\xa6"), "\\xe2\\x81\\xa6");  // isolate
    EXPECT_EQ(printable("\xe2\x80\xa8"), "\\xe2\\x80\\xa8");  // line separator
    EXPECT_EQ(printable("\xef\xbb\xbf"), "\\xef\\xbb\\xbf");  // byte order mark
    EXPECT_EQ(printable("\xd8\x9c"), "\\xd8\\x9c");           // Arabic letter mark
    EXPECT_EQ(printable("\xe2\x80\x90"), "\xe2\x80\x90");     // a hyphen, right behind the marks
}

TEST(Printable, EscapesInvalidUtf8) {
    EXPECT_EQ(printable("a\xff"
                        "b"),
              "a\\xff"
              "b");
    EXPECT_EQ(printable("\x80"), "\\x80");                             // a continuation alone
    EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf");                    // an overlong slash
    EXPECT_EQ(printable("\xe0\x80\xaf"), "\\xe0\\x80\\xaf");           // a longer one
    EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // a surrogate
    EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // beyond U+10FFFF
    EXPECT_EQ(printable("\xe6\x97"), "\\xe6\\x97");                    // cut off
    EXPECT_EQ(printable("\xe6(b"), "\\xe6(b");                         // resynchronises at once
}

TEST(Printable, CutsBetweenCharacters) {
    EXPECT_EQ(printable("abcdef", 6), "abcdef");
    EXPECT_EQ(printable("abcdef", 5), "abcde...");
    EXPECT_EQ(printable("ab\xc3\xbc", 3), "ab...");
    EXPECT_EQ(printable("ab\n", 5), "ab...");  // an escape is never cut
    EXPECT_EQ(printable("x", 0), "...");
    EXPECT_EQ(printable(std::string(1000, 'x')).size(), 203U);
}

}  // namespace
}  // namespace countersign
