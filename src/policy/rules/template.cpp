#include "case.hpp"
#include "countersign/crypto/oid.hpp"

#include <algorithm>
#include <array>

namespace countersign::policy {

bool forbidden_usage(std::string_view oid) {
    constexpr std::array forbidden{oid::any_extended_key_usage, oid::ms_certificate_request_agent, oid::ocsp_signing,
                                   oid::code_signing};
    return std::ranges::find(forbidden, oid) != forbidden.end();
}

void check_template(Case& c) {
    const auto& rules = c.rules;
    if (rules.extended_key_usage.empty()) {
        c.refuse("TemplateUnsafe", "template " + rules.name +
                                       " names no extended key usage: its certificates would be good for any purpose");
    }
    for (const auto& oid : rules.extended_key_usage) {
        if (!forbidden_usage(oid)) continue;
        c.refuse("TemplateUnsafe", "template " + rules.name + " would issue the extended key usage " +
                                       crypto::extended_key_usage_name(oid) + ", which no RA may hand out");
    }
    constexpr crypto::KeyUsage authority = crypto::usage::key_cert_sign | crypto::usage::crl_sign;
    if (((rules.key_usage.value_or(0) | rules.key_usage_allowed) & authority) != 0) {
        c.refuse("TemplateUnsafe", "template " + rules.name + " allows key usages of a CA");
    }
    if (rules.validity <= std::chrono::minutes{0} || rules.backdate < std::chrono::minutes{0}) {
        c.refuse("TemplateUnsafe", "template " + rules.name + " has no positive validity");
    }
}

void plan_validity(Case& c) {
    const auto whole_seconds = [](Time time) { return Time{std::chrono::floor<std::chrono::seconds>(time)}; };
    c.plan.not_before = whole_seconds(c.now - c.rules.backdate);
    c.plan.not_after = whole_seconds(c.now + c.rules.validity);
}

}  // namespace countersign::policy
