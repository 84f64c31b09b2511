// What must happen without a client asking: attempts interrupted by a crash are finished, approved ones are submitted,
// and those the CA holds are polled. The daemon calls `round` at start, before it listens, and then every few seconds
// on one thread.
#pragma once

#include "countersign/ra/enrollment.hpp"

#include <map>
#include <memory>
#include <string>

namespace countersign::ra {

using Profiles = std::map<std::string, std::shared_ptr<const Profile>>;

struct FollowupResult {
    std::size_t looked_at = 0;
    std::size_t finished = 0;  // issued or failed now
    std::size_t troubled = 0;  // could not be advanced: CA away, profile gone
};

// Advances every attempt in intent, approved or pending, oldest first, at most `limit` of each state. An attempt whose
// profile no longer exists is left alone and counted as troubled.
FollowupResult follow_up(Enrollment& enrollment, store::Transactions& transactions, const Profiles& profiles,
                         std::size_t limit);

}  // namespace countersign::ra
