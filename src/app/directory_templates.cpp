#include "directory_templates.hpp"

#include "countersign/core/text.hpp"
#include "template_settings.hpp"

#include <algorithm>
#include <set>

namespace countersign::app {
namespace {

using config::Finding;
using config::FindingLevel;

FindingLevel level_of(ca::TemplateRemark::Weight weight) {
    using enum ca::TemplateRemark::Weight;
    switch (weight) {
        case fine: return FindingLevel::note;
        case warning: return FindingLevel::warning;
        case error: break;
    }
    return FindingLevel::error;
}

std::set<std::string> templates_used_with(const config::Settings& settings, const std::string& ca) {
    std::set<std::string> used;
    for (const auto& [name, profile] : settings.profiles) {
        if (profile.ca != ca) continue;
        used.insert({profile.template_signature, profile.template_encryption, profile.template_general_purpose});
    }
    std::erase_if(used, [&](const auto& one) { return !settings.templates.contains(one); });
    return used;
}

Result<ca::ExpectedTemplate> expected_of(const config::TemplateSettings& settings, const config::CaSettings& ca) {
    TRY(const auto rules, to_template(settings));
    ca::ExpectedTemplate expected;
    expected.countersigned = ca.request_format != "pkcs10";
    const auto& algorithms = settings.key_algorithms;
    if (std::ranges::find(algorithms, "rsa") != algorithms.end()) expected.rsa_bits_min = settings.rsa_bits_min;
    expected.longest = rules.validity + std::chrono::minutes{ca.clock_slack_minutes};
    expected.key_usage = rules.key_usage;
    expected.extended_key_usage = rules.extended_key_usage;
    return expected;
}

Result<std::vector<ca::TemplateRemark>> remarks_about(const config::TemplateSettings& rules, const std::string& ca_name,
                                                      const config::CaSettings& ca, ByteView policies,
                                                      const crypto::Certificate& issuer) {
    TRY(const auto expected, expected_of(rules, ca));
    TRY(const auto found, ca::template_in(policies, ca_name, issuer));
    return ca::judge_template(found, expected);
}

}  // namespace

void check_directory_templates(const config::Settings& settings, const std::string& name,
                               const crypto::Certificate& issuer, Random& random, std::vector<Finding>& findings) {
    const auto& ca = settings.ca.at(name);
    if (ca.policy_url.empty()) {
        if (ca.request_format == "pkcs10") return;
        findings.push_back({FindingLevel::warning, ca.place,
                            "whether the CA's templates demand our agent's signature cannot be seen from here",
                            "write policy_url, or look at Issuance Requirements of the template: docs/ca-adcs.md"});
        return;
    }
    const auto complain = [&](const Error& error) {
        findings.push_back({FindingLevel::warning, ca.place, error.detail,
                            "whether the templates demand our agent's signature is not known: docs/ca-adcs.md"});
    };
    const auto service = open_policy_service(name, ca, settings, random);
    if (!service) return complain(service.error());
    const auto policies = (*service)->policies();
    if (!policies) return complain(policies.error());
    const auto ca_names = ca_template_names(settings);
    for (const auto& used : templates_used_with(settings, name)) {
        const auto& rules = settings.templates.at(used);
        const auto& ca_name = ca_names.at(used);
        const std::string which = "template " + printable(ca_name, 80) + " of " + "ca." + name + ": ";
        const auto remarks = remarks_about(rules, ca_name, ca, *policies, issuer);
        if (!remarks) {
            const bool unknown = remarks.error().kind == ErrorKind::not_found;
            findings.push_back({unknown ? FindingLevel::error : FindingLevel::warning, rules.place,
                                which + remarks.error().detail,
                                unknown ? "write the template's name, not its display name, as ca_name, and grant our "
                                          "account Read and Enroll on it"
                                        : "look at Issuance Requirements of the template: docs/ca-adcs.md",
                                false});
            continue;
        }
        for (const auto& remark : *remarks)
            findings.push_back({level_of(remark.weight), rules.place, which + remark.problem, remark.remedy, false});
    }
}

}  // namespace countersign::app
