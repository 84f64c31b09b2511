// Challenges that carry their own proof: signed by an issuer (an MDM, say), encrypted to us, bound to what they may
// enroll (docs/signed-challenge.md). Any node that has the keys can judge one; only the use of its id needs the store.
#pragma once

#include "countersign/challenge/signed_format.hpp"
#include "countersign/challenge/verifier.hpp"
#include "countersign/store/used_challenges.hpp"

#include <chrono>
#include <vector>

namespace countersign::challenge {

// Who may vouch for what. Several keys let an issuer roll over.
struct TrustedIssuer {
    std::string name;    // for the audit
    std::string issuer;  // the claim "iss"
    std::vector<IssuerKey> keys;
    std::vector<std::string> profiles;
    std::vector<std::string> templates;  // empty: any of the profile's
    std::vector<std::string> subject_patterns;
    std::vector<std::string> san_patterns;
    std::chrono::minutes longest_life{24 * 60};  // from iat to exp
};

struct SignedOptions {
    std::string profile;
    std::string audience;  // the claim "aud"
    std::vector<ChallengeKey> keys;
    std::vector<TrustedIssuer> issuers;
};

// The store is borrowed and outlives this; options and secret are its own. Throws StartupError when there is no key, no
// issuer for the profile, or an issuer twice.
//
// reserve: denied, expired or conflict, each with a detail that begins with one word of the verdict vocabulary.
// Nothing is remembered of a refusal: an exact binding leaves nothing to guess at.
class SignedChallenges final : public Verifier {
public:
    SignedChallenges(SignedOptions options, const Secret& substitute_secret, store::UsedChallenges& used);

    bool recognises(const std::optional<Secret>& challenge) const override;
    Result<Claim> reserve(const Facts& facts) override;
    Result<void> commit(const Claim& claim, ClaimOutcome outcome, Time now) override;
    Result<bool> release(const Claim& claim, ReleaseReason reason, Time now) override;

private:
    Result<const TrustedIssuer*> issuer_of(const Statement& statement) const;
    Result<void> check_life(const Statement& statement, const TrustedIssuer& issuer, Time now) const;
    Result<void> check_unused(const std::string& mac) const;

    SignedOptions options_;
    Secret substitute_secret_;
    store::UsedChallenges& used_;
};

}  // namespace countersign::challenge
