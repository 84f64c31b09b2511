// Ed25519 public keys (RFC 8032), which verify and do nothing else here: no SCEP message is signed with one. Copyable
// value (shares one immutable OpenSSL key); safe on any thread.
#pragma once

#include "countersign/core/bytes.hpp"

#include <memory>

namespace countersign::crypto {

class Ed25519PublicKey {
public:
    // `key`: the 32 octets of RFC 8032 5.1.2. malformed: another length.
    static Result<Ed25519PublicKey> from_raw(ByteView key);
    // One complete DER SubjectPublicKeyInfo of this kind (RFC 8410); malformed for anything else.
    static Result<Ed25519PublicKey> from_spki(ByteView spki);

    Bytes raw() const;
    // unauthenticated: the signature does not hold, whatever the reason.
    Result<void> verify(ByteView message, ByteView signature) const;

private:
    struct State;
    explicit Ed25519PublicKey(std::shared_ptr<const State> state) : state_(std::move(state)) {}
    std::shared_ptr<const State> state_;
};

}  // namespace countersign::crypto
