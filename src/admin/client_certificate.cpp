#include "countersign/admin/client_certificate.hpp"

#include "countersign/core/text.hpp"
#include "countersign/crypto/encoding.hpp"
#include "countersign/net/percent.hpp"

#include <algorithm>

namespace countersign::admin {
namespace {

constexpr std::string_view client_auth = "1.3.6.1.5.5.7.3.2";
constexpr std::string_view pem_begin = "-----BEGIN CERTIFICATE-----";

}  // namespace

Result<crypto::Certificate> certificate_in_header(std::string_view value) {
    TRY(const std::string plain, net::percent_decoded(value));
    std::string_view text = trim(plain);
    if (text.starts_with(pem_begin)) {
        TRY(auto all, crypto::Certificate::all_from_pem(text));
        if (all.size() != 1) return fail::malformed("the certificate header holds several certificates");
        return std::move(all.front());
    }
    if (text.size() >= 2 && text.front() == ':' && text.back() == ':') text = text.substr(1, text.size() - 2);
    const auto der = crypto::from_base64(text);
    if (!der) return fail::malformed("the certificate header is neither PEM with percent escapes nor base64");
    return crypto::Certificate::from_der(*der);
}

const ProxyCertificates* ClientCertificate::proxies_of(const net::Request& request) const {
    const auto found = proxies_.find(request.connection->listener);
    return found == proxies_.end() ? nullptr : &found->second;
}

bool ClientCertificate::is_brought_by(const net::Request& request) const {
    const auto* proxies = proxies_of(request);
    // Proxies send the header empty for clients without a certificate.
    const bool reported = proxies != nullptr && !request.header(proxies->header).value_or("").empty();
    return reported || (!request.connection->relayed && !request.connection->client_certificate.empty());
}

Result<crypto::Certificate> ClientCertificate::own_certificate(const net::Connection& connection) const {
    TRY(auto certificate, crypto::Certificate::from_der(connection.client_certificate));
    // TLS judged it at the handshake; the connection may have outlived it.
    if (!certificate.valid_at(clock_.now())) return fail::expired("the client certificate is not valid at this time");
    const auto purposes = certificate.extended_key_usage();
    if (!purposes.empty() && std::ranges::find(purposes, client_auth) == purposes.end())
        return fail::unauthenticated("the client certificate is not for clientAuth");
    return certificate;
}

Result<crypto::Certificate> ClientCertificate::reported_certificate(const net::Request& request) const {
    const auto& proxies = *proxies_of(request);
    const auto is_report = [&](const auto& field) { return field.first == proxies.header; };
    if (std::ranges::count_if(request.headers, is_report) != 1)
        return fail::malformed("the certificate header is there more than once");
    TRY(auto certificate, certificate_in_header(*request.header(proxies.header)));
    CHECK(proxies.trusted.verify(certificate, clock_.now()));
    return certificate;
}

Verdict ClientCertificate::judge(const net::Request& request) {
    const auto& connection = *request.connection;
    // A proxy's own certificate speaks for the proxy, not for its clients.
    const bool own = !connection.relayed && !connection.client_certificate.empty();
    if (!own && !connection.relayed) return Unproven{"a certificate header came from a peer that is no trusted proxy"};
    const auto certificate = own ? own_certificate(connection) : reported_certificate(request);
    if (!certificate) return Unproven{certificate.error().detail};
    if (auto account = accounts_->by_certificate(certificate->der())) return Proven{std::move(account), {}};
    return Proven{account_without_roles(certificate->subject().text()), {}};
}

}  // namespace countersign::admin
