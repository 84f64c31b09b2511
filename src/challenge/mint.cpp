#include "countersign/challenge/mint.hpp"

#include "countersign/core/text.hpp"
#include "countersign/crypto/aead.hpp"
#include "countersign/crypto/encoding.hpp"
#include "countersign/crypto/key_agreement.hpp"
#include "countersign/crypto/public_key_parts.hpp"

#include <nlohmann/json.hpp>

namespace countersign::challenge {
namespace {

using nlohmann::ordered_json;

std::int64_t seconds_of(Time time) {
    return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

std::vector<std::string> usage_names(const std::vector<std::string>& oids) {
    std::vector<std::string> names;
    for (const auto& oid : oids) names.push_back(crypto::extended_key_usage_name(oid));
    return names;
}

std::vector<std::string> key_usage_names(crypto::KeyUsage usage) {
    std::vector<std::string> names;
    if (usage == 0) return names;
    for (const auto& name : split(crypto::describe_key_usage(usage), ',')) names.emplace_back(trim(name));
    return names;
}

ordered_json request_of(const Statement& statement) {
    ordered_json request{{"subject", statement.subject}, {"subject_alt_names", statement.sans}};
    const auto& terms = statement.terms;
    if (terms.key_usage) request["key_usage"] = key_usage_names(*terms.key_usage);
    if (terms.extended_key_usage) request["extended_key_usage"] = usage_names(*terms.extended_key_usage);
    if (terms.key_algorithm) {
        request["key"]["type"] = crypto::name(*terms.key_algorithm);
        if (terms.key_bits) request["key"]["size"] = *terms.key_bits;
    }
    if (!terms.public_key.empty()) request["public_key"] = terms.public_key;
    if (!statement.template_name.empty()) request["template"] = statement.template_name;
    if (terms.validity) request["validity"] = terms.validity->count();
    return request;
}

Result<crypto::SignatureScheme> scheme_of(std::string_view algorithm, const crypto::PublicKey& key) {
    using crypto::DigestAlgorithm;
    using crypto::Padding;
    if (key.is_rsa() && algorithm == "RS256")
        return crypto::SignatureScheme{Padding::rsa_pkcs1, DigestAlgorithm::sha256};
    if (key.is_rsa() && algorithm == "PS256") return crypto::SignatureScheme{Padding::rsa_pss, DigestAlgorithm::sha256};
    if (key.algorithm() == crypto::KeyAlgorithm::ec_p256 && algorithm == "ES256") {
        return crypto::SignatureScheme{Padding::ecdsa, DigestAlgorithm::sha256};
    }
    return fail::malformed("no " + printable(algorithm, 40) + " with a key of type " +
                           std::string(crypto::name(key.algorithm())));
}

std::string encoded(const ordered_json& header) {
    return crypto::base64url(as_bytes(header.dump()));
}

}  // namespace

std::string write_statement(const Statement& statement) {
    ordered_json claims{{"iss", statement.issuer},
                        {"aud", statement.audience},
                        {"jti", statement.id},
                        {"iat", seconds_of(statement.issued_at)}};
    if (statement.not_before != statement.issued_at) claims["nbf"] = seconds_of(statement.not_before);
    claims["exp"] = seconds_of(statement.expires);
    if (!statement.device.empty()) claims["device"] = statement.device;
    claims["request"] = request_of(statement);
    return claims.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

Result<std::string> sign_statement(std::string_view claims, keys::Key& key, std::string_view algorithm,
                                   std::string_view key_id) {
    const auto& public_key = key.public_key();
    const std::string chosen = !algorithm.empty() ? std::string(algorithm) : public_key.is_rsa() ? "PS256" : "ES256";
    TRY(const auto scheme, scheme_of(chosen, public_key));
    const std::string header = encoded({{"alg", chosen},
                                        {"kid", key_id.empty() ? jwk_thumbprint(public_key) : std::string(key_id)},
                                        {"typ", signed_challenge_type}});
    const std::string input = header + "." + crypto::base64url(as_bytes(claims));
    TRY(Bytes signature, key.sign(scheme, as_bytes(input)));
    if (scheme.padding == crypto::Padding::ecdsa) {
        TRY(signature, crypto::ecdsa_from_der(public_key, signature));
    }
    return input + "." + crypto::base64url(signature);
}

Result<std::string> seal_challenge(std::string_view jws, const crypto::PublicKey& receiver, Random& random) {
    ordered_json header{{"alg", "RSA-OAEP-256"}, {"enc", "A256GCM"}, {"cty", "JWT"}};
    header["kid"] = jwk_thumbprint(receiver);
    Secret content_key = Secret::of_size(crypto::gcm_key_size);
    Bytes encrypted_key;
    if (receiver.is_rsa()) {
        random.fill(content_key.writable());
        TRY(encrypted_key, receiver.encrypt({true, crypto::DigestAlgorithm::sha256, crypto::DigestAlgorithm::sha256},
                                            content_key.reveal()));
    } else {
        if (receiver.algorithm() == crypto::KeyAlgorithm::ec_p521) return fail::malformed("no ECDH-ES on P-521");
        TRY(const auto agreement, crypto::agree_once_with(receiver));
        TRY(const auto point, crypto::point_of(agreement.one_time));
        header["alg"] = "ECDH-ES";
        header["epk"] = {{"kty", "EC"},
                         {"crv", std::string(crypto::name(receiver.algorithm()))},
                         {"x", crypto::base64url(point.x)},
                         {"y", crypto::base64url(point.y)}};
        content_key = content_key_of(agreement.shared.reveal(), {}, {});
    }
    const std::string protected_header = encoded(header);
    const Bytes iv = random.bytes(crypto::gcm_iv_size);
    TRY(const auto sealed,
        crypto::seal_aes256_gcm(content_key.reveal(), iv, as_bytes(protected_header), as_bytes(jws)));
    return protected_header + "." + crypto::base64url(encrypted_key) + "." + crypto::base64url(iv) + "." +
           crypto::base64url(sealed.ciphertext) + "." + crypto::base64url(sealed.tag);
}

}  // namespace countersign::challenge
