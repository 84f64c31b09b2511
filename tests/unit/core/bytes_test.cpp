#include "countersign/core/bytes.hpp"

#include <gtest/gtest.h>

namespace countersign {
namespace {

TEST(Bytes, HexInBothCases) {
    const Bytes octets{0x00, 0x0f, 0xa5, 0xff};
    EXPECT_EQ(lower_hex(octets), "000fa5ff");
    EXPECT_EQ(upper_hex(octets), "000FA5FF");
    EXPECT_EQ(lower_hex({}), "");
}

TEST(Bytes, ReadsHexOfEitherCase) {
    EXPECT_EQ(from_hex("000fA5Ff").value(), (Bytes{0x00, 0x0f, 0xa5, 0xff}));
    EXPECT_TRUE(from_hex("").value().empty());
}

TEST(Bytes, RefusesWhatIsNoHex) {
    for (const char* text : {"0", "000", "0g", "g0", "0x00", "00 ", " 00", "0:", "/0", "@a", "`a"}) {
        const auto read = from_hex(text);
        ASSERT_FALSE(read.has_value()) << text;
        EXPECT_EQ(read.error().kind, ErrorKind::malformed) << text;
    }
}

TEST(Bytes, EqualityLooksAtLengthAndOctets) {
    EXPECT_TRUE(equal(Bytes{1, 2}, Bytes{1, 2}));
    EXPECT_TRUE(equal({}, {}));
    EXPECT_FALSE(equal(Bytes{1, 2}, Bytes{1, 3}));
    EXPECT_FALSE(equal(Bytes{1, 2}, Bytes{1, 2, 0}));
    EXPECT_FALSE(equal(Bytes{1}, {}));
}

TEST(Bytes, TextAndOctetsAreViewsOfEachOther) {
    const std::string text("a\0b", 3);
    EXPECT_EQ(as_bytes(text).size(), 3U);
    EXPECT_EQ(as_text(as_bytes(text)), text);
    EXPECT_EQ(to_bytes(as_bytes("ab")), (Bytes{'a', 'b'}));
}

}  // namespace
}  // namespace countersign
