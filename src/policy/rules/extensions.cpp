// Extensions and attributes of the request that have no place in a plan. A CA of ours never sees them. Any other gets
// the client's request as it is: what would make the certificate somebody else's there, or good for more, if it copied
// it, is refused.
#include "../application_policies.hpp"
#include "case.hpp"
#include "countersign/core/text.hpp"
#include "countersign/crypto/oid.hpp"

#include <algorithm>
#include <array>

namespace countersign::policy {
namespace {

void check_basic_constraints(Case& c, const crypto::Extension& extension) {
    const auto constraints = crypto::parse_basic_constraints(extension.value);
    if (!constraints) return c.refuse("ExtensionForbidden", "the requested basic constraints cannot be read");
    if (constraints->ca)
        c.refuse("ExtensionForbidden", "the request asks for a CA certificate");
    else if (constraints->path_length)
        c.drop("ExtensionDropped", "a path length constraint without being a CA");
}

std::string describe_extension(std::string_view oid) {
    if (oid == oid::ms_security_identifier) return "security identifier (1.3.6.1.4.1.311.25.2)";
    if (oid == oid::ms_application_policies) return "application policies (1.3.6.1.4.1.311.21.10)";
    if (oid == oid::ms_template_name) return "template name (1.3.6.1.4.1.311.20.2)";
    if (oid == oid::ms_template) return "template (1.3.6.1.4.1.311.21.7)";
    if (oid == oid::certificate_policies) return "certificate policies (2.5.29.32)";
    if (oid == oid::name_constraints) return "name constraints (2.5.29.30)";
    return printable(oid);
}

// AD CS takes the account from the security identifier, memberships from the policies, and usages from the application
// policies of a version 1 template.
bool must_not_be_copied(const Case& c, const crypto::Extension& extension) {
    if (extension.oid == oid::ms_security_identifier || extension.oid == oid::certificate_policies) return true;
    return extension.oid == oid::ms_application_policies &&
           !application_policies_within(extension.value, c.rules.extended_key_usage);
}

}  // namespace

void check_extensions(Case& c) {
    constexpr std::array planned{oid::key_usage, oid::extended_key_usage, oid::subject_alt_name};
    for (const auto& extension : c.facts.request->extensions()) {
        const std::string_view type = extension.oid;
        if (std::ranges::find(planned, type) != planned.end()) continue;
        if (type == oid::basic_constraints) {
            check_basic_constraints(c, extension);
        } else if (type == oid::subject_key_identifier) {
            c.remark("ExtensionDropped", "subject key identifier: computed from the key instead");
        } else if (c.facts.ca_sees_request && must_not_be_copied(c, extension)) {
            c.refuse("ExtensionForbidden", describe_extension(type) + ": the CA would see it and might copy it");
        } else if (extension.critical) {
            // Whoever marks it critical does not want the certificate without it.
            c.refuse("ExtensionForbidden", "critical extension " + describe_extension(type));
        } else {
            c.drop(c.rules.strict_extensions ? "ExtensionForbidden" : "ExtensionDropped", describe_extension(type));
        }
    }
    constexpr std::array understood{oid::challenge_password, oid::extension_request, oid::ms_extension_request};
    for (const auto& type : c.facts.request->attribute_types()) {
        if (std::ranges::find(understood, std::string_view(type)) != understood.end()) continue;
        c.remark("AttributeDropped", "request attribute " + printable(type));
    }
}

}  // namespace countersign::policy
