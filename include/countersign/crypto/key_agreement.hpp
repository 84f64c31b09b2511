// ECDH with a key made for one use, and what is derived from it. By OpenSSL's EVP; pure but for OpenSSL's random
// numbers; safe on any thread. The receiving side is keys::Key::agree.
#pragma once

#include "countersign/core/secret.hpp"
#include "countersign/crypto/public_key.hpp"

namespace countersign::crypto {

struct OneTimeAgreement {
    PublicKey one_time;  // what the receiver needs
    Secret shared;       // Z of RFC 7518 4.6: the x coordinate, as long as the field
};

// malformed: the receiver's key is not on P-256, P-384 or P-521.
Result<OneTimeAgreement> agree_once_with(const PublicKey& receiver);

// The single-step key derivation of NIST SP 800-56A 5.8.1 with SHA-256 (Concat KDF of RFC 7518 4.6.2). Throws
// std::runtime_error when OpenSSL has none.
Secret concat_kdf_sha256(ByteView shared, ByteView other_info, std::size_t length);

}  // namespace countersign::crypto
