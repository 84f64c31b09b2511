#include "countersign/challenge/fixed.hpp"

#include "countersign/challenge/signed_format.hpp"

namespace countersign::challenge {

SinglePassword::SinglePassword(Secret password) : password_(std::move(password)) {
    if (password_.empty()) throw StartupError(fail::denied("the single challenge password is empty"));
}

bool SinglePassword::recognises(const std::optional<Secret>& challenge) const {
    return challenge && !looks_signed(challenge->reveal_text());
}

Result<Claim> SinglePassword::reserve(const Facts& facts) {
    if (!facts.challenge) return fail::denied("the request holds no challenge");
    if (facts.challenge->empty()) return fail::denied("the challenge is empty");
    if (!password_.equals(facts.challenge->reveal()))
        return fail::denied("the challenge is not the profile's password");
    return Claim{"single-password", "single-password", "", {}, std::nullopt};
}

Result<void> SinglePassword::commit(const Claim&, ClaimOutcome, Time) {
    return {};
}
Result<bool> SinglePassword::release(const Claim&, ReleaseReason, Time) {
    return false;
}

// "None" in words: no password, whatever stands in its place.
bool NoPassword::recognises(const std::optional<Secret>&) const {
    return true;
}

Result<Claim> NoPassword::reserve(const Facts&) {
    return Claim{"none", "none", "", {}, std::nullopt};
}
Result<void> NoPassword::commit(const Claim&, ClaimOutcome, Time) {
    return {};
}
Result<bool> NoPassword::release(const Claim&, ReleaseReason, Time) {
    return false;
}

}  // namespace countersign::challenge
