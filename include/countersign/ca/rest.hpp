// CAs with an interface of their own: JSON over HTTPS, a small adapter for each.
//
// EJBCA: each attempt is an end entity of its own, so an answer that was lost can be looked up. HashiCorp Vault and
// OpenBao (PKI secrets engine) and step-ca cannot be asked by a key of ours: an answer that was lost is left to people.
// All revoke. None of them sees the enrollment agent's signature; who we are is in the connection, a token or a
// provisioner's key. Blocking; safe on many threads. They share the HTTP client, borrow random source and clock.
#pragma once

#include "countersign/ca/backend.hpp"
#include "countersign/core/random.hpp"
#include "countersign/core/secret.hpp"
#include "countersign/keys/key.hpp"
#include "countersign/net/http_client.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace countersign::ca {

struct RestOptions {
    std::string name{};                              // the CA's in the configuration
    std::string url{};                               // "https://HOST:PORT"
    std::map<std::string, std::string> templates{};  // our names to the CA's; absent: the same
    std::vector<crypto::Certificate> chain{};        // issuing CA first, root last
};

// What the three share.
class RestCa : public Backend, public Revoker {
public:
    std::vector<crypto::Certificate> chain() const override { return options_.chain; }
    Revoker* revoker() override { return this; }
    Result<Bytes> crl(Time now) override;

protected:
    RestCa(RestOptions options, std::shared_ptr<net::HttpClient> http)
        : options_(std::move(options)), http_(std::move(http)) {}
    std::string template_of(const CountersignedRequest& request) const;

    const RestOptions options_;
    const std::shared_ptr<net::HttpClient> http_;
};

struct EjbcaOptions {
    RestOptions rest{};
    std::string authority{};           // name of the CA in EJBCA
    std::string end_entity_profile{};  // the certificate profile is the template's name
    // How long EJBCA may be at a request that it was asked for: only then it is believed to know nothing of it.
    std::chrono::seconds settling{60};
};

// EJBCA's REST interface (certificate management, version 1).
class EjbcaCa final : public RestCa {
public:
    EjbcaCa(EjbcaOptions options, std::shared_ptr<net::HttpClient> http, Random& random, const Clock& clock);

    Result<Outcome> submit(const CountersignedRequest& request, const std::string& idempotency_key) override;
    // Also "certificate:BASE64": what people found at the CA.
    Result<Outcome> poll(const std::string& handle) override;
    Result<std::optional<Outcome>> reconcile(const std::string& idempotency_key, Time asked) override;
    // Also whether EJBCA has the CA and lets us see it.
    Result<void> probe() override;
    std::string describe() const override { return "EJBCA at " + options_.url; }
    Result<void> revoke(const std::string& serial_hex, int reason, Time when) override;

private:
    const EjbcaOptions ejbca_;
    Random& random_;
    const Clock& clock_;
};

struct VaultOptions {
    RestOptions rest{};
    std::string mount = "pki";
    std::string namespace_path{};             // empty: none
    std::function<Result<Secret>()> token{};  // asked for at each use
};

// The PKI secrets engine of HashiCorp Vault and OpenBao.
class VaultCa final : public RestCa {
public:
    VaultCa(VaultOptions options, std::shared_ptr<net::HttpClient> http);

    Result<Outcome> submit(const CountersignedRequest& request, const std::string& idempotency_key) override;
    // What people found there: "serial:AB:CD:..." or "certificate:BASE64"; Vault itself holds nothing.
    Result<Outcome> poll(const std::string& handle) override;
    Result<std::optional<Outcome>> reconcile(const std::string& idempotency_key, Time asked) override;
    // Also whether the token is good and the CA is the configured one.
    Result<void> probe() override;
    std::string describe() const override { return "Vault at " + options_.url; }
    Result<void> revoke(const std::string& serial_hex, int reason, Time when) override;

private:
    const VaultOptions vault_;
};

struct StepOptions {
    RestOptions rest{};
    std::string provisioner{};         // its name: of type JWK
    std::shared_ptr<keys::Key> key{};  // P-256 or RSA
    std::string key_id{};              // empty: the thumbprint (RFC 7638)
};

// step-ca: one-time tokens that we sign as a provisioner.
class StepCa final : public RestCa {
public:
    StepCa(StepOptions options, std::shared_ptr<net::HttpClient> http, Random& random, const Clock& clock);

    Result<Outcome> submit(const CountersignedRequest& request, const std::string& idempotency_key) override;
    // "certificate:BASE64" alone: what people found there; step-ca itself holds nothing.
    Result<Outcome> poll(const std::string& handle) override;
    Result<std::optional<Outcome>> reconcile(const std::string& idempotency_key, Time asked) override;
    // Also whether the configured root is among the CA's.
    Result<void> probe() override;
    std::string describe() const override { return "step-ca at " + options_.url; }
    Result<void> revoke(const std::string& serial_hex, int reason, Time when) override;

private:
    // A one-time token (JWT) for one operation, "/1.0/sign" or "/1.0/revoke".
    Result<std::string> token(const std::string& operation, const std::string& subject,
                              const std::vector<std::string>& names, const std::string& id) const;

    const StepOptions step_;
    Random& random_;
    const Clock& clock_;
};

}  // namespace countersign::ca
