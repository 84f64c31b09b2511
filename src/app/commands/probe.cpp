#include "probe.hpp"

#include "countersign/core/text.hpp"
#include "countersign/crypto/certificate_builder.hpp"
#include "countersign/crypto/cms.hpp"
#include "countersign/crypto/encoding.hpp"
#include "countersign/crypto/oid.hpp"
#include "countersign/keys/file_key.hpp"
#include "ndes_page.hpp"

#include <algorithm>
#include <thread>

namespace countersign::app {
namespace {

constexpr std::string_view message_type = "application/x-pki-message";

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

bool has_usage(const crypto::Certificate& certificate, crypto::KeyUsage usage) {
    const auto found = certificate.key_usage();
    return !found || (*found & usage) != 0;
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

}  // namespace

std::string_view name(StepOutcome outcome) {
    switch (outcome) {
        case StepOutcome::pass: return "pass";
        case StepOutcome::warn: return "warn";
        case StepOutcome::fail: return "fail";
    }
    return "fail";
}

Probe::Probe(ProbeOptions options, net::HttpClient& client, Console& console)
    : options_(std::move(options)), client_(client), console_(console) {}

bool Probe::run() {
    const bool done = get_capabilities() && get_ca_certificates() && check_bundle() && get_challenge() &&
                      make_request() && enroll() && poll() && check_certificate();
    return done &&
           std::ranges::none_of(steps_, [](const ProbeStep& step) { return step.outcome == StepOutcome::fail; });
}

bool Probe::note(std::string step, StepOutcome outcome, std::string detail, std::string remedy) {
    steps_.push_back({std::move(step), outcome, std::move(detail), std::move(remedy)});
    return outcome != StepOutcome::fail;
}

bool Probe::offers(std::string_view capability) const {
    return capabilities_.contains(to_lower(capability));
}

Result<net::ClientResponse> Probe::get(const std::string& operation, const std::string& message) {
    net::ClientRequest request;
    request.url = options_.url + (options_.url.find('?') == std::string::npos ? "?" : "&") + "operation=" + operation;
    if (!message.empty()) request.url += "&message=" + message;
    return client_.send(request);
}

bool Probe::get_capabilities() {
    const auto response = get("GetCACaps", "probe");
    if (!response)
        return note("capabilities", StepOutcome::fail, response.error().detail, remedy_for(response.error().kind));
    if (response->status != 200) {
        return note("capabilities", StepOutcome::fail, status_text(*response),
                    "check the path of the URL; NDES: /certsrv/mscep/mscep.dll");
    }
    std::vector<std::string> shown;
    for (const std::string& line : split(as_text(response->body).substr(0, 4096), '\n')) {
        const std::string_view word = trim(line);
        if (word.empty()) continue;
        shown.push_back(printable(word, 40));
        capabilities_.insert(to_lower(word));
    }
    const bool standard = offers("SCEPStandard");
    style_.cipher = standard || offers("AES") ? crypto::ContentCipher::aes256_cbc : crypto::ContentCipher::des_ede3_cbc;
    const bool sha2 = standard || offers("SHA-256") || offers("SHA-512");
    digest_ = sha2 ? (offers("SHA-256") || standard ? crypto::DigestAlgorithm::sha256 : crypto::DigestAlgorithm::sha512)
                   : crypto::DigestAlgorithm::sha1;
    std::vector<std::string> wants;
    if (!standard && !offers("AES")) wants.emplace_back("AES");
    if (!sha2) wants.emplace_back("SHA-256");
    if (!standard && !offers("POSTPKIOperation")) wants.emplace_back("POSTPKIOperation");
    if (!offers("Renewal")) wants.emplace_back("Renewal");
    if (response->body.size() > 1024) wants.emplace_back("an answer of at most 1024 octets (certmonger refuses more)");
    if (wants.empty()) return note("capabilities", StepOutcome::pass, join(shown, " "));
    return note("capabilities", StepOutcome::warn, shown.empty() ? "none offered" : join(shown, " "),
                "the server should offer " + join(wants, ", "));
}

bool Probe::get_ca_certificates() {
    const std::string step = "ca-certificates";
    const auto response = get("GetCACert", "probe");
    if (!response) return note(step, StepOutcome::fail, response.error().detail, remedy_for(response.error().kind));
    if (response->status != 200)
        return note(step, StepOutcome::fail, status_text(*response), "look at the server's log");
    const std::string type = response->header("content-type");
    const std::string kind = content_kind(*response);
    if (kind == "application/x-x509-ca-cert") {
        auto single = crypto::Certificate::from_der(response->body);
        if (!single)
            return note(step, StepOutcome::fail, single.error().detail, "the body must be one DER certificate");
        bundle_.push_back(*std::move(single));
    } else if (kind == "application/x-x509-ca-ra-cert") {
        auto bag = crypto::CertificateBag::from_ber(response->body);
        if (!bag) return note(step, StepOutcome::fail, bag.error().detail, "the body must be a certs-only PKCS#7");
        bundle_ = std::move(bag->certificates);
    } else {
        return note(step, StepOutcome::fail, "Content-Type is \"" + printable(type, 80) + "\"",
                    "answer application/x-x509-ca-ra-cert: clients refuse other types");
    }
    const std::string detail = std::to_string(bundle_.size()) + " certificate(s)";
    if (type != kind)
        return note(step, StepOutcome::warn, detail + ", Content-Type \"" + printable(type, 80) + "\"",
                    "leave out parameters: Apple and certmonger compare the whole header");
    return note(step, StepOutcome::pass, detail);
}

void Probe::judge_recipient(std::vector<std::string>& problems) {
    const auto opens = [](const crypto::Certificate& one) {
        return one.public_key().is_rsa() && has_usage(one, crypto::usage::key_encipherment);
    };
    for (const bool authority : {false, true}) {
        for (const auto& one : bundle_) {
            if (recipient_ || one.basic_constraints().ca != authority || !opens(one)) continue;
            // A CA takes requests itself only where it is alone.
            if (!authority || bundle_.size() == 1) recipient_ = one;
        }
    }
    if (!recipient_)
        problems.emplace_back("no certificate with an RSA key and key usage keyEncipherment to encrypt to");
}

bool Probe::check_bundle() {
    std::vector<std::string> problems;
    std::vector<std::string> doubts;
    const Time now = console_.clock.now();
    judge_recipient(problems);
    const bool signs = std::ranges::any_of(bundle_, [&](const auto& one) {
        return (!one.basic_constraints().ca || bundle_.size() == 1) && has_usage(one, crypto::usage::digital_signature);
    });
    if (!signs) problems.emplace_back("no RA certificate with key usage digitalSignature to verify replies with");
    for (const auto& one : bundle_) {
        const std::string who = printable(one.subject().text());
        if (one.basic_constraints().ca) authorities_.push_back(one);
        if (!one.valid_at(now)) problems.push_back(who + " is expired or not yet valid");
        const auto chain = crypto::order_chain(one, bundle_);
        if (!chain) problems.push_back(who + " has no chain to a root in the answer");
        const bool last_year = one.not_after() - now < std::chrono::days{30};
        if (one.valid_at(now) && last_year) doubts.push_back(who + " expires on " + to_rfc3339(one.not_after()));
    }
    const std::string step = "ra-bundle";
    if (!problems.empty()) {
        return note(step, StepOutcome::fail, join(problems, "; "),
                    "serve the RA's agent and encryption certificates with their CA chain, root included");
    }
    const auto agent_purpose = std::string(oid::ms_certificate_request_agent);
    const bool agent = bundle_.size() == 1 || std::ranges::any_of(bundle_, [&](const auto& one) {
                           const auto usages = one.extended_key_usage();
                           return std::ranges::find(usages, agent_purpose) != usages.end();
                       });
    if (!agent)
        doubts.emplace_back(
            "no certificate has the extended key usage Certificate Request Agent, which Windows looks for");
    const std::string detail = "encrypting to " + printable(recipient_->subject().text());
    if (doubts.empty()) return note(step, StepOutcome::pass, detail);
    return note(step, StepOutcome::warn, detail + "; " + join(doubts, "; "), "renew or reissue the RA certificates");
}

bool Probe::get_challenge() {
    const std::string step = "challenge";
    if (options_.challenge) return note(step, StepOutcome::pass, "as given");
    if (options_.admin_url.empty())
        return note(step, StepOutcome::warn, "none: the request carries no challenge",
                    "give --challenge or --admin-url");
    net::ClientRequest request;
    request.url = options_.admin_url;
    request.user = options_.admin_user;
    if (options_.admin_password) request.password = &*options_.admin_password;
    auto response = client_.send(request);
    // IIS sends /certsrv/mscep_admin to /certsrv/mscep_admin/ first.
    const bool moved =
        response && response->status >= 301 && response->status <= 308 && !options_.admin_url.ends_with('/');
    if (moved && response->header("location").ends_with("/")) {
        request.url += "/";
        response = client_.send(request);
    }
    if (!response) return note(step, StepOutcome::fail, response.error().detail, remedy_for(response.error().kind));
    if (response->status == 401 || response->status == 403) {
        return note(step, StepOutcome::fail, status_text(*response),
                    "check --user and the password; the server must offer Basic authentication");
    }
    if (response->status != 200)
        return note(step, StepOutcome::fail, status_text(*response), "check --admin-url; NDES: /certsrv/mscep_admin");
    auto found = challenge_in_page(response->body);
    wipe_memory(response->body.data(), response->body.size());
    if (!found) return note(step, StepOutcome::fail, found.error().detail, remedy_for(found.error().kind));
    options_.challenge = *std::move(found);
    return note(step, StepOutcome::pass, "fetched from the admin page");
}

bool Probe::make_request() {
    const auto made = [&]() -> Result<void> {
        TRY(private_key_pem_, keys::generate_private_key_pem(keys::GeneratedKey::rsa2048));
        TRY(key_, keys::key_from_pem(private_key_pem_, "the probe's key"));
        if (options_.subject.empty()) options_.subject = "CN=countersign-probe-" + lower_hex(console_.random.bytes(4));
        TRY(subject_, crypto::Name::from_text(options_.subject));
        crypto::RequestContent content;
        content.subject = subject_;
        content.spki = to_bytes(key_->public_key().spki());
        if (options_.challenge) content.challenge_password = options_.challenge->reveal_text();
        content.scheme = key_->public_key().scheme_with(digest_);
        content.extensions.push_back(
            crypto::make_key_usage(crypto::usage::digital_signature | crypto::usage::key_encipherment));
        std::vector<crypto::GeneralName> names;
        for (const std::string& text : options_.sans) {
            TRY(auto general_name, crypto::general_name_from_text(text));
            names.push_back(std::move(general_name));
        }
        if (!names.empty())
            content.extensions.push_back(
                {std::string(oid::subject_alt_name), false, crypto::encode_general_names(names)});
        TRY(const auto request,
            crypto::build_request(content, [&](ByteView message) { return key_->sign(content.scheme, message); }));
        request_ = to_bytes(request.der());
        TRY(signer_, scep::self_signed_signer(subject_, *key_, console_.clock.now(), console_.random));
        return boost::system::in_place_value;
    }();
    if (!made) return note("request", StepOutcome::fail, made.error().detail, "check --subject and --san");
    return note("request", StepOutcome::pass, "RSA 2048, " + printable(subject_.text()));
}

Result<net::ClientResponse> Probe::deliver(const Bytes& message) {
    if (!offers("POSTPKIOperation") && !offers("SCEPStandard")) {
        return get("PKIOperation", percent_encoded(crypto::base64(message)));
    }
    net::ClientRequest request;
    request.method = "POST";
    request.url = options_.url + (options_.url.find('?') == std::string::npos ? "?" : "&") + "operation=PKIOperation";
    request.headers.emplace_back("Content-Type", message_type);
    request.body = message;
    return client_.send(request);
}

Result<scep::CertRep> Probe::exchange(const std::string& type, ByteView content) {
    scep::ClientMessage message;
    message.message_type = type;
    message.transaction_id = scep::transaction_id_for(key_->public_key());
    message.sender_nonce = console_.random.bytes(16);
    message.content = to_bytes(content);
    message.style = style_;
    message.digest = digest_;
    TRY(const Bytes sent,
        scep::build_client_message(message, *recipient_, *signer_, *key_, console_.clock.now(), console_.random));
    TRY(const auto response, deliver(sent));
    if (response.status == 503)
        return fail::unavailable("HTTP status 503: the server or its CA is busy; try again later");
    if (response.status != 200) return fail::malformed(status_text(response) + " instead of a CertRep");
    if (content_kind(response) != message_type) {
        return fail::malformed("Content-Type is \"" + printable(response.header("content-type"), 80) + "\", not " +
                               std::string(message_type));
    }
    TRY(auto reply, scep::read_cert_rep(response.body, bundle_, *signer_, *key_));
    if (!reply.status) return fail::malformed("the reply has no pkiStatus");
    if (reply.transaction_id != message.transaction_id) return fail::malformed("the reply is for another transaction");
    if (!reply.recipient_nonce || !equal(*reply.recipient_nonce, message.sender_nonce)) {
        return fail::malformed("recipientNonce is not the nonce that was sent");
    }
    if (!reply.sender_nonce) return fail::malformed("senderNonce is missing, which certmonger and MikroTik refuse");
    return reply;
}

bool Probe::note_reply(const std::string& step, const Result<scep::CertRep>& reply) {
    if (!reply) return note(step, StepOutcome::fail, reply.error().detail, remedy_for(reply.error().kind));
    if (reply->status == scep::PkiStatus::failure) {
        const std::string info = reply->fail_info ? std::string(scep::name(*reply->fail_info)) : "no failInfo";
        const std::string text = reply->fail_info_text.empty() ? "" : " (" + printable(reply->fail_info_text) + ")";
        return note(step, StepOutcome::fail, "refused: " + info + text,
                    "the server's audit log says why; first check the challenge, then the names and the key");
    }
    return note(step, StepOutcome::pass, reply->status == scep::PkiStatus::pending ? "pending" : "issued");
}

bool Probe::enroll() {
    auto reply = exchange("19", request_);
    if (!note_reply("enroll", reply)) return false;
    reply_ = *std::move(reply);
    return true;
}

bool Probe::poll() {
    if (reply_->status != scep::PkiStatus::pending) return true;
    const crypto::Certificate& issuer = authorities_.empty() ? *recipient_ : authorities_.front();
    const Bytes question = crypto::encode_issuer_and_subject({issuer.subject(), subject_});
    for (unsigned i = 0; i < options_.polls; ++i) {
        std::this_thread::sleep_for(options_.poll_interval);
        auto reply = exchange("20", question);
        if (reply && reply->status == scep::PkiStatus::pending) continue;
        if (!note_reply("poll", reply)) return false;
        reply_ = *std::move(reply);
        return true;
    }
    return note("poll", StepOutcome::fail, "still pending after " + std::to_string(options_.polls) + " polls",
                "approve the request (`countersign request list`), or poll longer with --polls");
}

bool Probe::check_certificate() {
    const std::string step = "certificate";
    const auto ours = std::ranges::find_if(reply_->certificates,
                                           [&](const auto& one) { return one.public_key() == key_->public_key(); });
    if (ours == reply_->certificates.end()) {
        return note(step, StepOutcome::fail, "no certificate in the reply is for the requested key",
                    "look at the CA behind the server");
    }
    certificate_ = *ours;
    std::vector<std::string> problems;
    std::vector<std::string> doubts;
    const bool signed_by_known = std::ranges::any_of(authorities_, [&](const auto& authority) {
        return authority.subject().matches(certificate_->issuer()) &&
               certificate_->verify_signed_by(authority.public_key()).has_value();
    });
    if (!signed_by_known) problems.emplace_back("it is not signed by a CA of GetCACert");
    if (!certificate_->valid_at(console_.clock.now())) problems.emplace_back("it is not valid now");
    if (certificate_->basic_constraints().ca) problems.emplace_back("it is a CA certificate");
    if (!certificate_->subject().matches(subject_))
        doubts.push_back("its subject is " + printable(certificate_->subject().text()));
    if (ours != reply_->certificates.begin())
        doubts.emplace_back("it is not the first in the reply, which Apple takes");
    const std::string detail =
        "serial " + certificate_->serial_hex() + ", until " + to_rfc3339(certificate_->not_after());
    if (!problems.empty())
        return note(step, StepOutcome::fail, detail + "; " + join(problems, "; "), "look at the CA behind the server");
    if (!doubts.empty())
        return note(step, StepOutcome::warn, detail + "; " + join(doubts, "; "), "compare with the template");
    return note(step, StepOutcome::pass, detail);
}

}  // namespace countersign::app
