#include "issuer_limits.hpp"

#include "countersign/core/text.hpp"
#include "countersign/crypto/oid.hpp"

#include <algorithm>

namespace countersign::ca {
namespace {

bool contains(const std::vector<std::string>& list, std::string_view value) {
    return std::ranges::find(list, value) != list.end();
}

}  // namespace

Result<IssuerLimits> IssuerLimits::of(const std::vector<crypto::Certificate>& path,
                                      std::vector<std::string> configured_usages) {
    IssuerLimits limits;
    for (const auto& ca : path) {
        auto constraints = crypto::NameConstraints::of(ca);
        if (!constraints) return within(printable(ca.subject().text()), constraints.error());
        if (*constraints) limits.name_constraints_.push_back(**std::move(constraints));
        // EKUs in a CA certificate bound those below it, as every verifier in use takes them.
        auto usages = ca.extended_key_usage();
        if (!usages.empty() && !contains(usages, oid::any_extended_key_usage))
            limits.usages_.push_back(std::move(usages));
        limits.not_before_ = std::max(limits.not_before_, ca.not_before());
        limits.not_after_ = std::min(limits.not_after_, ca.not_after());
    }
    if (!configured_usages.empty()) limits.usages_.push_back(std::move(configured_usages));
    return limits;
}

void IssuerLimits::object_to_usages(const crypto::CertificateContent& content,
                                    std::vector<std::string>& objections) const {
    if (content.extended_key_usage.empty() && !usages_.empty()) {
        objections.emplace_back("a certificate for any purpose, under a CA that is limited to some");
    }
    for (const auto& usage : content.extended_key_usage) {
        const bool allowed = usage != oid::any_extended_key_usage &&
                             std::ranges::all_of(usages_, [&](const auto& list) { return contains(list, usage); });
        if (!allowed) objections.push_back("extended key usage " + printable(crypto::extended_key_usage_name(usage)));
    }
}

std::vector<std::string> IssuerLimits::objections(const crypto::CertificateContent& content) const {
    std::vector<std::string> objections;
    object_to_usages(content, objections);
    for (const auto& constraints : name_constraints_) {
        auto violations = constraints.violations(content.subject, content.subject_alt_names);
        objections.insert(objections.end(), violations.begin(), violations.end());
    }
    return objections;
}

}  // namespace countersign::ca
