// JSON over HTTPS, as all these services speak it. Any thread.
#pragma once

#include "countersign/ca/rest.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace countersign::ca::rest {

using Json = nlohmann::ordered_json;

struct Question {
    std::string method = "GET";
    std::string url{};
    std::optional<Json> body{};
    std::vector<std::pair<std::string, std::string>> headers{};
};
struct Answer {
    int status = 0;
    Json body{};  // null when there was none, or no JSON

    bool good() const { return status >= 200 && status < 300; }
};

// Errors as net::HttpClient::send, but never malformed.
Result<Answer> ask(net::HttpClient& http, const Question& question);

// The text at a path of members, "" when there is none.
std::string text_at(const Json& json, std::initializer_list<const char*> path);
// What the service says went wrong, printable(): its members `error_message` or `message`, or its list `errors`.
std::string words_of(const Answer& answer);
// "HTTP 400: words".
std::string described(const Answer& answer);

// As one segment of a URL (RFC 3986 2.1).
std::string escaped(std::string_view segment);

// What a positive answer holds. outcome_unknown: it holds no certificate.
Result<Outcome> issued_pem(const std::string& pem);

// Answers that are no decision about a request: turned away at the door, or who knows what. `who`: "EJBCA".
Error undecided(const Answer& answer, std::string_view who);

}  // namespace countersign::ca::rest
