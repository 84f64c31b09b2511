// The seam for the thing that issues. Each backend is an adapter named in app/wire.cpp.
//
// Contract: blocking, safe on many threads. An attempt has an idempotency key; whatever happens, at most one
// certificate exists per key. `unavailable`: certainly not submitted, later is fine. `outcome_unknown`: it may have
// been; the caller asks with reconcile or poll and never submits blindly again.
#pragma once

#include "countersign/ca/countersigned_request.hpp"
#include "countersign/core/clock.hpp"
#include "countersign/crypto/certificate.hpp"

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace countersign::ca {

struct Issued {
    crypto::Certificate certificate;
};
struct Pending {
    std::string handle;  // what poll needs; stored by the caller
};
struct Rejected {
    std::string reason;  // the CA's own words, printable()
};
using Outcome = std::variant<Issued, Pending, Rejected>;

// Optional capability of a backend.
class Revoker {
public:
    virtual ~Revoker() = default;
    // not_found; conflict: revoked already. `reason` is an RFC 5280 CRLReason.
    virtual Result<void> revoke(const std::string& serial_hex, int reason, Time when) = 0;
    // The current CRL (DER); unavailable when the CA publishes none through us.
    virtual Result<Bytes> crl(Time now) = 0;
};

class Backend {
public:
    virtual ~Backend() = default;
    virtual Result<Outcome> submit(const CountersignedRequest& request, const std::string& idempotency_key) = 0;
    virtual Result<Outcome> poll(const std::string& handle) = 0;
    // Whether an earlier submit with this key left anything behind: its outcome, or nullopt: certainly nothing
    // (submitting is safe).
    virtual Result<std::optional<Outcome>> reconcile(const std::string& idempotency_key) = 0;
    // Issuing CA first, root last. Constant between reloads.
    virtual std::vector<crypto::Certificate> chain() const = 0;
    virtual Result<void> probe() = 0;
    virtual Revoker* revoker() { return nullptr; }
    virtual std::string describe() const = 0;
};

}  // namespace countersign::ca
