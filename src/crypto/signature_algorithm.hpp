// AlgorithmIdentifiers of signatures, read. Private to the crypto room; pure functions.
#pragma once

#include "countersign/crypto/public_key.hpp"

#include <optional>

namespace countersign::crypto {

// The scheme a DER AlgorithmIdentifier of a certificate, request or CRL names; nullopt: none this program knows
// (for PSS also: an MGF1 digest or salt length that differs from the digest's own).
std::optional<SignatureScheme> signature_scheme_from(ByteView algorithm_identifier);

// Octets of a digest, which is also the one PSS salt length this program reads and writes.
std::size_t digest_size(DigestAlgorithm algorithm);

}  // namespace countersign::crypto
