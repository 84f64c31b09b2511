#include "crypto/der.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace countersign::crypto {
namespace {

Bytes hex(std::string_view text) {
    return from_hex(text).value();
}

bool checks(std::string_view text, int depth = 24) {
    return check_der(hex(text), "value", depth).has_value();
}

TEST(DerReader, TakesValuesOneByOne) {
    const Bytes der = hex("020105040201020500");
    DerReader reader(der);
    EXPECT_TRUE(reader.next_is(tag::integer));
    EXPECT_EQ(reader.small_integer("n").value(), 5U);
    EXPECT_EQ(to_bytes(reader.octet_string("o").value()), (Bytes{1, 2}));
    EXPECT_FALSE(reader.finish("rest").has_value());
    EXPECT_TRUE(reader.null("0").has_value());
    EXPECT_TRUE(reader.at_end());
    EXPECT_TRUE(reader.finish("rest").has_value());
    EXPECT_FALSE(reader.next_is(tag::null));
    EXPECT_EQ(reader.next("more").error().kind, ErrorKind::malformed);
}

TEST(DerReader, RefusesBadHeaders) {
    for (const char* text : {
             "",                  // nothing
             "04",                // no length
             "0401",              // no content
             "040201",            // too little content
             "048101ff",          // a length that fits in one octet
             "04820001ff",        // a leading zero in the length
             "0480ff0000",        // indefinite
             "0485000000000001",  // five octets of length
             "0484ffffffff00",    // four gigabytes
             "0481",              // ends within the length
             "0482ff",            //
             "1f0100",            // a long tag number
             "9f810100",          //
             "0000",              // end-of-contents
         }) {
        const Bytes der = hex(text);
        DerReader reader(der);
        EXPECT_FALSE(reader.next("value").has_value()) << text;
    }
}

TEST(DerReader, LongLengthsAreMinimal) {
    Bytes der = hex("048180");
    der.insert(der.end(), 0x80, 0x55);
    EXPECT_EQ(DerReader(der).octet_string("o").value().size(), 0x80U);
    der.push_back(0);
    EXPECT_FALSE(read_single(der, "o").has_value());
}

TEST(DerReader, WrongTypeIsNamed) {
    const Bytes der = hex("020105");
    DerReader reader(der);
    EXPECT_NE(reader.octet_string("nonce").error().detail.find("nonce"), std::string::npos);
    EXPECT_FALSE(reader.take_if(tag::null, "n").value().has_value());
    EXPECT_TRUE(reader.take_if(tag::integer, "n").value().has_value());
    EXPECT_FALSE(reader.take_if(tag::integer, "n").value().has_value());
}

TEST(DerReader, Integers) {
    const auto small = [](std::string_view text) {
        const Bytes der = hex(text);
        return DerReader(der).small_integer("n");
    };
    const auto one = [](std::string_view text) {
        const Bytes der = hex(text);
        DerReader reader(der);
        auto read = reader.positive_integer("n");
        return read ? lower_hex(*read) : "-";
    };
    const Bytes largest = hex("02047fffffff");
    EXPECT_EQ(DerReader(largest).small_integer("n").value(), 0x7fffffffU);
    for (const char* text : {"0200", "020180", "02050080000000", "02020001", "0202ff80"}) {
        EXPECT_FALSE(small(text).has_value()) << text;
    }
    EXPECT_EQ(one("02020080"), "80");
    EXPECT_EQ(one("02017f"), "7f");
    for (const char* text : {"020100", "0201ff", "02020001", "0200", "0202ff80"}) EXPECT_EQ(one(text), "-") << text;
    EXPECT_TRUE(checks("0202ff7f"));  // -129: the sign needs both octets
}

TEST(DerReader, Booleans) {
    EXPECT_FALSE(checks("010101"));
    EXPECT_FALSE(checks("0100"));
    EXPECT_FALSE(checks("0102ffff"));
    const Bytes one = hex("010101");
    EXPECT_FALSE(DerReader(one).boolean("b").has_value());
    const Bytes yes = hex("0101ff");
    const Bytes no = hex("010100");
    EXPECT_TRUE(DerReader(yes).boolean("b").value());
    EXPECT_FALSE(DerReader(no).boolean("b").value());
}

TEST(DerReader, BitStrings) {
    const Bytes whole = hex("030300a5a5");
    EXPECT_EQ(DerReader(whole).bit_string("b").value().size(), 2U);
    const Bytes partial = hex("030204a0");
    EXPECT_FALSE(DerReader(partial).bit_string("b").has_value());
    EXPECT_TRUE(checks("030204a0"));
    EXPECT_TRUE(checks("030100"));
    EXPECT_FALSE(checks("0300"));      // no count of unused bits
    EXPECT_FALSE(checks("030101"));    // unused bits of nothing
    EXPECT_FALSE(checks("030208a0"));  // eight of them
    EXPECT_FALSE(checks("030204a1"));  // unused, but set
}

TEST(DerReader, Times) {
    const auto read = [](Tag type, std::string_view text) {
        const auto time = time_from_content(type, as_bytes(text));
        return time ? to_rfc3339(*time) : std::string("-");
    };
    EXPECT_EQ(read(tag::utc_time, "261121060000Z"), "2026-11-21T06:00:00.000Z");
    EXPECT_EQ(read(tag::utc_time, "491231235959Z"), "2049-12-31T23:59:59.000Z");
    EXPECT_EQ(read(tag::utc_time, "500101000000Z"), "1950-01-01T00:00:00.000Z");
    EXPECT_EQ(read(tag::generalized_time, "99991231235959Z"), "9999-12-31T23:59:59.000Z");
    EXPECT_EQ(read(tag::generalized_time, "20000229000000Z"), "2000-02-29T00:00:00.000Z");
    for (const char* text :
         {"", "Z", "2611210600Z", "261121060000", "261121060000+0100", "261131060000Z", "260229000000Z",
          "261301000000Z", "261121240000Z", "261121066000Z", "261121060060Z", "26112106000xZ", "-61121060000Z"}) {
        EXPECT_EQ(read(tag::utc_time, text), "-") << text;
    }
    for (const char* text : {"20261121060000", "20261121060000.5Z", "202611210600Z", "20261121060000+0"}) {
        EXPECT_EQ(read(tag::generalized_time, text), "-") << text;
    }
    EXPECT_EQ(read(tag::integer, "261121060000Z"), "-");
}

TEST(CheckDer, WalksTheTree) {
    EXPECT_TRUE(checks("3006020105020106"));
    EXPECT_TRUE(checks("a0030201ff"));
    EXPECT_FALSE(checks("30050201050200"));  // an empty integer inside
    EXPECT_FALSE(checks("a00302010500"));    // octets behind
    EXPECT_FALSE(checks("30060201050201"));  // cut
    EXPECT_FALSE(checks("2403040101"));      // a constructed string
    EXPECT_FALSE(checks("10020500"));        // a primitive sequence
    EXPECT_FALSE(checks("050100"));          // NULL with content
    EXPECT_FALSE(checks("30800201050000"));  // indefinite
    EXPECT_TRUE(checks("8003010203"));       // context-specific, primitive: not looked into
}

TEST(CheckDer, StopsAtItsDepth) {
    Bytes der = hex("0500");
    for (int i = 0; i < 10; ++i) {
        DerWriter out;
        der = out.tlv(tag::sequence, der).take();
    }
    EXPECT_TRUE(check_der(der, "value", 11).has_value());
    EXPECT_FALSE(check_der(der, "value", 10).has_value());
    // Many more levels must not exhaust the stack.
    for (int i = 0; i < 5000; ++i) {
        DerWriter out;
        der = out.tlv(tag::sequence, der).take();
    }
    EXPECT_FALSE(check_der(der, "value").has_value());
}

TEST(ObjectIdentifiers, ThereAndBack) {
    for (const char* text : {"0.0", "0.39", "1.39.1", "2.0", "2.5.4.3", "2.999.1", "1.2.840.113549.1.1.11",
                             "2.25.340282366920938463463374607431768211375"}) {
        const Bytes content = oid_to_content(text).value();
        EXPECT_EQ(oid_from_content(content).value(), text);
    }
    EXPECT_EQ(lower_hex(oid_to_content("2.999.3").value()), "883703");  // X.690 8.19.5
    EXPECT_EQ(lower_hex(oid_to_content("1.2.840.113549").value()), "2a864886f70d");
}

TEST(ObjectIdentifiers, RefusesWhatIsNone) {
    for (const char* text :
         {"", "1", "1.", ".1", "1..2", "3.1", "1.40", "0.40", "01.2", "1.02", "1.2.x", "1.2 ", "-1.2",
          "1.2.340282366920938463463374607431768211456", "2.340282366920938463463374607431768211455"}) {
        EXPECT_FALSE(oid_to_content(text).has_value()) << text;
    }
    std::string long_one = "1.2";
    for (int i = 0; i < 128; ++i) long_one += ".1";
    EXPECT_FALSE(oid_to_content(long_one).has_value());
    for (const char* content : {"", "80", "2a80", "2a8001", "8001", "2a86"}) {
        EXPECT_FALSE(oid_from_content(hex(content)).has_value()) << content;
    }
    EXPECT_FALSE(oid_from_content(Bytes(129, 0x01)).has_value());
    EXPECT_TRUE(oid_from_content(Bytes(128, 0x01)).has_value());
    Bytes wide(19, 0xff);  // 133 bits in one arc
    wide.push_back(0x7f);
    EXPECT_FALSE(oid_from_content(wide).has_value());
}

std::string utf8(Tag type, ByteView content) {
    return string_to_utf8({type, content, {}}).value_or("-");
}

TEST(Strings, EveryTypeBecomesUtf8) {
    EXPECT_EQ(utf8(tag::utf8_string, as_bytes("gr\xc3\xbc")), "gr\xc3\xbc");
    EXPECT_EQ(utf8(tag::printable_string, as_bytes("a*@_b")), "a*@_b");
    EXPECT_EQ(utf8(tag::ia5_string, as_bytes("a@b")), "a@b");
    EXPECT_EQ(utf8(tag::numeric_string, as_bytes("12 3")), "12 3");
    EXPECT_EQ(utf8(tag::t61_string, as_bytes("gr\xfc")), "gr\xc3\xbc");
    EXPECT_EQ(utf8(tag::bmp_string, hex("006100fc20acd83ddd11")), "a\xc3\xbc\xe2\x82\xac\xf0\x9f\x94\x91");
    EXPECT_EQ(utf8(tag::universal_string, hex("000000610001f511")), "a\xf0\x9f\x94\x91");
    EXPECT_EQ(utf8(tag::utf8_string, {}), "");
}

TEST(Strings, RefusesWhatTheTypeDoesNotAllow) {
    for (const char* text : {"\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\xf0\x80\x80\x80"}) {
        EXPECT_EQ(utf8(tag::utf8_string, as_bytes(text)), "-");
    }
    EXPECT_EQ(utf8(tag::printable_string, as_bytes("\x80")), "-");
    EXPECT_EQ(utf8(tag::printable_string, as_bytes("a\nb")), "-");
    EXPECT_EQ(utf8(tag::ia5_string, as_bytes("\xfc")), "-");
    EXPECT_EQ(utf8(tag::numeric_string, as_bytes("1a")), "-");
    EXPECT_EQ(utf8(tag::bmp_string, hex("00")), "-");        // half a character
    EXPECT_EQ(utf8(tag::bmp_string, hex("d83d")), "-");      // half a pair
    EXPECT_EQ(utf8(tag::bmp_string, hex("d83d0061")), "-");  // no second half
    EXPECT_EQ(utf8(tag::bmp_string, hex("dd11d83d")), "-");  // the wrong way round
    EXPECT_EQ(utf8(tag::universal_string, hex("00110000")), "-");
    EXPECT_EQ(utf8(tag::universal_string, hex("0000d83d")), "-");
    EXPECT_EQ(utf8(tag::universal_string, hex("000000")), "-");
    EXPECT_EQ(utf8(tag::octet_string, as_bytes("a")), "-");
}

TEST(Strings, PrintableAlphabet) {
    EXPECT_TRUE(is_printable_string("Az09 '()+,-./:=?"));
    for (const char* text : {"@", "*", "_", "&", "\"", "\n", "\xc3\xbc"})
        EXPECT_FALSE(is_printable_string(text)) << text;
}

TEST(DerWriter, Integers) {
    const auto written = [](std::uint64_t value) {
        DerWriter out;
        return lower_hex(out.integer(value).view());
    };
    EXPECT_EQ(written(0), "020100");
    EXPECT_EQ(written(127), "02017f");
    EXPECT_EQ(written(128), "02020080");
    EXPECT_EQ(written(0xffffffffffffffff), "020900ffffffffffffffff");
    DerWriter out;
    out.unsigned_integer(hex("000080")).unsigned_integer({}).unsigned_integer(hex("0000"));
    EXPECT_EQ(lower_hex(out.view()), "02020080020100020100");
}

TEST(DerWriter, NestsAndCountsLengths) {
    for (const std::size_t size : {0U, 1U, 125U, 126U, 127U, 128U, 253U, 254U, 255U, 256U, 65535U, 65536U}) {
        DerWriter out;
        const Bytes content(size, 0x61);
        out.nest(tag::sequence,
                 [&](DerWriter& w) { w.nest(tag::set, [&](DerWriter& v) { v.octet_string(content); }); });
        const Bytes der = out.take();
        ASSERT_TRUE(check_der(der, "value").has_value()) << size;
        DerReader outer(der);
        DerReader set = outer.enter(tag::sequence, "s").value().enter(tag::set, "s").value();
        EXPECT_EQ(set.octet_string("o").value().size(), size);
    }
}

TEST(DerWriter, SetsAreSorted) {
    DerWriter out;
    out.set_of({hex("040102"), hex("0500"), hex("040101")});
    EXPECT_EQ(lower_hex(out.view()), "31080401010401020500");
}

TEST(DerWriter, TimesChangeTypeIn2050) {
    const auto written = [](std::int64_t milliseconds) {
        DerWriter out;
        out.time(from_milliseconds(milliseconds));
        return std::string(as_text(out.view()).substr(2));
    };
    EXPECT_EQ(written(2524607999999), "491231235959Z");
    EXPECT_EQ(written(2524608000000), "20500101000000Z");
    EXPECT_EQ(written(-631152000000), "500101000000Z");
    EXPECT_EQ(written(-631152000001), "19491231235959Z");
    EXPECT_THROW(written(253402300800000), std::out_of_range);
    DerWriter out;
    EXPECT_EQ(as_text(out.generalized_time(from_milliseconds(0)).view()).substr(2), "19700101000000Z");
}

TEST(DerWriter, RefusesBadObjectIdentifiers) {
    DerWriter out;
    EXPECT_THROW(out.oid("nonsense"), std::invalid_argument);
    EXPECT_EQ(lower_hex(out.algorithm_with_null("1.2.840.113549.1.1.1").view()), "300d06092a864886f70d0101010500");
}

}  // namespace
}  // namespace countersign::crypto
