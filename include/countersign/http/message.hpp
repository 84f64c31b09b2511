// Requests and responses as the endpoints see them: plain values, no sockets, no Beast. Any thread.
#pragma once

#include "countersign/core/bytes.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace countersign::http {

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
    // First value; nullopt when absent.
    std::optional<std::string_view> header(std::string_view lower_case_name) const;
};

struct Response {
    int status = 200;
    std::string content_type;  // exact; empty: no such header
    std::vector<std::pair<std::string, std::string>> headers;
    std::shared_ptr<const Bytes> body = nullptr;  // shared, so that constant answers are never copied; null: empty

    static Response text(int status, std::string_view body);  // text/plain with a final newline
    static Response bytes(int status, std::string content_type, Bytes body);
};

}  // namespace countersign::http
