// AlgorithmIdentifiers of CMS to this program's values. `denied` everywhere: readable, but not an algorithm this
// program has. Private to the crypto room; pure functions.
#pragma once

#include <openssl/x509.h>

#include <optional>

#include "countersign/crypto/cipher.hpp"
#include "countersign/crypto/public_key.hpp"

namespace countersign::crypto::cms {

Result<DigestAlgorithm> digest_of(const X509_ALGOR* algorithm);

// nullopt: unknown, or its digest (for PSS: any of hash, MGF1 hash and salt length) disagrees with `digest`.
std::optional<SignatureScheme> signature_scheme_of(const X509_ALGOR* algorithm, DigestAlgorithm digest);

// rsaEncryption with NULL or absent parameters, or RSAES-OAEP with MGF1 and an empty label (RFC 4055 4.1).
Result<KeyTransport> key_transport_of(const X509_ALGOR* algorithm);

struct CipherParameters {
    ContentCipher cipher;
    Bytes iv;
};
// malformed: the IV is not an OCTET STRING of exactly the cipher's size.
Result<CipherParameters> cipher_of(const X509_ALGOR* algorithm);

}  // namespace countersign::crypto::cms
