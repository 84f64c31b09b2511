// RSA without padding, to make ciphertexts of blocks no honest program pads. Throws std::runtime_error.
#pragma once

#include "countersign/crypto/public_key.hpp"

namespace countersign::bench {

// `block`: as long as the modulus. One that is not smaller than it is taken modulo.
Bytes raw_rsa(const crypto::PublicKey& key, ByteView block);

}  // namespace countersign::bench
