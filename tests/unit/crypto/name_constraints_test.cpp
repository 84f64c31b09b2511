#include "countersign/crypto/name_constraints.hpp"

#include "countersign/crypto/oid.hpp"
#include "test_keys.hpp"

#include <gtest/gtest.h>

namespace countersign::crypto {
namespace {

using Texts = std::vector<std::string>;

NameConstraints constraints(const Texts& permitted, const Texts& excluded) {
    return NameConstraints::parse(make_name_constraints(permitted, excluded).value().value).value();
}

std::vector<GeneralName> names(const Texts& texts) {
    std::vector<GeneralName> result;
    for (const auto& text : texts) result.push_back(general_name_from_text(text).value());
    return result;
}

// How many names of a certificate with this subject and these alternative names break the constraints.
std::size_t violations(const NameConstraints& by, const std::string& subject, const Texts& sans) {
    const Name name = subject.empty() ? Name() : Name::from_text(subject).value();
    return by.violations(name, names(sans)).size();
}

struct Row {
    std::string constraint;
    std::string name;
    bool within;
};
class NameConstraintsRow : public ::testing::TestWithParam<Row> {};

TEST_P(NameConstraintsRow, PermittedAndExcludedAgree) {
    const auto& row = GetParam();
    EXPECT_EQ(violations(constraints({row.constraint}, {}), "", {row.name}), row.within ? 0U : 1U) << "permitted";
    EXPECT_EQ(violations(constraints({}, {row.constraint}), "", {row.name}), row.within ? 1U : 0U) << "excluded";
}

INSTANTIATE_TEST_SUITE_P(
    Names, NameConstraintsRow,
    ::testing::Values(
        Row{"dns:example.com", "dns:example.com", true}, Row{"dns:example.com", "dns:a.b.example.com", true},
        Row{"dns:example.com", "dns:A.EXAMPLE.COM", true}, Row{"dns:example.com", "dns:badexample.com", false},
        Row{"dns:example.com", "dns:example.com.evil.test", false}, Row{"dns:example.com", "dns:a.example.com.", true},
        Row{"dns:example.com", "dns:com", false}, Row{"email:example.com", "email:a@example.com", true},
        Row{"email:example.com", "email:a@sub.example.com", false},
        Row{"email:.example.com", "email:a@sub.example.com", true},
        Row{"email:.example.com", "email:a@example.com", false},
        Row{"email:a@example.com", "email:a@EXAMPLE.com", true},
        Row{"email:a@example.com", "email:b@example.com", false},
        Row{"uri:.example.com", "uri:https://a.example.com/x", true},
        Row{"uri:.example.com", "uri:https://example.com/x", false},
        Row{"uri:example.com", "uri:https://example.com:8443/x", true},
        Row{"uri:example.com", "uri:https://u@example.com/x", true},
        Row{"uri:example.com", "uri:https://evil.test/example.com", false}, Row{"ip:10.0.0.0/8", "ip:10.255.0.1", true},
        Row{"ip:10.0.0.0/8", "ip:11.0.0.1", false}, Row{"ip:2001:db8::/32", "ip:2001:db8:ffff::1", true},
        Row{"ip:2001:db8::/32", "ip:2001:db9::1", false}, Row{"ip:10.0.0.0/8", "ip:2001:db8::1", false},
        Row{"dirname:O=Example", "dirname:CN=a,O=Example", true},
        Row{"dirname:O=Example", "dirname:CN=a,O=Other", false},
        Row{"dirname:O=Example", "dirname:O=Example,CN=a", false}, Row{"upn:example.com", "upn:user@example.com", true},
        Row{"upn:example.com", "upn:user@evil.test", false}));

TEST(NameConstraints, AnotherKindOfNameIsFree) {
    EXPECT_EQ(violations(constraints({"dns:example.com"}, {}), "", {"email:a@evil.test", "ip:10.0.0.1"}), 0U);
}

TEST(NameConstraints, EveryViolationIsReported) {
    EXPECT_EQ(violations(constraints({"dns:example.com", "ip:10.0.0.0/8"}, {}), "",
                         {"dns:evil.test", "dns:ok.example.com", "ip:11.0.0.1", "dns:evil2.test"}),
              3U);
}

TEST(NameConstraints, ExclusionWinsOverPermission) {
    const auto both = constraints({"dns:example.com"}, {"dns:internal.example.com"});
    EXPECT_EQ(violations(both, "", {"dns:www.example.com"}), 0U);
    EXPECT_EQ(violations(both, "", {"dns:db.internal.example.com"}), 1U);
}

TEST(NameConstraints, AWildcardReachesIntoTheExcluded) {
    EXPECT_EQ(violations(constraints({}, {"dns:internal.example.com"}), "", {"dns:*.example.com"}), 1U);
    EXPECT_EQ(violations(constraints({}, {"dns:internal.example.com"}), "", {"dns:*.example.org"}), 0U);
}

TEST(NameConstraints, LocalPartsAreExactToPermitAndFoldedToExclude) {
    EXPECT_EQ(violations(constraints({"email:root@example.com"}, {}), "", {"email:Root@example.com"}), 1U);
    EXPECT_EQ(violations(constraints({}, {"email:root@example.com"}), "", {"email:Root@example.com"}), 1U);
}

// RFC 5280: a URI without a host name is refused under a URI constraint.
TEST(NameConstraints, UrisWithoutAHostAreInDoubt) {
    for (const std::string uri :
         {"uri:tag:microsoft.com,2022-09-14:sid:S-1-5-21", "uri:urn:uuid:1", "uri:https://10.0.0.1/"}) {
        EXPECT_EQ(violations(constraints({"uri:example.com"}, {}), "", {uri}), 1U) << uri;
        EXPECT_EQ(violations(constraints({}, {"uri:example.com"}), "", {uri}), 1U) << uri;
    }
}

TEST(NameConstraints, TheSubjectCounts) {
    const auto directory = constraints({"dirname:O=Example"}, {});
    EXPECT_EQ(violations(directory, "CN=device-7,O=Example", {}), 0U);
    EXPECT_EQ(violations(directory, "CN=device-7,O=example", {}), 0U) << "RFC 5280 7.1 folds case";
    EXPECT_EQ(violations(directory, "CN=device-7,O=Other", {}), 1U);
    EXPECT_EQ(violations(directory, "CN=device-7", {}), 1U);
    EXPECT_EQ(violations(directory, "", {"dns:a.example.com"}), 0U) << "an empty subject is no name";
}

TEST(NameConstraints, AnEmailAddressInTheSubjectIsAnEmail) {
    const auto email = constraints({"email:example.com"}, {});
    EXPECT_EQ(violations(email, "E=a@example.com,CN=a", {}), 0U);
    EXPECT_EQ(violations(email, "E=a@evil.test,CN=a", {}), 1U);
}

TEST(NameConstraints, ACommonNameThatIsAHostIsOneUnlessThereIsABetter) {
    const auto dns = constraints({"dns:example.com"}, {});
    EXPECT_EQ(violations(dns, "CN=www.evil.test", {}), 1U);
    EXPECT_EQ(violations(dns, "CN=www.example.com", {}), 0U);
    EXPECT_EQ(violations(dns, "CN=device-7", {}), 0U);
    EXPECT_EQ(violations(dns, "CN=www.evil.test", {"dns:a.example.com"}), 0U);
}

TEST(NameConstraints, AKindItCannotJudgeIsRefused) {
    // permitted: registeredID 1.2.3
    const auto registered = NameConstraints::parse(from_hex("3008a00630048802"
                                                            "2a03")
                                                       .value());
    ASSERT_TRUE(registered) << describe(registered.error());
    GeneralName id;
    id.type = GeneralNameType::registered_id;
    id.der = from_hex("88022a03").value();
    EXPECT_EQ(registered->violations(Name(), {id}).size(), 1U);
    EXPECT_EQ(violations(*registered, "CN=a", {"dns:a.test"}), 0U);
}

TEST(NameConstraints, MalformedOnesAreRefused) {
    const auto refused = [](std::string_view hex) {
        const auto parsed = NameConstraints::parse(from_hex(hex).value());
        return !parsed && parsed.error().kind == ErrorKind::malformed;
    };
    EXPECT_TRUE(refused("")) << "nothing";
    EXPECT_TRUE(refused("3000")) << "neither subtree";
    EXPECT_TRUE(refused("3002a000")) << "an empty list";
    EXPECT_TRUE(refused("3007a005300382016100")) << "trailing octets";
    EXPECT_TRUE(refused("300aa0083006820161800101")) << "a minimum of 1";
    EXPECT_TRUE(refused("300aa0083006820161810101")) << "a maximum";
    EXPECT_TRUE(refused("300aa0083006870401020304")) << "an address without a mask";
    EXPECT_TRUE(refused("300ea00c300a87080a000000ff00ff00")) << "a mask with holes";
    EXPECT_TRUE(
        refused("3007a005300382"
                "01ff"))
        << "not ASCII";
    EXPECT_FALSE(
        refused("3007a005300382"
                "0161"));
    EXPECT_FALSE(refused("300ea00c300a87080a000000ff000000"));
}

TEST(NameConstraints, TheWriterRefusesWhatIsNoConstraint) {
    const auto refused = [](const std::string& text) { return !make_name_constraints({text}, {}); };
    EXPECT_FALSE(make_name_constraints({}, {}));
    EXPECT_TRUE(refused("example.com")) << "no kind";
    EXPECT_TRUE(refused("dns:")) << "nothing";
    EXPECT_TRUE(refused("ip:10.0.0.0")) << "no length";
    EXPECT_TRUE(refused("ip:10.0.0.0/33"));
    EXPECT_TRUE(refused("ip:10.0.0.0/8x"));
    EXPECT_TRUE(refused("ip:10.0.0.0/-1"));
    EXPECT_TRUE(refused("ip:10.1.0.0/8")) << "bits beyond the mask";
    EXPECT_FALSE(refused("ip:10.0.0.0/8"));
    EXPECT_FALSE(refused("ip:0.0.0.0/0"));
    EXPECT_FALSE(refused("ip:10.0.0.1/32"));
    EXPECT_TRUE(make_name_constraints({}, {"dns:example.com"})->critical);
}

TEST(NameConstraints, AreFoundInACaCertificate) {
    EXPECT_FALSE(NameConstraints::of(test::self_signed_ca(test::rsa_key())).value());
    auto content = test::content_for(test::rsa_key().public_key(), "CN=Test CA");
    content.basic_constraints.ca = true;
    content.further_extensions.push_back(make_name_constraints({"dns:example.com"}, {}).value());
    const auto found = NameConstraints::of(test::issue(content, "CN=Test CA", test::rsa_key())).value();
    ASSERT_TRUE(found);
    EXPECT_EQ(violations(*found, "", {"dns:evil.test"}), 1U);
}

}  // namespace
}  // namespace countersign::crypto
