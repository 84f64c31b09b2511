// A SCEP enrollment as a device would do it, each step with what was found and how to mend what is wrong. Blocking; one
// thread.
#pragma once

#include "console.hpp"
#include "countersign/core/secret.hpp"
#include "countersign/crypto/certificate.hpp"
#include "countersign/keys/key.hpp"
#include "countersign/net/http_client.hpp"
#include "countersign/scep/client_message.hpp"

#include <chrono>
#include <filesystem>
#include <optional>
#include <set>
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
};

enum class StepOutcome { pass, warn, fail };
std::string_view name(StepOutcome outcome);

struct ProbeStep {
    std::string name;  // stable: "capabilities", "ca-certificates", ...
    StepOutcome outcome = StepOutcome::pass;
    std::string detail;
    std::string remedy;  // empty when all is well
};

class Probe {
public:
    Probe(ProbeOptions options, net::HttpClient& client, Console& console);

    // Takes every step in turn until one fails. True: none failed.
    bool run();

    const std::vector<ProbeStep>& steps() const { return steps_; }
    const std::optional<crypto::Certificate>& certificate() const { return certificate_; }
    const Secret& private_key_pem() const { return private_key_pem_; }
    const std::vector<crypto::Certificate>& authorities() const { return authorities_; }

private:
    bool get_capabilities();
    bool get_ca_certificates();
    bool check_bundle();
    bool get_challenge();
    bool make_request();
    bool enroll();
    bool poll();
    bool check_certificate();

    void judge_recipient(std::vector<std::string>& problems);
    Result<net::ClientResponse> get(const std::string& operation, const std::string& message);
    Result<scep::CertRep> exchange(const std::string& message_type, ByteView content);
    Result<net::ClientResponse> deliver(const Bytes& message);
    bool note(std::string step, StepOutcome outcome, std::string detail, std::string remedy = "");
    bool note_reply(const std::string& step, const Result<scep::CertRep>& reply);
    bool offers(std::string_view capability) const;

    ProbeOptions options_;
    net::HttpClient& client_;
    Console& console_;
    std::vector<ProbeStep> steps_;
    std::set<std::string> capabilities_;            // in lower case
    std::vector<crypto::Certificate> bundle_;       // as received
    std::vector<crypto::Certificate> authorities_;  // the CAs among them
    std::optional<crypto::Certificate> recipient_;
    Secret private_key_pem_;
    std::shared_ptr<keys::Key> key_;
    crypto::Name subject_;
    std::optional<crypto::Certificate> signer_;
    Bytes request_;
    scep::EnvelopeStyle style_;
    crypto::DigestAlgorithm digest_ = crypto::DigestAlgorithm::sha256;
    std::optional<scep::CertRep> reply_;
    std::optional<crypto::Certificate> certificate_;
};

}  // namespace countersign::app
