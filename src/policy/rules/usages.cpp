// Key usage and extended key usage: what the template says, narrowed by what the request asks for.
#include "case.hpp"
#include "countersign/core/text.hpp"
#include "countersign/crypto/oid.hpp"

#include <algorithm>

namespace countersign::policy {
namespace {

constexpr crypto::KeyUsage authority = crypto::usage::key_cert_sign | crypto::usage::crl_sign;
// RFC 8813: what an EC key cannot do.
constexpr crypto::KeyUsage rsa_only = crypto::usage::key_encipherment | crypto::usage::data_encipherment;

const crypto::Extension* find(const std::vector<crypto::Extension>& extensions, std::string_view oid) {
    const auto found = std::ranges::find(extensions, oid, &crypto::Extension::oid);
    return found == extensions.end() ? nullptr : &*found;
}

crypto::KeyUsage narrowed(Case& c, crypto::KeyUsage requested) {
    const auto allowed = c.rules.key_usage.value_or(c.rules.key_usage_allowed);
    if (c.rules.key_usage) {
        if (requested != 0 && requested != allowed) {
            c.drop("KeyUsageReplaced", "the request asks for " + crypto::describe_key_usage(requested) +
                                           ", the template gives " + crypto::describe_key_usage(allowed));
        }
        return allowed;
    }
    if (requested == 0) return allowed;
    const auto beyond = static_cast<crypto::KeyUsage>(requested & ~allowed);
    if (beyond != 0) c.drop("KeyUsageDropped", crypto::describe_key_usage(beyond) + " is not allowed by the template");
    return static_cast<crypto::KeyUsage>(requested & allowed);
}

void plan_key_usage(Case& c) {
    crypto::KeyUsage requested = 0;
    if (const auto* extension = find(c.facts.request->extensions(), oid::key_usage)) {
        const auto parsed = crypto::parse_key_usage(extension->value);
        if (!parsed) return c.refuse("KeyUsageMismatch", "the requested key usage cannot be read");
        requested = *parsed;
    }
    if ((requested & authority) != 0) {
        c.refuse("KeyUsageMismatch", "the request asks for a CA's key usage: " + crypto::describe_key_usage(requested));
        requested = static_cast<crypto::KeyUsage>(requested & ~authority);
    }
    auto usage = narrowed(c, requested);
    if (!c.facts.request->public_key().is_rsa() && (usage & rsa_only) != 0) {
        c.remark("KeyUsageDropped", "an EC key cannot encipher keys");
        usage = static_cast<crypto::KeyUsage>(usage & ~rsa_only);
    }
    if (usage == 0) c.refuse("KeyUsageMismatch", "of the requested key usage the template and the key allow nothing");
    c.plan.key_usage = usage;
}

void plan_extended_key_usage(Case& c) {
    c.plan.extended_key_usage = c.rules.extended_key_usage;
    const auto requested = c.facts.request->extended_key_usage();
    if (!requested) return c.refuse("EnhancedKeyUsageMismatch", "the requested extended key usage cannot be read");
    for (const auto& oid : *requested) {
        if (std::ranges::find(c.rules.extended_key_usage, oid) != c.rules.extended_key_usage.end()) continue;
        const auto name = printable(crypto::extended_key_usage_name(oid));
        if (forbidden_usage(oid))
            c.refuse("EnhancedKeyUsageMismatch", "the request asks for " + name);
        else
            c.drop("EnhancedKeyUsageDropped", name + " is not in the template");
    }
}

}  // namespace

void plan_usages(Case& c) {
    plan_key_usage(c);
    plan_extended_key_usage(c);
}

}  // namespace countersign::policy
