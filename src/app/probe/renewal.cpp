// Renewal with the certificate just issued: RenewalReq (RFC 8894 3.3.1.2), else PKCSReq signed by it, as NDES knows it.
#include "countersign/core/text.hpp"
#include "session.hpp"

#include <algorithm>

namespace countersign::app {
namespace {

constexpr const char* step = "renewal";

bool issued_or_held(const Exchange& done) {
    return done.reply && done.reply->status != scep::PkiStatus::failure;
}

void note_renewed(ProbeSession& session, const scep::CertRep& reply, const ProbeDevice& device,
                  const std::string& dialect) {
    if (reply.status == scep::PkiStatus::pending) {
        session.note(step, StepOutcome::pass, "held for approval, by " + dialect);
        return;
    }
    const bool ours = std::ranges::any_of(
        reply.certificates, [&](const auto& one) { return one.public_key() == device.key->public_key(); });
    if (ours) {
        session.note(step, StepOutcome::pass, "renewed with a new key, without a challenge, by " + dialect);
    } else {
        session.note(step, StepOutcome::fail, "the certificate of the reply is not for the new key",
                     "issue a new certificate for a new key, not the old one again", "renewal-old-certificate");
    }
}

}  // namespace

void check_renewal(ProbeSession& session) {
    if (!session.offered.offers("Renewal")) {
        session.note(step, StepOutcome::warn, "not tried: GetCACaps does not list Renewal",
                     "list it if renewals are possible", "renewal-not-offered");
        return;
    }
    auto made = make_device(session, session.certificate->subject(), session.certificate->subject_alt_names(), nullptr);
    if (!made) {
        session.note(step, StepOutcome::fail, made.error().detail, "", "request-not-made");
        return;
    }
    made->signer = session.certificate;
    made->signer_key = session.device.key;
    auto done = session.exchange(*made, "17", made->request);
    std::string dialect = "RenewalReq";
    if (!issued_or_held(done)) {
        dialect = "PKCSReq signed by the old certificate";
        auto second = session.exchange(*made, "19", made->request);
        if (issued_or_held(second)) done = std::move(second);
    }
    if (issued_or_held(done)) return note_renewed(session, *done.reply, *made, dialect);
    if (!done.reply) {
        session.note(step, StepOutcome::fail, done.error.detail, remedy_for(done.error.kind), done.fault);
        return;
    }
    // A template may allow renewals only near the end, so that this alone is no failure.
    session.note(step, StepOutcome::warn, "refused, although GetCACaps lists Renewal",
                 "see whether the template allows renewal now (countersign: template.NAME.renewal_window_days)",
                 "renewal-refused");
}

}  // namespace countersign::app
