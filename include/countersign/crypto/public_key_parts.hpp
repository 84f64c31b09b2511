// Public keys by their numbers, as JSON Web Keys hold them, and ECDSA signatures in the form JOSE has. Pure functions;
// safe on any thread.
#pragma once

#include "countersign/crypto/public_key.hpp"

namespace countersign::crypto {

// Big endian, leading zeros allowed. malformed: what PublicKey::from_spki refuses.
Result<PublicKey> rsa_public_key(ByteView modulus, ByteView exponent);
// Coordinates exactly as long as the field (RFC 7518 6.2.1.2). malformed: another length, a point off the curve, RSA.
Result<PublicKey> ec_public_key(KeyAlgorithm curve, ByteView x, ByteView y);

struct EcPoint {
    Bytes x;  // both as long as the field
    Bytes y;
};
// malformed for RSA.
Result<EcPoint> point_of(const PublicKey& key);

// ECDSA: r and s side by side (RFC 7518 3.4), each as long as the field of `key`, to and from the DER that
// PublicKey::verify and keys::Key::sign speak. malformed: another length, or no such signature.
Result<Bytes> ecdsa_to_der(const PublicKey& key, ByteView r_and_s);
Result<Bytes> ecdsa_from_der(const PublicKey& key, ByteView der);

}  // namespace countersign::crypto
