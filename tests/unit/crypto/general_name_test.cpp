#include "countersign/crypto/general_name.hpp"

#include <gmock/gmock.h>

#include "countersign/crypto/certificate.hpp"
#include "crypto/der.hpp"
#include "vectors.hpp"

namespace countersign::crypto {
namespace {

using testing::ElementsAre;

Bytes list_of(std::string_view hex) {
    DerWriter out;
    return out.tlv(tag::sequence, from_hex(hex).value()).take();
}

std::vector<std::string> texts(const std::vector<GeneralName>& names) {
    std::vector<std::string> result;
    for (const GeneralName& name : names) result.push_back(to_text(name));
    return result;
}

TEST(GeneralName, ReadsEveryKindOpensslWrites) {
    const Certificate leaf = Certificate::from_pem(test::vector_text("crypto/leaf.pem")).value();
    const auto names = leaf.subject_alt_names();
    EXPECT_THAT(texts(names), ElementsAre("dns:host.example", "email:device@host.example", "uri:urn:example:7",
                                          "ip:192.0.2.7", "ip:2001:db8::7", "dirname:CN=inside", "upn:user@example",
                                          "othername:a00d06032a0304a0060c04656c7365", "rid:88032a0304"));
    EXPECT_EQ(names[7].other_name_oid, "1.2.3.4");
    EXPECT_FALSE(names[7].is_upn());
    EXPECT_TRUE(names[6].is_upn());
    EXPECT_EQ(names[0].type, GeneralNameType::dns);
    EXPECT_EQ(parse_general_names(encode_general_names(names)).value(), names);
}

TEST(GeneralName, TextThereAndBack) {
    for (const char* text :
         {"dns:host.example", "dns:*.host.example", "email:a@b.example", "uri:https://host.example/?a=b",
          "ip:192.0.2.7", "ip:2001:db8::7", "upn:user@example", "upn:\xc3\xbcser@example", "dirname:CN=a,O=b"}) {
        const GeneralName name = general_name_from_text(text).value();
        EXPECT_EQ(to_text(name), text);
        EXPECT_EQ(parse_general_names(encode_general_names({name})).value().at(0), name);
    }
    EXPECT_EQ(to_text(general_name_from_text("DNS:Host.Example").value()), "dns:Host.Example");
    EXPECT_EQ(to_text(general_name_from_text("ip:2001:0DB8:0:0::0007").value()), "ip:2001:db8::7");
    EXPECT_EQ(general_name_from_text("dns:a").value(), general_name_from_text("DNS:a").value());
    EXPECT_FALSE(general_name_from_text("dns:a").value() == general_name_from_text("email:a").value());
}

TEST(GeneralName, RefusesBadText) {
    for (const char* text : {"",
                             "host.example",
                             "dns:",
                             ":a",
                             "host:a",
                             "rid:1.2",
                             "othername:00",
                             "dns:gr\xc3\xbc",
                             "email:\xff",
                             "uri:a\nb",
                             "dns:a\x7f",
                             "ip:192.0.2",
                             "ip:192.0.2.256",
                             "ip:host",
                             "ip:192.0.2.7/24",
                             "ip:1",
                             "upn:\xff",
                             "upn:a\tb",
                             "dirname:nonsense",
                             "dirname:CN="}) {
        const auto name = general_name_from_text(text);
        ASSERT_FALSE(name.has_value()) << text;
        EXPECT_EQ(name.error().kind, ErrorKind::malformed) << text;
    }
    EXPECT_FALSE(general_name_from_text(std::string_view("dns:a.example\0.evil", 19)).has_value());
    EXPECT_FALSE(general_name_from_text(std::string_view("ip:1.2.3.4\0", 11)).has_value());
}

TEST(GeneralNames, RefusesWhatIsNotThere) {
    EXPECT_TRUE(parse_general_names(list_of("820161")).has_value());
    for (const char* hex : {
             "",                                          // empty
             "8200",                                      // an empty dNSName
             "82026100",                                  // a NUL at the end
             "820561002e6262",                            // a.example\0.evil
             "8202610a",                                  // a line end
             "8201ff",                                    // not ASCII
             "a203820161",                                // constructed
             "870101",                                    // IP addresses of wrong lengths
             "87050102030405",                            //
             "8708c0000207ffffff00",                      // address and mask belong into constraints
             "8700",                                      //
             "890161",                                    // unknown kinds
             "8a0161",                                    //
             "020101",                                    // universal
             "800161",                                    // a primitive otherName
             "a000",                                      // an otherName without type
             "a00506032a0304",                            // without value
             "a00c06032a0304a0030201050500",              // and octets behind
             "a40161",                                    // a directoryName that is none
             "a4023100",                                  //
             "8800",                                      // an empty registeredID
             "88022a80",                                  // a truncated one
             "a012060a2b060104018237140203a00404026161",  // a UPN that is an OCTET STRING
             "a012060a2b060104018237140203a0040c026100",  // a UPN with a NUL
         }) {
        EXPECT_FALSE(parse_general_names(list_of(hex)).has_value()) << hex;
    }
    EXPECT_TRUE(parse_general_names(list_of("a012060a2b060104018237140203a0040c026161")).has_value());
    EXPECT_FALSE(parse_general_names({}).has_value());
    EXPECT_FALSE(parse_general_names(from_hex("30038201610500").value()).has_value());  // octets behind
    EXPECT_FALSE(parse_general_names(from_hex("3103820161").value()).has_value());      // a set
}

TEST(GeneralNames, KeepsTheOddKindsForPolicyToRefuse) {
    const auto names = parse_general_names(list_of("a3023000a5023000")).value();
    EXPECT_EQ(names.at(0).type, GeneralNameType::x400_address);
    EXPECT_EQ(to_text(names.at(0)), "x400:a3023000");
    EXPECT_EQ(names.at(1).type, GeneralNameType::edi_party_name);
    EXPECT_EQ(to_text(names.at(1)), "ediparty:a5023000");
}

TEST(GeneralNames, AreBounded) {
    const auto list = [](std::size_t count) {
        return encode_general_names(std::vector<GeneralName>(count, general_name_from_text("dns:a").value()));
    };
    EXPECT_EQ(parse_general_names(list(128)).value().size(), 128U);
    EXPECT_FALSE(parse_general_names(list(129)).has_value());
}

}  // namespace
}  // namespace countersign::crypto
