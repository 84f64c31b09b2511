// Microsoft's Active Directory Certificate Services as a CA, over HTTP: through the web enrollment pages (certsrv), and
// through the Certificate Enrollment Web Service ([MS-WSTEP]).
//
// What is submitted is what the enrollment agent signed, with the template's name, so that a template may demand that
// signature. AD CS cannot be asked by a key of ours: an answer that was lost stays outcome_unknown until people decide.
// Blocking; safe on many threads. Shares the HTTP client, borrows the random source.
#pragma once

#include "countersign/ca/backend.hpp"
#include "countersign/core/random.hpp"
#include "countersign/core/secret.hpp"
#include "countersign/net/http_client.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace countersign::ca {

enum class AdcsSignIn {
    none,            // or by the TLS client certificate of the HTTP client
    basic,           // user and password
    negotiate,       // Kerberos
    username_token,  // user and password inside the message: the web service alone
};
enum class AdcsRequestFormat { pkcs7, cmc, pkcs10 };

struct AdcsOptions {
    std::string name{};  // the CA's in the configuration
    std::string url{};   // ".../certsrv", or the service's whole URL
    AdcsSignIn sign_in = AdcsSignIn::none;
    std::string user{};
    std::shared_ptr<const Secret> password{};
    AdcsRequestFormat format = AdcsRequestFormat::pkcs7;
    std::map<std::string, std::string> templates{};  // our names to the CA's; absent: the same
    std::vector<crypto::Certificate> chain{};        // issuing CA first, root last
};

// What both ways share.
class Adcs : public Backend {
public:
    Result<std::optional<Outcome>> reconcile(const std::string& idempotency_key, Time asked) override;
    std::vector<crypto::Certificate> chain() const override { return options_.chain; }
    std::string describe() const override { return "AD CS at " + options_.url; }

protected:
    Adcs(AdcsOptions options, std::shared_ptr<net::HttpClient> http)
        : options_(std::move(options)), http_(std::move(http)) {}

    net::ClientRequest request_to(const std::string& url) const;
    std::string template_of(const CountersignedRequest& request) const;
    // What the CA is to sign, as the configuration wants it sent.
    Bytes submitted(const CountersignedRequest& request) const;

    const AdcsOptions options_;
    const std::shared_ptr<net::HttpClient> http_;
};

// certfnsh.asp and certnew.cer, as their own pages use them.
class AdcsWebEnrollment final : public Adcs {
public:
    AdcsWebEnrollment(AdcsOptions options, std::shared_ptr<net::HttpClient> http)
        : Adcs(std::move(options), std::move(http)) {}

    Result<Outcome> submit(const CountersignedRequest& request, const std::string& idempotency_key) override;
    Result<Outcome> poll(const std::string& handle) override;
    // Also whether the CA's current certificate is the configured one.
    Result<void> probe() override;

private:
    Result<Outcome> fetch(const std::string& request_id);
};

// RequestSecurityToken and its responses ([MS-WSTEP] 3.1.4).
class AdcsWebService final : public Adcs {
public:
    AdcsWebService(AdcsOptions options, std::shared_ptr<net::HttpClient> http, Random& random)
        : Adcs(std::move(options), std::move(http)), random_(random) {}

    Result<Outcome> submit(const CountersignedRequest& request, const std::string& idempotency_key) override;
    Result<Outcome> poll(const std::string& handle) override;
    Result<void> probe() override;

private:
    Result<net::ClientResponse> send(const std::string& envelope);

    Random& random_;
};

}  // namespace countersign::ca
