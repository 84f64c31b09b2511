#include "countersign/challenge/ranked.hpp"

#include <algorithm>

namespace countersign::challenge {

RankedVerifiers::RankedVerifiers(std::vector<Entry> strongest_first) : entries_(std::move(strongest_first)) {
    if (entries_.empty()) throw StartupError(fail::denied("a profile accepts no kind of challenge"));
}

bool RankedVerifiers::recognises(const std::optional<Secret>& challenge) const {
    return std::ranges::any_of(entries_, [&](const Entry& entry) { return entry.verifier->recognises(challenge); });
}

Result<Claim> RankedVerifiers::reserve(const Facts& facts) {
    for (const auto& entry : entries_) {
        if (entry.verifier->recognises(facts.challenge)) return entry.verifier->reserve(facts);
    }
    if (!facts.challenge || facts.challenge->empty()) return entries_.front().verifier->reserve(facts);
    return fail::denied("ChallengeKindUnknown: the challenge is of no kind this profile accepts");
}

Result<Verifier*> RankedVerifiers::maker_of(const Claim& claim) {
    const auto found = std::ranges::find(entries_, claim.kind, &Entry::kind);
    if (found == entries_.end()) return fail::internal("a claim of kind " + claim.kind + " came from nowhere");
    return found->verifier.get();
}

Result<void> RankedVerifiers::commit(const Claim& claim, ClaimOutcome outcome, Time now) {
    TRY(auto* const maker, maker_of(claim));
    return maker->commit(claim, outcome, now);
}

Result<bool> RankedVerifiers::release(const Claim& claim, ReleaseReason reason, Time now) {
    TRY(auto* const maker, maker_of(claim));
    return maker->release(claim, reason, now);
}

}  // namespace countersign::challenge
