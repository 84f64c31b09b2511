// Taking away from a plan: for everything that may be taken away, what may not be slipped in beside it.
#include "countersign/policy/narrow.hpp"

#include "cases.hpp"

#include <gmock/gmock.h>

namespace countersign::policy::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using namespace std::chrono_literals;

const Time hour_ago = now() - 1h;
const Time next_year = now() + std::chrono::days{365};

crypto::CertificateContent full_plan() {
    crypto::CertificateContent plan;
    plan.subject = crypto::Name::from_text("CN=device-7,OU=Field,O=Example").value();
    plan.spki = {1, 2, 3};
    for (const char* name : {"dns:a.example", "dns:b.example", "email:a@example", "upn:a@example", "ip:192.0.2.7",
                             "uri:https://a.example/"}) {
        plan.subject_alt_names.push_back(crypto::general_name_from_text(name).value());
    }
    plan.key_usage = crypto::usage::digital_signature | crypto::usage::key_encipherment;
    plan.extended_key_usage = {std::string(oid::client_auth), std::string(oid::email_protection)};
    plan.not_before = hour_ago;
    plan.not_after = next_year;
    return plan;
}

// The codes of what is refused; "narrowed" where nothing is.
std::multiset<std::string> refused(const Narrowing& narrowing) {
    const auto* widened = std::get_if<Widened>(&narrowing);
    return widened == nullptr ? std::multiset<std::string>{"narrowed"} : codes(widened->findings);
}

std::multiset<std::string> refused(const PlanChanges& changes, const crypto::CertificateContent& plan = full_plan()) {
    return refused(narrow(plan, changes, now()));
}

Narrowed left_after(const PlanChanges& changes, const crypto::CertificateContent& plan = full_plan()) {
    return std::get<Narrowed>(narrow(plan, changes, now()));
}

// All that narrowing promises, whatever the changes: there is nothing in `left` that was not in `plan`.
void expect_subset(const crypto::CertificateContent& left, const crypto::CertificateContent& plan) {
    EXPECT_TRUE(left.subject == plan.subject);
    EXPECT_EQ(left.spki, plan.spki);
    for (const auto& name : left.subject_alt_names) {
        EXPECT_NE(std::ranges::find(plan.subject_alt_names, name), plan.subject_alt_names.end());
    }
    EXPECT_EQ(left.key_usage & ~plan.key_usage, 0);
    EXPECT_EQ(left.key_usage == 0, plan.key_usage == 0);
    for (const auto& usage : left.extended_key_usage) {
        EXPECT_NE(std::ranges::find(plan.extended_key_usage, usage), plan.extended_key_usage.end());
    }
    EXPECT_EQ(left.extended_key_usage.empty(), plan.extended_key_usage.empty());
    EXPECT_EQ(left.basic_constraints.ca, plan.basic_constraints.ca);
    EXPECT_EQ(left.basic_constraints.path_length, plan.basic_constraints.path_length);
    EXPECT_EQ(left.further_extensions.size(), plan.further_extensions.size());
    EXPECT_GE(left.not_before, plan.not_before);
    EXPECT_LE(left.not_after, plan.not_after);
}

bool same(const crypto::CertificateContent& a, const crypto::CertificateContent& b) {
    return a.subject == b.subject && a.spki == b.spki && a.subject_alt_names == b.subject_alt_names &&
           a.key_usage == b.key_usage && a.extended_key_usage == b.extended_key_usage && a.not_before == b.not_before &&
           a.not_after == b.not_after;
}

TEST(Narrow, NoChangesLeaveThePlan) {
    const auto left = left_after({});
    EXPECT_TRUE(same(left.plan, full_plan()));
    EXPECT_THAT(left.remarks, IsEmpty());
}

