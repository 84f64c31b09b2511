// A public key as it stands in a SubjectPublicKeyInfo, bounded before anything expensive touches it.
//
// Copyable value (shares one immutable OpenSSL key); safe on any thread.
#pragma once

#include "countersign/core/bytes.hpp"
#include "countersign/crypto/digest.hpp"

#include <memory>
#include <string>

namespace countersign::crypto {

enum class KeyAlgorithm { rsa, ec_p256, ec_p384, ec_p521 };
std::string_view name(KeyAlgorithm algorithm);  // "RSA", "P-256", ...

enum class Padding { rsa_pkcs1, rsa_pss, ecdsa };

// How a signature is made: padding (or ECDSA) and digest. PSS uses MGF1 with the same digest and a salt as
// long as the digest.
struct SignatureScheme {
    Padding padding = Padding::rsa_pkcs1;
    DigestAlgorithm digest = DigestAlgorithm::sha256;
    bool operator==(const SignatureScheme&) const = default;
};
std::string name(SignatureScheme scheme);  // "RSA PKCS#1 v1.5 with SHA-256"

// The AlgorithmIdentifier (DER) a certificate, CSR, CRL or CMS signer info carries for a scheme.
// `in_cms` writes rsaEncryption for PKCS#1 v1.5, which every SCEP client understands, instead of sha256WithRSA.
Bytes algorithm_identifier(SignatureScheme scheme, bool in_cms = false);

// How a content key is wrapped for an RSA key (RFC 8017 7.1 and 7.2). OAEP has an empty label.
struct KeyTransport {
    bool oaep = false;
    DigestAlgorithm oaep_digest = DigestAlgorithm::sha1;
    DigestAlgorithm mgf1_digest = DigestAlgorithm::sha1;
    bool operator==(const KeyTransport&) const = default;
};

class PublicKey {
public:
    // `spki` is one complete DER SubjectPublicKeyInfo. malformed: trailing octets, an algorithm other than
    // RSA and the named curves P-256/384/521, explicit or off-curve EC parameters, an RSA modulus outside
    // 512..8192 bits, an even modulus or an exponent outside 3..2^32 or even (all checked before any
    // arithmetic with the key: security reference 1.5).
    static Result<PublicKey> from_spki(ByteView spki);

    ByteView spki() const;
    KeyAlgorithm algorithm() const;
    bool is_rsa() const { return algorithm() == KeyAlgorithm::rsa; }
    unsigned bits() const;
    Bytes rsa_modulus() const;   // big endian, no leading zero; empty unless RSA
    Bytes rsa_exponent() const;  // likewise

    // SHA-1 of the subjectPublicKey bit string: RFC 5280 4.2.1.2 method 1.
    Bytes key_identifier() const;
    // SHA-256 of the SPKI, lower-case hex: how the rest of the program names a key.
    std::string fingerprint() const;

    // The usual scheme for this key and digest.
    SignatureScheme scheme_with(DigestAlgorithm digest) const;

    // unauthenticated: the signature does not hold (whatever the reason); the OpenSSL error queue is drained.
    Result<void> verify(SignatureScheme scheme, ByteView message, ByteView signature) const;

    // RSA only; malformed for another key.
    Result<Bytes> encrypt(const KeyTransport& transport, ByteView plaintext) const;

    bool operator==(const PublicKey& other) const;

private:
    struct State;
    explicit PublicKey(std::shared_ptr<const State> state) : state_(std::move(state)) {}
    std::shared_ptr<const State> state_;
};

}  // namespace countersign::crypto
