// The seam for whatever decides whether a request's challenge is good, and the one that mints challenges. They mirror
// what an NDES policy module does (INDESPolicy: GenerateChallenge, VerifyRequest, Notify).
//
// Contract of Verifier: blocking, safe on many threads. `reserve` judges the challenge and says what the request must then
// contain; it has no lasting effect by itself. Challenges kept in our own store are reserved and consumed by
// store::Transactions in the same commit as the attempt (Claim::stored_mac tells it which), so that "once" holds
// across crashes; commit and release are for what happens outside that commit.
#pragma once

#include "countersign/core/clock.hpp"
#include "countersign/core/secret.hpp"
#include "countersign/crypto/certificate_request.hpp"
#include "countersign/crypto/certificate_terms.hpp"
#include "countersign/store/records.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace countersign::challenge {

struct Facts {
    std::string profile;
    std::string transaction_id;
    std::string client;                             // address, for the audit
    const crypto::CertificateRequest* request = nullptr;
    std::optional<Secret> challenge;                // nullopt: the attribute is absent
    Time now{};
};

// What the request must contain for the claim to cover it; empty members do not restrict.
struct Binding {
    std::string subject;             // RFC 4514
    std::vector<std::string> sans;   // to_text() forms, compared as a set
    std::string template_name;
    // Set: subject and sans restrict even when empty, everything is compared octet for octet, and these too.
    std::optional<crypto::CertificateTerms> exact{};
};

// A request that is not what the challenge was given for is answered like a wrong challenge: whoever found one must not
// learn from the wire that it is good.
struct Claim {
    std::string kind;        // "one-time", "single-password", "none", "signed"
    std::string id;          // names the challenge in logs; never its value
    std::string stored_mac;  // empty unless its use is kept in the store
    Binding binding;
    std::optional<store::SingleUse> single_use{};  // the store knows nothing of it before it is used
    std::string device{};  // whose it is, as its issuer says; printable
};

enum class ClaimOutcome { issued, pending, failed };
enum class ReleaseReason {
    unavailable,  // ours or the CA's trouble: nothing is burnt
    mismatch,     // the request is not what the challenge was given for: counted, and burnt at the limit
};

// Why a challenge was refused, in the detail of a `denied`, `expired` or `conflict` error; the wire never says.
class Verifier {
public:
    virtual ~Verifier() = default;
    // Whether the challenge (nullopt: none) is of this verifier's kind by its looks alone, whatever it is worth.
    virtual bool recognises(const std::optional<Secret>& challenge) const = 0;
    // denied: missing, unknown, empty or wrong. expired. conflict: used before: a sign of a breach
    // (RFC 8894 7.3), audited as an alert by the caller. unavailable: cannot be judged now.
    virtual Result<Claim> reserve(const Facts& facts) = 0;
    virtual Result<void> commit(const Claim& claim, ClaimOutcome outcome, Time now) = 0;
    // True when the release burnt the challenge.
    virtual Result<bool> release(const Claim& claim, ReleaseReason reason, Time now) = 0;
};

struct MintedChallenge {
    Secret value;       // shown once
    std::string id;
    Time expires{};
};

// Who asks for a challenge, and how many of theirs may be outstanding at a time (0: as many as the profile allows).
struct Requester {
    Requester(std::string requester, std::size_t limit = 0)  // NOLINT: a name alone is enough
        : name(std::move(requester)), max_outstanding(limit) {}
    Requester(const char* requester) : name(requester) {}  // NOLINT
    std::string name;
    std::size_t max_outstanding = 0;
};

class Issuer {
public:
    virtual ~Issuer() = default;
    // throttled: too many outstanding. malformed: the binding cannot be understood (an unparsable DN or SAN).
    // `valid` nullopt: the profile's own validity.
    virtual Result<MintedChallenge> issue(const Binding& binding, std::optional<std::chrono::minutes> valid,
                                          const Requester& who, Time now) = 0;
    virtual Result<void> revoke(const std::string& id, Time now) = 0;
    virtual Result<std::size_t> outstanding(Time now) = 0;
};

}  // namespace countersign::challenge
