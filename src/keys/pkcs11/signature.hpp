// The encodings between what a scheme says and what PKCS#11 takes and gives. Private to the keys room; pure.
#pragma once

#include "countersign/crypto/public_key.hpp"

#include <p11-kit/pkcs11.h>

namespace countersign::keys::pkcs11 {

// What C_Sign is given for `message`: a DigestInfo (RFC 8017 9.2), or the digest, for ECDSA no longer than the order of
// the curve (FIPS 186-4 6.4).
class SignatureInput {
public:
    SignatureInput(crypto::SignatureScheme scheme, ByteView message, unsigned key_bits);
    SignatureInput(const SignatureInput&) = delete;
    SignatureInput& operator=(const SignatureInput&) = delete;

    CK_MECHANISM mechanism() { return mechanism_; }
    ByteView octets() const { return octets_; }

private:
    CK_RSA_PKCS_PSS_PARAMS pss_{};
    CK_MECHANISM mechanism_{};
    Bytes octets_;
};

// ECDSA: from r and s side by side to the DER of RFC 3279 2.2.3; RSA: as it is. What makes no sense comes out empty.
Bytes to_wire_form(crypto::SignatureScheme scheme, Bytes signature);

}  // namespace countersign::keys::pkcs11
