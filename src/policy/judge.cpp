#include "countersign/policy/judge.hpp"

#include "rules/case.hpp"

namespace countersign::policy {

const Template* choose_template(const TemplateSet& set, const crypto::CertificateRequest& request,
                                const std::string& expected) {
    if (!expected.empty()) {
        for (const auto* rules : {set.signature, set.encryption, set.general_purpose}) {
            if (rules != nullptr && rules->name == expected) return rules;
        }
        return nullptr;
    }
    constexpr crypto::KeyUsage both = crypto::usage::digital_signature | crypto::usage::key_encipherment;
    switch (request.key_usage().value_or(0) & both) {
        case crypto::usage::digital_signature: return set.signature;
        case crypto::usage::key_encipherment: return set.encryption;
        default: return set.general_purpose;
    }
}

Decision judge(const Facts& facts, const Template& rules, Time now) {
    if (facts.request == nullptr) return Deny{{{"RequestMissing", "there is no request to judge"}}, false};
    Case c{.facts = facts, .rules = rules, .now = now};
    check_template(c);
    plan_key(c);
    plan_validity(c);
    plan_usages(c);
    plan_subject(c);
    plan_alt_names(c);
    check_extensions(c);
    check_expectation(c);
    if (facts.purpose == Purpose::renew) check_renewal(c);

    if (!c.findings.empty()) return Deny{std::move(c.findings), c.mismatch};
    // A renewal keeps the names an officer has seen, unless the template lets it change them.
    const bool new_names = facts.purpose == Purpose::enroll || !rules.renewal.require_same_subject;
    if (rules.hold_for_approval && new_names) {
        return Hold{std::move(c.plan), "template " + rules.name + " wants an officer's approval", std::move(c.remarks)};
    }
    return Allow{std::move(c.plan), std::move(c.remarks)};
}

std::string describe(const std::vector<Finding>& findings) {
    std::string text;
    for (const auto& finding : findings) {
        if (!text.empty()) text += "; ";
        text += finding.code + ": " + finding.detail;
    }
    return text;
}

}  // namespace countersign::policy
