// The seam for the thing that issues. Each backend is an adapter named in app/wire.cpp.
//
// Contract: blocking, safe on many threads. An attempt has an idempotency key; whatever happens, at most one
// certificate exists per key. `unavailable`: certainly not submitted, later is fine. `outcome_unknown`: it may have
// been; the caller asks with reconcile or poll and never submits blindly again.
#pragma once

#include "countersign/ca/countersigned_request.hpp"
#include "countersign/core/clock.hpp"
#include "countersign/crypto/certificate.hpp"

#include <chrono>
#include <cstdint>
#include <map>
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
    // The CA has issued, and waits for a word of ours that must not come before the caller's record: poll as soon as
    // the handle is stored.
    bool at_once = false;
};
struct Rejected {
    std::string reason;  // the CA's own words, printable()
    // It exists all the same, and must be nobody's: to be recorded and revoked.
    std::optional<crypto::Certificate> certificate{};
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

// Optional capability: to let the caller go before the CA has answered.
class Patient {
public:
    virtual ~Patient() = default;
    // As submit(), but after `patience` outcome_unknown while the request goes on; reconcile() tells what came of it.
    // `until_answered` is kept until the CA has answered, however early the caller goes: a hold that keeps other nodes
    // from submitting the same.
    virtual Result<Outcome> submit_within(const CountersignedRequest& request, const std::string& idempotency_key,
                                          std::chrono::milliseconds patience,
                                          std::shared_ptr<void> until_answered = {}) = 0;
    // False: submitting now would certainly be answered with unavailable.
    virtual bool accepting() const = 0;
};

// How the traffic with a CA goes, for monitoring.
struct Traffic {
    bool circuit_open = false;
    std::size_t on_their_way = 0;
    std::size_t queued = 0;
    std::map<std::string, std::uint64_t> answers{};  // by "issued", "pending", "rejected" or the name of the error kind
    double seconds = 0;                              // spent waiting for the CA
    std::string last_problem{};
};

class Backend {
public:
    virtual ~Backend() = default;
    virtual Result<Outcome> submit(const CountersignedRequest& request, const std::string& idempotency_key) = 0;
    virtual Result<Outcome> poll(const std::string& handle) = 0;
    // Whether an earlier submit with this key left anything behind: its outcome, or nullopt: certainly nothing
    // (submitting is safe). outcome_unknown: the CA cannot tell, and people must look; or cannot tell yet. `asked`:
    // when the caller recorded that it was about to submit, whichever process did. A CA may be at it for a while after
    // that, and until then that it has nothing is not believed.
    virtual Result<std::optional<Outcome>> reconcile(const std::string& idempotency_key, Time asked) = 0;
    // Issuing CA first, root last. Constant between reloads.
    virtual std::vector<crypto::Certificate> chain() const = 0;
    virtual Result<void> probe() = 0;
    virtual Revoker* revoker() { return nullptr; }
    virtual Patient* patient() { return nullptr; }
    virtual std::optional<Traffic> traffic() const { return std::nullopt; }
    // Whether the CA is given the client's own PKCS#10, whose signature lets nothing be taken out of it, and may copy
    // from it; false: it issues the plan and nothing else.
    virtual bool sees_request() const { return true; }
    virtual std::string describe() const = 0;
};

}  // namespace countersign::ca
