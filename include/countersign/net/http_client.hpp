// The one way this program speaks HTTP to others: a small seam with libcurl behind it, shared by the probe, CA
// backends, webhooks and Intune. Blocking, safe on many threads; no redirects are followed, no cookies are kept.
#pragma once

#include "countersign/core/bytes.hpp"
#include "countersign/core/secret.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace countersign::net {

struct ClientRequest {
    std::string method = "GET";
    std::string url;                                            // http:// or https:// only
    std::vector<std::pair<std::string, std::string>> headers;
    Bytes body;
    std::string user;                                           // Basic when not empty
    const Secret* password = nullptr;
    // Kerberos with the credentials of the process (KRB5_CLIENT_KTNAME, KRB5CCNAME); instead of a user.
    bool negotiate = false;
};

struct ClientResponse {
    int status = 0;
    std::vector<std::pair<std::string, std::string>> headers;  // names in lower case, of the final response
    Bytes body;
    std::string header(std::string_view lower_case_name) const;  // first value; empty when absent
};

class HttpClient {
public:
    virtual ~HttpClient() = default;
    // Any status is a response. unavailable: certainly not delivered (no connection, TLS refused). outcome_unknown: sent, but no
    // complete answer came (time-out, reset). malformed: URL, or an answer over the size limit.
    virtual Result<ClientResponse> send(const ClientRequest& request) = 0;
};

struct HttpClientOptions {
    std::chrono::milliseconds connect_timeout{5000};
    std::chrono::milliseconds total_timeout{30000};
    std::size_t response_limit = 4 * 1024 * 1024;
    std::string ca_file;        // empty: the system's trust
    std::string proxy;          // empty: none, whatever the environment says
    std::string client_certificate;  // PEM file, leaf first; empty: none
    std::string client_key;          // PEM file
};
// application/x-www-form-urlencoded, UTF-8.
std::string form(const std::vector<std::pair<std::string, std::string>>& fields);

std::unique_ptr<HttpClient> make_http_client(const HttpClientOptions& options);

}  // namespace countersign::net
