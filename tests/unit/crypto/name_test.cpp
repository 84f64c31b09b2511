#include "countersign/crypto/name.hpp"

#include <gmock/gmock.h>

#include "countersign/crypto/certificate.hpp"
#include "crypto/der.hpp"
#include "vectors.hpp"

namespace countersign::crypto {
namespace {

using testing::ElementsAre;

Name from_text(std::string_view text) {
    return Name::from_text(text).value();
}

struct Rdn {
    std::string oid;
    Tag type;
    std::string value;
};

// One RDN per attribute.
Bytes encode(const std::vector<Rdn>& rdns) {
    DerWriter out;
    out.nest(tag::sequence, [&](DerWriter& name) {
        for (const Rdn& rdn : rdns) {
            name.nest(tag::set, [&](DerWriter& set) {
                set.nest(tag::sequence, [&](DerWriter& w) { w.oid(rdn.oid).string(rdn.type, rdn.value); });
            });
        }
    });
    return out.take();
}

Name name_of(const std::vector<Rdn>& rdns) {
    return Name::from_der(encode(rdns)).value();
}

TEST(Name, ReadsWhatOpensslWrote) {
    const Certificate leaf = Certificate::from_pem(test::vector_text("crypto/leaf.pem")).value();
    EXPECT_EQ(leaf.subject().text(), "CN=device-7,OU=Plant 7,O=Example Works,C=DE");
    EXPECT_THAT(leaf.subject().values_of("2.5.4.3"), ElementsAre("device-7"));
    EXPECT_TRUE(leaf.subject().values_of("2.5.4.5").empty());
    const auto attributes = leaf.subject().attributes();
    ASSERT_EQ(attributes.size(), 4U);
    EXPECT_EQ(attributes[0].oid, "2.5.4.6");
    EXPECT_EQ(attributes[0].value, "DE");
    EXPECT_EQ(attributes[0].string_type, "PrintableString");
    EXPECT_EQ(attributes[3].rdn, 3U);
    EXPECT_EQ(attributes[3].string_type, "UTF8String");
    EXPECT_EQ(from_text(leaf.subject().text()), leaf.subject());
}

TEST(Name, EmptyNames) {
    EXPECT_TRUE(Name().empty());
    EXPECT_EQ(lower_hex(Name().der()), "3000");
    EXPECT_EQ(Name(), Name::from_der(Bytes{0x30, 0x00}).value());
    EXPECT_TRUE(from_text("  ").empty());
    EXPECT_EQ(Name().text(), "");
    EXPECT_TRUE(Name().attributes().empty());
    EXPECT_TRUE(Name().matches(Name()));
    EXPECT_FALSE(Name().matches(from_text("CN=a")));
}

TEST(Name, TextIsMostSpecificFirst) {
    const Name name = from_text("CN=device-7, O=Example ,C=DE");
    EXPECT_EQ(name.text(), "CN=device-7,O=Example,C=DE");
    EXPECT_EQ(name.attributes().at(0).oid, "2.5.4.6");
    EXPECT_EQ(name.der().size(), 2U + name.der()[1]);
}

TEST(Name, ChoosesStringTypes) {
    const Name name = from_text("CN=a,C=DE,SERIALNUMBER=7,DC=example,E=a@b.example,unstructuredName=x,1.2.3.4=y");
    std::vector<std::string> types;
    for (const NameAttribute& attribute : name.attributes())
        types.push_back(attribute.oid + " " + attribute.string_type);
    EXPECT_THAT(types, ElementsAre("1.2.3.4 UTF8String", "1.2.840.113549.1.9.2 UTF8String",
                                   "1.2.840.113549.1.9.1 IA5String", "0.9.2342.19200300.100.1.25 IA5String",
                                   "2.5.4.5 PrintableString", "2.5.4.6 PrintableString", "2.5.4.3 UTF8String"));
}

TEST(Name, KnowsLongAndShortAttributeNames) {
    EXPECT_EQ(from_text("commonname=a,emailAddress=b,S=c,givenName=d,2.5.4.10=e"), from_text("cn=a,E=b,ST=c,GN=d,O=e"));
    EXPECT_EQ(from_text("SN=a,T=b,STREET=c,UID=d,L=e,OU=f,unstructuredAddress=g").text(),
              "SN=a,T=b,STREET=c,UID=d,L=e,OU=f,unstructuredAddress=g");
}

TEST(Name, MultiValuedRdns) {
    const Name name = from_text("CN=a+UID=b,O=c");
    const auto attributes = name.attributes();
    ASSERT_EQ(attributes.size(), 3U);
    EXPECT_EQ(attributes[0].rdn, 0U);
    EXPECT_EQ(attributes[1].rdn, 1U);
    EXPECT_EQ(attributes[2].rdn, 1U);
    EXPECT_EQ(name, from_text("UID=b+CN=a,O=c"));  // a set: DER decides the order
    EXPECT_EQ(from_text(name.text()), name);
    EXPECT_FALSE(name == from_text("CN=a,UID=b,O=c"));
}

// RFC 4514 section 4.
TEST(Name, EscapesAndUnescapes) {
    const auto value_of = [](std::string_view text) { return from_text(text).attributes().at(0).value; };
    EXPECT_EQ(value_of(R"(CN=James \"Jim\" Smith\, III)"), "James \"Jim\" Smith, III");
    EXPECT_EQ(value_of(R"(CN=Before\0dAfter)"), "Before\rAfter");
    EXPECT_EQ(value_of(R"(CN=Lu\C4\8Di\C4\87)"), "Lu\xc4\x8di\xc4\x87");
    EXPECT_EQ(value_of(R"(CN=\ a\ )"), " a ");
    EXPECT_EQ(value_of(R"(CN=\#a)"), "#a");
    EXPECT_EQ(value_of(R"(CN=a#b=c)"), "a#b=c");
    EXPECT_EQ(value_of(R"(CN=#0c0161)"), "a");
    for (const std::string value :
         {"a,b", "a+b", " a ", "#a", "a\\b", "\"", "<>;=", "a\nb", "\xc3\xbc", "a\\,CN=b", " "}) {
        const Name name = name_of({{"2.5.4.3", tag::utf8_string, value}});
        EXPECT_EQ(from_text(name.text()), name) << name.text();
    }
    EXPECT_EQ(name_of({{"2.5.4.3", tag::utf8_string, std::string("a\0b", 3)}}).text(), R"(CN=a\00b)");
}

TEST(Name, ValuesCannotImitateStructure) {
    EXPECT_EQ(name_of({{"2.5.4.3", tag::utf8_string, "a,O=b"}}).text(), R"(CN=a\,O\=b)");
    EXPECT_FALSE(name_of({{"2.5.4.3", tag::utf8_string, "a,O=b"}}).matches(from_text("CN=a,O=b")));
}

TEST(Name, ShowsWhatIsNoTextInHexadecimal) {
    const Name odd = name_of({{"2.5.4.3", tag::utf8_string, "\xff"}});
    EXPECT_EQ(odd.text(), "CN=#0c01ff");
    EXPECT_FALSE(odd.attributes().at(0).convertible);
    EXPECT_EQ(odd.attributes().at(0).value, "");
    const Name unknown_type = name_of({{"1.2.3.4", tag::printable_string, "a"}});
    EXPECT_EQ(unknown_type.text(), "1.2.3.4=#130161");
    EXPECT_EQ(from_text(unknown_type.text()), unknown_type);
    EXPECT_EQ(unknown_type.attributes().at(0).value, "a");
    EXPECT_EQ(name_of({{"2.5.4.3", tag::octet_string, "a"}}).attributes().at(0).string_type, "other");
}

TEST(Name, RefusesBadText) {
    for (const char* text : {"CN",
                             "CN=",
                             "=a",
                             "CN=a,",
                             ",CN=a",
                             "CN=a,,O=b",
                             "CN=a+",
                             "XX=a",
                             "CN=a\\",
                             "CN=a\\x",
                             "CN=a\\4",
                             "CN=\"a\"",
                             "CN=a;O=b",
                             "CN=a<b",
                             "C=Germany",
                             "C=D*",
                             "SERIALNUMBER=a@b",
                             "E=gr\xc3\xbc",
                             "CN=\xff",
                             "CN=\\ff",
                             "CN=#",
                             "CN=#0c",
                             "CN=#0c02",
                             "CN=#zz",
                             "1.2.=a",
                             "3.1=a",
                             "CN=#0c0161 b"}) {
        const auto name = Name::from_text(text);
        ASSERT_FALSE(name.has_value()) << text;
        EXPECT_EQ(name.error().kind, ErrorKind::malformed) << text;
    }
    EXPECT_FALSE(Name::from_text(std::string_view("CN=a\0b", 6)).has_value());
    EXPECT_FALSE(Name::from_text("CN=" + std::string(20000, 'a')).has_value());
    EXPECT_FALSE(Name::from_text("CN=" + std::string(9000, 'a')).has_value());
}

TEST(Name, RefusesBadDer) {
    const auto refused = [](std::string_view hex) { return !Name::from_der(from_hex(hex).value()).has_value(); };
    EXPECT_FALSE(refused("300c310a300806035504030c0161"));
    EXPECT_TRUE(refused(""));
    EXPECT_TRUE(refused("3100"));                              // a set
    EXPECT_TRUE(refused("30023100"));                          // an empty RDN
    EXPECT_TRUE(refused("300e310c300a06035504030c01610500"));  // a third field
    EXPECT_TRUE(refused("3009310730050603550403"));            // no value
    EXPECT_TRUE(refused("300c310a300806035504030c016100"));    // octets behind
    EXPECT_TRUE(refused("300d310b300906035504032c04040161"));  // a constructed string
    EXPECT_TRUE(refused("30803100"));                          // indefinite
}

TEST(Name, BoundsItsSize) {
    std::vector<Rdn> many(64, {"2.5.4.3", tag::utf8_string, "a"});
    EXPECT_TRUE(Name::from_der(encode(many)).has_value());
    many.push_back(many.front());
    EXPECT_FALSE(Name::from_der(encode(many)).has_value());
    EXPECT_FALSE(Name::from_der(encode({{"2.5.4.3", tag::utf8_string, std::string(9000, 'a')}})).has_value());
}

// RFC 5280 section 7.1.
TEST(Name, MatchesAcrossCaseBlanksAndStringTypes) {
    const Name name = from_text("CN=Device Seven,O=Example");
    EXPECT_TRUE(name.matches(name));
    EXPECT_TRUE(name.matches(from_text("CN=device   seven,O=EXAMPLE")));
    EXPECT_TRUE(name.matches(name_of(
        {{"2.5.4.10", tag::printable_string, "Example"}, {"2.5.4.3", tag::printable_string, " Device Seven "}})));
    EXPECT_TRUE(from_text("CN=a+UID=B").matches(from_text("CN=A+UID=b")));
    EXPECT_TRUE(name_of({{"2.5.4.3", tag::t61_string, "gr\xfc"}}).matches(from_text("CN=gr\xc3\xbc")));
}

TEST(Name, DoesNotMatchOtherNames) {
    const Name name = from_text("CN=Device Seven,O=Example");
    for (const char* other :
         {"CN=DeviceSeven,O=Example", "O=Example,CN=Device Seven", "CN=Device Seven", "CN=Device Seven+O=Example",
          "CN=Device Seven,O=Example,C=DE", "CN=Device Seven,OU=Example", "CN=Device Sevem,O=Example"}) {
        EXPECT_FALSE(name.matches(from_text(other))) << other;
        EXPECT_FALSE(from_text(other).matches(name)) << other;
    }
    EXPECT_FALSE(from_text("CN=\xc3\x84").matches(from_text("CN=\xc3\xa4")));  // beyond ASCII, only the same will do
    const Name odd = name_of({{"2.5.4.3", tag::utf8_string, "\xff"}});
    EXPECT_TRUE(odd.matches(odd));
    EXPECT_FALSE(odd.matches(name_of({{"2.5.4.3", tag::utf8_string, "\xfe"}})));
}

}  // namespace
}  // namespace countersign::crypto
