// The format of signed challenges (docs/signed-challenge.md): a JWS (RFC 7515) inside a JWE (RFC 7516), both compact,
// whose claims say what the certificate request must contain. Reading only; pure but for the key; any thread.
#pragma once

#include "countersign/challenge/issuer_key.hpp"
#include "countersign/core/clock.hpp"
#include "countersign/core/secret.hpp"
#include "countersign/crypto/certificate_terms.hpp"
#include "countersign/keys/key.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace countersign::challenge {

inline constexpr std::size_t longest_signed_challenge = 32U * 1024;  // octets
inline constexpr std::string_view signed_challenge_type = "scep-challenge+jwt";

// By its looks alone: a dot, or the "eyJ" with which every JOSE header begins. One-time passwords have neither.
bool looks_signed(std::string_view challenge);

// The outer header and parts. Errors of this file begin with a word of the verdict vocabulary (ndes reference F).
struct SealedChallenge {
    std::string key_management;                     // "RSA-OAEP-256" or "ECDH-ES"
    std::string key_id;                             // empty: none given
    std::optional<crypto::PublicKey> one_time_key;  // ECDH-ES
    Bytes party_u_info;                             // "apu" and "apv", mostly empty
    Bytes party_v_info;
    std::string protected_header;  // as it stands in the text: the associated data
    Bytes encrypted_key;
    Bytes iv;
    Bytes ciphertext;
    Bytes tag;
};
// denied ChallengeDeserializationError: not five parts, not base64url, a header that cannot be read or has members this
// format does not know (crit, zip, jku, ...). denied ChallengeAlgorithmForbidden: any other alg or enc.
Result<SealedChallenge> read_sealed(std::string_view challenge);

struct ChallengeKey {
    std::shared_ptr<keys::Key> key;
    std::string id;  // jwk_thumbprint
};
// Opens with the key the header names, or with each that fits when it names none. denied ChallengeDecryptionError, with
// the same words whatever was wrong with the ciphertext; unavailable: the key's home is away.
Result<Secret> open_sealed(const SealedChallenge& sealed, const std::vector<ChallengeKey>& keys,
                           const Secret& substitute_secret);

// What the issuer says.
struct Statement {
    std::string issuer;
    std::string audience;
    std::string id;  // jti
    Time issued_at{};
    Time not_before{};  // issued_at when the claim is absent
    Time expires{};
    std::string device;             // for the audit; may be empty
    std::string subject;            // RFC 4514; empty: the request names none
    std::vector<std::string> sans;  // to_text() forms; empty: the request has none
    std::string template_name;      // empty: chosen from the request
    crypto::CertificateTerms terms;
};

struct SignedStatement {
    std::string algorithm;
    std::string key_id;         // empty: none given
    std::string signing_input;  // header.payload
    Bytes signature;
    Statement statement;  // not to be believed before the signature has been verified
};
// denied ChallengeDeserializationError, ChallengeAlgorithmForbidden, ChallengeDecodingError (claims).
Result<SignedStatement> read_signed(std::string_view jws);

// The claims alone, as JSON text. denied ChallengeDecodingError.
Result<Statement> read_statement(std::string_view claims);

// What ECDH-ES derives the content key from (RFC 7518 4.6.2), for both sides.
Secret content_key_of(ByteView shared, ByteView party_u_info, ByteView party_v_info);

}  // namespace countersign::challenge
