#include "session.hpp"

#include "countersign/core/text.hpp"
#include "countersign/crypto/cms.hpp"
#include "countersign/crypto/encoding.hpp"

#include <algorithm>

namespace countersign::app {
namespace {

constexpr std::string_view pki_message = "application/x-pki-message";

Exchange wrong(std::string fault, Error error) {
    return {std::nullopt, std::move(fault), std::move(error)};
}

// What keeps a message from being read as a CertRep, by name.
std::string fault_of(ByteView body, const Error& error) {
    const auto data = crypto::SignedData::from_ber(body);
    if (!data) {
        // Nobody signed it at all: the reader's words, for as values the cases do not differ.
        const std::string& why = data.error().detail;
        const bool unsigned_reply = why.find("exactly one signer") != std::string::npos ||
                                    why.find("no digest algorithms") != std::string::npos;
        return unsigned_reply ? "reply-unsigned" : "reply-malformed";
    }
    return error.kind == ErrorKind::unauthenticated ? "reply-signature" : "reply-malformed";
}

}  // namespace

std::string_view name(StepOutcome outcome) {
    switch (outcome) {
        case StepOutcome::pass: return "pass";
        case StepOutcome::warn: return "warn";
        case StepOutcome::fail: return "fail";
    }
    return "fail";
}

std::string percent_encoded(std::string_view text) {
    std::string encoded;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                           c == '.' || c == '_';
        if (plain)
            encoded += c;
        else
            encoded += "%" + upper_hex(as_bytes(std::string_view(&c, 1)));
    }
    return encoded;
}

std::string content_kind(const net::ClientResponse& response) {
    const std::string type = response.header("content-type");
    return to_lower(trim(std::string_view(type).substr(0, type.find(';'))));
}

std::string status_text(const net::ClientResponse& response) {
    return "HTTP status " + std::to_string(response.status);
}

std::string remedy_for(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::unavailable: return "check the URL, the server and the way to it (names, proxies, TLS trust)";
        case ErrorKind::outcome_unknown:
            return "the server took the request and did not answer in time; look at its log";
        case ErrorKind::unauthenticated:
            return "the reply is not signed by a certificate of GetCACert: check the RA's agent key and certificate";
        case ErrorKind::throttled: return "wait until passwords expire, revoke some, or let the server keep more";
        case ErrorKind::denied: return "give this user the right to enroll";
        default: return "check that the URL is that of a SCEP server";
    }
}

ProbeSession::ProbeSession(ProbeOptions wanted, net::HttpClient& http, Console& where)
    : options(std::move(wanted)), client(http), console(where) {}

bool ProbeSession::note(std::string step, StepOutcome outcome, std::string detail, std::string remedy,
                        std::string fault) {
    steps.push_back({std::move(step), outcome, std::move(detail), std::move(remedy), std::move(fault)});
    return outcome != StepOutcome::fail;
}

bool ProbeSession::note_absent(const std::string& step, const Error& error) {
    return note(step, StepOutcome::fail, error.detail, remedy_for(error.kind), "no-answer");
}

Result<net::ClientResponse> ProbeSession::fetch(const std::string& url) {
    net::ClientRequest request;
    request.url = url;
    return client.send(request);
}

Result<net::ClientResponse> ProbeSession::get(const std::string& operation, const std::string& message) {
    std::string url = options.url + (options.url.find('?') == std::string::npos ? "?" : "&") + "operation=" + operation;
    if (!message.empty()) url += "&message=" + message;
    return fetch(url);
}

Result<net::ClientResponse> ProbeSession::deliver(const Bytes& message, Way way) {
    const bool post = offered.offers("POSTPKIOperation") || offered.offers("SCEPStandard");
    if (!post || way == Way::by_get) return get("PKIOperation", percent_encoded(crypto::base64(message)));
    net::ClientRequest request;
    request.method = "POST";
    request.url = options.url + (options.url.find('?') == std::string::npos ? "?" : "&") + "operation=PKIOperation";
    request.headers.emplace_back("Content-Type", pki_message);
    request.body = message;
    return client.send(request);
}

Exchange ProbeSession::exchange(const ProbeDevice& from, const std::string& type, ByteView content, Way way) {
    scep::ClientMessage message;
    message.message_type = type;
    message.transaction_id = from.transaction_id;
    message.sender_nonce = console.random.bytes(16);
    message.content = to_bytes(content);
    message.style = style;
    message.digest = digest;
    const auto sent = scep::build_client_message(message, *recipient, *from.signer, *from.signer_key,
                                                 console.clock.now(), console.random);
    if (!sent) return wrong("message-not-made", sent.error());
    const auto response = deliver(*sent, way);
    if (!response) return wrong("no-answer", response.error());
    return read_reply(*response, from, message.sender_nonce);
}

Exchange ProbeSession::read_reply(const net::ClientResponse& response, const ProbeDevice& from, const Bytes& nonce) {
    if (response.status == 503)
        return wrong("busy", fail::unavailable("HTTP status 503: the server or its CA is busy; try again later"));
    if (response.status != 200)
        return wrong("pki-operation-status", fail::malformed(status_text(response) + " instead of a CertRep"));
    if (content_kind(response) != pki_message) {
        return wrong("reply-content-type",
                     fail::malformed("Content-Type is \"" + printable(response.header("content-type"), 80) +
                                     "\", not " + std::string(pki_message)));
    }
    auto read = scep::read_cert_rep(response.body, offered.certificates, *from.signer, *from.signer_key);
    if (!read) return wrong(fault_of(response.body, read.error()), read.error());
    if (!read->status) return wrong("reply-status-missing", fail::malformed("the reply has no pkiStatus"));
    if (read->transaction_id != from.transaction_id)
        return wrong("reply-transaction-id",
                     fail::malformed("the transactionID of the reply is that of another transaction"));
    if (!read->recipient_nonce || !equal(*read->recipient_nonce, nonce)) {
        return wrong("reply-recipient-nonce", fail::malformed("recipientNonce is not the nonce that was sent"));
    }
    if (!read->sender_nonce) {
        return wrong("reply-sender-nonce",
                     fail::malformed("senderNonce is missing, which certmonger and MikroTik refuse"));
    }
    return {*std::move(read), "", {}};
}

}  // namespace countersign::app
