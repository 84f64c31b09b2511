// Between octets and messages: one request head through Beast's parser, one response head into a string. Pure
// functions; any thread.
#pragma once

#include "countersign/net/message.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace countersign::http {

using net::Request;
using net::Response;

struct RequestHead {
    Request request;  // method, path, query and headers; names with '_' are dropped, as nginx does
    bool http11 = true;
    bool keep_alive = true;
    bool chunked = false;
    std::optional<std::uint64_t> content_length;
    bool expects_continue = false;
    bool unknown_expectation = false;  // 417
};

// `block` has passed check_framing. malformed: Beast refuses it, or the path has a broken percent escape or decodes to
// a control character.
Result<RequestHead> read_head(std::string_view block);

enum class Persistence { close, keep_alive_11, keep_alive_10 };

// Appends status line and fields to `out`. internal: a header that would split the response, and `out` is as it was.
Result<void> write_head(const Response& response, Persistence persistence, std::string_view date, std::string& out);

// IMF-fixdate of now, from the system's clock; made once a second and thread.
std::string_view http_date();

}  // namespace countersign::http
