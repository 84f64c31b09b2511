#include "countersign/ra/followup.hpp"

namespace countersign::ra {

FollowupResult follow_up(Enrollment& enrollment, store::Transactions& transactions, const Profiles& profiles,
                         std::size_t limit) {
    using store::AttemptState;
    FollowupResult result;
    for (const auto state : {AttemptState::intent, AttemptState::approved, AttemptState::pending}) {
        const auto attempts = transactions.in_state(state, limit);
        if (!attempts) {
            ++result.troubled;
            continue;
        }
        for (const auto& attempt : *attempts) {
            ++result.looked_at;
            const auto profile = profiles.find(attempt.key.profile);
            if (profile == profiles.end()) {
                ++result.troubled;
                continue;
            }
            const auto advanced = enrollment.advance(*profile->second, attempt);
            if (!advanced) {
                ++result.troubled;
            } else if (advanced->state == AttemptState::issued || advanced->state == AttemptState::failed) {
                ++result.finished;
            }
        }
    }
    return result;
}

}  // namespace countersign::ra
