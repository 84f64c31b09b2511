// Whether Microsoft's application policies give no more than usages that are given anyway. Pure; any thread. Private to
// the policy.
#pragma once

#include "countersign/crypto/policy_identifiers.hpp"

#include <algorithm>

namespace countersign::policy {

// False also for an extension that cannot be read.
inline bool application_policies_within(ByteView extension, const std::vector<std::string>& usages) {
    const auto policies = crypto::parse_policy_identifiers(extension);
    return policies && std::ranges::all_of(*policies, [&](const std::string& policy) {
               return std::ranges::find(usages, policy) != usages.end();
           });
}

}  // namespace countersign::policy
