// The enrollment agent: the one hand that countersigns requests. Blocking; safe on many threads.
#pragma once

#include "countersign/ca/countersigned_request.hpp"
#include "countersign/ra/approved_request.hpp"
#include "countersign/scep/reply.hpp"

namespace countersign::ra {

class Agent {
public:
    // `identity`: the agent certificate (EKU Certificate Request Agent) and its key, which also signs replies.
    explicit Agent(scep::ReplySigner identity) : identity_(std::move(identity)) {}

    // CMS SignedData over the PKCS#10, SHA-256, the agent certificate inside ([MS-WCCE] 3.1.1.4.3.3.2). unavailable:
    // the key's home is away; the approval is spent all the same and must be made again from the recorded intent.
    // `as_cmc`: over a CMC PKIData around it instead (RFC 5272; 3.1.1.4.3.3.3 there).
    Result<ca::CountersignedRequest> countersign(ApprovedRequest approved, Time now, bool as_cmc = false) const;

    const scep::ReplySigner& identity() const { return identity_; }

private:
    scep::ReplySigner identity_;
};

}  // namespace countersign::ra
