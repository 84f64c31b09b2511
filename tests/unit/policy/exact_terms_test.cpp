// A signed challenge against every way in which a request can differ from it: only the exact match passes.
#include "cases.hpp"
#include "test_keys.hpp"

#include <gmock/gmock.h>

namespace countersign::policy::test {
namespace {

using crypto::Extension;
using testing::Contains;
using testing::IsEmpty;
using Texts = std::vector<std::string>;

const std::string subject = "CN=device-7,OU=Phones,O=Example";
const Texts sans{"dns:device-7.example.com", "upn:device-7@example.com"};

Expectation challenge() {
    crypto::CertificateTerms terms;
    terms.key_usage = crypto::usage::digital_signature | crypto::usage::key_encipherment;
    terms.extended_key_usage = Texts{std::string(oid::client_auth)};
    terms.key_algorithm = crypto::KeyAlgorithm::rsa;
    terms.key_bits = 2048;
    return {subject, sans, "device", terms};
}

// What the challenge describes, with room for one difference.
struct Asked {
    std::string subject = test::subject;
    Texts sans = test::sans;
    std::optional<crypto::KeyUsage> key_usage = crypto::KeyUsage{0xa0};
    Texts extended_key_usage{std::string(oid::client_auth)};
    std::vector<Extension> further{};
    const countersign::test::TestKey* key = &countersign::test::rsa_key();

