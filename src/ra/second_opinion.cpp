// What the profile's policy hook says about a request that policy would let pass. It is asked before anything is
// recorded or reserved: without its answer nothing has happened.
#include "countersign/audit/catalogue.hpp"
#include "countersign/crypto/digest.hpp"
#include "countersign/hook/hook.hpp"
#include "countersign/ra/enrollment.hpp"
#include "exchange.hpp"

namespace countersign::ra {

namespace {

// The same for the same message, so that a hook knows again what it was asked before a crash. The lengths keep one
// part from being read as the beginning of the next.
std::string question_id(const store::TransactionKey& transaction, const std::string& request_digest) {
    std::string material = "policy hook";
    for (const auto& part : {transaction.profile, transaction.signer_key, transaction.transaction_id, request_digest}) {
        material += " " + std::to_string(part.size()) + " " + part;
    }
    return crypto::sha256_hex(as_bytes(material));
}

hook::ChallengeFacts shown(const challenge::Claim& claim) {
    return {claim.kind, claim.id, claim.device, claim.binding.subject, claim.binding.sans, claim.binding.template_name};
}

const crypto::CertificateContent& plan_of(const policy::Decision& decision) {
    const auto* hold = std::get_if<policy::Hold>(&decision);
    return hold != nullptr ? hold->plan : std::get<policy::Allow>(decision).plan;
}

// A hook may hold what policy allows, and cannot let go what policy holds.
policy::Decision both(const policy::Decision& policys, policy::Decision hooks) {
    if (std::holds_alternative<policy::Deny>(hooks)) return hooks;
    const auto* held = std::get_if<policy::Hold>(&policys);
    auto remarks = held != nullptr ? held->remarks : std::get<policy::Allow>(policys).remarks;
    auto* hold = std::get_if<policy::Hold>(&hooks);
    auto& more = hold != nullptr ? hold->remarks : std::get<policy::Allow>(hooks).remarks;
    remarks.insert(remarks.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    if (held == nullptr && hold == nullptr)
        return policy::Allow{std::move(std::get<policy::Allow>(hooks).plan), std::move(remarks)};

    std::string reason = held != nullptr ? held->reason : "";
    if (hold != nullptr) reason += (reason.empty() ? "" : "; ") + hold->reason;
    auto plan = plan_of(hooks);
    return policy::Hold{std::move(plan), std::move(reason), std::move(remarks)};
}

}  // namespace

Result<policy::Decision> Enrollment::with_second_opinion(Exchange& exchange, const challenge::Claim& claim,
                                                         const std::string& template_name,
                                                         const std::string& attempt_id, policy::Decision decision) {
    const auto& hook = exchange.profile.hook;
    if (!hook || !hook->has(hook::Call::verify) || std::holds_alternative<policy::Deny>(decision)) return decision;

    auto opinion = hook->verify({
        .id = question_id(exchange.transaction, exchange.request_digest),
        .request = attempt_id,
        .profile = exchange.profile.name,
        .template_name = template_name,
        .purpose = exchange.renewed ? policy::Purpose::renew : policy::Purpose::enroll,
        .transaction_id = exchange.transaction.transaction_id,
        .client = exchange.client,
        .csr = exchange.request(),
        .renewed = exchange.renewed ? &exchange.renewed->certificate : nullptr,
        .challenge = shown(claim),
        .plan = plan_of(decision),
        .now = exchange.now,
    });
    if (!opinion) {
        note(exchange.event(audit::event::hook_failed)
                 .with("hook", hook->name())
                 .with("reason", opinion.error().detail));
        return fail::unavailable("policy hook " + hook->name() + " gave no verdict: " + opinion.error().detail);
    }
    if (const auto* deny = std::get_if<policy::Deny>(&*opinion); deny != nullptr && deny->blameless) {
        note(exchange.event(audit::event::hook_overreached)
                 .with("hook", hook->name())
                 .with("reason", policy::describe(deny->findings)));
    }
    return both(decision, *std::move(opinion));
}

}  // namespace countersign::ra
