// Whether a public key is worth certifying, after CA practice (security reference 1.6). Pure; any thread.
#pragma once

#include "countersign/crypto/public_key.hpp"
#include "countersign/policy/judge.hpp"

#include <vector>

namespace countersign::policy {

// Empty when the key is good: allowed algorithm and size, RSA exponent 65537, modulus without a factor up to 751, not
// close primes (100 rounds of Fermat), not of the ROCA family, not blocked. EC keys were checked to be on their curve
// when parsed.
std::vector<Finding> key_findings(const crypto::PublicKey& key, const KeyRules& rules);

}  // namespace countersign::policy
