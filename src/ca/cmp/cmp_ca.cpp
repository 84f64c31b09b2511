#include "countersign/ca/cmp.hpp"

#include "countersign/core/text.hpp"
#include "http_answers.hpp"
#include "transaction.hpp"

#include <algorithm>

namespace countersign::ca {
namespace {

using crypto::cmp::Failure;
using crypto::cmp::StatusInfo;

constexpr std::size_t nonce_octets = 16;  // RFC 4210 5.1.1
constexpr std::chrono::seconds longest_wait{24 * 60 * 60};

bool says_any(const StatusInfo& status, std::initializer_list<Failure> failures) {
    return std::ranges::any_of(failures, [&](Failure failure) { return status.says(failure); });
}

// The message was not let in, so nothing was decided about the request in it.
bool not_let_in(const StatusInfo& status) {
    return says_any(status, {Failure::bad_message_check, Failure::bad_time, Failure::wrong_authority,
                             Failure::wrong_integrity, Failure::signer_not_trusted, Failure::not_authorized,
                             Failure::unsupported_version, Failure::system_unavailable});
}

std::string words_of(const StatusInfo& status) {
    return "the CA says " + status.describe();
}

}  // namespace

struct CmpCa::Transaction : cmp::State {
    std::string profile{};  // certProfile, named in the request alone
};

struct CmpCa::Answer {
    crypto::cmp::Message message;
    // Protected as it must be. What is not can only be an error message.
    bool authentic = false;
};

Result<Bytes> CmpCa::message_of(const Transaction& transaction, ByteView nonce, ByteView body) const {
    crypto::cmp::Header header;
    header.recipient = options_.chain.front().subject();
    header.transaction_id = transaction.id;
    header.sender_nonce = to_bytes(nonce);
    header.recipient_nonce = transaction.nonce;
    header.certificate_profile = transaction.profile;
    header.time = clock_.now();
    if (!options_.key) {
        header.sender_key_identifier = to_bytes(as_bytes(options_.reference));
        return crypto::cmp::build_message(header, body,
                                          crypto::cmp::protection_by_secret(*options_.secret, random_.bytes(16)));
    }
    header.sender = options_.signer.front().subject();
    header.sender_key_identifier = options_.signer.front().subject_key_identifier().value_or(Bytes());
    const auto scheme = options_.key->public_key().scheme_with(crypto::DigestAlgorithm::sha256);
    const auto sign = [&](ByteView part) { return options_.key->sign(scheme, part); };
    return crypto::cmp::build_message(header, body,
                                      crypto::cmp::protection_by_signature(scheme, sign, options_.signer));
}

Result<void> CmpCa::authenticate(ByteView message) const {
    if (!options_.key) return crypto::cmp::verify_by_secret(message, *options_.secret);
    Error last = fail::unauthenticated("no certificate of a responder is configured");
    for (const auto& responder : options_.responders) {
        // OpenSSL believes a certificate it was given whatever its dates.
        if (!responder.valid_at(clock_.now())) {
            last = fail::unauthenticated("the responder's certificate is not valid now: " + responder.subject().text());
            continue;
        }
        auto verified = crypto::cmp::verify_by_certificate(message, responder);
        if (verified) return {};
        last = verified.error();
    }
    return last;
}

// One message and its answer. unavailable: the message was certainly not let in.
Result<CmpCa::Answer> CmpCa::ask(Transaction& transaction, ByteView body) const {
    const auto nonce = random_.bytes(nonce_octets);
    net::ClientRequest post;
    post.method = "POST";
    post.url = options_.url;
    // RFC 6712 3.4. Simple servers serve one connection at a time, and each message of ours comes by one of its own.
    post.headers = {{"Content-Type", "application/pkixcmp"}, {"Connection", "close"}};
    auto message = message_of(transaction, nonce, body);
    if (!message) return fail::unavailable("protecting the CMP message: " + message.error().detail);
    post.body = *std::move(message);
    TRY(const auto response, send_once(*http_, post));
    const bool speaks_cmp = media_type(response) == "application/pkixcmp";
    if (!speaks_cmp) {
        if (auto error = turned_away(response.status, "the CMP server")) return *error;
        return fail::outcome_unknown("the CMP server answered with HTTP " + std::to_string(response.status) +
                                     " and no CMP message");
    }
    auto read = crypto::cmp::read_message(response.body);
    if (!read) return fail::outcome_unknown("the CMP server's answer: " + read.error().detail);
    Answer answer{*std::move(read), false};
    const auto held = authenticate(response.body);
    const bool ours =
        equal(answer.message.transaction_id, transaction.id) && equal(answer.message.recipient_nonce, nonce);
    answer.authentic = held && ours;
    if (answer.authentic) {
        transaction.nonce = answer.message.sender_nonce;
        return answer;
    }
    if (!std::holds_alternative<crypto::cmp::ErrorResponse>(answer.message.body))
        return fail::outcome_unknown(held ? "the CMP server answered another message than ours" : held.error().detail);
    // CAs that do not know us protect nothing. Without TLS anybody could have written it.
    const auto& status = std::get<crypto::cmp::ErrorResponse>(answer.message.body).status;
    if (!options_.url.starts_with("https://"))
        return fail::outcome_unknown("an error message nobody answers for: " + words_of(status));
    if (!answer.message.transaction_id.empty() && !equal(answer.message.transaction_id, transaction.id))
        return fail::outcome_unknown("the CMP server answered another message than ours: " + words_of(status));
    return answer;
}

Pending CmpCa::waiting(Transaction& transaction, std::chrono::seconds check_after) const {
    transaction.not_before =
        clock_.now() + std::clamp(check_after, options_.poll_interval, std::max(longest_wait, options_.poll_interval));
    return Pending{transaction.handle()};
}

Result<Outcome> CmpCa::outcome_of(Transaction& transaction, const Answer& answer, bool polled) const {
    using crypto::cmp::PkiStatus;
    if (const auto* poll = std::get_if<crypto::cmp::PollResponse>(&answer.message.body)) {
        transaction.request_id = poll->request_id;
        return Outcome(waiting(transaction, std::chrono::seconds{poll->check_after}));
    }
    if (const auto* response = std::get_if<crypto::cmp::CertificateResponse>(&answer.message.body)) {
        transaction.request_id = response->request_id;
        if (response->status.status == PkiStatus::waiting)
            return Outcome(waiting(transaction, std::chrono::seconds{0}));
        if (response->status.status == PkiStatus::rejection) return Outcome(Rejected{words_of(response->status)});
        if (!response->status.positive() || !response->certificate)
            return fail::outcome_unknown(words_of(response->status) + ", and no certificate came");
        transaction.certificate = *response->certificate;
        return taken(transaction);
    }
    const auto* error = std::get_if<crypto::cmp::ErrorResponse>(&answer.message.body);
    if (error == nullptr) return fail::outcome_unknown("the CMP server answered something else than was asked");
    const auto& status = error->status;
    if (answer.authentic && status.status == PkiStatus::waiting)
        return Outcome(waiting(transaction, std::chrono::seconds{0}));
    if (not_let_in(status)) return fail::unavailable(words_of(status));
    if (says_any(status, {Failure::transaction_id_in_use, Failure::system_failure}))
        return fail::outcome_unknown(words_of(status));
    // Of a poll that came twice, or too late: nothing was decided.
    if (polled && says_any(status, {Failure::bad_request, Failure::bad_recipient_nonce, Failure::bad_sender_nonce}))
        return fail::not_found(words_of(status));
    if (status.failures == 0 && polled) return fail::not_found(words_of(status));
    return Outcome(Rejected{words_of(status)});
}

// There is a certificate: `transaction.certificate`. Confirmed, it is in force: the caller's record comes before that.
Result<Outcome> CmpCa::taken(Transaction& transaction) const {
    const auto certificate = crypto::Certificate::from_der(transaction.certificate);
    if (!certificate) return fail::outcome_unknown("an unreadable certificate: " + certificate.error().detail);
    transaction.not_before = clock_.now();
    never_confirmed(transaction.id);
    return Outcome(Pending{transaction.handle(), true});
}

void CmpCa::never_confirmed(const Bytes& id) const {
    constexpr std::size_t most = 4096;
    const std::lock_guard lock(mutex_);
    if (never_confirmed_.size() >= most) never_confirmed_.clear();
    never_confirmed_.insert(id);
}

// Whether this process took the certificate and sends its first confirmation. Any other may be a second one, of a
// process that died before its record, or because the record failed.
bool CmpCa::confirms_first(const Bytes& id) const {
    const std::lock_guard lock(mutex_);
    return never_confirmed_.erase(id) > 0;
}

// RFC 4210 5.3.18. A CA that gets no confirmation may revoke what it issued, so the certificate is nobody's until the
// CA has said that it got it.
Result<Outcome> CmpCa::confirm(Transaction& transaction) const {
    TRY(const auto certificate, crypto::Certificate::from_der(transaction.certificate));
    const auto scheme = certificate.signature_scheme();
    // Nothing else can be for us; the RA sees it all the same.
    if (!scheme) return Outcome(Issued{certificate});
    const bool wanted = (transaction.key.empty() || certificate.public_key().fingerprint() == transaction.key) &&
                        certificate.verify_signed_by(options_.chain.front().public_key());
    const auto refusal = wanted ? std::nullopt : std::optional<std::string>("this is not what was requested");
    Transaction next = transaction;
    const auto answer = ask(next, crypto::cmp::confirmation_body(crypto::digest(scheme->digest, certificate.der()),
                                                                 transaction.request_id, refusal));
    if (!wanted) return Outcome(Issued{certificate});
    const bool again = !confirms_first(transaction.id) || transaction.confirmed;
    const bool not_heard = !answer && answer.error().kind == ErrorKind::unavailable;
    if (!answer && !not_heard) transaction.confirmed = true;
    if (not_heard && !again) never_confirmed(transaction.id);
    if (!answer) return Outcome(waiting(transaction, std::chrono::seconds{0}));
    const auto* error = std::get_if<crypto::cmp::ErrorResponse>(&answer->message.body);
    if (error == nullptr || error->status.says(Failure::certificate_confirmed)) return Outcome(Issued{certificate});
    if (not_let_in(error->status) || error->status.says(Failure::system_failure)) {
        if (!again) never_confirmed(transaction.id);
        return Outcome(waiting(transaction, std::chrono::seconds{0}));
    }
    // A second confirmation is for many CAs one of nothing: the first one arrived.
    if (again) return Outcome(Issued{certificate});
    return Outcome(Rejected{
        "the CA issued " + certificate.serial_hex() + " and then refused our confirmation: " + error->status.describe(),
        certificate});
}

Result<Outcome> CmpCa::submit(const CountersignedRequest& request, const std::string& idempotency_key) {
    TRY(auto id, from_hex(idempotency_key));
    Transaction transaction;
    transaction.id = std::move(id);
    transaction.key = request.request().public_key().fingerprint();
    const auto profile = options_.profiles.find(request.template_name());
    if (profile != options_.profiles.end()) transaction.profile = profile->second;
    TRY(const auto answer, ask(transaction, crypto::cmp::p10cr_body(request.request().der())));
    transaction.profile.clear();
    return outcome_of(transaction, answer, false);
}

Result<Outcome> CmpCa::poll(const std::string& handle) {
    if (auto found = found_by_people(handle)) return *std::move(found);
    auto state = cmp::State::from(handle);
    if (!state) return fail::not_found("no transaction of CMP: " + printable(handle));
    if (clock_.now() < state->not_before) return Outcome(Pending{handle});
    Transaction transaction{*std::move(state)};
    if (!transaction.certificate.empty()) return confirm(transaction);
    TRY(const auto answer, ask(transaction, crypto::cmp::poll_request_body(transaction.request_id)));
    return outcome_of(transaction, answer, true);
}

Result<std::optional<Outcome>> CmpCa::reconcile(const std::string& idempotency_key, Time) {
    TRY(auto id, from_hex(idempotency_key));
    Transaction transaction;
    transaction.id = std::move(id);
    const auto answer = ask(transaction, crypto::cmp::poll_request_body(transaction.request_id));
    // Only what the CA knows of this transaction tells something; that it knows none may be its way to say "done".
    if (answer && answer->authentic && !std::holds_alternative<crypto::cmp::ErrorResponse>(answer->message.body)) {
        TRY(auto outcome, outcome_of(transaction, *answer, true));
        return std::optional<Outcome>(std::move(outcome));
    }
    return left_to_people("a CMP server", "transactionID " + idempotency_key + " in the CA's log");
}

Result<void> CmpCa::probe() {
    Transaction transaction;
    transaction.id = random_.bytes(nonce_octets);
    const auto answer = ask(transaction, crypto::cmp::general_body());
    if (!answer) return fail::unavailable(answer.error().detail);
    const auto* error = std::get_if<crypto::cmp::ErrorResponse>(&answer->message.body);
    if (error != nullptr && (not_let_in(error->status) || !answer->authentic))
        return fail::unavailable(words_of(error->status));
    return {};
}

Result<void> CmpCa::revoke(const std::string& serial_hex, int reason, Time) {
    TRY(const auto serial, from_hex(serial_hex));
    if (serial.empty() || serial.size() > 64) return fail::not_found("no serial number: " + printable(serial_hex));
    Transaction transaction;
    transaction.id = random_.bytes(nonce_octets);
    TRY(const auto answer,
        ask(transaction, crypto::cmp::revocation_body(options_.chain.front().subject(), serial, reason)));
    const auto* response = std::get_if<crypto::cmp::RevocationResponse>(&answer.message.body);
    const auto* error = std::get_if<crypto::cmp::ErrorResponse>(&answer.message.body);
    if (response == nullptr && error == nullptr)
        return fail::outcome_unknown("the CMP server answered something else than was asked");
    const auto& status = response != nullptr ? response->status : error->status;
    if (response != nullptr && status.status == crypto::cmp::PkiStatus::waiting)
        return fail::outcome_unknown("the CA has put the revocation off: " + words_of(status));
    if (response != nullptr && status.status != crypto::cmp::PkiStatus::rejection) return {};
    if (not_let_in(status)) return fail::unavailable(words_of(status));
    if (status.says(Failure::certificate_revoked)) return fail::conflict(words_of(status));
    if (status.says(Failure::bad_certificate_id)) return fail::not_found(words_of(status));
    return fail::denied(words_of(status));
}

Result<Bytes> CmpCa::crl(Time) {
    return fail::unavailable("this CA publishes its CRL itself");
}

}  // namespace countersign::ca
