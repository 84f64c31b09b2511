// Questions about what exists already: CertPoll, GetCert, GetCRL (RFC 8894 3.3.3 and 3.3.4).
#include "countersign/audit/catalogue.hpp"
#include "countersign/core/text.hpp"
#include "countersign/ra/enrollment.hpp"
#include "exchange.hpp"

namespace countersign::ra {

using scep::FailInfo;
using store::AttemptState;

namespace {

// A positive INTEGER's octets as the ledger names them.
std::string ledger_serial(ByteView serial) {
    while (serial.size() > 1 && serial.front() == 0) serial = serial.subspan(1);
    return lower_hex(serial);
}

// Profiles may share a CA; what one of them issued is no business of another.
bool is_of_a_client(const store::IssuedCertificate& record, const Profile& profile) {
    return record.profile == profile.name && (record.kind == "enroll" || record.kind == "renew");
}

}  // namespace

// Judged before anything is decrypted: the plaintext of GetCert and GetCRL is protected by nothing, so a stranger who
// may have it decrypted and learns whether that went well can read captured enrollments, password included, block by
// block.
Result<bool> Enrollment::may_ask_this(const Profile& profile, const scep::VerifiedEnvelope& envelope, Time now) {
    const auto type = envelope.message_type();
    if (type != scep::MessageType::get_cert && type != scep::MessageType::get_crl) return true;
    if (!profile.answer_queries || envelope.signer().self_issued()) return false;
    TRY(const auto record, parts_.issued.find(profile.ca_name, envelope.signer().serial_hex()));
    if (!record || !is_of_a_client(*record, profile) || record->revoked) return false;
    if (!equal(record->der, envelope.signer().der())) return false;
    const auto revoked = revoked_at_ca(profile, envelope.signer(), now);
    if (!revoked && revoked.error().kind != ErrorKind::expired) return revoked.error();
    return revoked && !*revoked;
}

// The transaction belongs to whoever holds the key that began it: the key is part of its name (design section 1), and
// the IssuerAndSubject inside is not even decrypted.
Result<Reply> Enrollment::answer_poll(Exchange& exchange) {
    TRY(auto attempt, parts_.transactions.latest(exchange.transaction));
    if (!attempt)
        return refuse(exchange, audit::event::query_refused, "no such transaction of this key", FailInfo::bad_cert_id);
    const bool on_its_way = attempt->state == AttemptState::intent || attempt->state == AttemptState::approved ||
                            attempt->state == AttemptState::pending;
    if (on_its_way) {
        // A CA that is away does not fail the poll: the client asks again.
        if (auto advanced = advance(exchange.profile, *attempt)) attempt = *std::move(advanced);
    }
    note(exchange.event(audit::event::query_answered)
             .with("request", attempt->id)
             .with("state", std::string(name(attempt->state))));
    return answer_attempt(exchange, Settled{*std::move(attempt), std::nullopt});
}

// Certificates are public, but a ledger that anybody can list by serial number is a gift; one's own key suffices.
Result<Reply> Enrollment::answer_get_cert(Exchange& exchange) {
    const auto& wanted = std::get<crypto::IssuerAndSerial>(exchange.opened.content());
    if (!wanted.issuer.matches(exchange.profile.ca_chain.front().subject())) {
        return refuse(exchange, audit::event::query_refused, "GetCert for another issuer", FailInfo::bad_cert_id);
    }
    TRY(const auto record, parts_.issued.find(exchange.profile.ca_name, ledger_serial(wanted.serial)));
    if (!record || !is_of_a_client(*record, exchange.profile) ||
        record->public_key != exchange.transaction.signer_key) {
        return refuse(exchange, audit::event::query_refused,
                      "GetCert for a certificate that is not of the signer's key", FailInfo::bad_cert_id);
    }
    TRY(const auto certificate, crypto::Certificate::from_der(record->der));
    note(exchange.event(audit::event::query_answered).with("serial", record->serial));
    return success(exchange, certificate);
}

Result<Reply> Enrollment::answer_get_crl(Exchange& exchange) {
    const auto& wanted = std::get<crypto::IssuerAndSerial>(exchange.opened.content());
    auto* revoker = exchange.profile.backend->revoker();
    if (revoker == nullptr || !wanted.issuer.matches(exchange.profile.ca_chain.front().subject())) {
        return refuse(exchange, audit::event::query_refused,
                      "GetCRL needs the CA's name, and a CA that publishes CRLs through this server",
                      FailInfo::bad_cert_id);
    }
    TRY(Bytes crl, revoker->crl(exchange.now));
    note(exchange.event(audit::event::query_answered).with("answer", std::string("crl")));
    return reply(exchange.profile, exchange.context, scep::ReplySuccess{{}, {std::move(crl)}}, exchange.now);
}

}  // namespace countersign::ra
