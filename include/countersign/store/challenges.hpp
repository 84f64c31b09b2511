// The memory of one-time passwords: MACs, bindings and states, never values. Same contract of durability, blocking
// and errors as store/transactions.hpp. Reserving, consuming and releasing by an attempt happen there, in the same
// commit as the attempt's own record.
#pragma once

#include "countersign/core/result.hpp"
#include "countersign/store/records.hpp"

#include <optional>
#include <vector>

namespace countersign::store {

// How many unexpired outstanding challenges there may be at a time.
struct OutstandingLimits {
    OutstandingLimits(std::size_t profile_total,
                      std::size_t creator_total = 0)  // NOLINT: a number alone is the profile's
        : in_profile(profile_total), by_creator(creator_total) {}
    std::size_t in_profile;
    std::size_t by_creator;  // of challenge.created_by, in every profile; 0: no limit
};

class Challenges {
public:
    virtual ~Challenges() = default;

    // throttled: there are as many as `limits` allow already (at challenge.created); says whose limit it is.
    virtual Result<void> insert(const Challenge& challenge, const OutstandingLimits& limits) = 0;
    virtual Result<std::optional<Challenge>> find(const std::string& mac) = 0;
    virtual Result<std::optional<Challenge>> find_by_id(const std::string& id) = 0;
    // Newest first. An empty profile means all; only_outstanding leaves out final states and those expired at `now`.
    virtual Result<std::vector<Challenge>> list(const std::string& profile, bool only_outstanding, Time now,
                                                std::size_t limit) = 0;
    virtual Result<std::size_t> count_outstanding(const std::string& profile, Time now) = 0;
    // By id. not_found; conflict when it is reserved or final already.
    virtual Result<void> revoke(const std::string& id, Time now) = 0;
    // An otherwise valid challenge met a request that does not match it: counts, and burns it at `burn_after`.
    // A reserved one is counted and stays with its attempt; a final one is left alone. Returns the new state.
    // not_found.
    virtual Result<ChallengeState> count_refusal(const std::string& mac, int burn_after, Time now) = 0;
    // Forgets challenges that became final, or expired without being used, before `before`. Returns how many. A reuse
    // of what is forgotten looks like an unknown challenge.
    virtual Result<std::size_t> purge(Time before) = 0;
};

}  // namespace countersign::store
