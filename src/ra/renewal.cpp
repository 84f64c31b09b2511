// One certificate of a rollover, from its key to a certificate that is what was planned.
#include "countersign/audit/catalogue.hpp"
#include "countersign/core/text.hpp"
#include "countersign/crypto/oid.hpp"
#include "countersign/keys/possession.hpp"
#include "countersign/keys/successor.hpp"
#include "countersign/policy/judge.hpp"
#include "countersign/ra/plan_record.hpp"
#include "countersign/store/ledger_entry.hpp"
#include "renewal_work.hpp"

namespace countersign::ra {
namespace {

using namespace std::chrono_literals;

keys::KeyUse use_of(Role role) {
    return role == Role::agent ? keys::KeyUse::sign : keys::KeyUse::unwrap;
}

Time whole_seconds(Time time) {
    return Time{std::chrono::floor<std::chrono::seconds>(time)};
}

// Rebuilt, never copied: of the certificate before, only the subject passes on (interop reference, fact 8).
crypto::CertificateContent plan_for(Role role, const crypto::Certificate& before, const crypto::PublicKey& key,
                                    std::chrono::hours life, Time now) {
    crypto::CertificateContent plan;
    plan.subject = before.subject();
    plan.spki = to_bytes(key.spki());
    plan.key_usage = role == Role::agent ? crypto::usage::digital_signature : crypto::usage::key_encipherment;
    plan.extended_key_usage = {std::string(oid::ms_certificate_request_agent)};
    plan.not_before = whole_seconds(now - 1h);
    plan.not_after = whole_seconds(now + life);
    return plan;
}

std::vector<policy::Finding> findings_about(const crypto::Certificate& certificate, crypto::CertificateContent plan,
                                            const std::vector<crypto::Certificate>& chain, Time now) {
    // How long it lives is the CA's to say: a template there may know better than we.
    plan.not_before = certificate.not_before();
    plan.not_after = certificate.not_after();
    auto findings = policy::compare_with_plan(plan, certificate);
    if (chain.empty() || !(certificate.issuer() == chain.front().subject()) ||
        !certificate.verify_signed_by(chain.front().public_key())) {
        findings.push_back({"IssuerMismatch", "the certificate is not signed by the configured CA"});
    }
    if (!certificate.valid_at(now)) findings.push_back({"ValidityMismatch", "the certificate is not valid now"});
    return findings;
}

}  // namespace

// key -> request and plan -> CA -> check
Result<void> Renewer::advance_one(Work& work, Renewal& renewal) {
    if (renewal.request.empty()) CHECK(prepare(work, renewal));
    auto outcome = ask(work, renewal);
    if (!outcome) {
        using enum ErrorKind;
        const auto kind = outcome.error().kind;
        // A backend that refuses by itself has refused for good, like a CA that rejects.
        if (kind == malformed || kind == denied || kind == unauthenticated)
            return give_up(work, renewal, outcome.error().detail);
        return outcome.error();
    }
    return settle(work, renewal, *outcome);
}

Result<void> Renewer::prepare(Work& work, Renewal& renewal) {
    const auto& before = work.ra.identities.at(renewal.role).certificate;
    TRY(const auto key, open_or_make_key(work, renewal));
    CHECK(key->suits(use_of(renewal.role)));
    const auto plan = plan_for(renewal.role, before, key->public_key(), work.ra.rules.life, work.now);
    crypto::RequestContent content;
    content.subject = plan.subject;
    content.spki = plan.spki;
    content.scheme = key->public_key().scheme_with(crypto::DigestAlgorithm::sha256);
    content.extensions = {crypto::make_key_usage(plan.key_usage),
                          crypto::make_extended_key_usage(plan.extended_key_usage)};
    auto request =
        crypto::build_request(content, [&](ByteView octets) { return keys::prove_possession(*key, octets); });
    if (!request) return within("making the request", request.error());
    renewal.request = to_bytes(request->der());
    renewal.plan = write_plan(plan);
    return work.file.write(work.succession);
}

Result<std::shared_ptr<keys::Key>> Renewer::open_or_make_key(const Work& work, const Renewal& renewal) {
    auto there = parts_.keys.open(renewal.key);
    const auto& before = work.ra.identities.at(renewal.role);
    if (there || there.error().kind != ErrorKind::not_found || renewal.key == before.key) return there;
    const auto kind = keys::successor_kind(before.certificate.public_key());
    auto made = parts_.keys.generate(renewal.key, kind, use_of(renewal.role), parts_.random);
    reach("ra.after_key");
    return made;
}

// An answer to what was asked before, or to what is asked now.
Result<ca::Outcome> Renewer::ask(Work& work, Renewal& renewal) {
    if (!renewal.handle.empty()) {
        auto polled = work.ra.backend->poll(renewal.handle);
        if (polled || polled.error().kind != ErrorKind::not_found) return polled;
        // The CA has forgotten; what became of it, if anything, is found by our own id at the next try.
        renewal.handle.clear();
        return fail::unavailable("the CA does not know the request any more: " + polled.error().detail);
    }
    if (renewal.submitted) {
        TRY(auto earlier, work.ra.backend->reconcile(renewal.id, renewal.submitted_at));
        if (earlier) return *std::move(earlier);
    }
    return submit(work, renewal);
}

Result<ca::Outcome> Renewer::submit(Work& work, Renewal& renewal) {
    const auto& agent = work.ra.agent;
    if (!agent->identity().certificate.valid_at(work.now) && !work.ra.even_expired) {
        return fail::expired("the agent certificate that must countersign is not valid (" +
                             to_rfc3339(agent->identity().certificate.not_before()) + " to " +
                             to_rfc3339(agent->identity().certificate.not_after()) + "): see docs/ra-lifecycle.md");
    }
    TRY(auto request, crypto::CertificateRequest::from_der(renewal.request));
    CHECK(request.verify_self_signature());
    TRY(auto plan, read_plan(renewal.plan));
    const auto asked_for = work.ra.rules.templates.find(renewal.role);
    ApprovedRequest approved(std::move(request), std::move(plan),
                             asked_for == work.ra.rules.templates.end() ? "" : asked_for->second,
                             work.ra.identities.at(renewal.role).certificate);
    TRY(const auto countersigned, agent->countersign(std::move(approved), work.now));
    renewal.submitted = true;
    renewal.submitted_at = work.now;
    CHECK(work.file.write(work.succession));
    reach("ra.before_submit");
    auto outcome = work.ra.backend->submit(countersigned, renewal.id);
    reach("ra.after_submit");
    if (outcome || outcome.error().kind == ErrorKind::unavailable) {
        if (!outcome) renewal.submitted = false;
        return outcome;
    }
    using enum ErrorKind;
    const auto kind = outcome.error().kind;
    if (kind == malformed || kind == denied || kind == unauthenticated) return outcome;
    // It may have happened all the same.
    auto found = work.ra.backend->reconcile(renewal.id, renewal.submitted_at);
    if (found && *found) return **std::move(found);
    return fail::outcome_unknown(outcome.error().detail);
}

Result<void> Renewer::settle(Work& work, Renewal& renewal, const ca::Outcome& outcome) {
    if (const auto* rejected = std::get_if<ca::Rejected>(&outcome)) {
        const auto reason = "the CA refused: " + rejected->reason;
        if (rejected->certificate) return quarantine(work, renewal, *rejected->certificate, reason);
        return give_up(work, renewal, reason);
    }
    if (const auto* issued = std::get_if<ca::Issued>(&outcome)) return accept(work, renewal, issued->certificate);
    const auto& [handle, at_once] = std::get<ca::Pending>(outcome);
    if (renewal.handle == handle) return boost::system::in_place_value;
    if (!at_once) {
        CHECK(parts_.audit.record(
            event(work, audit::event::ra_renewal_pending).with("role", std::string(name(renewal.role)))));
    }
    renewal.handle = handle;
    work.succession.rollover->tries = 0;
    CHECK(work.file.write(work.succession));
    if (!at_once) return boost::system::in_place_value;
    TRY(auto next, work.ra.backend->poll(handle));
    if (auto* pending = std::get_if<ca::Pending>(&next)) pending->at_once = false;
    return settle(work, renewal, next);
}

Result<void> Renewer::accept(Work& work, Renewal& renewal, const crypto::Certificate& certificate) {
    TRY(auto plan, read_plan(renewal.plan));
    const auto findings = findings_about(certificate, std::move(plan), work.ra.backend->chain(), work.now);
    if (!findings.empty()) {
        return quarantine(work, renewal, certificate,
                          "the CA returned a certificate that differs from the plan: " + policy::describe(findings));
    }
    const auto kept = parts_.issued.insert(store::ledger_entry(certificate, work.ra.ca_name, "ra"));
    if (!kept && kept.error().kind != ErrorKind::conflict) return kept.error();
    renewal.issued = certificate;
    work.succession.rollover->tries = 0;
    CHECK(work.file.write(work.succession));
    reach("ra.after_issued");
    return boost::system::in_place_value;
}

// As with devices: a CA that returns something else is lying or misconfigured. It is kept where it opens no door.
Result<void> Renewer::quarantine(Work& work, Renewal& renewal, const crypto::Certificate& certificate,
                                 const std::string& reason) {
    CHECK(parts_.audit.record(event(work, audit::event::certificate_quarantined)
                                  .with("role", std::string(name(renewal.role)))
                                  .with("serial", certificate.serial_hex())
                                  .with("fingerprint", certificate.fingerprint_sha256())
                                  .with("reason", reason)));
    const auto kept = parts_.issued.insert(store::ledger_entry(certificate, work.ra.ca_name, "quarantined"));
    if (!kept && kept.error().kind != ErrorKind::conflict) return kept.error();
    if (auto* revoker = work.ra.backend->revoker(); revoker != nullptr) {
        constexpr int cessation_of_operation = 5;
        static_cast<void>(revoker->revoke(certificate.serial_hex(), cessation_of_operation, work.now));
    }
    return give_up(work, renewal, reason);
}

Result<void> Renewer::give_up(Work& work, Renewal& renewal, const std::string& reason) {
    renewal.id = lower_hex(parts_.random.bytes(16));
    renewal.request.clear();
    renewal.plan.clear();
    renewal.handle.clear();
    renewal.submitted = false;
    CHECK(work.file.write(work.succession));
    return fail::denied(reason);
}

}  // namespace countersign::ra
