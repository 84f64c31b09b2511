#include "countersign/challenge/fixed.hpp"

namespace countersign::challenge {

SinglePassword::SinglePassword(Secret password) : password_(std::move(password)) {
    if (password_.empty()) throw StartupError(fail::denied("the single challenge password is empty"));
}

Result<Claim> SinglePassword::reserve(const Facts& facts) {
    if (!facts.challenge) return fail::denied("the request holds no challenge");
    if (facts.challenge->empty()) return fail::denied("the challenge is empty");
    if (!password_.equals(facts.challenge->reveal()))
        return fail::denied("the challenge is not the profile's password");
    return Claim{"single-password", "single-password", "", {}};
}

Result<void> SinglePassword::commit(const Claim&, ClaimOutcome, Time) {
    return {};
}
Result<bool> SinglePassword::release(const Claim&, ReleaseReason, Time) {
    return false;
}

Result<Claim> NoPassword::reserve(const Facts&) {
    return Claim{"none", "none", "", {}};
}
Result<void> NoPassword::commit(const Claim&, ClaimOutcome, Time) {
    return {};
}
Result<bool> NoPassword::release(const Claim&, ReleaseReason, Time) {
    return false;
}

}  // namespace countersign::challenge
