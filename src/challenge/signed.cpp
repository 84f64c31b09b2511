#include "countersign/challenge/signed.hpp"

#include "countersign/core/text.hpp"
#include "countersign/crypto/digest.hpp"

#include <algorithm>
#include <set>

namespace countersign::challenge {
namespace {

constexpr std::chrono::seconds clock_skew{60};

template <class List>
bool contains(const List& list, std::string_view value) {
    return std::ranges::find(list, value) != list.end();
}

// One id of one issuer, whatever profile and node it is shown to. The lengths keep ("a", "bc") from being ("ab", "c").
std::string mac_of(const Statement& statement) {
    const std::string material =
        "signed challenge " + std::to_string(statement.issuer.size()) + " " + statement.issuer + " " + statement.id;
    return "signed-" + crypto::sha256_hex(as_bytes(material));
}

// With a kid the key of that name and no other; without one, only where there is one key to mean.
Result<void> verify_signature(const SignedStatement& signed_statement, const TrustedIssuer& issuer) {
    const IssuerKey* chosen = nullptr;
    if (signed_statement.key_id.empty()) {
        if (issuer.keys.size() == 1) chosen = &issuer.keys.front();
    } else {
        for (const auto& key : issuer.keys) {
            if (key.id() == signed_statement.key_id) chosen = &key;
        }
    }
    if (chosen == nullptr) {
        return fail::denied("ChallengeKeyUnknown: issuer " + issuer.name + " has no key " +
                            printable(signed_statement.key_id, 80));
    }
    const auto held = chosen->verify(signed_statement.algorithm, as_bytes(signed_statement.signing_input),
                                     signed_statement.signature);
    if (held) return held;
    if (held.error().kind == ErrorKind::denied) {
        return fail::denied("ChallengeAlgorithmForbidden: " + held.error().detail + " (issuer " + issuer.name + ")");
    }
    return fail::denied("SignatureValidationFailed: the signature of issuer " + issuer.name + " does not hold");
}

[[noreturn]] void refuse_to_start(const SignedOptions& options, const std::string& why) {
    throw StartupError(fail::denied("signed challenges of profile " + options.profile + ": " + why));
}

}  // namespace

SignedChallenges::SignedChallenges(SignedOptions options, const Secret& substitute_secret, store::UsedChallenges& used)
    : options_(std::move(options)), substitute_secret_(substitute_secret.duplicate()), used_(used) {
    if (options_.audience.empty()) options_.audience = options_.profile;
    if (options_.keys.empty()) refuse_to_start(options_, "there is no key they are encrypted to");
    std::set<std::string> names;
    bool any = false;
    for (const auto& issuer : options_.issuers) {
        any = any || contains(issuer.profiles, options_.profile);
        if (issuer.keys.empty()) refuse_to_start(options_, "issuer " + issuer.name + " has no key");
        if (!names.insert(issuer.issuer).second) {
            refuse_to_start(options_, "two issuers call themselves " + printable(issuer.issuer));
        }
    }
    if (!any) refuse_to_start(options_, "no issuer may make them");
}

bool SignedChallenges::recognises(const std::optional<Secret>& challenge) const {
    return challenge && looks_signed(challenge->reveal_text());
}

Result<const TrustedIssuer*> SignedChallenges::issuer_of(const Statement& statement) const {
    const auto found = std::ranges::find(options_.issuers, statement.issuer, &TrustedIssuer::issuer);
    if (found == options_.issuers.end()) {
        return fail::denied("ChallengeIssuerUnknown: " + printable(statement.issuer));
    }
    return &*found;
}

Result<void> SignedChallenges::check_life(const Statement& statement, const TrustedIssuer& issuer, Time now) const {
    const auto refuse = [](const std::string& why) { return fail::denied("ChallengeInvalidTimestamp: " + why); };
    if (statement.expires <= statement.not_before || statement.expires <= statement.issued_at) {
        return refuse("it expires before it begins");
    }
    if (statement.expires - std::min(statement.issued_at, statement.not_before) > issuer.longest_life) {
        return refuse("it lives longer than the " + std::to_string(issuer.longest_life.count()) + " minutes issuer " +
                      issuer.name + " may give");
    }
    if (std::max(statement.issued_at, statement.not_before) > now + clock_skew) {
        return refuse("it begins at " + to_rfc3339(std::max(statement.issued_at, statement.not_before)));
    }
    if (statement.expires + clock_skew <= now) {
        return fail::expired("ChallengeExpired: it expired at " + to_rfc3339(statement.expires));
    }
    return boost::system::in_place_value;
}

Result<void> SignedChallenges::check_unused(const std::string& mac) const {
    TRY(const auto used, used_.find(mac));
    if (!used) return boost::system::in_place_value;
    return fail::conflict("ChallengeReplayed: challenge " + printable(used->challenge.id, 140) + " of " +
                          printable(used->challenge.issuer) +
                          (used->consumed ? " was used before, by request " : " is in use by request ") +
                          used->attempt);
}

// decrypt -> read -> issuer -> signature -> audience -> rights -> life -> use. Nothing inside is believed before the
// signature holds; use is asked last, so that only who brings a good challenge learns the audit's word for it.
Result<Claim> SignedChallenges::reserve(const Facts& facts) {
    if (facts.profile != options_.profile) {
        return fail::internal("a challenge for profile " + facts.profile + " was brought to " + options_.profile);
    }
    if (!facts.challenge || facts.challenge->empty()) {
        return fail::denied("ChallengePasswordMissing: the request holds no challenge");
    }
    TRY(const auto sealed, read_sealed(facts.challenge->reveal_text()));
    TRY(const Secret opened, open_sealed(sealed, options_.keys, substitute_secret_));
    TRY(const auto signed_statement, read_signed(opened.reveal_text()));
    const Statement& statement = signed_statement.statement;
    TRY(const auto* const issuer, issuer_of(statement));
    CHECK(verify_signature(signed_statement, *issuer));
    if (statement.audience != options_.audience) {
        return fail::denied("ChallengeAudienceMismatch: it is for " + printable(statement.audience) + ", not " +
                            options_.audience);
    }
    if (!contains(issuer->profiles, options_.profile)) {
        return fail::denied("ChallengeIssuerNotAllowed: issuer " + issuer->name + " has no right to this profile");
    }
    if (!issuer->templates.empty() && !contains(issuer->templates, statement.template_name)) {
        return fail::denied("ChallengeIssuerNotAllowed: issuer " + issuer->name +
                            " must name one of its templates, not \"" + printable(statement.template_name, 60) + "\"");
    }
    CHECK(check_life(statement, *issuer, facts.now));

    Claim claim;
    claim.kind = "signed";
    claim.device = printable(statement.device, 140);
    claim.id = issuer->name + " " + printable(statement.id, 140) +
               (statement.device.empty() ? "" : " device " + printable(statement.device, 140));
    claim.stored_mac = mac_of(statement);
    claim.single_use =
        store::SingleUse{claim.stored_mac, issuer->name, printable(statement.id, 140), statement.expires + clock_skew};
    claim.binding = {statement.subject, statement.sans, statement.template_name, statement.terms};
    claim.binding.exact->subject_patterns = issuer->subject_patterns;
    claim.binding.exact->san_patterns = issuer->san_patterns;
    CHECK(check_unused(claim.stored_mac));
    return claim;
}

// The store settles the use in the same commit as the attempt; nothing is left to do.
Result<void> SignedChallenges::commit(const Claim&, ClaimOutcome, Time) {
    return {};
}

Result<bool> SignedChallenges::release(const Claim&, ReleaseReason, Time) {
    return false;
}

}  // namespace countersign::challenge