TEST(Narrow, ThePlanRepeatedIsThePlan) {
    const auto plan = full_plan();
    PlanChanges all;
    all.subject = plan.subject.text();
    all.subject_alt_names = san_texts(plan);
    all.key_usage = {"keyEncipherment", "digitalSignature"};
    all.extended_key_usage = {"emailProtection", std::string(oid::client_auth)};
    all.not_before = plan.not_before;
    all.not_after = plan.not_after;
    const auto left = left_after(all);
    EXPECT_TRUE(same(left.plan, plan));
    EXPECT_THAT(left.remarks, IsEmpty());
}

TEST(Narrow, SubjectsStayAsTheyAre) {
    EXPECT_EQ(refused({.subject = "CN=device-7,OU=Field,O=Example"}), (std::multiset<std::string>{"narrowed"}));
    for (const char* other : {"CN=device-8,OU=Field,O=Example", "CN=device-7,O=Example", "CN=device-7", "",
                              "cn=device-7,OU=Field,O=Example", "CN=device-7,OU=Field,O=Example,C=DE"}) {
        EXPECT_EQ(refused({.subject = other}), (std::multiset<std::string>{"SubjectChanged"})) << other;
    }
}

TEST(Narrow, NamesAreTakenAway) {
    const auto left = left_after({.subject_alt_names = {{"upn:a@example", "dns:b.example"}}});
    EXPECT_THAT(san_texts(left.plan), ElementsAre("dns:b.example", "upn:a@example"));
    EXPECT_EQ(codes(left.remarks).count("SubjectAltNameRemoved"), 4U);
    EXPECT_THAT(describe(left.remarks), HasSubstr("dns:a.example"));
    expect_subset(left.plan, full_plan());
    EXPECT_THAT(left_after({.subject_alt_names = {std::vector<std::string>{}}}).plan.subject_alt_names, IsEmpty());
}

TEST(Narrow, NamesAreNotAdded) {
    for (const char* name :
         {"dns:c.example", "dns:A.example", "dns:a.example.", "dns:*.example", "email:a.example", "upn:b@example",
          "ip:192.0.2.8", "a.example", "dns:", "", "uri:tag:microsoft.com,2022-09-14:sid:S-1-5-21-1-2-3-500",
          "dns:a.example\ndns:c.example"}) {
        const PlanChanges changes{.subject_alt_names = {{"dns:a.example", name}}};
        EXPECT_EQ(refused(changes), (std::multiset<std::string>{"SubjectAltNameAdded"})) << name;
    }
    const PlanChanges two{.subject_alt_names = {{"dns:c.example", "dns:d.example"}}};
    EXPECT_EQ(refused(two), (std::multiset<std::string>{"SubjectAltNameAdded", "SubjectAltNameAdded"}));
}

TEST(Narrow, SomebodyMustBeNamed) {
    auto nameless = full_plan();
    nameless.subject = {};
    EXPECT_EQ(refused({.subject_alt_names = {std::vector<std::string>{}}}, nameless),
              (std::multiset<std::string>{"SubjectAltNameEmpty"}));
    EXPECT_THAT(san_texts(left_after({.subject_alt_names = {{"dns:a.example"}}}, nameless).plan),
                ElementsAre("dns:a.example"));
}

TEST(Narrow, KeyUsagesAreTakenAway) {
    const auto left = left_after({.key_usage = {{"digitalSignature"}}});
    EXPECT_EQ(left.plan.key_usage, crypto::usage::digital_signature);
    EXPECT_EQ(codes(left.remarks), (std::multiset<std::string>{"KeyUsageRemoved"}));
    expect_subset(left.plan, full_plan());
}

TEST(Narrow, KeyUsagesAreNotAdded) {
    for (const char* usage : {"keyCertSign", "cRLSign", "keyAgreement", "contentCommitment", "nonRepudiation",
                              "dataEncipherment", "signing", "", "0x80"}) {
        const PlanChanges changes{.key_usage = {{"digitalSignature", usage}}};
        EXPECT_EQ(refused(changes), (std::multiset<std::string>{"KeyUsageAdded"})) << usage;
    }
}

