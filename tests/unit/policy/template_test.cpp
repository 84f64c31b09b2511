#include "cases.hpp"
#include "test_keys.hpp"

#include <gtest/gtest.h>

namespace countersign::policy::test {
namespace {

using Codes = std::multiset<std::string>;
using namespace std::chrono_literals;

struct ThreeTemplates : ::testing::Test {
    Template signature{.name = "sign"}, encryption{.name = "encrypt"}, general{.name = "general"};
    TemplateSet set{&signature, &encryption, &general};

    std::string chosen(const std::string& vector, const std::string& expected = "") const {
        const auto* rules = choose_template(set, request_named(vector), expected);
        return rules == nullptr ? "none" : rules->name;
    }
};

TEST_F(ThreeTemplates, AreChosenByKeyUsageAsNdesDoes) {
    EXPECT_EQ(chosen("usage-signature"), "sign");
    EXPECT_EQ(chosen("usage-encryption"), "encrypt");
    EXPECT_EQ(chosen("usage-both"), "general");
    EXPECT_EQ(chosen("plain"), "general") << "no key usage at all";
    EXPECT_EQ(chosen("usage-data"), "general") << "neither of the two";
    EXPECT_EQ(chosen("usage-ca"), "sign") << "further bits are the template's business";
}

TEST_F(ThreeTemplates, AnExpectationOverrulesOrFindsNothing) {
    EXPECT_EQ(chosen("usage-signature", "encrypt"), "encrypt");
    EXPECT_EQ(chosen("usage-signature", "administrator"), "none");
    set.encryption = nullptr;
    EXPECT_EQ(chosen("usage-signature", "encrypt"), "none");
    EXPECT_EQ(chosen("usage-encryption"), "none");
}

TEST(TemplateRules, TheKeyUsageIsTheTemplatesOrTheRequestsWithinIt) {
    using namespace crypto::usage;
    auto rules = device_template();
    EXPECT_EQ(plan_of(judge_request(request_named("plain"), rules)).key_usage, digital_signature | key_encipherment);
    EXPECT_EQ(plan_of(judge_request(request_named("usage-signature"), rules)).key_usage, digital_signature);
    EXPECT_EQ(plan_of(judge_request(request_named("usage-repudiation"), rules)).key_usage,
              digital_signature | key_encipherment);
    EXPECT_EQ(plan_of(judge_request(request_named("usage-both-ec"), rules)).key_usage, digital_signature);

    rules.key_usage = digital_signature;
    const auto replaced = judge_request(request_named("usage-both"), rules);
    EXPECT_EQ(plan_of(replaced).key_usage, digital_signature);
    EXPECT_EQ(remarks(replaced), Codes{"KeyUsageReplaced"});

    rules.key_usage = key_encipherment;
    EXPECT_EQ(refusals(judge_request(request_named("usage-both-ec"), rules)), Codes{"KeyUsageMismatch"})
        << "EC cannot encipher";
    EXPECT_TRUE(refusals(judge_request(request_named("usage-ca"), rules)).contains("KeyUsageMismatch"))
        << "a CA's usage is refused even where the template would replace it";
}

TEST(TemplateRules, UnsafeTemplatesIssueNothing) {
    const auto request = request_named("plain");
    const auto refused = [&](auto change) {
        auto rules = device_template();
        change(rules);
        return refusals(judge_request(request, rules)) == Codes{"TemplateUnsafe"};
    };
    EXPECT_TRUE(refused([](Template& t) { t.extended_key_usage.clear(); })) << "no EKU is any purpose";
    for (const auto usage :
         {oid::any_extended_key_usage, oid::ms_certificate_request_agent, oid::ocsp_signing, oid::code_signing}) {
        EXPECT_TRUE(refused([&](Template& t) { t.extended_key_usage.emplace_back(usage); })) << usage;
    }
    EXPECT_TRUE(refused(
        [](Template& t) { t.key_usage_allowed = crypto::usage::key_cert_sign | crypto::usage::digital_signature; }));
    EXPECT_TRUE(refused([](Template& t) { t.key_usage = crypto::usage::crl_sign | crypto::usage::digital_signature; }));
    EXPECT_TRUE(refused([](Template& t) { t.validity = 0min; }));
    EXPECT_TRUE(refused([](Template& t) { t.backdate = -1min; }));
    EXPECT_FALSE(refused([](Template& t) { t.extended_key_usage = {std::string(oid::server_auth)}; }));
}

TEST(TemplateRules, ValidityIsWholeSecondsAroundNow) {
    auto rules = device_template();
    rules.validity = 90min;
    rules.backdate = 10min;
    const auto request = request_named("plain");
    Facts facts;
    facts.request = &request;
    const auto decision = judge(facts, rules, now() + 1234ms);
    EXPECT_EQ(plan_of(decision).not_before, now() + 1s - 10min);
    EXPECT_EQ(plan_of(decision).not_after, now() + 1s + 90min);
}

TEST(TemplateRules, AnOfficerApprovesFirstEnrollmentsWhereTheTemplateSaysSo) {
    auto rules = device_template();
    rules.hold_for_approval = true;
    const auto held = judge_request(request_named("application-policies"), rules);
    ASSERT_TRUE(std::holds_alternative<Hold>(held));
    EXPECT_EQ(remarks(held), Codes{"ExtensionDropped"});
    EXPECT_EQ(refusals(judge_request(request_named("ca"), rules)), Codes{"ExtensionForbidden"})
        << "no officer is asked about that";
}

TEST(TemplateRules, TheMessageIsSignedWithTheKeyItIsAbout) {
    auto rules = device_template();
    rules.signer_key_must_match = true;
    const auto request = countersign::test::request_for(countersign::test::rsa_key(0));
    const auto own = countersign::test::self_signed(countersign::test::rsa_key(0));
    const auto foreign = countersign::test::self_signed(countersign::test::rsa_key(1));
    Facts facts;
    facts.request = &request;
    EXPECT_EQ(refusals(judge(facts, rules, now())), Codes{"SignerKeyMismatch"}) << "no signer";
    facts.signer = &foreign;
    EXPECT_EQ(refusals(judge(facts, rules, now())), Codes{"SignerKeyMismatch"});
    facts.signer = &own;
    EXPECT_TRUE(allowed(judge(facts, rules, now())));
    facts.signer = &foreign;
    rules.signer_key_must_match = false;
    EXPECT_TRUE(allowed(judge(facts, rules, now()))) << "a profile for proxying clients";
}

TEST(TemplateRules, NothingToJudgeIsADenial) {
    EXPECT_EQ(refusals(judge(Facts{}, device_template(), now())), Codes{"RequestMissing"});
}

TEST(Findings, AreDescribedOneAfterTheOther) {
    EXPECT_EQ(describe(std::vector<Finding>{}), "");
    EXPECT_EQ(describe(std::vector<Finding>{{"A", "one"}, {"B", "two"}}), "A: one; B: two");
}

}  // namespace
}  // namespace countersign::policy::test
