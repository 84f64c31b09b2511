// Several kinds of challenge at one profile, the strongest first. What a challenge looks like decides which verifier
// judges it, and that verdict stands: a broken signed challenge is never tried as a password.
#pragma once

#include "countersign/challenge/verifier.hpp"

#include <memory>
#include <vector>

namespace countersign::challenge {

// Throws StartupError when there is no verifier. Each kind of claim goes back to the verifier that made it.
class RankedVerifiers final : public Verifier {
public:
    struct Entry {
        std::string kind;  // Claim::kind of what it makes
        std::shared_ptr<Verifier> verifier;
    };
    explicit RankedVerifiers(std::vector<Entry> strongest_first);

    bool recognises(const std::optional<Secret>& challenge) const override;
    // denied ChallengeKindUnknown: it looks like nothing the profile accepts. A missing challenge goes to the first
    // that takes one, else to the strongest.
    Result<Claim> reserve(const Facts& facts) override;
    Result<void> commit(const Claim& claim, ClaimOutcome outcome, Time now) override;
    Result<bool> release(const Claim& claim, ReleaseReason reason, Time now) override;

private:
    Result<Verifier*> maker_of(const Claim& claim);

    std::vector<Entry> entries_;
};

}  // namespace countersign::challenge
