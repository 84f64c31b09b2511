#include "countersign/ra/enrollment.hpp"

#include "countersign/audit/catalogue.hpp"
#include "countersign/crypto/digest.hpp"
#include "countersign/ra/plan_record.hpp"
#include "exchange.hpp"

namespace countersign::ra {

using store::AttemptState;

namespace {

// What makes two messages the same request: the CSR and, for renewals, the certificate that asks.
std::string digest_of(const crypto::CertificateRequest& request,
                      const std::optional<policy::RenewedCertificate>& renewed) {
    Bytes material = to_bytes(request.der());
    if (renewed) material.insert(material.end(), renewed->certificate.der().begin(), renewed->certificate.der().end());
    return crypto::sha256_hex(material);
}

bool is_final(AttemptState state) {
    return state == AttemptState::issued || state == AttemptState::failed;
}

// An overheard envelope in the hands of somebody with a key of his own (design invariant 3). Said before the challenge
// is looked at: he must neither learn whether it is good nor use up its refusals. A template for proxying clients must
// be the one that the request's key usage chooses.
bool resigned_by_another(const Profile& profile, const crypto::PublicKey& signer,
                         const crypto::CertificateRequest& request) {
    if (signer == request.public_key()) return false;
    const auto* rules = policy::choose_template(profile.template_set(), request, "");
    return rules == nullptr || rules->signer_key_must_match;
}

const policy::Template* rules_for(const Profile& profile, const policy::Facts& facts) {
    const auto set = profile.template_set();
    if (facts.renewed) {
        for (const auto* rules : {set.signature, set.encryption, set.general_purpose}) {
            if (rules != nullptr && rules->name == facts.renewed->template_name) return rules;
        }
    }
    return policy::choose_template(set, *facts.request, facts.expectation.template_name);
}

}  // namespace

Result<Reply> Enrollment::answer(const Profile& profile, ByteView message, const std::string& client) {
    auto reply = answer_message(profile, message, client);
    const bool clients_fault =
        !reply && (reply.error().kind == ErrorKind::malformed || reply.error().kind == ErrorKind::unauthenticated);
    if (!reply && !clients_fault) {
        note(audit::Event(audit::event::message_unanswered, audit::Severity::warning)
                 .with("profile", profile.name)
                 .with("client", client)
                 .with("reason", describe(reply.error())));
    }
    return reply;
}

// bytes -> verify envelope -> open -> answer by type
Result<Reply> Enrollment::answer_message(const Profile& profile, ByteView message, const std::string& client) {
    const Time now = parts_.clock.now();
    // Nobody would believe a reply, and the CA no countersignature: nothing is opened, nothing reserved.
    if (!profile.agent->identity().certificate.valid_at(now)) {
        return fail::unavailable("the enrollment agent certificate is not valid now: see `countersign ra status`");
    }
    auto verified = scep::VerifiedEnvelope::verify(message);
    if (!verified) {
        note_refusal(client, audit::Event(audit::event::message_refused, audit::Severity::warning)
                                 .with("profile", profile.name)
                                 .with("client", client)
                                 .with("reason", describe(verified.error())));
        return verified.error();
    }
    if (!verified->message_type()) return refuse_type(profile, client, *verified, now);

    TRY(const bool may_ask, may_ask_this(profile, *verified, now));
    if (!may_ask) return refuse_query(profile, client, *verified, now);

    auto opened =
        scep::open_request(*std::move(verified), profile.decryption_keys, profile.accepted, profile.substitute_secret);
    if (const auto* failure = std::get_if<scep::OpenFailure>(&opened))
        return refuse_unopened(profile, client, *failure, now);

    auto& request = std::get<scep::OpenedRequest>(opened);
    auto context = scep::ReplyContext::of(request.envelope(), request.style());
    store::TransactionKey transaction{profile.name, request.envelope().signer().public_key().fingerprint(),
                                      request.envelope().transaction_id()};
    Exchange exchange{profile, client, now, std::move(request), std::move(context), std::move(transaction)};
    return answer_opened(exchange);
}

// Design invariant 1: this switch is the whole list of what a message can ask for.
Result<Reply> Enrollment::answer_opened(Exchange& exchange) {
    using scep::MessageType;
    if (!exchange.envelope().signer().public_key().is_rsa()) {
        return refuse(exchange, audit::event::message_refused,
                      "the reply would be encrypted to the signer certificate, which has no RSA key",
                      scep::FailInfo::bad_alg);
    }
    switch (exchange.opened.type()) {
        case MessageType::pkcs_req:
        case MessageType::renewal_req: return enroll(exchange);
        case MessageType::cert_poll: return answer_poll(exchange);
        case MessageType::get_cert: return answer_get_cert(exchange);
        case MessageType::get_crl: return answer_get_crl(exchange);
        case MessageType::cert_rep: break;
    }
    return fail::internal("a message type that no request has was opened");
}

// facts -> begin transaction -> challenge -> accept
Result<Reply> Enrollment::enroll(Exchange& exchange) {
    TRY(exchange.renewed, renewed_certificate(exchange));
    if (exchange.opened.type() == scep::MessageType::renewal_req && !exchange.renewed) {
        return refuse(
            exchange, audit::event::enrollment_refused,
            "a RenewalReq must be signed with a certificate this server issued, and renewal must be allowed here",
            scep::FailInfo::bad_request);
    }
    const auto& signer_key = exchange.envelope().signer().public_key();
    if (!exchange.renewed && resigned_by_another(exchange.profile, signer_key, exchange.request())) {
        return refuse(exchange, audit::event::enrollment_refused,
                      "SignerKeyMismatch: the message is not signed with the key it asks a certificate for",
                      scep::FailInfo::bad_message_check);
    }
    exchange.request_digest = digest_of(exchange.request(), exchange.renewed);

    TRY(const auto known, parts_.transactions.latest(exchange.transaction));
    if (known) {
        TRY(const bool standing, still_stands(exchange, *known));
        if (standing) return answer_known(exchange, *known);
    }
    const auto claim = claim_for(exchange);
    if (!claim) return refuse_unless_known(exchange, claim.error());
    return accept(exchange, *claim);
}

// Whether what is known of the transaction answers this message too: in flight, or issued for the same request and not
// so long ago that the client rather wants a successor.
Result<bool> Enrollment::still_stands(const Exchange& exchange, const store::Attempt& attempt) {
    if (!is_final(attempt.state)) return true;
    if (attempt.state != AttemptState::issued || attempt.request_digest != exchange.request_digest) return false;
    TRY(const auto record, parts_.issued.find(exchange.profile.ca_name, attempt.certificate_serial));
    if (!record) return false;  // issued by another CA, which the profile had then
    return exchange.now < record->not_before + (record->not_after - record->not_before) / 3 * 2;
}

// A twin of this message may have been decided since we looked; then the password is used up by right.
Result<Reply> Enrollment::refuse_unless_known(Exchange& exchange, const Error& error) {
    TRY(const auto known, parts_.transactions.latest(exchange.transaction));
    if (!known || known->request_digest != exchange.request_digest) return refuse_claim(exchange, error);
    TRY(const bool standing, still_stands(exchange, *known));
    return standing ? answer_known(exchange, *known) : refuse_claim(exchange, error);
}

// The client lost our answer, or asks again while the first request is on its way.
Result<Reply> Enrollment::answer_known(Exchange& exchange, const store::Attempt& attempt) {
    if (attempt.request_digest != exchange.request_digest) {
        return refuse(exchange, audit::event::enrollment_refused,
                      "another request is in flight under this transaction (request " + attempt.id + ")",
                      scep::FailInfo::bad_request);
    }
    note(exchange.event(audit::event::enrollment_repeated)
             .with("request", attempt.id)
             .with("state", std::string(name(attempt.state))));
    return answer_attempt(exchange, Settled{attempt, std::nullopt});
}

// judge -> second opinion -> audit -> durable commit 1 -> carry out
Result<Reply> Enrollment::accept(Exchange& exchange, const challenge::Claim& claim) {
    policy::Facts facts;
    facts.purpose = exchange.renewed ? policy::Purpose::renew : policy::Purpose::enroll;
    facts.profile = exchange.profile.name;
    facts.request = &exchange.request();
    facts.signer = &exchange.envelope().signer();
    facts.renewed = exchange.renewed;
    facts.expectation = {claim.binding.subject, claim.binding.sans, claim.binding.template_name, claim.binding.exact};
    facts.now = exchange.now;
    facts.ca_sees_request = exchange.profile.backend->sees_request();

    const auto* rules = rules_for(exchange.profile, facts);
    if (rules == nullptr) {
        return refuse_plan(
            exchange, claim,
            {{{"TemplateNotAllowed", "the challenge names a template this profile does not use"}}, true});
    }
    const std::string attempt_id = lower_hex(parts_.random.bytes(16));
    TRY(const auto decision,
        with_second_opinion(exchange, claim, rules->name, attempt_id, policy::judge(facts, *rules, exchange.now)));
    if (const auto* deny = std::get_if<policy::Deny>(&decision)) return refuse_plan(exchange, claim, *deny);
    const auto* hold = std::get_if<policy::Hold>(&decision);
    const auto& plan = hold != nullptr ? hold->plan : std::get<policy::Allow>(decision).plan;
    const auto& remarks = hold != nullptr ? hold->remarks : std::get<policy::Allow>(decision).remarks;

    store::Attempt attempt;
    attempt.id = attempt_id;
    attempt.key = exchange.transaction;
    attempt.kind = exchange.renewed ? "renew" : "enroll";
    attempt.request_digest = exchange.request_digest;
    attempt.csr = to_bytes(exchange.request().der());
    attempt.plan = write_plan(plan);
    attempt.template_name = rules->name;
    attempt.subject = plan.subject.text();
    attempt.client = exchange.client;
    attempt.challenge_mac = claim.stored_mac;
    attempt.challenge_kind = claim.kind;
    attempt.single_use = claim.single_use;
    attempt.state = hold != nullptr ? AttemptState::held : AttemptState::intent;
    attempt.reason = hold != nullptr ? hold->reason : "";
    attempt.created = attempt.updated = exchange.now;

    CHECK(parts_.audit.record(
        exchange.event(hold != nullptr ? audit::event::enrollment_held : audit::event::enrollment_accepted)
            .with("request", attempt.id)
            .with("template", attempt.template_name)
            .with("cipher", std::string(crypto::name(exchange.opened.style().cipher)))
            .with("digest", std::string(crypto::name(exchange.envelope().digest())))
            .with("challenge", claim.kind + (claim.id.empty() ? "" : " " + claim.id))
            .with("remarks", policy::describe(remarks))));
    return carry_out(exchange, std::move(attempt), plan);
}

// Commit 1 may have happened. What certainly did not reach the CA is written down as that, or a CA that cannot be asked
// would leave it to an operator.
Result<Reply> Enrollment::recover_intent(Exchange& exchange, const std::string& attempt_id, const Error& error) {
    const auto attempt = parts_.transactions.find(attempt_id);
    if (!attempt) return error;
    if (attempt->state == AttemptState::held) return pending(exchange);
    if (!parts_.transactions.record_waiting(attempt_id, "recorded, and not submitted yet", parts_.clock.now()))
        return error;
    return pending(exchange);
}

// durable commit 1 -> countersign -> CA -> durable commit 2 -> reply
Result<Reply> Enrollment::carry_out(Exchange& exchange, store::Attempt attempt,
                                    const crypto::CertificateContent& plan) {
    // Before it can be seen, so that nobody else advances it meanwhile.
    TRY(auto taken, parts_.holds.take(attempt.id));
    const std::shared_ptr<void> hold = std::move(taken);
    // What is asked of the CA is asked soon after this; the message may have come a while ago.
    attempt.updated = parts_.clock.now();
    if (const auto recorded = parts_.transactions.record_intent(attempt); !recorded) {
        if (recorded.error().kind == ErrorKind::denied) return refuse_unless_known(exchange, recorded.error());
        if (recorded.error().kind == ErrorKind::outcome_unknown)
            return recover_intent(exchange, attempt.id, recorded.error());
        if (recorded.error().kind != ErrorKind::conflict) return recorded.error();
        TRY(const auto winner, parts_.transactions.latest(exchange.transaction));
        if (!winner) return fail::unavailable("the transaction is being decided by another request");
        return answer_known(exchange, *winner);
    }
    reach("enroll.after_intent");
    if (attempt.state == AttemptState::held) return pending(exchange);

    const auto settled = settle(exchange.profile, attempt, exchange.request(), plan, exchange.profile.hold, hold);
    if (settled) return answer_attempt(exchange, *settled);

    // The CA may have it: the client polls while we find out.
    if (settled.error().kind == ErrorKind::outcome_unknown) return pending(exchange);
    if (settled.error().kind != ErrorKind::unavailable) return fail::unavailable(settled.error().detail);
    // Nothing reached the CA: the challenge goes back, unless the profile would rather have the client poll while we go
    // on.
    if (exchange.profile.when_unavailable == WhenUnavailable::answer_pending) {
        CHECK(parts_.transactions.record_waiting(attempt.id, settled.error().detail, parts_.clock.now()));
        return pending(exchange);
    }
    CHECK(settle_failed(attempt, settled.error().detail, store::ChallengeFate::release));
    return fail::unavailable(settled.error().detail);
}

}  // namespace countersign::ra
