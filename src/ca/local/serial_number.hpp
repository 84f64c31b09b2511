// Serial numbers of the local CA. Pure functions; any thread.
#pragma once

#include "countersign/core/random.hpp"
#include "countersign/core/secret.hpp"

#include <string>

namespace countersign::ca {

// 20 octets, positive, always of the same length: 158 of their bits are HMAC-SHA-256 of the idempotency key.
// Unpredictable without the secret, and the same for the same attempt.
Bytes serial_for(const Secret& serial_secret, const std::string& idempotency_key);

// The same shape from randomness, for certificates made once.
Bytes random_serial(Random& random);

}  // namespace countersign::ca
