// From a recorded intent to a recorded outcome: what happens between the two durable commits.
#include "countersign/audit/catalogue.hpp"
#include "countersign/core/text.hpp"
#include "countersign/ra/enrollment.hpp"
#include "countersign/ra/plan_record.hpp"
#include "countersign/store/ledger_entry.hpp"

namespace countersign::ra {

using store::AttemptState;

namespace {

audit::Event event_about(const store::Attempt& attempt, std::string_view id) {
    audit::Event event(id, audit::severity_of(id));
    event.with("profile", attempt.key.profile)
        .with("client", attempt.client)
        .with("transaction", printable(attempt.key.transaction_id))
        .with("request", attempt.id)
        .with("subject", printable(attempt.subject));
    return event;
}

// After the CA was asked, our own trouble must never look as if nothing had happened.
Error in_doubt(Error error) {
    return {ErrorKind::outcome_unknown, std::move(error.detail)};
}

store::IssuedCertificate ledger_entry(const Profile& profile, const store::Attempt& attempt,
                                      const crypto::Certificate& certificate) {
    auto entry = store::ledger_entry(certificate, profile.ca_name, attempt.kind);
    entry.profile = profile.name;
    entry.attempt = attempt.id;
    entry.template_name = attempt.template_name;
    return entry;
}

Result<ca::Outcome> submit_to(ca::Backend& backend, const ca::CountersignedRequest& request, const std::string& key,
                              std::chrono::milliseconds patience, std::shared_ptr<void> hold) {
    if (auto* patient = backend.patient()) return patient->submit_within(request, key, patience, std::move(hold));
    return backend.submit(request, key);
}

// A CA somewhere else has a clock of its own, and may have held the request: the validity that was approved begins when
// it issues, and gets no longer by that.
crypto::CertificateContent plan_as_of(const Profile& profile, const store::Attempt& attempt,
                                      crypto::CertificateContent plan, const crypto::Certificate& certificate,
                                      Time now) {
    if (!profile.clock_slack) return plan;
    const auto approved = plan.not_after - plan.not_before + *profile.clock_slack;
    plan.not_before -= *profile.clock_slack;
    plan.not_after = std::min(plan.not_after + *profile.clock_slack + (now - attempt.created),
                              std::max(plan.not_before, certificate.not_before()) + approved);
    return plan;
}

}  // namespace

// unavailable: nothing reached the CA. outcome_unknown: it may have; the attempt stays as it is recorded and is
// advanced later.
Result<Enrollment::Settled> Enrollment::settle(const Profile& profile, store::Attempt attempt,
                                               crypto::CertificateRequest request,
                                               const crypto::CertificateContent& plan,
                                               std::chrono::milliseconds patience, std::shared_ptr<void> hold) {
    // An RA that is not in order must not cost clients their passwords.
    if (!profile.agent->identity().certificate.valid_at(parts_.clock.now())) {
        return fail::unavailable("the enrollment agent certificate is not valid now");
    }
    auto countersigned = profile.agent->countersign(ApprovedRequest(std::move(request), plan, attempt.template_name),
                                                    parts_.clock.now(), profile.countersign_as_cmc);
    if (!countersigned) return fail::unavailable("countersigning: " + countersigned.error().detail);
    reach("enroll.after_countersign");

    auto outcome = submit_to(*profile.backend, *countersigned, attempt.id, patience, std::move(hold));
    reach("enroll.after_submit");
    if (!outcome) return settle_trouble(profile, std::move(attempt), plan, outcome.error());
    auto settled = settle_outcome(profile, std::move(attempt), plan, *std::move(outcome));
    if (!settled) return in_doubt(settled.error());
    return settled;
}

// Submitting gave an error instead of an outcome.
Result<Enrollment::Settled> Enrollment::settle_trouble(const Profile& profile, store::Attempt attempt,
                                                       const crypto::CertificateContent& plan, const Error& error) {
    switch (error.kind) {
        case ErrorKind::unavailable: return error;
        case ErrorKind::malformed:
        case ErrorKind::denied:
        case ErrorKind::unauthenticated: {
            auto settled = settle_failed(std::move(attempt), "the CA backend refused: " + error.detail,
                                         store::ChallengeFate::consume);
            if (!settled) return in_doubt(settled.error());
            return settled;
        }
        default: break;
    }
    auto found = profile.backend->reconcile(attempt.id, attempt.updated);
    if (!found) return in_doubt(found.error());
    // Not there yet is not never: it may still be on its way. The intent stays, and is advanced later.
    if (!*found) return in_doubt(error);
    auto settled = settle_outcome(profile, std::move(attempt), plan, **std::move(found));
    if (!settled) return in_doubt(settled.error());
    return settled;
}

Result<Enrollment::Settled> Enrollment::settle_outcome(const Profile& profile, store::Attempt attempt,
                                                       const crypto::CertificateContent& plan, ca::Outcome outcome) {
    if (const auto* issued = std::get_if<ca::Issued>(&outcome)) {
        return settle_issued(profile, std::move(attempt), plan, issued->certificate);
    }
    if (const auto* rejected = std::get_if<ca::Rejected>(&outcome)) {
        const auto reason = "the CA refused: " + rejected->reason;
        if (rejected->certificate) return quarantine(profile, std::move(attempt), *rejected->certificate, reason);
        return settle_failed(std::move(attempt), reason, store::ChallengeFate::consume);
    }
    const auto& [handle, at_once] = std::get<ca::Pending>(outcome);
    if (attempt.state == AttemptState::pending && attempt.ca_handle == handle)
        return Settled{std::move(attempt), std::nullopt};
    if (!at_once) CHECK(parts_.audit.record(event_about(attempt, audit::event::enrollment_pending)));
    CHECK(parts_.transactions.record_pending(attempt.id, handle, parts_.clock.now(), !at_once));
    reach("enroll.after_handle");
    attempt.state = AttemptState::pending;
    attempt.ca_handle = handle;
    if (!at_once) return Settled{std::move(attempt), std::nullopt};
    auto next = profile.backend->poll(handle);
    // Later, by the handle.
    if (!next) return Settled{std::move(attempt), std::nullopt};
    if (auto* pending = std::get_if<ca::Pending>(&*next)) pending->at_once = false;
    return settle_outcome(profile, std::move(attempt), plan, *std::move(next));
}

Result<Enrollment::Settled> Enrollment::settle_issued(const Profile& profile, store::Attempt attempt,
                                                      const crypto::CertificateContent& plan,
                                                      const crypto::Certificate& certificate) {
    const auto agreed = plan_as_of(profile, attempt, plan, certificate, parts_.clock.now());
    auto findings = policy::compare_with_plan(agreed, certificate);
    if (!certificate.verify_signed_by(profile.ca_chain.front().public_key())) {
        findings.push_back({"IssuerMismatch", "the certificate is not signed by the configured CA"});
    }
    if (!findings.empty()) {
        return quarantine(
            profile, std::move(attempt), certificate,
            "the CA returned a certificate that differs from the approved plan: " + policy::describe(findings));
    }

    CHECK(parts_.audit.record(event_about(attempt, audit::event::enrollment_issued)
                                  .with("serial", certificate.serial_hex())
                                  .with("template", attempt.template_name)
                                  .with("kind", attempt.kind)
                                  .with("not_after", to_rfc3339(certificate.not_after()))));
    const auto recorded =
        parts_.transactions.record_issued(attempt.id, ledger_entry(profile, attempt, certificate), parts_.clock.now());
    if (!recorded && recorded.error().kind == ErrorKind::conflict)
        return settle_late(profile, attempt.id, certificate, recorded.error());
    CHECK(recorded);
    conduct_.succeeded(attempt.client, parts_.clock.now());
    reach("enroll.after_record");
    attempt.state = AttemptState::issued;
    attempt.certificate_serial = certificate.serial_hex();
    return Settled{std::move(attempt), certificate};
}

// The certificate is there, and somebody settled the attempt meanwhile: another node with the same certificate, or an
// officer who gave the request up.
Result<Enrollment::Settled> Enrollment::settle_late(const Profile& profile, const std::string& attempt_id,
                                                    const crypto::Certificate& certificate, const Error& conflict) {
    TRY(auto standing, parts_.transactions.find(attempt_id));
    if (standing.state != AttemptState::issued && standing.state != AttemptState::failed) return conflict;
    if (standing.state == AttemptState::issued && standing.certificate_serial == certificate.serial_hex())
        return Settled{std::move(standing), certificate};
    CHECK(set_aside(profile, standing, certificate,
                    "it came when the request was " + std::string(name(standing.state)) + " already" +
                        (standing.reason.empty() ? "" : ": " + standing.reason)));
    return Settled{std::move(standing), std::nullopt};
}

Result<Enrollment::Settled> Enrollment::settle_failed(store::Attempt attempt, const std::string& reason,
                                                      store::ChallengeFate fate) {
    CHECK(parts_.audit.record(event_about(attempt, audit::event::enrollment_failed)
                                  .with("reason", reason)
                                  .with("challenge_released", fate == store::ChallengeFate::release)));
    CHECK(parts_.transactions.record_failed(attempt.id, reason, fate, parts_.clock.now()));
    attempt.state = AttemptState::failed;
    attempt.reason = reason;
    return Settled{std::move(attempt), std::nullopt};
}

// A CA that returns something else than what was approved is lying or misconfigured, and one that takes back what it
// returned wants nobody to have it: nobody gets that certificate. It goes into the ledger all the same, under a kind
// that opens no door, because it exists and somebody may have to revoke it.
Result<Enrollment::Settled> Enrollment::quarantine(const Profile& profile, store::Attempt attempt,
                                                   const crypto::Certificate& certificate, const std::string& reason) {
    CHECK(set_aside(profile, attempt, certificate, reason));
    return settle_failed(std::move(attempt), reason, store::ChallengeFate::consume);
}

Result<void> Enrollment::set_aside(const Profile& profile, const store::Attempt& attempt,
                                   const crypto::Certificate& certificate, const std::string& reason) {
    CHECK(parts_.audit.record(event_about(attempt, audit::event::certificate_quarantined)
                                  .with("serial", certificate.serial_hex())
                                  .with("fingerprint", certificate.fingerprint_sha256())
                                  .with("reason", reason)));
    auto entry = ledger_entry(profile, attempt, certificate);
    entry.kind = "quarantined";
    if (const auto kept = parts_.issued.insert(entry); !kept && kept.error().kind != ErrorKind::conflict)
        return kept.error();
    if (auto* revoker = profile.backend->revoker(); revoker != nullptr) {
        constexpr int cessation_of_operation = 5;
        const auto revoked = revoker->revoke(certificate.serial_hex(), cessation_of_operation, parts_.clock.now());
        if (!revoked) {
            note(event_about(attempt, audit::event::certificate_quarantined)
                     .with("reason", "revoking it at the CA failed: " + describe(revoked.error())));
        }
    }
    return {};
}

Result<store::Attempt> Enrollment::advance(const Profile& profile, const store::Attempt& attempt) {
    TRY(auto taken, parts_.holds.take(attempt.id));
    if (!taken) return attempt;
    TRY(auto settled, advance_taken(profile, attempt.id, std::move(taken)));
    return std::move(settled.attempt);
}

Result<Enrollment::Settled> Enrollment::advance_taken(const Profile& profile, const std::string& attempt_id,
                                                      const std::shared_ptr<void>& hold) {
    // Read again now that nobody else of ours changes it: the caller's copy may be old.
    TRY(auto attempt, parts_.transactions.find(attempt_id));
    const bool submittable = attempt.state == AttemptState::intent || attempt.state == AttemptState::approved;
    if (!submittable && attempt.state != AttemptState::pending) return Settled{std::move(attempt), std::nullopt};
    TRY(const auto plan, read_plan(attempt.plan));

    if (attempt.state == AttemptState::pending) {
        TRY(auto outcome, profile.backend->poll(attempt.ca_handle));
        return settle_outcome(profile, std::move(attempt), plan, std::move(outcome));
    }
    if (attempt.state == AttemptState::intent) {
        // It may have been submitted just before a crash, or still be on its way.
        TRY(auto earlier, profile.backend->reconcile(attempt.id, attempt.updated));
        if (earlier) return settle_outcome(profile, std::move(attempt), plan, *std::move(earlier));
        note(event_about(attempt, audit::event::enrollment_recovered));
        CHECK(parts_.transactions.record_waiting(attempt.id, "the CA has nothing of it", parts_.clock.now()));
    }
    if (auto* patient = profile.backend->patient(); patient != nullptr && !patient->accepting()) {
        return fail::unavailable("the CA takes no requests now");
    }
    // Also when it was submitted before: whoever asks what became of it goes by the time that is recorded here.
    attempt.updated = parts_.clock.now();
    CHECK(parts_.transactions.record_submitting(attempt.id, attempt.updated));
    attempt.state = AttemptState::intent;
    return submit_again(profile, std::move(attempt), plan, hold);
}

// Nobody waits for this one. That it was certainly not submitted is recorded: after a restart a CA that cannot be asked
// would leave that to an operator.
Result<Enrollment::Settled> Enrollment::submit_again(const Profile& profile, store::Attempt attempt,
                                                     const crypto::CertificateContent& plan,
                                                     const std::shared_ptr<void>& hold) {
    TRY(auto request, crypto::CertificateRequest::from_der(attempt.csr));
    const std::string id = attempt.id;
    auto settled = settle(profile, std::move(attempt), std::move(request), plan, std::chrono::milliseconds{0}, hold);
    if (!settled && settled.error().kind == ErrorKind::unavailable) {
        CHECK(parts_.transactions.record_waiting(id, settled.error().detail, parts_.clock.now()));
    }
    return settled;
}

void Enrollment::reach(std::string_view crash_point) const {
    if (parts_.crash_point) parts_.crash_point(crash_point);
}

}  // namespace countersign::ra
