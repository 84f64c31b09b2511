// The two modes that exist for migration from NDES only: one password for everybody (UseSinglePassword=1) and none at
// all (EnforcePassword=0). Both are off by default and warned about at every start (design invariant 9).
#pragma once

#include "countersign/challenge/verifier.hpp"

namespace countersign::challenge {

// Accepts exactly one password, compared in constant time. An empty password is refused at construction (throws
// StartupError: it would match an empty attribute).
class SinglePassword final : public Verifier {
public:
    explicit SinglePassword(Secret password);
    bool recognises(const std::optional<Secret>& challenge) const override;
    Result<Claim> reserve(const Facts& facts) override;
    Result<void> commit(const Claim& claim, ClaimOutcome outcome, Time now) override;
    Result<bool> release(const Claim& claim, ReleaseReason reason, Time now) override;

private:
    Secret password_;
};

// Accepts every request, whatever its challenge says.
class NoPassword final : public Verifier {
public:
    bool recognises(const std::optional<Secret>& challenge) const override;
    Result<Claim> reserve(const Facts& facts) override;
    Result<void> commit(const Claim& claim, ClaimOutcome outcome, Time now) override;
    Result<bool> release(const Claim& claim, ReleaseReason reason, Time now) override;
};

}  // namespace countersign::challenge
