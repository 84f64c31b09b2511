// RSA as no honest program uses it: without padding, with keys as dear as they are allowed. Throws std::runtime_error.
#pragma once

#include "countersign/core/secret.hpp"
#include "countersign/crypto/public_key.hpp"

namespace countersign::test {

// `block`: as long as the modulus. One that is not smaller than it is taken modulo.
Bytes raw_rsa(const crypto::PublicKey& key, ByteView block);

// A new private key as PEM, of any size and exponent. Takes minutes for the largest.
Secret rsa_key_pem(unsigned bits, std::uint64_t exponent);

}  // namespace countersign::test
