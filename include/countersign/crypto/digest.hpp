// Digests and HMAC by OpenSSL's EVP. Pure functions; safe on any thread.
#pragma once

#include "countersign/core/bytes.hpp"

#include <array>
#include <string>
#include <string_view>

namespace countersign::crypto {

// md5 exists to verify self-signed signer certificates of old devices and to print thumbprints; nothing
// else may use it.
enum class DigestAlgorithm { md5, sha1, sha256, sha384, sha512 };

std::string_view name(DigestAlgorithm algorithm);  // "SHA-256"
std::string_view oid_of(DigestAlgorithm algorithm);
Result<DigestAlgorithm> digest_from_oid(std::string_view oid);        // malformed: not one of ours
Result<DigestAlgorithm> digest_from_name(std::string_view name);      // "SHA-256", "sha256"; any case

Bytes digest(DigestAlgorithm algorithm, ByteView data);
std::array<std::uint8_t, 32> sha256(ByteView data);
std::string sha256_hex(ByteView data);  // lower case

Bytes hmac_sha256(ByteView key, ByteView message);

}  // namespace countersign::crypto