TEST(Narrow, NoKeyUsageAtAllWouldBeEveryKeyUsage) {
    EXPECT_EQ(refused({.key_usage = {std::vector<std::string>{}}}), (std::multiset<std::string>{"KeyUsageEmpty"}));
    auto unrestricted = full_plan();
    unrestricted.key_usage = 0;
    EXPECT_EQ(left_after({.key_usage = {std::vector<std::string>{}}}, unrestricted).plan.key_usage, 0);
}

TEST(Narrow, BitsThatRestrictKeyAgreementAreNotTakenFromIt) {
    auto agreeing = full_plan();
    agreeing.key_usage = crypto::usage::key_agreement | crypto::usage::encipher_only | crypto::usage::digital_signature;
    EXPECT_EQ(refused({.key_usage = {{"keyAgreement"}}}, agreeing), (std::multiset<std::string>{"KeyUsageAdded"}));
    EXPECT_EQ(left_after({.key_usage = {{"digitalSignature"}}}, agreeing).plan.key_usage,
              crypto::usage::digital_signature);
    EXPECT_EQ(left_after({.key_usage = {{"keyAgreement", "encipherOnly"}}}, agreeing).plan.key_usage,
              crypto::usage::key_agreement | crypto::usage::encipher_only);
}

TEST(Narrow, ExtendedKeyUsagesAreTakenAwayByNameOrNumber) {
    for (const std::string& kept : {std::string("clientAuth"), std::string(oid::client_auth)}) {
        const auto left = left_after({.extended_key_usage = {{kept}}});
        EXPECT_THAT(left.plan.extended_key_usage, ElementsAre(std::string(oid::client_auth)));
        EXPECT_EQ(codes(left.remarks), (std::multiset<std::string>{"EnhancedKeyUsageRemoved"}));
        expect_subset(left.plan, full_plan());
    }
}

TEST(Narrow, ExtendedKeyUsagesAreNotAdded) {
    for (const std::string& usage : {std::string("serverAuth"), std::string(oid::any_extended_key_usage),
                                     std::string(oid::ms_certificate_request_agent), std::string("codeSigning"),
                                     std::string("nonsense"), std::string(), std::string("1.3.6.1.5.5.7.3.02")}) {
        const PlanChanges changes{.extended_key_usage = {{"clientAuth", usage}}};
        EXPECT_EQ(refused(changes), (std::multiset<std::string>{"EnhancedKeyUsageAdded"})) << usage;
    }
}

TEST(Narrow, NoExtendedKeyUsageAtAllWouldBeEveryPurpose) {
    EXPECT_EQ(refused({.extended_key_usage = {std::vector<std::string>{}}}),
              (std::multiset<std::string>{"EnhancedKeyUsageEmpty"}));
}

TEST(Narrow, LivesAreShortened) {
    const auto left = left_after({.not_before = now(), .not_after = now() + 24h});
    EXPECT_EQ(left.plan.not_before, now());
    EXPECT_EQ(left.plan.not_after, now() + 24h);
    EXPECT_EQ(codes(left.remarks), (std::multiset<std::string>{"ValidityShortened"}));
    expect_subset(left.plan, full_plan());
    // One end alone leaves the other.
    EXPECT_EQ(left_after({.not_after = now() + 24h}).plan.not_before, hour_ago);
    EXPECT_EQ(left_after({.not_before = now() + 24h}).plan.not_after, next_year);
}

TEST(Narrow, LivesAreNotLengthened) {
    for (const auto& changes :
         {PlanChanges{.not_before = hour_ago - 1s}, PlanChanges{.not_after = next_year + 1s},
          PlanChanges{.not_before = now(), .not_after = next_year + 1s}, PlanChanges{.not_after = Time::max()},
          PlanChanges{.not_before = hour_ago - 1s, .not_after = now() + 1h}}) {
        EXPECT_EQ(refused(changes), (std::multiset<std::string>{"ValidityWidened"}));
    }
}

