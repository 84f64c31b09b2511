#include "countersign/crypto/extension.hpp"

#include <gmock/gmock.h>

#include "countersign/crypto/oid.hpp"
#include "crypto/der.hpp"

namespace countersign::crypto {
namespace {

using testing::ElementsAre;

Bytes hex(std::string_view text) {
    return from_hex(text).value();
}

constexpr KeyUsage every_usage = 0x1ff;

TEST(KeyUsage, EveryValueComesBack) {
    for (unsigned value = 0; value <= every_usage; ++value) {
        const auto usage = static_cast<KeyUsage>(value);
        const Extension extension = make_key_usage(usage);
        EXPECT_TRUE(check_der(extension.value, "key usage").has_value());
        EXPECT_EQ(parse_key_usage(extension.value).value(), usage);
    }
    EXPECT_TRUE(make_key_usage(usage::crl_sign).critical);
}

TEST(KeyUsage, EncodesAsOpensslDoes) {
    EXPECT_EQ(lower_hex(make_key_usage(usage::digital_signature | usage::key_encipherment).value), "030205a0");
    EXPECT_EQ(lower_hex(make_key_usage(usage::key_cert_sign | usage::crl_sign).value), "03020106");
    EXPECT_EQ(lower_hex(make_key_usage(usage::key_agreement | usage::decipher_only).value), "0303070880");
}

TEST(KeyUsage, ReadsTrailingZeroBitsAndRefusesNonsense) {
    EXPECT_EQ(parse_key_usage(hex("030200a0")).value(), usage::digital_signature | usage::key_encipherment);
    for (const char* value : {"", "0300", "030101", "030208a0", "030205a1", "0303000040", "030400a00000", "0402a000",
                              "030205a000", "230205a0"}) {
        EXPECT_FALSE(parse_key_usage(hex(value)).has_value()) << value;
    }
}

TEST(KeyUsage, Names) {
    EXPECT_EQ(describe_key_usage(usage::digital_signature | usage::key_encipherment),
              "digitalSignature, keyEncipherment");
    EXPECT_EQ(describe_key_usage(0), "");
    EXPECT_EQ(key_usage_from_names({"digitalSignature", "KEYENCIPHERMENT"}).value(), 0xa0);
    EXPECT_EQ(key_usage_from_names({"nonRepudiation"}).value(), usage::content_commitment);
    EXPECT_EQ(key_usage_from_names({"decipherOnly"}).value(), usage::decipher_only);
    EXPECT_EQ(key_usage_from_names({}).value(), 0);
    EXPECT_EQ(key_usage_from_names({"digitalSignature", "everything"}).error().kind, ErrorKind::malformed);
}

TEST(ExtendedKeyUsage, ThereAndBack) {
    const std::vector<std::string> oids{std::string(oid::client_auth), std::string(oid::smart_card_logon)};
    const Extension extension = make_extended_key_usage(oids);
    EXPECT_EQ(extension.oid, oid::extended_key_usage);
    EXPECT_FALSE(extension.critical);
    EXPECT_EQ(parse_extended_key_usage(extension.value).value(), oids);
}

TEST(ExtendedKeyUsage, RefusesNonsense) {
    for (const char* value : {"", "3000", "30020500", "300406022a80", "300306012a00", "310306012a", "300406012a"}) {
        EXPECT_FALSE(parse_extended_key_usage(hex(value)).has_value()) << value;
    }
    EXPECT_TRUE(parse_extended_key_usage(hex("300306012a")).has_value());
    EXPECT_FALSE(
        parse_extended_key_usage(make_extended_key_usage(std::vector<std::string>(65, "1.2.3")).value).has_value());
}

TEST(ExtendedKeyUsage, Names) {
    EXPECT_EQ(extended_key_usage_from_name("clientAuth").value(), oid::client_auth);
    EXPECT_EQ(extended_key_usage_from_name("SMARTCARDLOGON").value(), oid::smart_card_logon);
    EXPECT_EQ(extended_key_usage_from_name("1.2.3.4").value(), "1.2.3.4");
    EXPECT_EQ(extended_key_usage_name(oid::client_auth), "clientAuth");
    EXPECT_EQ(extended_key_usage_name("1.2.3.4"), "1.2.3.4");
    for (const char* name : {"", "client auth", "clientAuth ", "1", "3.1"}) {
        EXPECT_FALSE(extended_key_usage_from_name(name).has_value()) << name;
    }
}

TEST(BasicConstraints, ThereAndBack) {
    EXPECT_EQ(lower_hex(make_basic_constraints({}).value), "3000");
    EXPECT_EQ(lower_hex(make_basic_constraints({true, std::nullopt}).value), "30030101ff");
    EXPECT_EQ(lower_hex(make_basic_constraints({true, 0}).value), "30060101ff020100");
    EXPECT_TRUE(make_basic_constraints({}).critical);
    const BasicConstraints read = parse_basic_constraints(hex("30060101ff020103")).value();
    EXPECT_TRUE(read.ca);
    EXPECT_EQ(read.path_length, 3);
    EXPECT_FALSE(parse_basic_constraints(hex("3000")).value().ca);
    EXPECT_FALSE(parse_basic_constraints(hex("3003010100")).value().ca);  // the default written out
}

TEST(BasicConstraints, RefusesNonsense) {
    for (const char* value : {"", "0101ff", "3003010101", "30060101ff0201ff", "30090101ff020105020105", "30030101ff00",
                              "30080101ff02028000", "30060201000101ff"}) {
        EXPECT_FALSE(parse_basic_constraints(hex(value)).has_value()) << value;
    }
}

Bytes extension_list(const std::vector<std::string>& oids) {
    DerWriter out;
    out.nest(tag::sequence, [&](DerWriter& list) {
        for (const std::string& one : oids) {
            list.nest(tag::sequence, [&](DerWriter& w) { w.oid(one).octet_string(Bytes{0x05, 0x00}); });
        }
    });
    return out.take();
}

TEST(Extensions, ReadInOrder) {
    const Bytes der = hex("301b300b0603551d0f0404030205a0300c0603551d130101ff04023000");
    const auto extensions = parse_extensions(der).value();
    ASSERT_EQ(extensions.size(), 2U);
    EXPECT_EQ(extensions[0].oid, oid::key_usage);
    EXPECT_FALSE(extensions[0].critical);
    EXPECT_EQ(lower_hex(extensions[0].value), "030205a0");
    EXPECT_TRUE(extensions[1].critical);
    EXPECT_TRUE(parse_extensions(hex("3000")).value().empty());
}

TEST(Extensions, RefusesTwinsAndExcess) {
    std::vector<std::string> oids;
    for (int i = 0; i < 64; ++i) oids.push_back("1.2.3." + std::to_string(i));
    EXPECT_EQ(parse_extensions(extension_list(oids)).value().size(), 64U);
    oids.push_back("1.2.4");
    EXPECT_FALSE(parse_extensions(extension_list(oids)).has_value());
    EXPECT_FALSE(parse_extensions(extension_list({"1.2.3", "1.2.4", "1.2.3"})).has_value());
}

TEST(Extensions, RefusesNonsense) {
    for (const char* value :
         {"", "3100", "30020500", "3007300506032a0304", "300b300906032a03040402050000", "300a300806032a03040101ff",
          "300c300a06032a0304010101040100", "300b300906032a03040500040000", "300c300a06032a03040401000500"}) {
        EXPECT_FALSE(parse_extensions(hex(value)).has_value()) << value;
    }
}

TEST(Extensions, Identifiers) {
    EXPECT_EQ(lower_hex(make_subject_key_identifier(Bytes{1, 2}).value), "04020102");
    EXPECT_EQ(lower_hex(make_authority_key_identifier(Bytes{1, 2}).value), "300480020102");
    EXPECT_EQ(make_authority_key_identifier({}).oid, oid::authority_key_identifier);
}

TEST(Extensions, Locations) {
    EXPECT_EQ(lower_hex(make_crl_distribution_points({"u:a"}).value), "300b3009a007a0058603753a61");
    EXPECT_EQ(lower_hex(make_ca_issuers({"u:a"}).value), "3011300f06082b060105050730028603753a61");
    EXPECT_FALSE(make_ca_issuers({"u:a"}).critical);
}

}  // namespace
}  // namespace countersign::crypto
