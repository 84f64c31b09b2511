// GetCACert (RFC 8894 4.2): the bundle, whom to encrypt to, and which client will not like it.
#include "countersign/core/text.hpp"
#include "countersign/crypto/cms.hpp"
#include "session.hpp"

#include <algorithm>

namespace countersign::app {
namespace {

constexpr const char* received = "ca-certificates";
constexpr const char* judged = "ra-bundle";
constexpr const char* single_type = "application/x-x509-ca-cert";
constexpr const char* bundle_type = "application/x-x509-ca-ra-cert";

// Whatever the server calls it: one DER certificate or a certs-only message.
Result<std::vector<crypto::Certificate>> read_certificates(const Bytes& body, const std::string& kind) {
    auto bag = crypto::CertificateBag::from_ber(body);
    if (bag) return std::move(bag->certificates);
    auto single = crypto::Certificate::from_der(body);
    if (single) return std::vector<crypto::Certificate>{*std::move(single)};
    return kind == single_type ? single.error() : bag.error();
}

bool judge_answer(ProbeSession& session, const net::ClientResponse& response) {
    const std::string kind = content_kind(response);
    const std::string type = printable(response.header("content-type"), 80);
    auto read = read_certificates(response.body, kind);
    const bool known = kind == single_type || kind == bundle_type;
    if (!known) {
        session.note(received, StepOutcome::fail, "Content-Type is \"" + type + "\"",
                     "answer application/x-x509-ca-ra-cert: clients refuse other types", "ca-content-type");
    }
    if (!read) {
        return session.note(
            received, StepOutcome::fail, read.error().detail,
            kind == single_type ? "the body must be one DER certificate" : "the body must be a whole certs-only PKCS#7",
            "ca-malformed");
    }
    session.offered.certificates = *std::move(read);
    if (!known) return !session.offered.certificates.empty();
    const std::string detail = std::to_string(session.offered.certificates.size()) + " certificate(s)";
    if (session.offered.certificates.empty())
        return session.note(received, StepOutcome::fail, detail, "serve the CA's certificate at least", "ca-empty");
    const bool bag = crypto::CertificateBag::from_ber(response.body).has_value();
    if (bag != (kind == bundle_type)) {
        return session.note(received, StepOutcome::fail,
                            detail + ": the Content-Type \"" + type + "\" does not fit the body",
                            "one DER certificate is application/x-x509-ca-cert, a PKCS#7 application/x-x509-ca-ra-cert",
                            "ca-content-type");
    }
    if (response.header("content-type") != kind) {
        return session.note(received, StepOutcome::warn, detail + ", Content-Type \"" + type + "\"",
                            "leave out parameters: Apple and certmonger compare the whole header",
                            "ca-content-type-parameters");
    }
    return session.note(received, StepOutcome::pass, detail);
}

void choose_recipient(ProbeSession& session) {
    const auto& all = session.offered.certificates;
    for (const bool authority : {false, true}) {
        for (const auto& one : all) {
            if (session.recipient || is_authority(one) != authority || !one.public_key().is_rsa() || !may_encrypt(one))
                continue;
            // A CA takes requests itself only where it is alone.
            if (!authority || all.size() == 1) session.recipient = one;
        }
    }
}

bool states(const crypto::Certificate& one, crypto::KeyUsage usage) {
    return one.key_usage() && (*one.key_usage() & usage) != 0;
}

// True: nothing is wrong with which certificate is for what.
bool judge_roles(ProbeSession& session) {
    const auto& all = session.offered.certificates;
    const std::string type = to_lower(session.offered.ca_type);
    if (all.size() == 1 && type.starts_with(bundle_type)) {
        return session.note(judged, StepOutcome::fail,
                            "a single certificate is announced as a bundle with RA certificates",
                            "send it as application/x-x509-ca-cert: Apple looks in vain for an RA in this",
                            "single-ca-announced-as-ra-bundle");
    }
    bool good = true;
    if (!session.recipient) {
        good = session.note(judged, StepOutcome::fail,
                            "no certificate with an RSA key and key usage keyEncipherment to encrypt to",
                            "serve the RA's encryption certificate, with that key usage", "ra-encryption-missing");
    }
    const bool signs = std::ranges::any_of(
        all, [&](const auto& one) { return (!is_authority(one) || all.size() == 1) && may_sign(one); });
    if (!signs) {
        good = session.note(judged, StepOutcome::fail,
                            "no RA certificate with key usage digitalSignature to verify replies with",
                            "serve the RA's agent certificate, with that key usage", "ra-signature-missing");
    }
    for (const auto& one : all) {
        if (is_authority(one) || states(one, crypto::usage::key_encipherment) ||
            states(one, crypto::usage::digital_signature))
            continue;
        good = session.note(
            judged, StepOutcome::fail,
            printable(one.subject().text()) + " has neither key usage digitalSignature nor keyEncipherment",
            "issue the RA certificate again with its key usage: by it clients tell which is for what",
            "ra-key-usage-missing");
    }
    return good;
}

bool judge_life(ProbeSession& session) {
    const Time now = session.console.clock.now();
    bool good = true;
    for (const auto& one : session.offered.certificates) {
        const std::string who = printable(one.subject().text());
        if (is_authority(one)) session.authorities.push_back(one);
        if (!one.valid_at(now)) {
            const bool past = one.not_after() < now;
            good = session.note(judged, StepOutcome::fail,
                                who + (past ? " has expired on " + to_rfc3339(one.not_after()) : " is not yet valid"),
                                "renew it; NDES: the two RA certificates last two years and are renewed by hand",
                                is_authority(one) ? "ca-certificate-expired" : "ra-certificate-expired");
        } else if (one.not_after() - now < std::chrono::days{30}) {
            session.note(judged, StepOutcome::warn, who + " expires on " + to_rfc3339(one.not_after()), "renew it now",
                         "certificate-expires-soon");
        }
        if (!crypto::order_chain(one, session.offered.certificates)) {
            good = session.note(judged, StepOutcome::fail, who + " has no chain to a root in the answer",
                                "serve the RA certificates with their CA chain, root included", "chain-incomplete");
        }
    }
    return good;
}

}  // namespace

bool check_ca_certificates(ProbeSession& session) {
    const auto response = session.get("GetCACert", "probe");
    if (!response) return session.note_absent(received, response.error());
    if (response->status != 200) {
        return session.note(received, StepOutcome::fail, status_text(*response),
                            "look at the server's log; check the path of the URL", "ca-status");
    }
    session.offered.ca_type = response->header("content-type");
    session.offered.now = session.console.clock.now();
    if (!judge_answer(session, *response) && session.offered.certificates.empty()) return false;
    const auto bare = session.get("GetCACert", "");
    session.offered.answers_without_message = bare && bare->status == 200 && bare->body == response->body;
    choose_recipient(session);
    const bool roles = judge_roles(session);
    const bool life = judge_life(session);
    if (roles && life)
        session.note(judged, StepOutcome::pass, "encrypting to " + printable(session.recipient->subject().text()));
    return true;
}

void check_clients(ProbeSession& session) {
    for (const ClientVerdict& verdict : judge_clients(session.offered)) {
        const bool well = verdict.outcome == StepOutcome::pass;
        const std::string source = " [" + verdict.source + "]";
        session.note("client-" + verdict.client, verdict.outcome,
                     (well ? "finds what it looks for" : join(verdict.reasons, "; ")) + source,
                     join(verdict.remedies, "; "), well ? "" : "client-" + verdict.client);
    }
}

}  // namespace countersign::app