    CertificateRequest request() const {
        auto extensions = further;
        if (key_usage) extensions.push_back(crypto::make_key_usage(*key_usage));
        if (!extended_key_usage.empty()) extensions.push_back(crypto::make_extended_key_usage(extended_key_usage));
        return countersign::test::request_for(*key, subject, "challenge", sans, std::move(extensions));
    }
};

// A template that would let every difference below pass by itself.
Template generous() {
    auto rules = device_template();
    rules.extended_key_usage = {std::string(oid::client_auth), "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.4"};
    rules.names.security_identifier_uri = true;
    rules.names.allow_empty_subject = true;
    rules.names.allow_wildcard_dns = true;
    rules.names.san_types.emplace_back("dirname");
    rules.key.algorithms = {"rsa", "p256", "p384"};
    rules.key.rsa_bits_min = 1024;
    return rules;
}

Decision judged(const CertificateRequest& request, const Expectation& expectation = challenge(),
                const Template& rules = generous()) {
    return judge_request(request, rules, expectation);
}

struct Difference {
    std::string name;
    std::string code;
    std::function<void(Asked&)> change;
};

const std::vector<Difference>& differences() {
    static const std::vector<Difference> all{
        {"another_common_name", "SubjectNameMismatch", [](Asked& a) { a.subject = "CN=device-8,OU=Phones,O=Example"; }},
        {"case_of_a_value", "SubjectNameMismatch", [](Asked& a) { a.subject = "CN=Device-7,OU=Phones,O=Example"; }},
        {"inner_blank", "SubjectNameMismatch", [](Asked& a) { a.subject = "CN=device-7,OU=Phones,O=Exam ple"; }},
        {"reordered_rdns", "SubjectNameMismatch", [](Asked& a) { a.subject = "OU=Phones,CN=device-7,O=Example"; }},
        {"rdns_made_one", "SubjectNameMismatch", [](Asked& a) { a.subject = "CN=device-7+OU=Phones,O=Example"; }},
        {"missing_rdn", "SubjectNameMismatch", [](Asked& a) { a.subject = "CN=device-7,O=Example"; }},
        {"extra_rdn", "SubjectNameMismatch", [](Asked& a) { a.subject = "CN=device-7,OU=Phones,OU=Admins,O=Example"; }},
        {"two_common_names", "SubjectNameMismatch",
         [](Asked& a) { a.subject = "CN=admin,CN=device-7,OU=Phones,O=Example"; }},
        {"other_attribute_type", "SubjectNameMismatch",
         [](Asked& a) { a.subject = "UID=device-7,OU=Phones,O=Example"; }},
        {"no_subject", "SubjectNameMissing", [](Asked& a) { a.subject = ""; }},
        {"extra_san", "SubjectAltNameMismatch", [](Asked& a) { a.sans.emplace_back("dns:dc.example.com"); }},
        {"missing_san", "SubjectAltNameMissing", [](Asked& a) { a.sans.pop_back(); }},
        {"no_san", "SubjectAltNameMissing", [](Asked& a) { a.sans.clear(); }},
        {"other_type_of_san", "SubjectAltNameMismatch",
         [](Asked& a) {
             a.sans = {"dns:device-7.example.com", "email:device-7@example.com"};
         }},
        {"case_of_a_dns_name", "SubjectAltNameMismatch",
         [](Asked& a) {
             a.sans = {"dns:Device-7.example.com", "upn:device-7@example.com"};
         }},
        {"another_upn", "SubjectAltNameMismatch",
         [](Asked& a) {
             a.sans = {"dns:device-7.example.com", "upn:administrator@example.com"};
         }},
        {"wildcard", "SubjectAltNameMismatch",
         [](Asked& a) {
             a.sans = {"dns:*.example.com", "upn:device-7@example.com"};
         }},
        {"security_identifier_uri", "SubjectAltNameMismatch",
         [](Asked& a) { a.sans.emplace_back("uri:tag:microsoft.com,2022-09-14:sid:S-1-5-21-1-2-3-500"); }},
        {"security_identifier_extension", "ExtensionMismatch",
         [](Asked& a) {
             a.further = {{std::string(oid::ms_security_identifier), false, {0x30, 0x00}}};
         }},
        {"application_policies", "ExtensionMismatch",
         [](Asked& a) {
             a.further = {{std::string(oid::ms_application_policies), false, {0x30, 0x00}}};
         }},
        {"name_constraints", "ExtensionMismatch",
         [](Asked& a) { a.further = {crypto::make_name_constraints({"dns:example.com"}, {}).value()}; }},
        {"ca", "ExtensionForbidden",
         [](Asked& a) {
             a.further = {crypto::make_basic_constraints({true, {}})};
         }},
        {"more_key_usage", "KeyUsageMismatch", [](Asked& a) { a.key_usage = crypto::KeyUsage{0xb0}; }},
        {"less_key_usage", "KeyUsageMismatch", [](Asked& a) { a.key_usage = crypto::KeyUsage{0x80}; }},
        {"no_key_usage", "KeyUsageMismatch", [](Asked& a) { a.key_usage.reset(); }},
        {"bigger_eku", "EnhancedKeyUsageMismatch",
         [](Asked& a) { a.extended_key_usage.emplace_back("1.3.6.1.5.5.7.3.1"); }},
        {"another_eku", "EnhancedKeyUsageMismatch", [](Asked& a) { a.extended_key_usage = {"1.3.6.1.5.5.7.3.1"}; }},
        {"any_eku", "EnhancedKeyUsageMismatch", [](Asked& a) { a.extended_key_usage.emplace_back("2.5.29.37.0"); }},
        {"no_eku", "EnhancedKeyUsageMissing", [](Asked& a) { a.extended_key_usage.clear(); }},
        {"another_kind_of_key", "KeyAlgorithmMismatch", [](Asked& a) { a.key = &countersign::test::p256_key(); }},
    };
    return all;
}

class Matrix : public testing::TestWithParam<Difference> {};

TEST_P(Matrix, OneDifferenceIsRefusedByItsName) {
    Asked asked;
    GetParam().change(asked);
    const auto request = asked.request();
    const auto decision = judged(request);
    EXPECT_THAT(refusals(decision), Contains(GetParam().code)) << verdict(decision);
    const auto* deny = std::get_if<Deny>(&decision);
    ASSERT_NE(deny, nullptr);
    EXPECT_TRUE(deny->mismatch || GetParam().name == "ca");
}

INSTANTIATE_TEST_SUITE_P(Every, Matrix, testing::ValuesIn(differences()),
                         [](const auto& one) { return one.param.name; });

TEST(ExactTerms, TheExactMatchPassesAndIsWhatIsPlanned) {
    const auto request = Asked{}.request();
    const auto decision = judged(request);
    ASSERT_TRUE(allowed(decision)) << verdict(decision);
    const auto& plan = plan_of(decision);
    EXPECT_EQ(plan.subject.text(), subject);
    EXPECT_EQ(san_texts(plan), sans);
    EXPECT_EQ(plan.key_usage, crypto::KeyUsage{0xa0});
    EXPECT_EQ(plan.extended_key_usage, Texts{std::string(oid::client_auth)}) << "narrower than the template";
    EXPECT_EQ(plan.not_after, now() + generous().validity);
    Asked reordered;
    reordered.sans = {sans[1], sans[0]};
    EXPECT_TRUE(allowed(judged(reordered.request()))) << "SANs are a set";
    Asked with_harmless;
    with_harmless.further = {crypto::make_subject_key_identifier(Bytes(20, 7)), crypto::make_basic_constraints({})};
    EXPECT_TRUE(allowed(judged(with_harmless.request())));
}

// Each member of the challenge moved away from the request that would match.
TEST(ExactTerms, EveryMemberOfTheChallengeCounts) {
    const auto request = Asked{}.request();
    const auto codes_with = [&](const std::function<void(Expectation&)>& change) {
        auto expectation = challenge();
        change(expectation);
        return refusals(judged(request, expectation));
    };
    EXPECT_THAT(codes_with([](auto&) {}), IsEmpty());
    EXPECT_THAT(codes_with([](auto& e) { e.subject = ""; }), Contains("SubjectNameMismatch")) << "empty restricts too";
    EXPECT_THAT(codes_with([](auto& e) { e.sans = {}; }), Contains("SubjectAltNameMismatch")) << "likewise";
    EXPECT_THAT(codes_with([](auto& e) { e.template_name = "vpn"; }), Contains("TemplateMismatch"));
    EXPECT_THAT(codes_with([](auto& e) { e.exact->key_bits = 3072; }), Contains("KeyLengthMismatch")) << "a weaker key";
    EXPECT_THAT(codes_with([](auto& e) { e.exact->key_bits = 1024; }), Contains("KeyLengthMismatch")) << "a stronger";
    EXPECT_THAT(codes_with([](auto& e) { e.exact->key_algorithm = crypto::KeyAlgorithm::ec_p384; }),
                Contains("KeyAlgorithmMismatch"));
    EXPECT_THAT(codes_with([](auto& e) { e.exact->public_key = std::string(64, 'a'); }),
                Contains("RegisteredKeyMismatch"));
    EXPECT_THAT(codes_with([&](auto& e) { e.exact->public_key = request.public_key().fingerprint(); }), IsEmpty());
    EXPECT_THAT(codes_with([](auto& e) { e.exact->key_usage = crypto::KeyUsage{0x80}; }), Contains("KeyUsageMismatch"));
    EXPECT_THAT(codes_with([](auto& e) { e.exact->extended_key_usage = Texts{}; }),
                Contains("EnhancedKeyUsageMismatch"));
    EXPECT_THAT(codes_with([](auto& e) { e.exact->subject_patterns = {"CN=printer-*,**"}; }),
                Contains("IssuerNameForbidden"));
    EXPECT_THAT(codes_with([](auto& e) { e.exact->subject_patterns = {"CN=device-*"}; }),
                Contains("IssuerNameForbidden"))
        << "patterns stop at the next attribute";
    EXPECT_THAT(codes_with([](auto& e) { e.exact->san_patterns = {"dns:*.example.com"}; }),
                Contains("IssuerNameForbidden"))
        << "the upn fits none";
    EXPECT_THAT(codes_with([](auto& e) {
                    e.exact->subject_patterns = {"CN=device-*,OU=*,O=Example"};
                    e.exact->san_patterns = {"dns:*.example.com", "upn:*@example.com"};
                }),
                IsEmpty());
    EXPECT_THAT(codes_with([](auto& e) { e.exact->validity = std::chrono::days{366}; }), Contains("ValidityMismatch"));
}

TEST(ExactTerms, WhatTheChallengeLeavesOutIsTheTemplates) {
    Asked asked;
    asked.key_usage.reset();
    asked.extended_key_usage.clear();
    auto expectation = challenge();
    expectation.exact = crypto::CertificateTerms{};
    const auto request = asked.request();
    const auto decision = judged(request, expectation);
    ASSERT_TRUE(allowed(decision)) << verdict(decision);
    EXPECT_EQ(plan_of(decision).extended_key_usage, generous().extended_key_usage);
}

TEST(ExactTerms, TheChallengeNarrowsTheTemplateAndNeverWidensIt) {
    const auto request = Asked{}.request();
    auto expectation = challenge();
    expectation.exact->validity = std::chrono::days{30};
    const auto decision = judged(request, expectation);
    EXPECT_EQ(plan_of(decision).not_after, now() + std::chrono::days{30});
    auto narrow = generous();
    narrow.extended_key_usage = {"1.3.6.1.5.5.7.3.4"};
    EXPECT_THAT(refusals(judged(request, challenge(), narrow)), Contains("EnhancedKeyUsageMismatch"));
    narrow = generous();
    narrow.key_usage = crypto::usage::digital_signature;
    EXPECT_THAT(refusals(judged(request, challenge(), narrow)), Contains("KeyUsageMismatch"));
    narrow = generous();
    narrow.names.san_types = {"dns"};
    EXPECT_THAT(refusals(judged(request, challenge(), narrow)), Contains("SubjectAltNameForbidden"))
        << "the template's own rules hold for every challenge";
}

TEST(ExactTerms, AnEmptySubjectCanBeWhatIsMeant) {
    Asked asked;
    asked.subject = "";
    auto expectation = challenge();
    expectation.subject = "";
    const auto request = asked.request();
    EXPECT_TRUE(allowed(judged(request, expectation))) << verdict(judged(request, expectation));
}

TEST(ExactTerms, TheEncodingOfAStringIsNoDifference) {
    const auto bmp = request_named("subject-bmp");
    Expectation expectation;
    expectation.subject = request_named("subject-umlaut").subject().text();
    expectation.exact = crypto::CertificateTerms{};
    EXPECT_TRUE(allowed(judged(bmp, expectation))) << verdict(judged(bmp, expectation));
}

}  // namespace
}  // namespace countersign::policy::test
