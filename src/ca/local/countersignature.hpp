// The check of an enrollment agent's signature before the local CA issues. Blocking (the ledger); any thread.
#pragma once

#include "countersign/ca/countersigned_request.hpp"
#include "countersign/ca/local.hpp"

#include <mutex>
#include <optional>

namespace countersign::ca {

// The agent certificate that was last in order. The next message brings the same octets, nearly always; taking this
// object for them spares parsing the key and verifying the certificate again, and decides nothing. Any thread.
class LastAgent {
public:
    // The remembered certificate if it is octet for octet this one, otherwise this one.
    crypto::Certificate same_as(const crypto::Certificate& agent) const;
    void remember(const crypto::Certificate& agent);

private:
    mutable std::mutex mutex_;
    std::optional<crypto::Certificate> agent_;
};

// unauthenticated, in words: not exactly one signer, a content other than the request, an agent certificate that is not
// the issuer's own or a configured one, not valid at `now`, revoked, or without digitalSignature and the Certificate
// Request Agent EKU, or a signature that does not hold. Any other kind: the ledger could not be asked.
Result<void> verify_countersignature(const CountersignedRequest& request, const LocalCaOptions& issuer,
                                     store::Issued& ledger, Time now, LastAgent& last_agent);

}  // namespace countersign::ca