TEST(Narrow, LivesDoNotEndBeforeTheyBegin) {
    for (const auto& changes :
         {PlanChanges{.not_after = now()}, PlanChanges{.not_after = hour_ago}, PlanChanges{.not_before = next_year},
          PlanChanges{.not_before = now() + 2h, .not_after = now() + 1h}}) {
        EXPECT_EQ(refused(changes), (std::multiset<std::string>{"ValidityEmpty"}));
    }
    EXPECT_EQ(left_after({.not_after = now() + 1s}).plan.not_after, now() + 1s);
}

TEST(Narrow, PartsOfASecondAreNoDifference) {
    auto plan = full_plan();
    plan.not_before += 900ms;
    plan.not_after += 900ms;
    const auto left = left_after({.not_before = hour_ago, .not_after = next_year}, plan);
    EXPECT_GE(left.plan.not_before, plan.not_before);
    EXPECT_LE(left.plan.not_after, plan.not_after);
    EXPECT_THAT(left.remarks, IsEmpty());
}

TEST(Narrow, OneThingTooManyRefusesTheRestToo) {
    const PlanChanges changes{.subject = "CN=root",
                              .subject_alt_names = {{"dns:evil.example"}},
                              .key_usage = {{"keyCertSign"}},
                              .extended_key_usage = {{"serverAuth"}},
                              .not_after = next_year + 1h};
    EXPECT_EQ(refused(changes),
              (std::multiset<std::string>{"SubjectChanged", "SubjectAltNameAdded", "KeyUsageAdded", "KeyUsageEmpty",
                                          "EnhancedKeyUsageAdded", "EnhancedKeyUsageEmpty", "ValidityWidened"}));
    EXPECT_EQ(refused({.subject_alt_names = {{"dns:a.example"}}, .key_usage = {{"digitalSignature", "cRLSign"}}}),
              (std::multiset<std::string>{"KeyUsageAdded"}));
}

// Every combination of parts of the plan, and of one stranger with them.
TEST(Narrow, WhateverIsKeptIsOfThePlan) {
    const auto plan = full_plan();
    const std::vector<std::string> sans{"dns:a.example", "upn:a@example", "dns:stranger.example"};
    const std::vector<std::string> usages{"digitalSignature", "keyEncipherment", "keyCertSign"};
    const std::vector<std::string> purposes{"clientAuth", "emailProtection", "serverAuth"};
    const auto chosen = [](const std::vector<std::string>& all, unsigned bits) {
        std::vector<std::string> some;
        for (std::size_t i = 0; i < all.size(); ++i) {
            if ((bits >> i & 1U) != 0) some.push_back(all[i]);
        }
        return some;
    };
    int narrowed = 0;
    for (unsigned bits = 0; bits < 512; ++bits) {
        PlanChanges changes;
        changes.subject_alt_names = chosen(sans, bits & 7U);
        changes.key_usage = chosen(usages, bits >> 3U & 7U);
        changes.extended_key_usage = chosen(purposes, bits >> 6U & 7U);
        const bool stranger = (bits & 4U) != 0 || (bits & 32U) != 0 || (bits & 256U) != 0;
        const bool empty = (bits >> 3U & 7U) == 0 || (bits >> 6U & 7U) == 0;
        const auto narrowing = narrow(plan, changes, now());
        const auto* left = std::get_if<Narrowed>(&narrowing);
        ASSERT_EQ(left != nullptr, !stranger && !empty) << bits;
        if (left == nullptr) continue;
        ++narrowed;
        expect_subset(left->plan, plan);
    }
    EXPECT_EQ(narrowed, 4 * 3 * 3);
}

TEST(Narrow, ForeignTextIsFitForTheLog) {
    const auto narrowing = narrow(full_plan(), {.subject_alt_names = {{"dns:a\nb\x1b[31m"}}}, now());
    EXPECT_THAT(describe(std::get<Widened>(narrowing).findings), testing::Not(HasSubstr("\n")));
}

}  // namespace
}  // namespace countersign::policy::test
