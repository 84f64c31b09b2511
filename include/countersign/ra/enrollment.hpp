// The story of a pkiMessage, from the octets that arrive to the CertRep that leaves (design section 5).
//
// Blocking; safe on many threads. Borrows the parts in EnrollmentParts, which outlive it. Once a message's signature has been
// verified every answer is a signed CertRep; before that, and when our own parts are away, it is an Error that the HTTP
// table turns into a status.
#pragma once

#include "countersign/audit/event.hpp"
#include "countersign/core/clock.hpp"
#include "countersign/core/random.hpp"
#include "countersign/ra/profile.hpp"
#include "countersign/store/issued.hpp"
#include "countersign/store/transactions.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>

namespace countersign::ra {

// Called by name at every point where a crash would be interesting; the fault tests kill the process there.
using CrashPoint = std::function<void(std::string_view name)>;

struct EnrollmentParts {
    store::Transactions& transactions;
    store::Issued& issued;
    audit::Sink& audit;
    const Clock& clock;
    Random& random;
    CrashPoint crash_point;  // may be empty
};

class Enrollment {
public:
    explicit Enrollment(EnrollmentParts parts) : parts_(std::move(parts)) {}

    // Answers one pkiMessage. malformed or unauthenticated: not a message anybody can be answered for. unavailable: retry later.
    Result<Bytes> answer(const Profile& profile, ByteView message, const std::string& client);

    // Carries an attempt that nobody is working on towards its end: submits what was approved or interrupted, polls what the CA
    // holds. Returns the attempt as it then stands. Safe to call at any time and from anywhere; an attempt being
    // worked on is returned as it is.
    Result<store::Attempt> advance(const Profile& profile, const store::Attempt& attempt);

private:
    struct Exchange;  // one message being answered

    Result<Bytes> answer_opened(Exchange& exchange);
    Result<Bytes> enroll(Exchange& exchange);
    Result<Bytes> answer_known(Exchange& exchange, const store::Attempt& attempt);
    Result<Bytes> accept(Exchange& exchange, const challenge::Claim& claim);
    Result<Bytes> answer_poll(Exchange& exchange);
    Result<Bytes> answer_get_cert(Exchange& exchange);
    Result<Bytes> answer_get_crl(Exchange& exchange);

    Result<challenge::Claim> claim_for(Exchange& exchange);
    Result<Bytes> refuse_claim(Exchange& exchange, const Error& error);
    Result<Bytes> refuse_plan(Exchange& exchange, const challenge::Claim& claim, const policy::Deny& deny);

    // From a recorded intent to a recorded outcome: countersign, submit, compare, record.
    Result<store::Attempt> settle(const Profile& profile, store::Attempt attempt, crypto::CertificateRequest request,
                                  crypto::CertificateContent plan);
    Result<store::Attempt> settle_outcome(const Profile& profile, store::Attempt attempt, const crypto::CertificateContent& plan,
                                          const ca::Outcome& outcome);
    Result<store::Attempt> settle_issued(const Profile& profile, store::Attempt attempt, const crypto::CertificateContent& plan,
                                         const crypto::Certificate& certificate);
    Result<store::Attempt> settle_failed(const Profile& profile, store::Attempt attempt, const std::string& reason,
                                         store::ChallengeFate fate);

    Result<Bytes> answer_attempt(Exchange& exchange, const store::Attempt& attempt);
    Result<Bytes> success(Exchange& exchange, const std::string& serial);
    Result<Bytes> failure(Exchange& exchange, scep::FailInfo info);
    Result<Bytes> pending(Exchange& exchange);
    Result<Bytes> reply(Exchange& exchange, const scep::ReplyContent& content);

    bool take(const std::string& attempt_id);
    void give_back(const std::string& attempt_id);
    void reach(std::string_view crash_point) const;

    EnrollmentParts parts_;
    std::mutex working_mutex_;
    std::set<std::string> working_;  // attempts some thread of ours is settling
};

}  // namespace countersign::ra
