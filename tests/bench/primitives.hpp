// What one enrollment costs in RSA alone: one private decryption (CEP key) and three signatures (agent twice, CA once),
// with the same OpenSSL, by the same keys::Key, and nothing around it.
#pragma once

#include <cstddef>

namespace countersign::bench {

struct PrimitiveCost {
    double decrypt_ms = 0;  // CPU
    double sign_ms = 0;     // CPU
    double enrollment_ms() const { return decrypt_ms + 3 * sign_ms; }
};

// RSA 2048, on `threads` threads at once (two threads of one core share it, which a single thread does not see).
PrimitiveCost measure_primitives(std::size_t rounds, std::size_t threads = 1);

}  // namespace countersign::bench
