// The issuer's side of signed challenges: for the command line, tests, and whoever embeds this. An MDM needs none of
// it: any JOSE library does the same (docs/signed-challenge.md). Any thread; blocking where the key is.
#pragma once

#include "countersign/challenge/signed_format.hpp"
#include "countersign/core/random.hpp"

namespace countersign::challenge {

// The claims as JSON, members in the order of the specification.
std::string write_statement(const Statement& statement);

// A compact JWS over `claims`. `algorithm` empty: PS256 or ES256, as the key is. malformed: not an algorithm of this
// key. The kid is the key's thumbprint when `key_id` is empty.
Result<std::string> sign_statement(std::string_view claims, keys::Key& key, std::string_view algorithm = {},
                                   std::string_view key_id = {});

// A compact JWE of it for the holder of the challenge key: RSA-OAEP-256 or ECDH-ES, as the key is, with A256GCM.
// malformed: a key that is neither RSA nor on P-256 or P-384.
Result<std::string> seal_challenge(std::string_view jws, const crypto::PublicKey& receiver, Random& random);

}  // namespace countersign::challenge
