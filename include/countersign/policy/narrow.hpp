// What somebody else may still take away from a plan that policy has approved: the only way a policy hook touches a
// certificate. Pure; any thread.
//
// The result is the plan itself or less of it: fewer alternative names, fewer usages, a shorter life. Nothing is ever
// taken over from the changes; they only choose among what the plan holds. Who asks for more is refused as a whole, and
// every part of it is named.
#pragma once

#include "countersign/policy/judge.hpp"

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace countersign::policy {

// What is to be left of a plan; absent members leave their part as it is.
struct PlanChanges {
    std::optional<std::string> subject{};                          // RFC 4514; must be the plan's
    std::optional<std::vector<std::string>> subject_alt_names{};   // to_text() forms
    std::optional<std::vector<std::string>> key_usage{};           // "digitalSignature", ...
    std::optional<std::vector<std::string>> extended_key_usage{};  // names or dotted OIDs
    std::optional<Time> not_before{};
    std::optional<Time> not_after{};
};

struct Narrowed {
    crypto::CertificateContent plan;
    std::vector<Finding> remarks;  // what was taken away; empty: nothing
};
// The changes ask for something the plan does not hold, or leave no certificate worth its name. Codes: SubjectChanged,
// SubjectAltNameAdded, SubjectAltNameEmpty, KeyUsageAdded, KeyUsageEmpty, EnhancedKeyUsageAdded, EnhancedKeyUsageEmpty,
// ValidityWidened, ValidityEmpty.
struct Widened {
    std::vector<Finding> findings;  // never empty
};
using Narrowing = std::variant<Narrowed, Widened>;

// An empty list of usages is no narrowing but the widest of all: without the extension a certificate is good for
// everything. `now`: a certificate that has ended already is none.
Narrowing narrow(const crypto::CertificateContent& plan, const PlanChanges& changes, Time now);

}  // namespace countersign::policy
