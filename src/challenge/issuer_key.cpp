#include "countersign/challenge/issuer_key.hpp"

#include "countersign/core/strict_json.hpp"
#include "countersign/core/text.hpp"
#include "countersign/crypto/certificate.hpp"
#include "countersign/crypto/encoding.hpp"
#include "countersign/crypto/public_key_parts.hpp"

#include <algorithm>
#include <set>

namespace countersign::challenge {
namespace {

using crypto::DigestAlgorithm;
using crypto::KeyAlgorithm;
using crypto::Padding;
using nlohmann::json;

constexpr unsigned least_rsa_bits = 2048;

json members_of(const crypto::PublicKey& key) {
    if (key.is_rsa()) {
        return {
            {"e", crypto::base64url(key.rsa_exponent())}, {"kty", "RSA"}, {"n", crypto::base64url(key.rsa_modulus())}};
    }
    const auto point = crypto::point_of(key).value();
    return {{"crv", std::string(crypto::name(key.algorithm()))},
            {"kty", "EC"},
            {"x", crypto::base64url(point.x)},
            {"y", crypto::base64url(point.y)}};
}

json members_of(const crypto::Ed25519PublicKey& key) {
    return {{"crv", "Ed25519"}, {"kty", "OKP"}, {"x", crypto::base64url(key.raw())}};
}

// json keeps members sorted, as RFC 7638 3.3 wants them.
std::string thumbprint_of(const json& members) {
    return crypto::base64url(crypto::sha256(as_bytes(members.dump())));
}

Result<Bytes> octets(const ObjectReader& jwk, const char* name) {
    TRY(const auto text, jwk.text(name));
    return crypto::from_base64url(text);
}

bool is_private(const json& jwk) {
    constexpr std::array names{"d", "p", "q", "dp", "dq", "qi", "oth", "k"};
    return std::ranges::any_of(names, [&](const char* name) { return jwk.contains(name); });
}

using Material = std::variant<crypto::PublicKey, crypto::Ed25519PublicKey>;

Result<Material> material_of(const ObjectReader& jwk) {
    TRY(const auto kind, jwk.text("kty"));
    if (kind == "RSA") {
        TRY(const Bytes modulus, octets(jwk, "n"));
        TRY(const Bytes exponent, octets(jwk, "e"));
        TRY(auto key, crypto::rsa_public_key(modulus, exponent));
        return Material(std::move(key));
    }
    TRY(const auto curve, jwk.text("crv"));
    TRY(const Bytes x, octets(jwk, "x"));
    if (kind == "OKP" && curve == "Ed25519") {
        TRY(auto key, crypto::Ed25519PublicKey::from_raw(x));
        return Material(std::move(key));
    }
    if (kind != "EC" || curve != "P-256") return fail::malformed("a JWK other than RSA, P-256 and Ed25519");
    TRY(const Bytes y, octets(jwk, "y"));
    TRY(auto key, crypto::ec_public_key(KeyAlgorithm::ec_p256, x, y));
    return Material(std::move(key));
}

Result<Material> material_from_spki(ByteView spki) {
    if (auto ed25519 = crypto::Ed25519PublicKey::from_spki(spki)) return Material(*std::move(ed25519));
    TRY(auto key, crypto::PublicKey::from_spki(spki));
    return Material(std::move(key));
}

}  // namespace

std::string jwk_thumbprint(const crypto::PublicKey& key) {
    return thumbprint_of(members_of(key));
}
std::string jwk_thumbprint(const crypto::Ed25519PublicKey& key) {
    return thumbprint_of(members_of(key));
}

std::string to_jwk(const crypto::PublicKey& key, std::string_view use, std::string_view algorithm) {
    json jwk = members_of(key);
    jwk["kid"] = thumbprint_of(members_of(key));
    if (!use.empty()) jwk["use"] = use;
    if (!algorithm.empty()) jwk["alg"] = algorithm;
    return jwk.dump();
}

Result<IssuerKey> IssuerKey::make(Material material, const std::string& id, const std::string& algorithm) {
    std::vector<std::string> algorithms{"EdDSA"};
    std::string thumbprint;
    if (const auto* key = std::get_if<crypto::PublicKey>(&material)) {
        if (key->is_rsa() && key->bits() < least_rsa_bits) return fail::malformed("an RSA key below 2048 bits");
        if (!key->is_rsa() && key->algorithm() != KeyAlgorithm::ec_p256) {
            return fail::malformed("a key on " + std::string(crypto::name(key->algorithm())) +
                                   "; challenges are signed with RSA, P-256 or Ed25519");
        }
        algorithms = key->is_rsa() ? std::vector<std::string>{"RS256", "PS256"} : std::vector<std::string>{"ES256"};
        thumbprint = jwk_thumbprint(*key);
    } else {
        thumbprint = jwk_thumbprint(std::get<crypto::Ed25519PublicKey>(material));
    }
    if (!algorithm.empty()) {
        if (std::ranges::find(algorithms, algorithm) == algorithms.end()) {
            return fail::malformed("a JWK for " + printable(algorithm, 40) + ", which is not accepted for its kind");
        }
        algorithms = {algorithm};
    }
    return IssuerKey(std::move(material), std::move(algorithms), id.empty() ? thumbprint : id);
}

Result<IssuerKey> IssuerKey::from_public_key(const crypto::PublicKey& key) {
    return make(key, "", "");
}

Result<IssuerKey> issuer_key_from_jwk(std::string_view text) {
    TRY(const json object, parse_object(text));
    if (is_private(object)) {
        return fail::malformed("a private or symmetric JWK; only the public half belongs here");
    }
    const ObjectReader jwk(object, "jwk");
    TRY(const auto use, jwk.optional_text("use"));
    if (!use.empty() && use != "sig") return fail::malformed("a JWK whose use is not sig");
    TRY(const auto id, jwk.optional_text("kid"));
    TRY(const auto algorithm, jwk.optional_text("alg"));
    TRY(auto material, material_of(jwk));
    return IssuerKey::make(std::move(material), id, algorithm);
}

Result<std::vector<IssuerKey>> IssuerKey::from_text(std::string_view text) {
    std::vector<IssuerKey> keys;
    if (trim(text).starts_with('{')) {
        TRY(const json object, parse_object(text));
        const json list = object.contains("keys") ? object["keys"] : json::array({object});
        if (!list.is_array()) return fail::malformed("a JWK set whose keys are no list");
        for (const json& entry : list) {
            TRY(auto key, issuer_key_from_jwk(entry.dump(-1, ' ', true, json::error_handler_t::replace)));
            keys.push_back(std::move(key));
        }
    } else if (text.find("-----BEGIN CERTIFICATE-----") != std::string_view::npos) {
        TRY(const auto blocks, crypto::from_pem(text, "CERTIFICATE"));
        for (const Bytes& der : blocks) {
            TRY(const auto certificate, crypto::Certificate::from_der(der));
            TRY(auto key, from_public_key(certificate.public_key()));
            keys.push_back(std::move(key));
        }
    } else {
        TRY(const auto blocks, crypto::from_pem(text, "PUBLIC KEY"));
        for (const Bytes& spki : blocks) {
            TRY(auto material, material_from_spki(spki));
            TRY(auto key, make(std::move(material), "", ""));
            keys.push_back(std::move(key));
        }
    }
    if (keys.empty()) return fail::malformed("no key");
    std::set<std::string> ids;
    for (const auto& key : keys) {
        if (!ids.insert(key.id()).second) return fail::malformed("two keys with the id " + printable(key.id(), 60));
    }
    return keys;
}

Result<void> IssuerKey::verify(std::string_view algorithm, ByteView message, ByteView signature) const {
    if (std::ranges::find(algorithms_, algorithm) == algorithms_.end()) {
        return fail::denied("the key is not for " + printable(algorithm, 40));
    }
    if (const auto* ed25519 = std::get_if<crypto::Ed25519PublicKey>(&material_)) {
        return ed25519->verify(message, signature);
    }
    const auto& key = std::get<crypto::PublicKey>(material_);
    if (algorithm == "RS256") return key.verify({Padding::rsa_pkcs1, DigestAlgorithm::sha256}, message, signature);
    if (algorithm == "PS256") return key.verify({Padding::rsa_pss, DigestAlgorithm::sha256}, message, signature);
    const auto der = crypto::ecdsa_to_der(key, signature);
    if (!der) return fail::unauthenticated("the signature does not hold");
    return key.verify({Padding::ecdsa, DigestAlgorithm::sha256}, message, *der);
}

}  // namespace countersign::challenge
