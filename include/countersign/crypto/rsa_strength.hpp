// Tests of an RSA modulus for known ways of being weak: cheap, bounded, public arithmetic only. Moduli are big endian
// and at most 8192 bits, as PublicKey guarantees; longer ones throw std::invalid_argument before any arithmetic.
// Pure functions; safe on any thread.
#pragma once

#include "countersign/core/bytes.hpp"

namespace countersign::crypto {

// The smallest prime up to 751 that divides the modulus; 0: none.
unsigned small_factor(ByteView modulus);

// Whether `rounds` rounds of Fermat's method factor it: its primes are closer than chance would have them
// (CVE-2022-26320).
bool has_close_primes(ByteView modulus, int rounds);

// The fingerprint of keys made by Infineon's RSALib (Nemec et al., "The Return of Coppersmith's Attack", CCS 2017,
// section 3.3; CVE-2017-15361): modulo each of 17 small primes, the modulus is a power of 65537. A sound key passes for
// one with a probability of about 2^-27.
bool has_roca_fingerprint(ByteView modulus);

}  // namespace countersign::crypto
