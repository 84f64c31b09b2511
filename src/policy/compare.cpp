// What came back from the CA against what was approved.
#include "application_policies.hpp"
#include "countersign/core/text.hpp"
#include "countersign/crypto/oid.hpp"
#include "countersign/policy/judge.hpp"

#include <algorithm>
#include <set>

namespace countersign::policy {
namespace {

using Content = crypto::CertificateContent;
using Findings = std::vector<Finding>;

std::set<Bytes> encodings_of(const std::vector<crypto::GeneralName>& names) {
    std::set<Bytes> encodings;
    for (const auto& name : names) encodings.insert(name.der);
    return encodings;
}

void compare_names(const Content& plan, const crypto::Certificate& certificate, Findings& findings) {
    // A CA may write the same name in other string types.
    if (!certificate.subject().matches(plan.subject)) {
        findings.push_back({"SubjectNameMismatch", "issued to " + printable(certificate.subject().text()) +
                                                       ", planned for " + printable(plan.subject.text())});
    }
    if (encodings_of(certificate.subject_alt_names()) != encodings_of(plan.subject_alt_names)) {
        findings.push_back({"SubjectAltNameMismatch", "the alternative names are not those planned"});
    }
}

void compare_usages(const Content& plan, const crypto::Certificate& certificate, Findings& findings) {
    const auto usage = certificate.key_usage().value_or(0);
    if (usage != plan.key_usage || certificate.key_usage().has_value() != (plan.key_usage != 0)) {
        findings.push_back({"KeyUsageMismatch", "issued for " + crypto::describe_key_usage(usage) + ", planned for " +
                                                    crypto::describe_key_usage(plan.key_usage)});
    }
    const auto issued = certificate.extended_key_usage();
    if (std::set<std::string>(issued.begin(), issued.end()) !=
        std::set<std::string>(plan.extended_key_usage.begin(), plan.extended_key_usage.end())) {
        findings.push_back({"EnhancedKeyUsageMismatch", "issued for " + printable(join(issued, ", ")) +
                                                            ", planned for " + join(plan.extended_key_usage, ", ")});
    }
}

void compare_constraints(const Content& plan, const crypto::Certificate& certificate, Findings& findings) {
    const auto constraints = certificate.basic_constraints();
    if (constraints.ca != plan.basic_constraints.ca ||
        (plan.basic_constraints.ca && constraints.path_length != plan.basic_constraints.path_length)) {
        findings.push_back({"BasicConstraintsMismatch", constraints.ca ? "a CA certificate that was not planned"
                                                                       : "not the CA certificate that was planned"});
    }
    for (const auto& planned : plan.further_extensions) {
        const auto same = [&](const crypto::Extension& extension) {
            return extension.oid == planned.oid && extension.critical == planned.critical &&
                   equal(extension.value, planned.value);
        };
        if (std::ranges::none_of(certificate.extensions(), same)) {
            findings.push_back({"ExtensionMissing", "planned extension " + planned.oid + " is absent or different"});
        }
    }
}

// What a CA may have copied from the request behind the plan's back. Other extensions of its own are the CA's right.
void compare_identity(const Content& plan, const crypto::Certificate& certificate, Findings& findings) {
    const auto planned = [&](const crypto::Extension& extension) {
        return std::ranges::any_of(plan.further_extensions,
                                   [&](const crypto::Extension& one) { return one.oid == extension.oid; });
    };
    for (const auto& extension : certificate.extensions()) {
        if (planned(extension)) continue;
        if (extension.oid == oid::ms_security_identifier)
            findings.push_back({"SecurityIdentifierMismatch", "issued with a security identifier, planned without"});
        if (extension.oid == oid::ms_application_policies &&
            !application_policies_within(extension.value, plan.extended_key_usage)) {
            findings.push_back({"ApplicationPoliciesMismatch",
                                "issued with application policies beyond the usages that were planned"});
        }
    }
}

void compare_validity(const Content& plan, const crypto::Certificate& certificate, Findings& findings) {
    const auto seconds = [](Time time) { return std::chrono::floor<std::chrono::seconds>(time); };
    if (seconds(certificate.not_before()) < seconds(plan.not_before) ||
        seconds(certificate.not_after()) > seconds(plan.not_after) ||
        certificate.not_after() <= certificate.not_before()) {
        findings.push_back({"ValidityMismatch", "valid from " + to_rfc3339(certificate.not_before()) + " to " +
                                                    to_rfc3339(certificate.not_after()) + ", planned within " +
                                                    to_rfc3339(plan.not_before) + " and " +
                                                    to_rfc3339(plan.not_after)});
    }
}

}  // namespace

Findings compare_with_plan(const Content& plan, const crypto::Certificate& certificate) {
    Findings findings;
    if (!equal(certificate.public_key().spki(), plan.spki)) {
        findings.push_back({"PublicKeyMismatch", "issued for another key than planned"});
    }
    compare_names(plan, certificate, findings);
    compare_usages(plan, certificate, findings);
    compare_constraints(plan, certificate, findings);
    compare_identity(plan, certificate, findings);
    compare_validity(plan, certificate, findings);
    return findings;
}

}  // namespace countersign::policy
