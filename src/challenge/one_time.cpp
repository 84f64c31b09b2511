#include "countersign/challenge/one_time.hpp"

#include "countersign/core/text.hpp"
#include "countersign/crypto/digest.hpp"
#include "countersign/crypto/general_name.hpp"
#include "countersign/crypto/name.hpp"

#include <algorithm>

namespace countersign::challenge {
namespace {

constexpr std::string_view kKind = "one-time";
constexpr std::size_t kFewestOctets = 8;
constexpr std::size_t kMostOctets = 32;
constexpr std::size_t kLeastPepper = 16;
constexpr std::size_t kIdOctets = 6;
constexpr std::chrono::minutes kLongestValidity = std::chrono::hours(24 * 365);
// Values are random: a second collision in a row already means broken randomness.
constexpr int kMintingTries = 4;

[[noreturn]] void refuse_to_start(const OneTimeOptions& options, const std::string& why) {
    throw StartupError(fail::denied("one-time passwords of profile " + options.profile + ": " + why));
}

Secret random_digits(Random& random, std::size_t octets) {
    Secret raw = Secret::of_size(octets);
    random.fill(raw.writable());
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    Secret digits = Secret::of_size(2 * octets);
    const auto out = digits.writable();
    for (std::size_t i = 0; i < octets; ++i) {
        out[2 * i] = static_cast<std::uint8_t>(kDigits[raw.reveal()[i] >> 4]);
        out[2 * i + 1] = static_cast<std::uint8_t>(kDigits[raw.reveal()[i] & 0x0f]);
    }
    return digits;
}

Result<Binding> in_one_spelling(const Binding& binding) {
    Binding canonical;
    canonical.template_name = binding.template_name;
    if (!trim(binding.subject).empty()) {
        const auto subject = crypto::Name::from_text(binding.subject);
        if (!subject) return fail::malformed("the subject: " + subject.error().detail);
        canonical.subject = subject->text();
    }
    for (const std::string& text : binding.sans) {
        const auto name = crypto::general_name_from_text(text);
        if (!name) return fail::malformed("the name " + printable(text) + ": " + name.error().detail);
        canonical.sans.push_back(crypto::to_text(*name));
    }
    std::sort(canonical.sans.begin(), canonical.sans.end());
    canonical.sans.erase(std::unique(canonical.sans.begin(), canonical.sans.end()), canonical.sans.end());
    return canonical;
}

// Use comes before expiry: a spent password shown again is a sign of a breach however late it comes.
Result<void> judge(const store::Challenge& stored, Time now) {
    const std::string which = "challenge " + stored.id;
    switch (stored.state) {
        case store::ChallengeState::consumed:
            return fail::conflict(which + " was used before, by request " + stored.attempt);
        case store::ChallengeState::reserved: return fail::conflict(which + " is in use by request " + stored.attempt);
        case store::ChallengeState::revoked: return fail::denied(which + " was revoked");
        case store::ChallengeState::burnt: return fail::denied(which + " was refused too often");
        case store::ChallengeState::outstanding: break;
    }
    if (stored.expires <= now) return fail::expired(which + " expired at " + to_rfc3339(stored.expires));
    return {};
}

}  // namespace

OneTimePasswords::OneTimePasswords(OneTimeOptions options, const Secret& pepper, store::Challenges& store,
                                   Random& random)
    : options_(std::move(options)), pepper_(pepper.duplicate()), store_(store), random_(random) {
    if (options_.profile.empty()) refuse_to_start(options_, "the profile has no name");
    if (options_.octets < kFewestOctets || options_.octets > kMostOctets) {
        refuse_to_start(options_, "8 to 32 octets, not " + std::to_string(options_.octets));
    }
    if (options_.valid <= std::chrono::minutes::zero() || options_.valid > kLongestValidity) {
        refuse_to_start(options_, "the validity must be between a minute and a year");
    }
    if (options_.burn_after_refusals < 1)
        refuse_to_start(options_, "at least one refusal must be allowed before burning");
    if (pepper_.size() < kLeastPepper) refuse_to_start(options_, "the pepper is shorter than 16 octets");
}

std::string OneTimePasswords::mac_of(ByteView canonical) const {
    Secret message = Secret::of_size(options_.profile.size() + 1 + canonical.size());
    const auto end_of_profile = std::copy(options_.profile.begin(), options_.profile.end(), message.writable().begin());
    *end_of_profile = 0;
    std::copy(canonical.begin(), canonical.end(), end_of_profile + 1);
    return lower_hex(crypto::hmac_sha256(pepper_.reveal(), message.reveal()));
}

// Every password this room ever minted is 16 to 64 hexadecimal digits.
bool OneTimePasswords::recognises(const std::optional<Secret>& challenge) const {
    if (!challenge) return false;
    const Secret canonical = canonical_password(*challenge);
    const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'); };
    return canonical.size() >= 2 * kFewestOctets && canonical.size() <= 2 * kMostOctets &&
           std::ranges::all_of(canonical.reveal_text(), is_digit);
}

Result<Claim> OneTimePasswords::reserve(const Facts& facts) {
    if (facts.profile != options_.profile) {
        return fail::internal("a challenge for profile " + facts.profile + " was brought to " + options_.profile);
    }
    if (!facts.challenge) return fail::denied("the request holds no challenge");
    const Secret canonical = canonical_password(*facts.challenge);
    if (canonical.empty()) return fail::denied("the challenge is empty");
    TRY(const auto stored, store_.find(mac_of(canonical.reveal())));
    if (!stored || stored->profile != options_.profile) return fail::denied("the challenge is unknown");
    CHECK(judge(*stored, facts.now));
    return Claim{std::string(kKind),
                 stored->id,
                 stored->mac,
                 {stored->subject, stored->sans, stored->template_name, std::nullopt},
                 std::nullopt};
}

// The store settles the challenge in the same commit as the attempt; nothing is left to do.
Result<void> OneTimePasswords::commit(const Claim&, ClaimOutcome, Time) {
    return {};
}

Result<bool> OneTimePasswords::release(const Claim& claim, ReleaseReason reason, Time now) {
    if (reason == ReleaseReason::unavailable) return false;
    const auto state = store_.count_refusal(claim.stored_mac, options_.burn_after_refusals, now);
    if (!state && state.error().kind == ErrorKind::not_found) return false;
    if (!state) return state.error();
    return *state == store::ChallengeState::burnt;
}

Result<MintedChallenge> OneTimePasswords::issue(const Binding& binding, std::optional<std::chrono::minutes> valid,
                                                const Requester& who, Time now) {
    TRY(const Binding canonical, in_one_spelling(binding));
    const std::chrono::minutes validity = valid.value_or(options_.valid);
    if (validity <= std::chrono::minutes::zero() || validity > kLongestValidity) {
        return fail::malformed("a challenge is valid between a minute and a year");
    }
    store::Challenge challenge;
    challenge.profile = options_.profile;
    challenge.subject = canonical.subject;
    challenge.sans = canonical.sans;
    challenge.template_name = canonical.template_name;
    challenge.created_by = printable(who.name);
    challenge.created = now;
    challenge.expires = now + validity;
    Result<void> inserted;
    for (int tries = 0; tries < kMintingTries; ++tries) {
        Secret value = random_digits(random_, options_.octets);
        challenge.mac = mac_of(value.reveal());
        challenge.id = lower_hex(random_.bytes(kIdOctets));
        inserted = store_.insert(challenge, {options_.max_outstanding, who.max_outstanding});
        if (inserted) return MintedChallenge{std::move(value), challenge.id, challenge.expires};
        if (inserted.error().kind != ErrorKind::conflict) return inserted.error();
    }
    return fail::internal("no new challenge could be found: " + inserted.error().detail);
}

Result<void> OneTimePasswords::revoke(const std::string& id, Time now) {
    TRY(const auto stored, store_.find_by_id(id));
    if (!stored || stored->profile != options_.profile) {
        return fail::not_found("profile " + options_.profile + " has no challenge " + printable(id));
    }
    return store_.revoke(id, now);
}

Result<std::size_t> OneTimePasswords::outstanding(Time now) {
    return store_.count_outstanding(options_.profile, now);
}

Secret canonical_password(const Secret& typed) {
    Secret canonical(trim(typed.reveal_text()));
    for (std::uint8_t& c : canonical.writable()) {
        if (c >= 'a' && c <= 'z') c = static_cast<std::uint8_t>(c - 'a' + 'A');
    }
    return canonical;
}

}  // namespace countersign::challenge
