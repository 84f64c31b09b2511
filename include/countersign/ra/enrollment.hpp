// The story of a pkiMessage, from the octets that arrive to the CertRep that leaves (design section 5).
//
// Blocking; safe on many threads. Borrows the parts in EnrollmentParts, which outlive it. Once a message's signature
// has been verified every answer is a signed CertRep; before that, and when our own parts are away, it is an Error that
// the HTTP table turns into a status.
#pragma once

#include "countersign/audit/event.hpp"
#include "countersign/core/clock.hpp"
#include "countersign/core/random.hpp"
#include "countersign/policy/judge.hpp"
#include "countersign/ra/conduct.hpp"
#include "countersign/ra/profile.hpp"
#include "countersign/scep/request.hpp"
#include "countersign/store/holds.hpp"
#include "countersign/store/issued.hpp"
#include "countersign/store/transactions.hpp"

#include <functional>
#include <string>

namespace countersign::ra {

// Called by name at every point where a crash would be interesting; the fault tests kill the process there.
using CrashPoint = std::function<void(std::string_view name)>;

struct EnrollmentParts {
    store::Transactions& transactions;
    store::Issued& issued;
    store::Holds& holds;
    audit::Sink& audit;
    const Clock& clock;
    Random& random;
    CrashPoint crash_point;               // may be empty
    std::size_t failures_per_source = 0;  // Conduct's credit
};

// A CertRep, ready to be sent.
struct Reply {
    Bytes message;
    bool refusal = false;  // pkiStatus FAILURE
};

class Enrollment {
public:
    explicit Enrollment(EnrollmentParts parts) : parts_(std::move(parts)), conduct_(parts_.failures_per_source) {}

    // How long `client` is to wait, after many messages that failed, before its next one is worth a look. Cheap.
    std::chrono::milliseconds wait_for(const std::string& client) {
        return conduct_.wait_for(client, parts_.clock.now());
    }

    // Answers one pkiMessage. malformed or unauthenticated: not a message anybody can be answered for. unavailable:
    // retry later.
    Result<Reply> answer(const Profile& profile, ByteView message, const std::string& client);

    // Carries an attempt that nobody is working on towards its end: submits what was approved or interrupted, polls
    // what the CA holds. Returns the attempt as it then stands. Safe to call at any time and from anywhere; an attempt
    // being worked on is returned as it is. unavailable, outcome_unknown: later.
    Result<store::Attempt> advance(const Profile& profile, const store::Attempt& attempt);

private:
    struct Exchange;  // one message being answered
    // An attempt as it stands, and the certificate if this call has it at hand.
    struct Settled {
        store::Attempt attempt;
        std::optional<crypto::Certificate> certificate;
    };

    // enrollment.cpp: the main path
    Result<Reply> answer_message(const Profile& profile, ByteView message, const std::string& client);
    Result<Reply> answer_opened(Exchange& exchange);
    Result<Reply> enroll(Exchange& exchange);
    Result<bool> still_stands(const Exchange& exchange, const store::Attempt& attempt);
    Result<Reply> answer_known(Exchange& exchange, const store::Attempt& attempt);
    Result<Reply> refuse_unless_known(Exchange& exchange, const Error& error);
    Result<Reply> accept(Exchange& exchange, const challenge::Claim& claim);
    Result<Reply> recover_intent(Exchange& exchange, const std::string& attempt_id, const Error& error);
    Result<Reply> carry_out(Exchange& exchange, store::Attempt attempt, const crypto::CertificateContent& plan);

    // second_opinion.cpp: what the profile's policy hook says. Without a hook, and where policy denies, the decision
    // stays. unavailable: there is no verdict, and nothing has happened.
    Result<policy::Decision> with_second_opinion(Exchange& exchange, const challenge::Claim& claim,
                                                 const std::string& template_name, const std::string& attempt_id,
                                                 policy::Decision decision);

