// One-time passwords in the manner of NDES (8 random octets as 16 upper-case hexadecimal digits), durable and bindable.
#pragma once

#include "countersign/challenge/verifier.hpp"
#include "countersign/core/random.hpp"
#include "countersign/store/challenges.hpp"

#include <memory>
#include <string>

namespace countersign::challenge {

struct OneTimeOptions {
    std::string profile;
    std::size_t octets = 8;  // 8..32; the password has twice as many digits
    std::chrono::minutes valid{60};
    std::size_t max_outstanding = 10000;
    int burn_after_refusals = 5;
};

// Both the verifier and the issuer of one profile. The pepper is copied; store and random are borrowed and outlive
// this. Throws StartupError when the options or the pepper make no sense.
//
// A password that is reserved by a request in flight or consumed is a conflict at `reserve`; revoked or burnt ones are
// denied. Binding names are kept in one spelling (Name::text(), to_text()). `revoke` knows only its own profile's
// challenges.
class OneTimePasswords final : public Verifier, public Issuer {
public:
    OneTimePasswords(OneTimeOptions options, const Secret& pepper, store::Challenges& store, Random& random);

    bool recognises(const std::optional<Secret>& challenge) const override;
    Result<Claim> reserve(const Facts& facts) override;
    Result<void> commit(const Claim& claim, ClaimOutcome outcome, Time now) override;
    Result<bool> release(const Claim& claim, ReleaseReason reason, Time now) override;

    Result<MintedChallenge> issue(const Binding& binding, std::optional<std::chrono::minutes> valid,
                                  const Requester& who, Time now) override;
    Result<void> revoke(const std::string& id, Time now) override;
    Result<std::size_t> outstanding(Time now) override;

private:
    // hex HMAC-SHA-256(pepper, profile || 0 || canonical value): a password of one profile is nothing at another.
    std::string mac_of(ByteView canonical) const;

    OneTimeOptions options_;
    Secret pepper_;
    store::Challenges& store_;
    Random& random_;
};

// A password as a person may have typed it: surrounding blanks cut, upper case. Nothing else is forgiven.
Secret canonical_password(const Secret& typed);

}  // namespace countersign::challenge
