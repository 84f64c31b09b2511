// What the checks of one probe share: the way to the server, what it has said so far, and the report. Blocking; one
// thread.
#pragma once

#include "../commands/console.hpp"
#include "client_rules.hpp"
#include "countersign/core/secret.hpp"
#include "countersign/keys/key.hpp"
#include "countersign/net/http_client.hpp"
#include "countersign/scep/client_message.hpp"
#include "finding.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace countersign::app {

struct ProbeOptions {
    std::string url;
    std::optional<Secret> challenge;  // given; else fetched from admin_url when that is set; else none is sent
    std::string admin_url;
    std::string admin_user;
    std::optional<Secret> admin_password;
    std::string subject;  // RFC 4514; empty: CN=countersign-probe-XXXXXXXX
    std::vector<std::string> sans;
    unsigned polls = 12;
    std::chrono::milliseconds poll_interval{5000};
    bool enroll_once = false;  // neither the second use of the challenge nor a renewal
    bool reusable = false;     // the challenge may be used again, as in single-password mode
};

// One device: a key, what it asks for, and the certificate that signs its messages.
struct ProbeDevice {
    Secret private_key_pem;
    std::shared_ptr<keys::Key> key;
    crypto::Name subject;
    std::optional<crypto::Certificate> signer;
    std::shared_ptr<keys::Key> signer_key;
    Bytes request;  // PKCS#10
    std::string transaction_id;
};

// A CertRep, or what is wrong with the answer that should have been one.
struct Exchange {
    std::optional<scep::CertRep> reply;
    std::string fault;  // stable name
    Error error;
};

class ProbeSession {
public:
    ProbeSession(ProbeOptions options, net::HttpClient& client, Console& console);

    // True unless the outcome is fail.
    bool note(std::string step, StepOutcome outcome, std::string detail, std::string remedy = "",
              std::string fault = "");
    // For an answer that never came.
    bool note_absent(const std::string& step, const Error& error);
    // To standard error, for people who wait.
    void progress(const std::string& text) { console.err << "countersign: " << text << "\n" << std::flush; }

    Result<net::ClientResponse> get(const std::string& operation, const std::string& message);
    Result<net::ClientResponse> fetch(const std::string& url);
    enum class Way { as_offered, by_get };
    Exchange exchange(const ProbeDevice& device, const std::string& message_type, ByteView content,
                      Way way = Way::as_offered);

    ProbeOptions options;
    net::HttpClient& client;
    Console& console;
    std::vector<ProbeStep> steps;

    OfferedFacts offered;
    std::vector<crypto::Certificate> authorities;  // the CAs among offered.certificates
    std::optional<crypto::Certificate> recipient;  // whom requests are encrypted to
    scep::EnvelopeStyle style;
    crypto::DigestAlgorithm digest = crypto::DigestAlgorithm::sha256;

    ProbeDevice device;
    std::optional<scep::CertRep> reply;
    std::optional<crypto::Certificate> certificate;

private:
    Exchange read_reply(const net::ClientResponse& response, const ProbeDevice& device, const Bytes& nonce);
    Result<net::ClientResponse> deliver(const Bytes& message, Way way);
};

std::string content_kind(const net::ClientResponse& response);  // lower case, without parameters
std::string status_text(const net::ClientResponse& response);
std::string remedy_for(ErrorKind kind);
std::string percent_encoded(std::string_view text);

// The checks, in their order. Each notes what it finds and answers whether the next ones make sense.
bool check_reach(ProbeSession& session);
bool check_capabilities(ProbeSession& session);
bool check_ca_certificates(ProbeSession& session);
void check_clients(ProbeSession& session);
bool check_admin_page(ProbeSession& session);
bool check_enrollment(ProbeSession& session);
void check_second_use(ProbeSession& session);
void check_renewal(ProbeSession& session);

// A fresh key and a request for `subject`; the request is signed by the key, the message by `signer` or by itself.
Result<ProbeDevice> make_device(ProbeSession& session, const crypto::Name& subject,
                                const std::vector<crypto::GeneralName>& names, const Secret* challenge);

}  // namespace countersign::app