    // claims.cpp: by what right a request asks
    Result<std::optional<policy::RenewedCertificate>> renewed_certificate(Exchange& exchange);
    // What the CA itself says (ca::RevocationView); nullopt too when nobody is to be asked.
    static Result<std::optional<crypto::Revocation>> revoked_at_ca(const Profile& profile,
                                                                   const crypto::Certificate& certificate, Time now);
    static Result<bool> brings_a_good_challenge(const Exchange& exchange);
    static challenge::Facts facts_of(const Exchange& exchange);
    Result<challenge::Claim> claim_for(const Exchange& exchange);

    // settlement.cpp: from a recorded intent to a recorded outcome
    Result<Settled> settle(const Profile& profile, store::Attempt attempt, crypto::CertificateRequest request,
                           const crypto::CertificateContent& plan, std::chrono::milliseconds patience,
                           std::shared_ptr<void> hold);
    Result<Settled> settle_trouble(const Profile& profile, store::Attempt attempt,
                                   const crypto::CertificateContent& plan, const Error& error);
    Result<Settled> settle_outcome(const Profile& profile, store::Attempt attempt,
                                   const crypto::CertificateContent& plan, ca::Outcome outcome);
    Result<Settled> settle_issued(const Profile& profile, store::Attempt attempt,
                                  const crypto::CertificateContent& plan, const crypto::Certificate& certificate);
    Result<Settled> settle_late(const Profile& profile, const std::string& attempt_id,
                                const crypto::Certificate& certificate, const Error& conflict);
    Result<Settled> settle_failed(store::Attempt attempt, const std::string& reason, store::ChallengeFate fate);
    Result<Settled> quarantine(const Profile& profile, store::Attempt attempt, const crypto::Certificate& certificate,
                               const std::string& reason);
    Result<void> set_aside(const Profile& profile, const store::Attempt& attempt,
                           const crypto::Certificate& certificate, const std::string& reason);
    Result<Settled> advance_taken(const Profile& profile, const std::string& attempt_id,
                                  const std::shared_ptr<void>& hold);
    Result<Settled> submit_again(const Profile& profile, store::Attempt attempt, const crypto::CertificateContent& plan,
                                 const std::shared_ptr<void>& hold);

    // queries.cpp: questions about what exists already
    Result<bool> may_ask_this(const Profile& profile, const scep::VerifiedEnvelope& envelope, Time now);
    Result<Reply> answer_poll(Exchange& exchange);
    Result<Reply> answer_get_cert(Exchange& exchange);
    Result<Reply> answer_get_crl(Exchange& exchange);

    // replies.cpp: what goes back, and what the audit says about it
    Result<Reply> refuse_unopened(const Profile& profile, const std::string& client, const scep::OpenFailure& failure,
                                  Time now);
    Result<Reply> refuse_type(const Profile& profile, const std::string& client, const scep::VerifiedEnvelope& envelope,
                              Time now);
    Result<Reply> refuse_query(const Profile& profile, const std::string& client,
                               const scep::VerifiedEnvelope& envelope, Time now);
    Result<Reply> refuse_claim(Exchange& exchange, const Error& error);
    Result<Reply> refuse_plan(Exchange& exchange, const challenge::Claim& claim, const policy::Deny& deny);
    Result<Reply> refuse(Exchange& exchange, std::string_view event_id, const std::string& reason, scep::FailInfo info);
    Result<Reply> answer_attempt(Exchange& exchange, const Settled& settled);
    Result<Reply> success(Exchange& exchange, const crypto::Certificate& certificate);
    Result<Reply> recorded_success(Exchange& exchange, const std::string& serial);
    Result<Reply> failure(Exchange& exchange, scep::FailInfo info);
    Result<Reply> pending(Exchange& exchange);
    Result<Reply> reply(const Profile& profile, const scep::ReplyContext& context, const scep::ReplyContent& content,
                        Time now);
    // For decisions that refuse: whatever becomes of the record, the refusal stands.
    void note(const audit::Event& event);
    // And this one is held against where it came from.
    void note_refusal(const std::string& client, const audit::Event& event);

    void reach(std::string_view crash_point) const;

    EnrollmentParts parts_;
    Conduct conduct_;
};

}  // namespace countersign::ra
