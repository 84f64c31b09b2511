// The seam for private keys: a file, a token or a test's fake are equals behind it.
//
// Contract of Key: blocking (worker pool only, never an I/O thread), safe on many threads at once, and
// silent about its secret. `unavailable` means the key's home is away and the same call may succeed later;
// `malformed` means the input cannot be right for this key, whoever asks.
#pragma once

#include "countersign/core/secret.hpp"
#include "countersign/crypto/public_key.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace countersign::keys {

enum class DecryptScheme {
    rsa_raw,    // RSADP alone (RFC 8017 5.1.2): as many octets as the modulus; unpadding is unwrap's, in constant time
    rsa_pkcs1,  // for tokens that do not offer rsa_raw
};

class Key {
public:
    virtual ~Key() = default;

    virtual const crypto::PublicKey& public_key() const = 0;

    // Signs `message` (not its digest).
    virtual Result<Bytes> sign(crypto::SignatureScheme scheme, ByteView message) = 0;

    virtual bool offers(DecryptScheme scheme) const = 0;
    // `ciphertext` is exactly as long as the modulus and smaller than it; malformed otherwise.
    virtual Result<Secret> decrypt(DecryptScheme scheme, ByteView ciphertext) = 0;

    // For logs and `check`: "file:ra/agent.key (RSA 2048)". Never a secret.
    virtual std::string describe() const = 0;
};

// Where keys come from: one per kind of URI.
class KeySource {
public:
    virtual ~KeySource() = default;
    // not_found, malformed (with what is wrong and how to mend it), or unavailable.
    virtual Result<std::shared_ptr<Key>> open(std::string_view uri) = 0;
    // Whether keys can be used now; `unavailable` with the reason otherwise.
    virtual Result<void> probe() = 0;
    // Ends all sessions; keys opened before answer unavailable afterwards.
    virtual void close() = 0;
};

}  // namespace countersign::keys
