// The seam for private keys: a file, a token or a test's fake are equals behind it.
//
// Contract of Key: blocking (worker pool only, never an I/O thread), safe on many threads at once, and
// silent about its secret. `unavailable` means the key's home is away and the same call may succeed later;
// `malformed` means the input cannot be right for this key, whoever asks.
#pragma once

#include "countersign/core/random.hpp"
#include "countersign/core/secret.hpp"
#include "countersign/crypto/public_key.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace countersign::keys {

enum class DecryptScheme {
    rsa_raw,          // RSADP alone (RFC 8017 5.1.2): as many octets as the modulus; unpadding is unwrap's own, in
                      // constant time
    rsa_pkcs1,        // the others are for tokens that do not offer rsa_raw
    rsa_oaep_sha1,    // MGF1 with the same digest, empty label
    rsa_oaep_sha256,  // likewise
};

// What a key is asked to do in its role.
enum class KeyUse {
    sign,    // with the scheme of crypto::PublicKey::scheme_with(sha256)
    unwrap,  // open content keys of envelopes
};

class Key {
public:
    virtual ~Key() = default;

    virtual const crypto::PublicKey& public_key() const = 0;

    // Signs `message` (not its digest).
    virtual Result<Bytes> sign(crypto::SignatureScheme scheme, ByteView message) = 0;

    virtual bool offers(DecryptScheme scheme) const = 0;
    // `ciphertext` is exactly as long as the modulus and smaller than it; malformed otherwise.
    // `malformed` also says that the key's home did not like what the ciphertext holds.
    virtual Result<Secret> decrypt(DecryptScheme scheme, ByteView ciphertext) = 0;

    // ECDH (SEC 1 3.3.1): the x coordinate, as long as the field. denied: this key does not agree (RSA, or a home that
    // was not asked to). malformed: the peer is not on this key's curve.
    virtual bool agrees() const { return false; }
    virtual Result<Secret> agree(const crypto::PublicKey&) { return fail::denied("this key does not do ECDH"); }

    // Whether the key can do this at all; denied: what is lacking, and the way out. Asks nobody: known since opening.
    virtual Result<void> suits(KeyUse use) const {
        if (use == KeyUse::sign || public_key().is_rsa()) return boost::system::in_place_value;
        return fail::denied("only an RSA key opens envelopes");
    }

    // For logs and `check`: "file:ra/agent.key (RSA 2048)". Never a secret.
    virtual std::string describe() const = 0;
};

enum class GeneratedKey { rsa2048, rsa3072, rsa4096, ec_p256, ec_p384 };

// Where keys come from: one per kind of URI.
class KeySource {
public:
    virtual ~KeySource() = default;
    // not_found, malformed (with what is wrong and how to mend it), or unavailable.
    virtual Result<std::shared_ptr<Key>> open(std::string_view uri) = 0;
    // Makes a new key where the URI says. conflict: something is there already, and nothing is overwritten; denied:
    // keys of that kind or for that use cannot be made there.
    virtual Result<std::shared_ptr<Key>> generate(std::string_view uri, GeneratedKey kind, KeyUse use,
                                                  Random& random) = 0;
    // Whether keys can be used now; `unavailable` with the reason otherwise.
    virtual Result<void> probe() = 0;
    // Ends all sessions; keys opened before answer unavailable afterwards.
    virtual void close() = 0;
};

}  // namespace countersign::keys
