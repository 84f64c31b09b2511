// PKCS#12 (RFC 7292): a key and its certificates in one file, for those who import one. Pure; any thread.
#pragma once

#include "countersign/core/secret.hpp"
#include "countersign/crypto/certificate.hpp"

#include <string>
#include <vector>

namespace countersign::crypto {

// DER. The key is encrypted under the password (PBES2, AES-256-CBC, PBKDF2 with SHA-256) and the whole has a MAC under
// it. malformed: `private_key_pem` is no unencrypted PEM key, or not the certificate's.
Result<Secret> build_pkcs12(const Secret& private_key_pem, const Certificate& certificate,
                            const std::vector<Certificate>& chain, const Secret& password,
                            const std::string& friendly_name);

}  // namespace countersign::crypto
