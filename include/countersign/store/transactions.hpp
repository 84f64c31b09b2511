// The memory of enrollment attempts.
//
// Contract: every writing call returns after its effect is durable (fsynced; concurrent calls share one commit) or with
// an error after which nothing happened, except outcome_unknown: the commit may or may not have reached the disk.
// Blocking, safe on many threads. `unavailable`: the database is away or busy; nothing happened.
#pragma once

#include "countersign/core/result.hpp"
#include "countersign/store/records.hpp"

#include <optional>
#include <vector>

namespace countersign::store {

// What becomes of the stored challenge when an attempt fails. One that is consumed already (the CA held the request)
// stays consumed either way.
enum class ChallengeFate { release, consume };

struct AttemptFilter {
    std::optional<AttemptState> state;    // nullopt: any
    std::vector<std::string> profiles{};  // of one of these; empty: any
    std::size_t limit = 1000;
};

class Transactions {
public:
    virtual ~Transactions() = default;

    // The newest attempt under a transaction; nullopt when there is none.
    virtual Result<std::optional<Attempt>> latest(const TransactionKey& key) = 0;
    virtual Result<Attempt> find(const std::string& attempt_id) = 0;  // not_found

    // Durable commit 1, atomically: inserts the attempt (in state intent or held) and turns its challenge, if it names
    // one, from outstanding to reserved; one of single use is written down as reserved. conflict: an attempt that is
    // not final exists under the key. denied: the challenge is not outstanding any more, used already, or expired at
    // `attempt.created`; then nothing is written.
    virtual Result<void> record_intent(const Attempt& attempt) = 0;

    // Durable commit 2, atomically: the certificate is inserted, the attempt is issued, its challenge consumed.
    // conflict: the attempt is final already.
    virtual Result<void> record_issued(const std::string& attempt_id, const IssuedCertificate& certificate,
                                       Time now) = 0;
    // The CA holds the request; the challenge counts as consumed. `told` false: it does not hold it, we have something
    // more to say to it; no subscriber hears of that.
    virtual Result<void> record_pending(const std::string& attempt_id, const std::string& ca_handle, Time now,
                                        bool told = true) = 0;
    // intent -> approved: it is certain that the CA has not got it; it waits for its turn. conflict: not in intent.
    virtual Result<void> record_waiting(const std::string& attempt_id, const std::string& reason, Time now) = 0;
    // approved -> intent, before it is submitted: from now on the CA may have got it. conflict: not approved.
    virtual Result<void> record_submitting(const std::string& attempt_id, Time now) = 0;
    virtual Result<void> record_failed(const std::string& attempt_id, const std::string& reason, ChallengeFate fate,
                                       Time now) = 0;

    // Officer's decisions on a held attempt; conflict when it is not held. Denying consumes the challenge.
    virtual Result<void> approve(const std::string& attempt_id, const std::string& officer, Time now) = 0;
    virtual Result<void> deny(const std::string& attempt_id, const std::string& officer, const std::string& reason,
                              Time now) = 0;

    // Attempts in this state, oldest first.
    virtual Result<std::vector<Attempt>> in_state(AttemptState state, std::size_t limit) = 0;
    // The newest attempts whatever their state, newest first, for people.
    virtual Result<std::vector<Attempt>> recent(std::size_t limit) = 0;
    // Newest first, for people: may look at every row.
    virtual Result<std::vector<Attempt>> list(const AttemptFilter& filter) = 0;
    // How many are in this state. Costs what it counts: cheap for states that attempts only pass through.
    virtual Result<std::size_t> count(AttemptState state) = 0;
};

}  // namespace countersign::store
