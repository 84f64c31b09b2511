// The enrollment itself: request, polling, the certificate that comes back, and the same challenge a second time.
#include "countersign/core/text.hpp"
#include "countersign/crypto/certificate_builder.hpp"
#include "countersign/crypto/cms.hpp"
#include "countersign/crypto/oid.hpp"
#include "countersign/keys/file_key.hpp"
#include "session.hpp"

#include <algorithm>
#include <thread>

namespace countersign::app {
namespace {

Result<std::vector<crypto::GeneralName>> names_from(const std::vector<std::string>& texts) {
    std::vector<crypto::GeneralName> names;
    for (const std::string& text : texts) {
        TRY(auto name, crypto::general_name_from_text(text));
        names.push_back(std::move(name));
    }
    return names;
}

Result<ProbeDevice> first_device(ProbeSession& session) {
    auto& options = session.options;
    if (options.subject.empty()) options.subject = "CN=countersign-probe-" + lower_hex(session.console.random.bytes(4));
    TRY(const auto subject, crypto::Name::from_text(options.subject));
    TRY(const auto names, names_from(options.sans));
    return make_device(session, subject, names, options.challenge ? &*options.challenge : nullptr);
}

// The reply speaks at least as well as the request.
void judge_algorithms(ProbeSession& session, const scep::CertRep& reply) {
    using crypto::ContentCipher;
    if (reply.style && reply.style->cipher != session.style.cipher) {
        const bool des = reply.style->cipher == ContentCipher::des_cbc;
        const bool weaker = des || reply.style->cipher == ContentCipher::des_ede3_cbc;
        if (weaker) {
            session.note("reply-algorithms", des ? StepOutcome::fail : StepOutcome::warn,
                         "the reply is encrypted with " + std::string(crypto::name(reply.style->cipher)) +
                             ", the request was with " + std::string(crypto::name(session.style.cipher)),
                         "answer with the cipher of the request: OpenSSL 3 clients cannot read single DES",
                         "reply-cipher-weaker");
        }
    }
    const bool old = reply.digest == crypto::DigestAlgorithm::sha1 || reply.digest == crypto::DigestAlgorithm::md5;
    if (old && session.digest != reply.digest) {
        session.note("reply-algorithms", StepOutcome::warn,
                     "the reply is signed with " + std::string(crypto::name(reply.digest)),
                     "answer with the digest of the request (NDES: HashAlgorithm)", "reply-digest-weaker");
    }
}

bool note_exchange(ProbeSession& session, const std::string& step, const Exchange& done) {
    if (!done.reply)
        return session.note(step, StepOutcome::fail, done.error.detail, remedy_for(done.error.kind), done.fault);
    const auto& reply = *done.reply;
    if (reply.status == scep::PkiStatus::failure) {
        const std::string info = reply.fail_info ? std::string(scep::name(*reply.fail_info)) : "no failInfo";
        const std::string text = reply.fail_info_text.empty() ? "" : " (" + printable(reply.fail_info_text) + ")";
        return session.note(step, StepOutcome::fail, "refused: " + info + text,
                            "the server's audit log says why; first check the challenge, then the names and the key",
                            "enrollment-refused");
    }
    return session.note(step, StepOutcome::pass, reply.status == scep::PkiStatus::pending ? "pending" : "issued");
}

void wait_before_poll(ProbeSession& session, unsigned number) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(session.options.poll_interval).count();
    session.progress("the request is held; asking again in " + std::to_string(seconds) + " s (" +
                     std::to_string(number) + " of " + std::to_string(session.options.polls) + ")");
    std::this_thread::sleep_for(session.options.poll_interval);
}

bool poll(ProbeSession& session) {
    if (session.reply->status != scep::PkiStatus::pending) return true;
    const crypto::Certificate& issuer = session.authorities.empty() ? *session.recipient : session.authorities.front();
    const Bytes question = crypto::encode_issuer_and_subject({issuer.subject(), session.device.subject});
    for (unsigned i = 0; i < session.options.polls; ++i) {
        wait_before_poll(session, i + 1);
        auto done = session.exchange(session.device, "20", question);
        if (done.reply && done.reply->status == scep::PkiStatus::pending) continue;
        if (!note_exchange(session, "poll", done)) return false;
        session.reply = std::move(done.reply);
        return true;
    }
    return session.note(
        "poll", StepOutcome::fail, "still pending after " + std::to_string(session.options.polls) + " polls",
        "approve the request (`countersign request list`), or poll longer with --polls", "still-pending");
}

bool check_certificate(ProbeSession& session) {
    const std::string step = "certificate";
    const auto& received = session.reply->certificates;
    const auto ours = std::ranges::find_if(
        received, [&](const auto& one) { return one.public_key() == session.device.key->public_key(); });
    if (ours == received.end()) {
        return session.note(step, StepOutcome::fail, "no certificate in the reply is for the requested key",
                            "look at the CA behind the server", "certificate-foreign-key");
    }
    const crypto::Certificate& certificate = session.certificate.emplace(*ours);
    std::vector<std::string> problems;
    std::vector<std::string> doubts;
    const bool signed_by_known = std::ranges::any_of(session.authorities, [&](const auto& authority) {
        return authority.subject().matches(certificate.issuer()) &&
               certificate.verify_signed_by(authority.public_key()).has_value();
    });
    if (!signed_by_known) problems.emplace_back("it is not signed by a CA of GetCACert");
    if (!certificate.valid_at(session.console.clock.now())) problems.emplace_back("it is not valid now");
    if (certificate.basic_constraints().ca) problems.emplace_back("it is a CA certificate");
    if (!certificate.subject().matches(session.device.subject))
        doubts.push_back("its subject is " + printable(certificate.subject().text()));
    if (ours != received.begin()) doubts.emplace_back("it is not the first in the reply, which Apple takes");
    const std::string detail = "serial " + certificate.serial_hex() + ", until " + to_rfc3339(certificate.not_after());
    if (!problems.empty()) {
        return session.note(step, StepOutcome::fail, detail + "; " + join(problems, "; "),
                            "look at the CA behind the server", "certificate-wrong");
    }
    if (!doubts.empty())
        return session.note(step, StepOutcome::warn, detail + "; " + join(doubts, "; "), "compare with the template",
                            "certificate-differs");
    return session.note(step, StepOutcome::pass, detail);
}

void judge_second_answer(ProbeSession& session, const Exchange& done) {
    const std::string step = "second-use";
    if (!done.reply) {
        session.note(step, StepOutcome::fail, done.error.detail, remedy_for(done.error.kind), done.fault);
        return;
    }
    if (done.reply->status == scep::PkiStatus::failure) {
        session.note(step, StepOutcome::pass, "the same challenge with another key is refused");
        return;
    }
    session.note(step, session.options.reusable ? StepOutcome::warn : StepOutcome::fail,
                 "the same challenge enrolled a second key",
                 session.options.reusable
                     ? "whoever knows the password enrolls: use one-time passwords"
                     : "use one-time passwords (NDES: UseSinglePassword = 0); --reusable if this is meant so",
                 "challenge-reusable");
}

}  // namespace

