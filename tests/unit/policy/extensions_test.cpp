// Design invariant 2: from the request only the public key and allowed names pass.
#include "cases.hpp"

#include <gtest/gtest.h>

namespace countersign::policy::test {
namespace {

using Codes = std::multiset<std::string>;

struct Row {
    std::string vector;
    Codes refused;  // empty: allowed
    Codes dropped;
    friend std::ostream& operator<<(std::ostream& out, const Row& row) { return out << row.vector; }
};
class RequestRow : public ::testing::TestWithParam<Row> {};

TEST_P(RequestRow, IsJudged) {
    const auto request = request_named(GetParam().vector);
    const auto decision = judge_request(request);
    EXPECT_EQ(refusals(decision), GetParam().refused) << verdict(decision);
    if (allowed(decision)) {
        EXPECT_EQ(remarks(decision), GetParam().dropped);
    }
}

// Whatever was asked for, this is all that is ever planned.
TEST_P(RequestRow, NothingForeignEntersThePlan) {
    const auto request = request_named(GetParam().vector);
    const auto decision = judge_request(request);
    if (!allowed(decision)) return;
    const auto& plan = plan_of(decision);
    EXPECT_TRUE(equal(plan.spki, request.public_key().spki()));
    EXPECT_TRUE(plan.further_extensions.empty());
    EXPECT_FALSE(plan.basic_constraints.ca);
    EXPECT_FALSE(plan.basic_constraints.path_length);
    EXPECT_EQ(plan.extended_key_usage, std::vector<std::string>{std::string(oid::client_auth)});
    constexpr crypto::KeyUsage both = crypto::usage::digital_signature | crypto::usage::key_encipherment;
    EXPECT_EQ(plan.key_usage & ~both, 0);
    EXPECT_NE(plan.key_usage, 0);
}

// With strict_extensions every drop but the harmless is a refusal.
TEST_P(RequestRow, StrictTemplatesRefuseWhatOthersDrop) {
    auto rules = device_template();
    rules.strict_extensions = true;
    const auto request = request_named(GetParam().vector);
    const auto decision = judge_request(request, rules);
    if (!allowed(decision)) return;
    for (const auto& code : remarks(decision)) {
        const bool harmless = code == "AttributeDropped" || code == "SubjectAltNameDropped" ||
                              code == "SubjectNameRewritten" ||
                              (code == "KeyUsageDropped" && GetParam().vector == "usage-both-ec") ||
                              (code == "ExtensionDropped" && GetParam().vector == "key-identifier");
        EXPECT_TRUE(harmless) << code;
    }
}

INSTANTIATE_TEST_SUITE_P(
    OpenSslRequests, RequestRow,
    ::testing::Values(
        Row{"plain", {}, {}}, Row{"attribute", {}, {"AttributeDropped"}}, Row{"usage-signature", {}, {}},
        Row{"usage-encryption", {}, {}}, Row{"usage-both", {}, {}}, Row{"usage-repudiation", {}, {"KeyUsageDropped"}},
        Row{"usage-data", {"KeyUsageMismatch"}, {}}, Row{"usage-ca", {"KeyUsageMismatch"}, {}},
        Row{"usage-both-ec", {}, {"KeyUsageDropped"}}, Row{"purpose-client", {}, {}},
        Row{"purpose-server", {}, {"EnhancedKeyUsageDropped"}}, Row{"purpose-any", {"EnhancedKeyUsageMismatch"}, {}},
        Row{"purpose-agent", {"EnhancedKeyUsageMismatch"}, {}}, Row{"purpose-ocsp", {"EnhancedKeyUsageMismatch"}, {}},
        Row{"purpose-code", {"EnhancedKeyUsageMismatch"}, {}}, Row{"ca", {"ExtensionForbidden"}, {}},
        Row{"ca-critical", {"ExtensionForbidden"}, {}}, Row{"no-ca", {}, {}},
        Row{"security-identifier", {}, {"ExtensionDropped"}}, Row{"application-policies", {}, {"ExtensionDropped"}},
        Row{"template-name", {}, {"ExtensionDropped"}}, Row{"template-oid", {}, {"ExtensionDropped"}},
        Row{"certificate-policies", {}, {"ExtensionDropped"}}, Row{"name-constraints", {"ExtensionForbidden"}, {}},
        Row{"must-staple", {}, {"ExtensionDropped"}}, Row{"crl-url", {}, {"ExtensionDropped"}},
        Row{"issuer-url", {}, {"ExtensionDropped"}}, Row{"unknown", {}, {"ExtensionDropped"}},
        Row{"unknown-critical", {"ExtensionForbidden"}, {}}, Row{"key-identifier", {}, {"ExtensionDropped"}},
        Row{"san-dns", {}, {}}, Row{"san-mixed", {}, {}}, Row{"san-twice", {}, {"SubjectAltNameDropped"}},
        Row{"san-wildcard", {"SubjectAltNameForbidden"}, {}}, Row{"san-wildcard-inside", {"SubjectAltNameInvalid"}, {}},
        Row{"san-wildcard-top", {"SubjectAltNameInvalid"}, {}}, Row{"san-empty-label", {"SubjectAltNameInvalid"}, {}},
        Row{"san-final-dot", {"SubjectAltNameInvalid"}, {}}, Row{"san-space", {"SubjectAltNameInvalid"}, {}},
        Row{"san-email-list", {"SubjectAltNameInvalid"}, {}}, Row{"san-uri-relative", {"SubjectAltNameInvalid"}, {}},
        Row{"san-rid", {"SubjectAltNameForbidden"}, {}}, Row{"san-other", {"SubjectAltNameForbidden"}, {}},
        Row{"san-directory", {"SubjectAltNameForbidden"}, {}}, Row{"san-sid", {"SubjectAltNameForbidden"}, {}},
        Row{"san-sid-upper", {"SubjectAltNameForbidden"}, {}}, Row{"san-many", {"SubjectAltNameForbidden"}, {}},
        Row{"subject-two-names", {"SubjectNameInvalid"}, {}}, Row{"subject-multi-valued", {}, {}},
        Row{"subject-twice-in-one", {"SubjectNameInvalid", "SubjectNameInvalid"}, {}}, Row{"subject-router", {}, {}},
        Row{"subject-role", {"SubjectNameForbidden"}, {}}, Row{"subject-admins", {}, {}}, Row{"subject-comma", {}, {}},
        Row{"subject-reversed", {"SubjectNameInvalid"}, {}}, Row{"subject-umlaut", {}, {}},
        Row{"subject-bmp", {}, {"SubjectNameRewritten"}}, Row{"subject-t61", {}, {"SubjectNameRewritten"}},
        Row{"empty-subject", {"SubjectNameMissing"}, {}}, Row{"empty-subject-san", {"SubjectNameMissing"}, {}}));

// A CA of somebody else's gets the request as it is: AD CS would copy whose account it is, memberships and usages.
TEST(Extensions, WhatAnotherCaMightCopyIsRefusedForIt) {
    const auto judged = [](const std::string& vector, const Template& rules) {
        const auto request = request_named(vector);
        Facts facts;
        facts.request = &request;
        facts.now = now();
        facts.ca_sees_request = true;
        return judge(facts, rules, now());
    };
    const auto rules = device_template();
    for (const char* vector : {"security-identifier", "certificate-policies", "application-policies"})
        EXPECT_EQ(refusals(judged(vector, rules)), Codes{"ExtensionForbidden"}) << vector;
    for (const char* vector :
         {"plain", "template-name", "must-staple", "key-identifier", "unknown", "application-policies-client"})
        EXPECT_EQ(refusals(judged(vector, rules)), Codes{}) << vector;
}

// An extension that cannot be read is not an absent one: the parser refuses the request, or the rules do.
TEST(Extensions, UnreadableOnesAreRefused) {
    const std::vector<std::pair<std::string, std::string>> unreadable{{"usage-unreadable", "KeyUsageMismatch"},
                                                                      {"purpose-empty", "EnhancedKeyUsageMismatch"},
                                                                      {"san-none", "SubjectAltNameInvalid"},
                                                                      {"san-short-address", "SubjectAltNameInvalid"}};
    for (const auto& [name, code] : unreadable) {
        const auto request = CertificateRequest::from_pem(countersign::test::vector_text("policy/" + name + ".pem"));
        if (request) {
            EXPECT_TRUE(refusals(judge_request(*request)).contains(code)) << name;
        } else {
            EXPECT_EQ(request.error().kind, ErrorKind::malformed) << name;
        }
    }
}

TEST(Extensions, EveryFindingIsReported) {
    const auto request = request_named("everything");
    const auto decision = judge_request(request);
    const Codes expected{"ExtensionForbidden",        // CA:TRUE
                         "KeyUsageMismatch",          // keyCertSign
                         "EnhancedKeyUsageMismatch",  // anyExtendedKeyUsage
                         "SubjectAltNameForbidden",   // wildcard
                         "SubjectAltNameForbidden",   // registered id
                         "ExtensionForbidden"};       // critical and unknown
    EXPECT_EQ(refusals(decision), expected) << verdict(decision);
    EXPECT_FALSE(std::get<Deny>(decision).mismatch) << "a bad request, but no challenge was contradicted";
}

TEST(Extensions, StrictTemplatesRefuseEachOfThem) {
    auto rules = device_template();
    rules.strict_extensions = true;
    for (const std::string name : {"security-identifier", "application-policies", "template-name",
                                   "certificate-policies", "must-staple", "crl-url", "unknown"}) {
        EXPECT_EQ(refusals(judge_request(request_named(name), rules)), Codes{"ExtensionForbidden"}) << name;
    }
    EXPECT_TRUE(allowed(judge_request(request_named("plain"), rules)));
    EXPECT_TRUE(allowed(judge_request(request_named("no-ca"), rules)));
    EXPECT_EQ(refusals(judge_request(request_named("purpose-server"), rules)), Codes{"EnhancedKeyUsageDropped"});
    EXPECT_EQ(refusals(judge_request(request_named("usage-repudiation"), rules)), Codes{"KeyUsageDropped"});
}

}  // namespace
}  // namespace countersign::policy::test
