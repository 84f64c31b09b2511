// What a challenge says a request and its certificate must be, beyond names: filled by challenge verifiers, compared by
// policy. Plain values.
#pragma once

#include "countersign/crypto/extension.hpp"
#include "countersign/crypto/public_key.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace countersign::crypto {

// Terms are compared for equality, never for containment; what is absent leaves the decision to the template.
struct CertificateTerms {
    std::optional<KeyUsage> key_usage{};
    std::optional<std::vector<std::string>> extended_key_usage{};  // dotted OIDs; a set
    std::optional<KeyAlgorithm> key_algorithm{};
    std::optional<unsigned> key_bits{};
    std::string public_key{};                        // fingerprint; empty: any
    std::optional<std::chrono::seconds> validity{};  // of the certificate; at most the template's
    // Names whoever vouches for the terms may vouch for, as patterns of policy; empty: any.
    std::vector<std::string> subject_patterns{};
    std::vector<std::string> san_patterns{};
};

}  // namespace countersign::crypto