Result<ProbeDevice> make_device(ProbeSession& session, const crypto::Name& subject,
                                const std::vector<crypto::GeneralName>& names, const Secret* challenge) {
    ProbeDevice device;
    TRY(device.private_key_pem, keys::generate_private_key_pem(keys::GeneratedKey::rsa2048));
    TRY(device.key, keys::key_from_pem(device.private_key_pem, "the probe's key"));
    device.subject = subject;
    device.transaction_id = scep::transaction_id_for(device.key->public_key());
    crypto::RequestContent content;
    content.subject = subject;
    content.spki = to_bytes(device.key->public_key().spki());
    if (challenge != nullptr) content.challenge_password = challenge->reveal_text();
    content.scheme = device.key->public_key().scheme_with(session.digest);
    content.extensions.push_back(
        crypto::make_key_usage(crypto::usage::digital_signature | crypto::usage::key_encipherment));
    if (!names.empty())
        content.extensions.push_back({std::string(oid::subject_alt_name), false, crypto::encode_general_names(names)});
    TRY(const auto request,
        crypto::build_request(content, [&](ByteView message) { return device.key->sign(content.scheme, message); }));
    device.request = to_bytes(request.der());
    TRY(device.signer,
        scep::self_signed_signer(subject, *device.key, session.console.clock.now(), session.console.random));
    device.signer_key = device.key;
    return device;
}

bool check_enrollment(ProbeSession& session) {
    auto device = first_device(session);
    if (!device)
        return session.note("request", StepOutcome::fail, device.error().detail, "check --subject and --san",
                            "request-not-made");
    session.device = *std::move(device);
    session.note("request", StepOutcome::pass, "RSA 2048, " + printable(session.device.subject.text()));
    auto done = session.exchange(session.device, "19", session.device.request);
    if (!note_exchange(session, "enroll", done)) return false;
    session.reply = std::move(done.reply);
    if (!poll(session)) return false;
    judge_algorithms(session, *session.reply);
    return check_certificate(session);
}

void check_second_use(ProbeSession& session) {
    if (!session.options.challenge) {
        session.note("second-use", StepOutcome::warn, "a certificate was issued without any challenge",
                     "demand challenges (NDES: EnforcePassword = 1): anybody who reaches the server may enroll",
                     "challenge-not-wanted");
        return;
    }
    const auto names = names_from(session.options.sans);
    auto other = make_device(session, session.device.subject, *names, &*session.options.challenge);
    if (!other) {
        session.note("second-use", StepOutcome::fail, other.error().detail, "", "request-not-made");
        return;
    }
    // By GET, which certmonger and old devices always use, so that both ways are tried.
    auto done = session.exchange(*other, "19", other->request, ProbeSession::Way::by_get);
    if (!done.reply && (done.fault == "pki-operation-status" || done.fault == "no-answer")) {
        session.note("get", StepOutcome::warn, "PKIOperation by GET: " + done.error.detail,
                     "certmonger and old devices send whole messages in the URL: allow 64 KiB of it", "get-refused");
        done = session.exchange(*other, "19", other->request);
    }
    judge_second_answer(session, done);
}

}  // namespace countersign::app
