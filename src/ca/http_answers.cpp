#include "http_answers.hpp"

#include "countersign/core/text.hpp"
#include "countersign/crypto/encoding.hpp"

#include <algorithm>
#include <charconv>

namespace countersign::ca {

std::optional<Error> turned_away(int status, std::string_view who) {
    const auto away = [&](std::string_view what) {
        return fail::unavailable(std::string(who) + " " + std::string(what) + " (HTTP " + std::to_string(status) + ")");
    };
    switch (status) {
        case 401:
        case 403: return away("does not accept how we sign in: see ca.NAME.connection");
        case 404:
        case 405:
        case 501: return away("offers no such thing: see ca.NAME.connection.url");
        case 407: return away("is behind a proxy that wants a password: see ca.NAME.connection.proxy");
        case 429: return away("wants us to come later");
        case 503: return away("is stopped or too busy");
        default: return std::nullopt;
    }
}

Result<net::ClientResponse> send_once(net::HttpClient& http, const net::ClientRequest& request) {
    auto response = http.send(request);
    if (!response && response.error().kind == ErrorKind::malformed)
        return fail::outcome_unknown(response.error().detail);
    return response;
}

std::chrono::seconds retry_after(const net::ClientResponse& response, std::chrono::seconds otherwise) {
    constexpr std::chrono::seconds longest{24 * 60 * 60};
    const auto text = response.header("retry-after");
    unsigned seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc() || end != text.data() + text.size()) return otherwise;
    return std::min(std::chrono::seconds{seconds}, longest);
}

std::string media_type(const net::ClientResponse& response) {
    return to_lower(trim(split(response.header("content-type"), ';').front()));
}

std::optional<Result<Outcome>> found_by_people(const std::string& handle) {
    constexpr std::string_view mark = "certificate:";
    if (!handle.starts_with(mark)) return std::nullopt;
    const auto der = crypto::from_base64(std::string_view(handle).substr(mark.size()));
    if (!der) return fail::not_found("certificate: is followed by no base64");
    auto certificate = crypto::Certificate::from_der(*der);
    if (!certificate) return fail::not_found("certificate: is followed by no certificate");
    return Outcome(Issued{*std::move(certificate)});
}

Error left_to_people(std::string_view who, std::string_view where) {
    return fail::outcome_unknown(std::string(who) + " cannot be asked whether it has a request of ours: look for " +
                                 std::string(where) +
                                 ", and say what you found: `countersign request resolve` (--ca-request "
                                 "certificate:BASE64 for a certificate)");
}

}  // namespace countersign::ca
