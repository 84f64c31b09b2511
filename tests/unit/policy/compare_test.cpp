// A CA that returns something else than was planned.
#include "cases.hpp"
#include "test_keys.hpp"

#include <gtest/gtest.h>

namespace countersign::policy::test {
namespace {

using Codes = std::multiset<std::string>;
using crypto::CertificateContent;
using namespace std::chrono_literals;
using countersign::test::rsa_key;

CertificateContent planned() {
    auto plan = countersign::test::content_for(rsa_key(1).public_key(), "CN=device-7,O=Example");
    plan.key_usage = crypto::usage::digital_signature | crypto::usage::key_encipherment;
    plan.extended_key_usage = {std::string(oid::client_auth), std::string(oid::email_protection)};
    plan.subject_alt_names = {crypto::general_name_from_text("dns:a.example.com").value(),
                              crypto::general_name_from_text("ip:192.0.2.1").value()};
    plan.not_before = now();
    plan.not_after = now() + 24h;
    return plan;
}

// What is found when the CA issues the plan with this change.
Codes found(const std::function<void(CertificateContent&)>& change) {
    auto content = planned();
    change(content);
    return codes(compare_with_plan(planned(), countersign::test::issue(content, "CN=Test CA", rsa_key(0))));
}

TEST(Comparison, TheFaithfulCertificateMatches) {
    EXPECT_EQ(found([](auto&) {}), Codes{});
    EXPECT_EQ(found([](auto& c) { std::ranges::reverse(c.extended_key_usage); }), Codes{});
    EXPECT_EQ(found([](auto& c) { std::ranges::reverse(c.subject_alt_names); }), Codes{}) << "a set";
    EXPECT_EQ(found([](auto& c) { c.subject = crypto::Name::from_text("CN=Device-7,O=example").value(); }), Codes{})
        << "RFC 5280 7.1";
}

TEST(Comparison, AShorterValidityIsTheCasRight) {
    EXPECT_EQ(found([](auto& c) { c.not_after -= 1h; }), Codes{});
    EXPECT_EQ(found([](auto& c) { c.not_before += 1h; }), Codes{});
    EXPECT_EQ(found([](auto& c) { c.not_after += 1s; }), Codes{"ValidityMismatch"});
    EXPECT_EQ(found([](auto& c) { c.not_before -= 1s; }), Codes{"ValidityMismatch"});
    EXPECT_EQ(found([](auto& c) { c.not_after = c.not_before; }), Codes{"ValidityMismatch"});
}

TEST(Comparison, WhatACaCopiedFromTheRequestIsFound) {
    const auto with = [](std::string_view type, const Bytes& value) {
        return found([&](auto& c) { c.further_extensions.push_back({std::string(type), false, value}); });
    };
    const Bytes sid{0x30, 0x03, 0x02, 0x01, 0x05};
    EXPECT_EQ(with(oid::ms_security_identifier, sid), Codes{"SecurityIdentifierMismatch"});
    // 1.3.6.1.5.5.7.3.2 (client authentication, planned), 2.5.29.37.0 (any purpose)
    const Bytes client{0x30, 0x0c, 0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02};
    const Bytes any{0x30, 0x08, 0x30, 0x06, 0x06, 0x04, 0x55, 0x1d, 0x25, 0x00};
    EXPECT_EQ(with(oid::ms_application_policies, client), Codes{}) << "AD CS writes these from its template";
    EXPECT_EQ(with(oid::ms_application_policies, any), Codes{"ApplicationPoliciesMismatch"});
    EXPECT_EQ(with(oid::ms_application_policies, {0x30, 0x00}), Codes{"ApplicationPoliciesMismatch"}) << "unreadable";
    EXPECT_EQ(with(oid::certificate_policies, any), Codes{}) << "the CA's own";
}

TEST(Comparison, EveryDifferenceIsFound) {
    EXPECT_EQ(found([](auto& c) { c.spki = rsa_key(2).spki(); }), Codes{"PublicKeyMismatch"});
    EXPECT_EQ(found([](auto& c) { c.subject = crypto::Name::from_text("CN=admin").value(); }),
              Codes{"SubjectNameMismatch"});
    EXPECT_EQ(found([](auto& c) { c.subject_alt_names.pop_back(); }), Codes{"SubjectAltNameMismatch"});
    EXPECT_EQ(
        found([](auto& c) { c.subject_alt_names.push_back(crypto::general_name_from_text("dns:evil.test").value()); }),
        Codes{"SubjectAltNameMismatch"});
    EXPECT_EQ(found([](auto& c) { c.key_usage |= crypto::usage::content_commitment; }), Codes{"KeyUsageMismatch"});
    EXPECT_EQ(found([](auto& c) { c.key_usage = crypto::usage::digital_signature; }), Codes{"KeyUsageMismatch"});
    EXPECT_EQ(found([](auto& c) { c.key_usage = 0; }), Codes{"KeyUsageMismatch"});
    EXPECT_EQ(found([](auto& c) { c.extended_key_usage.emplace_back(oid::server_auth); }),
              Codes{"EnhancedKeyUsageMismatch"});
    EXPECT_EQ(found([](auto& c) { c.extended_key_usage.pop_back(); }), Codes{"EnhancedKeyUsageMismatch"});
    EXPECT_EQ(found([](auto& c) { c.extended_key_usage.clear(); }), Codes{"EnhancedKeyUsageMismatch"});
    EXPECT_EQ(found([](auto& c) { c.basic_constraints.ca = true; }), Codes{"BasicConstraintsMismatch"});
    EXPECT_EQ(found([](auto& c) {
                  c.spki = rsa_key(2).spki();
                  c.basic_constraints.ca = true;
                  c.not_after += 1h;
              }),
              (Codes{"PublicKeyMismatch", "BasicConstraintsMismatch", "ValidityMismatch"}));
}

TEST(Comparison, FurtherExtensionsOfThePlanMustBeThere) {
    auto plan = planned();
    plan.further_extensions.push_back(crypto::make_name_constraints({"dns:example.com"}, {}).value());
    const auto with = countersign::test::issue(plan, "CN=Test CA", rsa_key(0));
    const auto without = countersign::test::issue(planned(), "CN=Test CA", rsa_key(0));
    EXPECT_EQ(codes(compare_with_plan(plan, with)), Codes{});
    EXPECT_EQ(codes(compare_with_plan(plan, without)), Codes{"ExtensionMissing"});
}

}  // namespace
}  // namespace countersign::policy::test
