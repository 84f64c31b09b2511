// Requests, templates and verdicts for the policy tests.
#pragma once

#include "countersign/crypto/oid.hpp"
#include "countersign/policy/judge.hpp"
#include "fixed_clock.hpp"
#include "vectors.hpp"

#include <algorithm>
#include <functional>
#include <set>
#include <string>

namespace countersign::policy::test {

using crypto::CertificateRequest;

inline Time now() {
    return countersign::test::FixedClock().now();
}

// One of tests/vectors/policy, made by the openssl command line.
inline CertificateRequest request_named(const std::string& name) {
    return CertificateRequest::from_pem(countersign::test::vector_text("policy/" + name + ".pem")).value();
}

inline Template device_template() {
    Template rules;
    rules.name = "device";
    rules.extended_key_usage = {std::string(oid::client_auth)};
    rules.signer_key_must_match = false;  // the keys of the vectors sign no message
    return rules;
}

inline Decision judge_request(const CertificateRequest& request, const Template& rules = device_template(),
                              const Expectation& expectation = {}) {
    Facts facts;
    facts.profile = "default";
    facts.request = &request;
    facts.expectation = expectation;
    facts.now = now();
    return judge(facts, rules, now());
}

inline std::multiset<std::string> codes(const std::vector<Finding>& findings) {
    std::multiset<std::string> result;
    for (const auto& finding : findings) result.insert(finding.code);
    return result;
}

// The codes of a denial; empty when it is none.
inline std::multiset<std::string> refusals(const Decision& decision) {
    const auto* deny = std::get_if<Deny>(&decision);
    return deny == nullptr ? std::multiset<std::string>{} : codes(deny->findings);
}

// "allowed" or everything that was found, for messages.
inline std::string verdict(const Decision& decision) {
    const auto* deny = std::get_if<Deny>(&decision);
    return deny == nullptr ? "allowed" : describe(deny->findings);
}

inline std::multiset<std::string> remarks(const Decision& decision) {
    if (const auto* hold = std::get_if<Hold>(&decision)) return codes(hold->remarks);
    const auto* allow = std::get_if<Allow>(&decision);
    return allow == nullptr ? std::multiset<std::string>{"denied"} : codes(allow->remarks);
}

inline bool allowed(const Decision& decision) {
    return std::holds_alternative<Allow>(decision);
}

// Throws for anything but Allow.
inline const crypto::CertificateContent& plan_of(const Decision& decision) {
    return std::get<Allow>(decision).plan;
}

inline std::vector<std::string> san_texts(const crypto::CertificateContent& plan) {
    std::vector<std::string> texts;
    for (const auto& name : plan.subject_alt_names) texts.push_back(crypto::to_text(name));
    return texts;
}

}  // namespace countersign::policy::test
