// Renews the RA's own certificates: the only way they change, for the daemon and for `countersign ra renew` alike.
//
// A rollover is one story in small durable steps (ra/succession.hpp): decide -> key -> request and plan -> ask the CA,
// countersigned by the agent in force -> check what came back against the plan -> when every certificate of the
// rollover is there, put them in force together. Every step is written before the next, so a crash anywhere goes on
// where it was; what is in force changes in one rename. Blocking; safe in several processes (a lock) and on several
// threads. Borrows RenewerParts.
#pragma once

#include "countersign/audit/event.hpp"
#include "countersign/ca/backend.hpp"
#include "countersign/core/random.hpp"
#include "countersign/keys/key.hpp"
#include "countersign/ra/agent.hpp"
#include "countersign/ra/enrollment.hpp"
#include "countersign/ra/succession.hpp"
#include "countersign/store/issued.hpp"

#include <memory>
#include <optional>
#include <set>
#include <string>

namespace countersign::ra {

struct RenewerParts {
    store::Issued& issued;
    audit::Sink& audit;
    keys::KeySource& keys;
    const Clock& clock;
    Random& random;
    CrashPoint crash_point;  // may be empty
};

// One RA as it is in force, and where its certificates come from. Immutable; shared.
struct RaInService {
    std::string name;
    std::string ca_name;
    std::shared_ptr<ca::Backend> backend;
    std::shared_ptr<const Agent> agent;
    Identities configured;
    Identities identities;         // in force
    std::uint64_t revision = 0;    // of the succession that says so
    std::vector<Retired> overlap;  // whose keys still serve
    RenewalRules rules;
    std::filesystem::path directory;      // of the succession's file
    std::filesystem::path key_directory;  // the same, as URIs of new keys name it
    bool even_expired = false;            // the operator has the CA renew under an expired agent
};

// What an operator asks for.
struct RenewalWish {
    std::set<Role> roles;
    bool new_key = true;
    std::string who;
};

enum class RenewalStep {
    nothing_due,
    not_yet,       // a rollover waits for its next try
    outdated,      // what is in force has changed since RaInService was made: make it anew
    pending,       // the CA holds a request, or one of two certificates is there
    failed,        // this try failed; the rollover goes on later
    installed,     // new identities are in force
    overlap_over,  // retired keys serve no more
};

struct RenewalReport {
    RenewalStep step = RenewalStep::nothing_due;
    std::string detail{};
};

class Renewer {
public:
    explicit Renewer(RenewerParts parts) : parts_(std::move(parts)) {}

    // Does what is due now, or what is wished for whatever is due. conflict: another process is at it. unavailable,
    // malformed: the succession's file; nothing was done.
    Result<RenewalReport> advance(const RaInService& ra, const std::optional<RenewalWish>& wish);

private:
    struct Work;  // one call of advance
    Result<RenewalReport> end_overlaps(Work& work);
    Result<void> begin(Work& work, const RenewalWish& wish);
    Result<RenewalReport> carry_on(Work& work);
    Result<RenewalReport> fail_for_now(Work& work, const std::string& trouble);

    // Each brings one certificate nearer; an error is this try's trouble, and what is known is in the succession.
    Result<void> advance_one(Work& work, Renewal& renewal);
    Result<void> prepare(Work& work, Renewal& renewal);
    Result<ca::Outcome> ask(Work& work, Renewal& renewal);
    Result<ca::Outcome> submit(Work& work, Renewal& renewal);
    Result<void> settle(Work& work, Renewal& renewal, const ca::Outcome& outcome);
    Result<void> accept(Work& work, Renewal& renewal, const crypto::Certificate& certificate);
    Result<void> quarantine(Work& work, Renewal& renewal, const crypto::Certificate& certificate,
                            const std::string& reason);
    // The answer was final: the next try is another request, for the same key.
    Result<void> give_up(Work& work, Renewal& renewal, const std::string& reason);
    Result<RenewalReport> install(Work& work);

    Result<std::shared_ptr<keys::Key>> open_or_make_key(const Work& work, const Renewal& renewal);
    audit::Event event(const Work& work, std::string_view id) const;
    void reach(std::string_view crash_point) const;

    RenewerParts parts_;
};

}  // namespace countersign::ra
