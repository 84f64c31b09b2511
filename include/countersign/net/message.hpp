// HTTP requests and responses as endpoints see them: plain values, no sockets, no Beast. Any thread.
#pragma once

#include "countersign/core/bytes.hpp"

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace countersign::net {

// What outlives one request of a connection. The facts are set before the first request and never change; `memory` is for
// sign-in schemes that take several requests, and is theirs alone, under `mutex`.
struct Connection {
    std::string listener;              // its address as configured
    bool relayed = false;              // the peer is a trusted proxy: requests of several clients may share the connection
    Bytes server_end_point;            // RFC 5929 section 4 binding of our own TLS; empty without
    Bytes client_certificate;          // DER, verified against the listener's client_ca; empty: none
    std::mutex mutex{};
    std::shared_ptr<void> memory{};
};

struct Request {
    std::string method;        // "GET", "POST", ...
    std::string path;          // percent-decoded once, before '?'; never contains NUL
    std::string query;         // raw, after '?'; empty when absent
    std::vector<std::pair<std::string, std::string>> headers;  // names in lower case, in order
    Bytes body;
    std::string client;        // the address of the client: peer, or the rightmost untrusted of X-Forwarded-For behind a trusted proxy
    bool secure = false;       // TLS of our own, or a trusted proxy said https
    bool loopback_or_proxy = false;  // the peer is loopback, a Unix socket or a trusted proxy
    std::vector<std::string> serves; // what the listener serves: "scep", "admin"
    std::shared_ptr<Connection> connection{};  // never null in a request that came over a socket
    // First value; nullopt when absent.
    std::optional<std::string_view> header(std::string_view lower_case_name) const;
};

struct Response {
    int status = 200;
    std::string content_type;  // exact; empty: no such header
    std::vector<std::pair<std::string, std::string>> headers;
    std::shared_ptr<const Bytes> body = nullptr;  // shared, so that constant answers are never copied; null: empty
    // Not zero: sent a whole number of these after the request had arrived, so that the time tells little about the work.
    std::chrono::milliseconds quantum{0};

    static Response text(int status, std::string_view body);  // text/plain with a final newline
    static Response bytes(int status, std::string content_type, Bytes body);
};

}  // namespace countersign::net
