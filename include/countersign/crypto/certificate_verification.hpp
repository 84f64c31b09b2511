// Whether a certificate is good for a purpose now: chain, validity, usages and constraints (RFC 5280 section 6), judged
// by OpenSSL. Knows no revocation.
#pragma once

#include "countersign/core/clock.hpp"
#include "countersign/crypto/certificate.hpp"

#include <memory>
#include <vector>

namespace countersign::crypto {

// Certificates that are trusted for TLS clients. Immutable; cheap to copy; safe on many threads.
class ClientTrust {
public:
    // `pool`: self-issued certificates are trusted, the others may link to them. malformed: none is self-issued.
    static Result<ClientTrust> of(const std::vector<Certificate>& pool);

    // unauthenticated, with OpenSSL's words: no chain to what is trusted, expired or not yet valid at `when`, an
    // extended key usage without clientAuth, a broken constraint, an unknown critical extension.
    Result<void> verify(const Certificate& client, Time when) const;

private:
    struct State;
    explicit ClientTrust(std::shared_ptr<const State> state) : state_(std::move(state)) {}
    std::shared_ptr<const State> state_;
};

}  // namespace countersign::crypto
