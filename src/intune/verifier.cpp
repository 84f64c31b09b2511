#include "countersign/intune/verifier.hpp"

#include "countersign/challenge/signed_format.hpp"
#include "countersign/core/text.hpp"
#include "countersign/crypto/digest.hpp"
#include "countersign/crypto/encoding.hpp"
#include "countersign/intune/verdict.hpp"

#include <algorithm>

namespace countersign::intune {
namespace {

using nlohmann::json;

constexpr std::size_t longest_password = 64;
constexpr std::size_t longest_transaction_id = 255;
constexpr std::chrono::seconds yes_keeps{30};
constexpr std::size_t most_remembered = 1000;
constexpr int failures_to_close = 3;
constexpr std::chrono::seconds shortest_closure{5};
constexpr std::chrono::seconds longest_closure{60};

// Intune knows transactions by text.
bool legible(std::string_view text) {
    return !text.empty() && text.size() <= longest_transaction_id &&
           std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

std::string id_of(std::string_view transaction_id, ByteView request) {
    std::string material(transaction_id);
    material += '\n';
    material += as_text(request);
    // Whole: a yes is remembered under it, and nobody may find another request of the same name.
    return crypto::sha256_hex(as_bytes(material));
}

// Leaves the gate whatever happens inside.
struct Passage {
    Gate& gate;
    bool answered = false;
    ~Passage() { gate.leave(answered); }
};

}  // namespace

Result<void> Gate::enter() {
    const std::lock_guard lock(mutex_);
    // Not longer than that when the clock was set back.
    const auto left = closed_until_ - clock_.now();
    if (left > Time::duration::zero() && left <= longest_closure)
        return fail::unavailable("Intune is left alone for a while: " + last_problem_);
    if (free_ == 0) return fail::throttled("as many challenges as allowed are being judged by Intune");
    --free_;
    // Once open again, one tries before the others do.
    if (failures_ >= failures_to_close) closed_until_ = clock_.now() + shortest_closure;
    return {};
}

void Gate::leave(bool answered) {
    const std::lock_guard lock(mutex_);
    ++free_;
    failures_ = answered ? 0 : failures_ + 1;
    if (answered) closed_until_ = {};
    if (failures_ < failures_to_close) return;
    auto closure = shortest_closure;
    for (int i = failures_to_close; i < failures_ && closure < longest_closure; ++i) closure *= 2;
    closed_until_ = clock_.now() + std::min(closure, longest_closure);
    last_problem_ = std::to_string(failures_) + " questions in a row were not answered";
}

bool Verifier::recognises(const std::optional<Secret>& challenge) const {
    return challenge && trim(challenge->reveal_text()).size() > longest_password &&
           !challenge::looks_signed(challenge->reveal_text());
}

Result<challenge::Claim> Verifier::reserve(const challenge::Facts& facts) {
    if (facts.profile != options_.profile)
        return fail::internal("a challenge for profile " + facts.profile + " was brought to " + options_.profile);
    if (!facts.challenge || facts.challenge->empty())
        return fail::denied("ChallengePasswordMissing: the request holds no challenge");
    if (!legible(facts.transaction_id))
        return fail::denied("the transaction id cannot be told to Intune: " + printable(facts.transaction_id, 60));
    const std::string id = id_of(facts.transaction_id, facts.request->der());
    if (!recall(id, facts.now)) {
        Validated about{facts.transaction_id, crypto::base64(facts.request->der()), {}};
        CHECK(ask(about));
        remember(id, std::move(about), facts.now);
    }
    challenge::Claim claim;
    claim.kind = challenge_kind;
    claim.id = id;
    return claim;
}

Result<void> Verifier::ask(const Validated& about) {
    CHECK(gate_->enter());
    Passage passage{*gate_};
    const auto answer = client_->call(Service::validation, "ScepActions/validateRequest",
                                      {{"request",
                                        {{"transactionId", about.transaction_id},
                                         {"certificateRequest", about.request},
                                         {"callerInfo", options_.caller_info}}}});
    const auto verdict = answer ? verdict_in(*answer) : Result<void>(answer.error());
    passage.answered = verdict || verdict.error().kind != ErrorKind::unavailable;
    return verdict;
}

std::optional<Verifier::Validated> Verifier::recall(const std::string& id, Time now) {
    const std::lock_guard lock(mutex_);
    const auto known = validated_.find(id);
    if (known == validated_.end() || now >= known->second.until) return std::nullopt;
    return known->second;
}

void Verifier::remember(const std::string& id, Validated validated, Time now) {
    validated.until = now + yes_keeps;
    const std::lock_guard lock(mutex_);
    std::erase_if(validated_, [&](const auto& one) { return now >= one.second.until; });
    if (validated_.size() >= most_remembered) validated_.clear();
    validated_[id] = std::move(validated);
}

Result<void> Verifier::commit(const challenge::Claim&, challenge::ClaimOutcome, Time) {
    return {};
}

Result<bool> Verifier::release(const challenge::Claim& claim, challenge::ReleaseReason reason, Time now) {
    if (reason == challenge::ReleaseReason::unavailable) return false;
    const auto refused = recall(claim.id, now);
    if (!refused) return false;
    const json detail{{"transaction_id", refused->transaction_id},
                      {"request", refused->request},
                      {"reason", "the policy of the registration authority refuses the request"}};
    CHECK(outbox_.announce({store::NotificationEvent::failed, "refused " + claim.id, options_.receiver,
                            options_.profile, detail.dump(), now}));
    return false;
}

}  // namespace countersign::intune
