// Key objects of a token: finding one, reading its public half, making a pair. Private to the keys room. Functions on a
// Session follow its habit: nothing, and the reason in its failure(), when a call failed.
#pragma once

#include "countersign/core/random.hpp"
#include "countersign/crypto/public_key.hpp"
#include "countersign/keys/pkcs11_key.hpp"

#include "session.hpp"
#include "uri.hpp"

namespace countersign::keys::pkcs11 {

// The objects of that class which the URI names, by id and label; at most two.
std::optional<std::vector<CK_OBJECT_HANDLE>> find_objects(Session& session, const Uri& uri, CK_OBJECT_CLASS kind);

// From the private key object itself where that tells, else from the public key or the certificate with the same id (or
// label). unavailable: a call failed (the session's failure() says which); malformed: no public half to be found, or
// none this program takes: RSA 2048 to 4096, P-256, P-384.
Result<crypto::PublicKey> read_public_key(Session& session, CK_OBJECT_HANDLE private_key);

bool flag(Session& session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, bool otherwise);

// On a read-write session. conflict: an object of that name and id is there; malformed: the URI names no object;
// denied: the token does not make such keys, with its reason.
Result<void> generate_pair(Session& session, const Uri& uri, GeneratedKey kind, KeyUse use, Random& random);

}  // namespace countersign::keys::pkcs11
