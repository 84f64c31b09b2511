// Public keys that sign challenges. A key does one thing: verify JWS signatures under the algorithms its kind allows,
// so that no message chooses how it is judged (RFC 8725 3.1). Copyable value; any thread.
#pragma once

#include "countersign/crypto/ed25519.hpp"
#include "countersign/crypto/public_key.hpp"

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace countersign::challenge {

class IssuerKey {
public:
    // One or more keys from text: PEM ("PUBLIC KEY", "CERTIFICATE") or JSON (a JWK, or a JWK set). RSA of 2048 to 8192
    // bits, P-256, Ed25519. malformed: anything else, a private or symmetric JWK, a kid twice.
    static Result<std::vector<IssuerKey>> from_text(std::string_view text);
    static Result<IssuerKey> from_public_key(const crypto::PublicKey& key);

    // The kid of its JWK; keys without one are named by their thumbprint (RFC 7638).
    const std::string& id() const { return id_; }
    // The JWS algorithms it may be used with: {"RS256", "PS256"}, {"ES256"} or {"EdDSA"}; a JWK's own "alg" narrows it.
    const std::vector<std::string>& algorithms() const { return algorithms_; }

    // unauthenticated: the signature does not hold. denied: the algorithm is not among algorithms().
    Result<void> verify(std::string_view algorithm, ByteView message, ByteView signature) const;

private:
    friend Result<IssuerKey> issuer_key_from_jwk(std::string_view json);
    using Material = std::variant<crypto::PublicKey, crypto::Ed25519PublicKey>;
    IssuerKey(Material material, std::vector<std::string> algorithms, std::string id)
        : material_(std::move(material)), algorithms_(std::move(algorithms)), id_(std::move(id)) {}
    static Result<IssuerKey> make(Material material, const std::string& id, const std::string& algorithm);

    Material material_;
    std::vector<std::string> algorithms_;
    std::string id_;
};

// The thumbprint of RFC 7638 with SHA-256, base64url.
std::string jwk_thumbprint(const crypto::PublicKey& key);
std::string jwk_thumbprint(const crypto::Ed25519PublicKey& key);
// A public key as a JWK: {"kty":...,"kid":thumbprint,"use":...,"alg":...}; `use` and `algorithm` are left out when
// empty.
std::string to_jwk(const crypto::PublicKey& key, std::string_view use, std::string_view algorithm);

}  // namespace countersign::challenge
