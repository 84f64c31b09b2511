// The check of an enrollment agent's signature before the local CA issues. Blocking (the ledger); any thread.
#pragma once

#include "countersign/ca/countersigned_request.hpp"
#include "countersign/ca/local.hpp"

namespace countersign::ca {

// unauthenticated, in words: not exactly one signer, a content other than the request, an agent certificate that is not
// the issuer's own or a configured one, not valid at `now`, revoked, or without digitalSignature and the Certificate
// Request Agent EKU, or a signature that does not hold. Any other kind: the ledger could not be asked.
Result<void> verify_countersignature(const CountersignedRequest& request, const LocalCaOptions& issuer,
                                     store::Issued& ledger, Time now);

}  // namespace countersign::ca
