// AES-256 in Galois/Counter Mode (NIST SP 800-38D) by OpenSSL's EVP. Pure functions; safe on any thread.
#pragma once

#include "countersign/core/secret.hpp"

#include <array>

namespace countersign::crypto {

inline constexpr std::size_t gcm_key_size = 32;  // octets; likewise the next two
inline constexpr std::size_t gcm_iv_size = 12;
inline constexpr std::size_t gcm_tag_size = 16;

struct Sealed {
    Bytes ciphertext;  // as long as the plaintext
    Bytes tag;
};

// An IV is used once with a key. malformed: a key or IV of another size, more than 16 MiB.
Result<Sealed> seal_aes256_gcm(ByteView key, ByteView iv, ByteView associated, ByteView plaintext);
// unauthenticated, always with the same words: key, IV, associated data, ciphertext and tag do not belong together, or
// one of them has the wrong size. Nothing of the plaintext is given out before the tag has been checked.
Result<Secret> open_aes256_gcm(ByteView key, ByteView iv, ByteView associated, const Sealed& sealed);

}  // namespace countersign::crypto
