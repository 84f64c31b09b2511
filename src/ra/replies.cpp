// What goes back to the client, and what the audit says about it. The wire tells no reason; the audit tells all but
// secrets.
#include "countersign/audit/catalogue.hpp"
#include "countersign/core/text.hpp"
#include "countersign/ra/enrollment.hpp"
#include "exchange.hpp"

namespace countersign::ra {

using scep::FailInfo;
using store::AttemptState;

namespace {

audit::Event event_for(const Profile& profile, const std::string& client, const scep::VerifiedEnvelope& envelope,
                       std::string_view id) {
    // Returned by its name, hence never copied: g++ 12 destroys what was never made when copying a variant throws.
    audit::Event event(id, audit::severity_of(id));
    event.with("profile", profile.name)
        .with("client", client)
        .with("message_type", envelope.message_type() ? std::string(name(*envelope.message_type()))
                                                      : printable(envelope.message_type_text(), 40))
        .with("transaction", printable(envelope.transaction_id()))
        .with("signer", printable(envelope.signer().subject().text()))
        .with("signer_key", envelope.signer().public_key().fingerprint());
    return event;
}

}  // namespace

audit::Event Enrollment::Exchange::event(std::string_view id) const {
    auto result = event_for(profile, client, envelope(), id);
    if (std::holds_alternative<crypto::CertificateRequest>(opened.content())) {
        result.with("subject", printable(request().subject().text()));
    }
    if (!signer_standing.empty()) result.with("signer_certificate", signer_standing);
    return result;
}

Result<Reply> Enrollment::refuse_type(const Profile& profile, const std::string& client,
                                      const scep::VerifiedEnvelope& envelope, Time now) {
    note_refusal(client, event_for(profile, client, envelope, audit::event::message_refused)
                             .with("reason", std::string("the message type is absent or none that a client may send")));
    return reply(profile, scep::ReplyContext::of(envelope), scep::ReplyFailure{FailInfo::bad_request, ""}, now);
}

Result<Reply> Enrollment::refuse_unopened(const Profile& profile, const std::string& client,
                                          const scep::OpenFailure& failure, Time now) {
    using Wire = scep::OpenFailure::Wire;
    note_refusal(
        client,
        event_for(profile, client, failure.envelope, audit::event::message_refused).with("reason", failure.detail));
    const auto context = scep::ReplyContext::of(failure.envelope, failure.style);
    switch (failure.wire) {
        case Wire::key_unavailable: return fail::unavailable("the CEP encryption key is away: " + failure.detail);
        case Wire::unsupported_algorithm:
            return reply(profile, context, scep::ReplyFailure{FailInfo::bad_alg, ""}, now);
        case Wire::undecipherable: break;
    }
    // A query that does not open is answered like one that has no right to what it names: the difference would be a
    // padding oracle.
    const bool query = failure.envelope.message_type() == scep::MessageType::get_cert ||
                       failure.envelope.message_type() == scep::MessageType::get_crl;
    const auto info = query ? FailInfo::bad_cert_id : FailInfo::bad_message_check;
    return reply(profile, context, scep::ReplyFailure{info, ""}, now);
}

Result<Reply> Enrollment::refuse_query(const Profile& profile, const std::string& client,
                                       const scep::VerifiedEnvelope& envelope, Time now) {
    note_refusal(
        client,
        event_for(profile, client, envelope, audit::event::query_refused)
            .with("reason",
                  std::string(
                      "GetCert and GetCRL are answered to holders of a certificate of this CA that is not revoked, "
                      "signing with it")));
    return reply(profile, scep::ReplyContext::of(envelope), scep::ReplyFailure{FailInfo::bad_cert_id, ""}, now);
}

// The same answer as for an undecipherable message, octet for octet but for nonces: whether a challenge was wrong, late
// or used is not the network's business (design invariant 5).
Result<Reply> Enrollment::refuse_claim(Exchange& exchange, const Error& error) {
    if (error.kind == ErrorKind::unavailable || error.kind == ErrorKind::throttled ||
        error.kind == ErrorKind::internal) {
        return fail::unavailable(error.detail);
    }
    const auto id =
        error.kind == ErrorKind::conflict ? audit::event::challenge_reused : audit::event::enrollment_refused;
    return refuse(exchange, id, describe(error), FailInfo::bad_message_check);
}

Result<Reply> Enrollment::refuse_plan(Exchange& exchange, const challenge::Claim& claim, const policy::Deny& deny) {
    if (!exchange.renewed && !deny.blameless) {
        const auto burnt = exchange.profile.verifier->release(claim, challenge::ReleaseReason::mismatch, exchange.now);
        if (!burnt) return fail::unavailable("counting a refused challenge: " + burnt.error().detail);
        if (*burnt) note(exchange.event(audit::event::challenge_burnt).with("challenge", claim.id));
    }
    const auto info = deny.mismatch ? FailInfo::bad_message_check : FailInfo::bad_request;
    const std::string which =
        exchange.renewed || claim.id.empty() || claim.id == claim.kind ? "" : " (challenge " + claim.id + ")";
    return refuse(exchange, audit::event::enrollment_refused, policy::describe(deny.findings) + which, info);
}

Result<Reply> Enrollment::refuse(Exchange& exchange, std::string_view event_id, const std::string& reason,
                                 FailInfo info) {
    note_refusal(exchange.client,
                 exchange.event(event_id).with("reason", reason).with("answer", std::string(name(info))));
    return failure(exchange, info);
}

Result<Reply> Enrollment::answer_attempt(Exchange& exchange, const Settled& settled) {
    switch (settled.attempt.state) {
        case AttemptState::issued:
            if (settled.certificate) return success(exchange, *settled.certificate);
            return recorded_success(exchange, settled.attempt.certificate_serial);
        case AttemptState::failed: return failure(exchange, FailInfo::bad_request);
        case AttemptState::intent:
        case AttemptState::held:
        case AttemptState::approved:
        case AttemptState::pending: break;
    }
    return pending(exchange);
}

Result<Reply> Enrollment::recorded_success(Exchange& exchange, const std::string& serial) {
    TRY(const auto record, parts_.issued.find(exchange.profile.ca_name, serial));
    if (!record)
        return fail::internal("request recorded as issued, but certificate " + serial + " is not in the ledger");
    if (record->revoked) {
        return refuse(exchange, audit::event::enrollment_refused,
                      "certificate " + serial + " has been revoked since it was issued", FailInfo::bad_request);
    }
    TRY(const auto certificate, crypto::Certificate::from_der(record->der));
    // Whether the CA can be asked now is no reason to keep it from its owner: it was issued, and is public.
    const auto revoked = revoked_at_ca(exchange.profile, certificate, exchange.now);
    if (revoked && *revoked) {
        return refuse(exchange, audit::event::enrollment_refused,
                      "certificate " + serial + " is " + policy::describe(**revoked), FailInfo::bad_request);
    }
    return success(exchange, certificate);
}

Result<Reply> Enrollment::success(Exchange& exchange, const crypto::Certificate& certificate) {
    scep::ReplySuccess content;
    content.certificates.push_back(certificate);
    if (exchange.profile.include_ca_in_reply) {
        const auto& chain = exchange.profile.ca_chain;
        content.certificates.insert(content.certificates.end(), chain.begin(), chain.end());
    }
    auto answer = reply(exchange.profile, exchange.context, content, exchange.now);
    reach("enroll.before_reply");
    return answer;
}

Result<Reply> Enrollment::failure(Exchange& exchange, FailInfo info) {
    return reply(exchange.profile, exchange.context, scep::ReplyFailure{info, ""}, exchange.now);
}

Result<Reply> Enrollment::pending(Exchange& exchange) {
    return reply(exchange.profile, exchange.context, scep::ReplyPending{}, exchange.now);
}

Result<Reply> Enrollment::reply(const Profile& profile, const scep::ReplyContext& context,
                                const scep::ReplyContent& content, Time now) {
    const auto& agent = profile.replying_agent(context.style.recipient, now);
    TRY(auto message, scep::build_reply(context, content, agent.identity(), now, parts_.random));
    return Reply{std::move(message), std::holds_alternative<scep::ReplyFailure>(content)};
}

void Enrollment::note(const audit::Event& event) {
    // The sink reports its own trouble to the operations log; a refusal needs no permission from it.
    static_cast<void>(parts_.audit.record(event));
}

void Enrollment::note_refusal(const std::string& client, const audit::Event& event) {
    note(event);
    if (!conduct_.failed(client, parts_.clock.now())) return;
    note(audit::Event(audit::event::source_slowed, audit::severity_of(audit::event::source_slowed))
             .with("client", client)
             .with("reason", std::to_string(parts_.failures_per_source) +
                                 " messages of this source failed (server.failures_per_client)"));
}

}  // namespace countersign::ra
