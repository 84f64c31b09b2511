#include "countersign/crypto/library.hpp"

#include <openssl/crypto.h>

namespace countersign::crypto {

LibraryVersion library_version() {
    return {OPENSSL_version_major(), OPENSSL_version_minor(), OPENSSL_version_patch(),
            OpenSSL_version(OPENSSL_VERSION)};
}

std::optional<std::string> objection_to(const LibraryVersion& version) {
    constexpr unsigned mended = 22;
    if (version.major != 3 || version.minor != 0 || version.patch >= mended) return std::nullopt;
    return version.text + " is in use; 3.0.22 mends memory corruption in its CMS and CMP code (CVE-2026-63072 and others)";
}

}  // namespace countersign::crypto
