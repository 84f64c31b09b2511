// A CA that speaks Enrollment over Secure Transport (RFC 7030) over TLS, where we are a registration authority known by
// a TLS client certificate or a password.
//
// Requests go by fullcmc, as what the enrollment agent signed, or by simpleenroll, which carries no signature of ours;
// a certificate of the RA itself is renewed by simplereenroll. Who is told 202 asks again with the same request (RFC
// 7030 4.2.3), so that request is the handle. EST has no query: an answer that was lost is left to people. It has no
// revocation either. Blocking; safe on many threads. Shares the HTTP client, borrows the clock.
#pragma once

#include "countersign/ca/backend.hpp"
#include "countersign/core/secret.hpp"
#include "countersign/net/http_client.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace countersign::ca {

struct EstOptions {
    std::string name{};     // the CA's in the configuration
    std::string url{};      // "https://HOST/.well-known/est", with a label perhaps
    bool full_cmc = false;  // requests must have been countersigned as CMC
    std::string user{};     // Basic when not empty
    std::shared_ptr<const Secret> password{};
    std::vector<crypto::Certificate> chain{};  // issuing CA first, root last
    std::chrono::seconds poll_interval{30};    // when the server names none
};

class EstCa final : public Backend {
public:
    EstCa(EstOptions options, std::shared_ptr<net::HttpClient> http, const Clock& clock)
        : options_(std::move(options)), http_(std::move(http)), clock_(clock) {}

    Result<Outcome> submit(const CountersignedRequest& request, const std::string& idempotency_key) override;
    // Also "certificate:BASE64": what people found at the CA.
    Result<Outcome> poll(const std::string& handle) override;
    Result<std::optional<Outcome>> reconcile(const std::string& idempotency_key, Time asked) override;
    std::vector<crypto::Certificate> chain() const override { return options_.chain; }
    // Also whether the configured CA is among the server's (cacerts).
    Result<void> probe() override;
    std::string describe() const override { return "EST at " + options_.url; }

private:
    struct Enrollment;
    net::ClientRequest request_to(const std::string& operation) const;
    Result<Outcome> ask(Enrollment enrollment) const;
    Result<Outcome> outcome_of(const Enrollment& enrollment, ByteView answer) const;

    const EstOptions options_;
    const std::shared_ptr<net::HttpClient> http_;
    const Clock& clock_;
};

}  // namespace countersign::ca
