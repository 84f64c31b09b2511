#include "countersign/admin/desk.hpp"

#include "countersign/admin/records.hpp"
#include "countersign/audit/catalogue.hpp"
#include "countersign/core/text.hpp"

#include <algorithm>

namespace countersign::admin {
namespace {

// The templates of the profile that the actor may mint for.
std::vector<std::string> templates_of(const Actor& actor, const std::set<std::string>& used) {
    std::vector<std::string> own;
    std::ranges::copy_if(used, std::back_inserter(own), [&](const auto& one) {
        return actor.templates.empty() || std::ranges::find(actor.templates, one) != actor.templates.end();
    });
    return own;
}

// Longer than a daemon waits for any CA with sensible time-outs.
constexpr std::chrono::minutes youngest_unknown{5};

// The template a challenge is bound to, given what is asked for, what the profile uses and what the actor may mint for.
Result<std::string> template_for(const std::string& wanted, const ProfileDesk& profile, const Actor& actor) {
    const auto& used = profile.templates;
    // A challenge for a template the profile does not use could never be redeemed.
    if (!wanted.empty() && !used.contains(wanted)) {
        return fail::not_found("the profile does not use template " + printable(wanted, 60) +
                               "; it uses: " + join({used.begin(), used.end()}, ", "));
    }
    const auto own = templates_of(actor, used);
    if (wanted.empty() && own.size() == used.size()) return wanted;
    if (wanted.empty() && own.size() == 1) return own.front();
    if (std::ranges::find(own, wanted) != own.end()) return wanted;
    return fail::denied(wanted.empty() ? "say which template the challenge is for: " + join(own, ", ")
                                       : "no challenges for template " + printable(wanted, 60));
}

audit::Event event_of(std::string_view id, const Actor& actor) {
    audit::Event event(id, audit::severity_of(id));
    event.with("by", printable(actor.name)).with("through", actor.through);
    return event;
}

}  // namespace

Result<challenge::MintedChallenge> Desk::mint(const MintRequest& request, const Actor& actor) {
    const auto found = profiles_.find(request.profile);
    if (found == profiles_.end()) return fail::not_found("there is no profile " + printable(request.profile, 60));
    const auto& profile = found->second;
    if (!profile.issuer) {
        return fail::denied("profile " + request.profile + " has challenge mode \"" + profile.mode +
                            "\", which mints no passwords");
    }
    auto wanted = request;
    auto& binding = wanted.binding;
    TRY(binding.template_name, template_for(binding.template_name, profile, actor));
    CHECK(ask_hook(wanted, profile, actor));
    TRY(auto minted,
        profile.issuer->issue(binding, wanted.valid, {actor.name, actor.max_outstanding}, parts_.clock.now()));
    auto event = event_of(audit::event::challenge_minted, actor);
    event.with("profile", request.profile)
        .with("challenge", minted.id)
        .with("subject", printable(binding.subject))
        .with("template", binding.template_name)
        .with("expires", to_rfc3339(minted.expires));
    if (const auto recorded = parts_.audit.record(event); !recorded) {
        // Unrecorded, it is not handed out, and must not count as outstanding. If this fails too, it expires.
        static_cast<void>(parts_.challenges.revoke(minted.id, parts_.clock.now()));
        return recorded.error();
    }
    return minted;
}

// What the hook makes of it has the same limits as what was asked for.
Result<void> Desk::ask_hook(MintRequest& request, const ProfileDesk& profile, const Actor& actor) {
    if (!profile.hook || !profile.hook->has(hook::Call::generate)) return {};
    auto& binding = request.binding;
    auto answer = profile.hook->generate({request.profile, actor.name, binding.subject, binding.sans,
                                          binding.template_name, request.valid.value_or(profile.valid)});
    if (!answer) {
        const bool denied = answer.error().kind == ErrorKind::denied;
        const auto id = denied ? audit::event::challenge_withheld : audit::event::hook_failed;
        // Withheld either way.
        static_cast<void>(parts_.audit.record(event_of(id, actor)
                                                  .with("profile", request.profile)
                                                  .with("hook", profile.hook->name())
                                                  .with("reason", answer.error().detail)));
        return answer.error();
    }
    binding.subject = std::move(answer->subject);
    binding.sans = std::move(answer->sans);
    if (request.valid || answer->valid < profile.valid) request.valid = answer->valid;
    TRY(binding.template_name, template_for(answer->template_name, profile, actor));
    return {};
}

bool Desk::covers_all_templates(const std::string& profile, const Actor& actor) const {
    const auto found = profiles_.find(profile);
    if (found == profiles_.end()) return false;
    const auto& used = found->second.templates;
    return templates_of(actor, used).size() == used.size();
}

Result<void> Desk::revoke_challenge(const std::string& id, const Actor& actor) {
    TRY(const auto known, parts_.challenges.find_by_id(id));
    if (!known) return fail::not_found("there is no challenge " + printable(id, 60));
    CHECK(parts_.audit.record(
        event_of(audit::event::challenge_revoked, actor).with("profile", known->profile).with("challenge", known->id)));
    return parts_.challenges.revoke(id, parts_.clock.now());
}

Result<store::Attempt> Desk::held(const std::string& request_id) {
    TRY(auto attempt, parts_.transactions.find(request_id));
    if (attempt.state != store::AttemptState::held) {
        return fail::conflict("request " + attempt.id + " is not held but " + std::string(name(attempt.state)));
    }
    return attempt;
}

audit::Event Desk::decision(std::string_view id, const store::Attempt& attempt, const Actor& actor) const {
    auto event = event_of(id, actor);
    event.with("profile", attempt.key.profile).with("request", attempt.id).with("subject", printable(attempt.subject));
    return event;
}

Result<store::Attempt> Desk::approve(const std::string& request_id, const Actor& actor) {
    TRY(auto attempt, held(request_id));
    // Recorded first: an approval nobody can account for must not take effect.
    CHECK(parts_.audit.record(decision(audit::event::request_approved, attempt, actor)));
    CHECK(parts_.transactions.approve(attempt.id, actor.name, parts_.clock.now()));
    return attempt;
}

Result<store::Attempt> Desk::deny(const std::string& request_id, const std::string& reason, const Actor& actor) {
    TRY(auto attempt, held(request_id));
    CHECK(
        parts_.audit.record(decision(audit::event::request_denied, attempt, actor).with("reason", printable(reason))));
    CHECK(parts_.transactions.deny(attempt.id, actor.name, reason, parts_.clock.now()));
    return attempt;
}

Result<store::Attempt> Desk::resolve(const std::string& request_id, const Resolution& resolution, const Actor& actor) {
    using Finding = Resolution::Finding;
    const Time now = parts_.clock.now();
    TRY(auto attempt, parts_.transactions.find(request_id));
    const bool at_the_ca = attempt.state == store::AttemptState::pending;
    if (attempt.state != store::AttemptState::intent && !at_the_ca) {
        return fail::conflict("the outcome of request " + attempt.id + " is not unknown: it is " +
                              std::string(name(attempt.state)));
    }
    if (at_the_ca && resolution.finding == Finding::not_there) {
        return fail::conflict("the CA has answered that it holds request " + attempt.id +
                              ": submitted again it might become a second certificate; say which certificate it "
                              "became, or give it up");
    }
    if (now - attempt.updated < youngest_unknown) {
        return fail::conflict("request " + attempt.id + " is younger than " + std::to_string(youngest_unknown.count()) +
                              " minutes: the daemon may still be at it");
    }
    const std::string by = " (" + actor.name + ")";
    auto event = decision(audit::event::request_resolved, attempt, actor);
    switch (resolution.finding) {
        case Finding::not_there:
            CHECK(parts_.audit.record(event.with("finding", std::string("not at the CA: to be submitted again"))));
            CHECK(parts_.transactions.record_waiting(attempt.id, "not at the CA" + by, now));
            break;
        case Finding::there:
            CHECK(parts_.audit.record(event.with("finding", "at the CA as " + printable(resolution.words))));
            CHECK(parts_.transactions.record_pending(attempt.id, resolution.words, now));
            break;
        case Finding::failed:
            CHECK(parts_.audit.record(event.with("finding", "failed: " + printable(resolution.words))));
            CHECK(parts_.transactions.record_failed(attempt.id, resolution.words + by, store::ChallengeFate::consume,
                                                    now));
            break;
    }
    return attempt;
}

Result<store::IssuedCertificate> Desk::certificate(const std::string& serial, const std::string& ca) {
    TRY(auto found, parts_.issued.find_by_serial(serial));
    std::erase_if(found, [&](const auto& one) { return !ca.empty() && one.ca != ca; });
    if (found.empty()) return fail::not_found("no certificate has serial " + printable(serial, 60));
    if (found.size() > 1)
        return fail::conflict("several CAs issued serial " + printable(serial, 60) + "; say which (--ca, \"ca\")");
    return std::move(found.front());
}

Result<RevokedCertificate> Desk::revoke_certificate(const std::string& serial, const std::string& ca, int reason,
                                                    bool even_of_the_ra, const Actor& actor) {
    TRY(auto found, certificate(serial, ca));
    RevokedCertificate one{std::move(found)};
    if (one.kind == "ca") {
        return fail::denied(
            "this is the CA itself: its own CRL cannot revoke it; make a new instance and tell those who trust it");
    }
    if (one.kind == "ra" && !even_of_the_ra) {
        return fail::denied(
            "this is a certificate of the RA itself: once it is revoked, nothing is issued any more. Give the "
            "RA another one first, or say --force");
    }
    if (one.revoked) return fail::conflict("certificate " + one.serial + " is revoked already");
    CHECK(parts_.audit.record(event_of(audit::event::certificate_revoked, actor)
                                  .with("ca", one.ca)
                                  .with("serial", one.serial)
                                  .with("subject", printable(one.subject))
                                  .with("reason", revocation_reason_name(reason))));
    const Time now = parts_.clock.now();
    if (parts_.revoke_at_ca) {
        const auto revoked = parts_.revoke_at_ca(one.ca, one.serial, reason, now);
        if (!revoked && revoked.error().kind != ErrorKind::conflict) return revoked.error();
        one.left_to_people = revoked && *revoked == RevokedWhere::here_alone;
    }
    CHECK(parts_.issued.revoke(one.ca, one.serial, reason, now));
    one.revoked = now;
    one.revocation_reason = reason;
    return one;
}

Result<store::Notification> Desk::undelivered(const std::string& id) {
    if (parts_.outbox == nullptr) return fail::internal("this desk has no outbox");
    TRY(auto notification, parts_.outbox->find(id));
    if (notification.state == store::NotificationState::delivered)
        return fail::conflict("notification " + notification.id + " is delivered already");
    return notification;
}

Result<void> Desk::retry_notification(const std::string& id, const Actor& actor) {
    TRY(const auto one, undelivered(id));
    CHECK(parts_.audit.record(event_of(audit::event::notification_retried, actor)
                                  .with("notification", one.id)
                                  .with("receiver", one.receiver)));
    return parts_.outbox->retry(one.id, parts_.clock.now());
}

Result<void> Desk::drop_notification(const std::string& id, const Actor& actor) {
    TRY(const auto one, undelivered(id));
    CHECK(parts_.audit.record(event_of(audit::event::notification_dropped, actor)
                                  .with("notification", one.id)
                                  .with("receiver", one.receiver)
                                  .with("event_told", std::string(store::name(one.event)))));
    return parts_.outbox->drop(one.id);
}

}  // namespace countersign::admin
