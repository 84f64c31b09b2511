// Signing in by a TLS client certificate: of our own TLS, or as a trusted proxy reports it in a header.
#pragma once

#include "countersign/admin/scheme.hpp"
#include "countersign/core/clock.hpp"
#include "countersign/crypto/certificate_verification.hpp"

#include <map>
#include <string>

namespace countersign::admin {

// How the proxies of a listener report certificates.
struct ProxyCertificates {
    std::string header;           // lower case: "x-ssl-client-cert"
    crypto::ClientTrust trusted;  // we verify it ourselves as well: a proxy may pass on what it did not check
};

// The certificate in the value of such a header: PEM with percent escapes (nginx's $ssl_client_escaped_cert), or the
// base64 of its DER (HAProxy), also between colons (RFC 9440). malformed: anything else, or several certificates.
Result<crypto::Certificate> certificate_in_header(std::string_view value);

// Immutable; safe on many threads. Borrows the clock, which outlives it.
class ClientCertificate final : public Scheme {
public:
    // `proxies`: by the listener's address as configured.
    ClientCertificate(std::map<std::string, ProxyCertificates> proxies, std::shared_ptr<const Accounts> accounts,
                      const Clock& clock)
        : proxies_(std::move(proxies)), accounts_(std::move(accounts)), clock_(clock) {}

    std::string_view name() const override { return "certificate"; }
    // Also when the header comes from somebody who is no trusted proxy, and nothing else signs the request in: it is
    // not believed, but it is recorded.
    bool is_brought_by(const net::Request& request) const override;
    std::string invitation() const override { return {}; }
    // Empty: certificates are no secret, and showing another's must not slow down its owner.
    std::string claimed(const net::Request&) const override { return {}; }
    Verdict judge(const net::Request& request) override;

private:
    const ProxyCertificates* proxies_of(const net::Request& request) const;
    Result<crypto::Certificate> own_certificate(const net::Connection& connection) const;
    Result<crypto::Certificate> reported_certificate(const net::Request& request) const;

    std::map<std::string, ProxyCertificates> proxies_;
    std::shared_ptr<const Accounts> accounts_;
    const Clock& clock_;
};

}  // namespace countersign::admin
