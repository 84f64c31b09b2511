#include "problem.hpp"

#include "countersign/core/text.hpp"
#include "countersign/net/status.hpp"

#include <array>

namespace countersign::admin {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 13> titles{{
    {"sign-in-required", "Sign in first"},
    {"forbidden", "Not allowed"},
    {"not-found", "There is nothing here"},
    {"method-not-allowed", "This cannot be done here"},
    {"unsupported-media-type", "The body must be JSON"},
    {"body-too-large", "The body is too large"},
    {"malformed", "The request cannot be understood"},
    {"conflict", "This conflicts with what is there"},
    {"gone", "This is no longer valid"},
    {"too-many", "Too many"},
    {"unavailable", "Temporarily unable to answer"},
    {"outcome-unknown", "It is not known whether this took effect"},
    {"internal", "Something is wrong on our side"},
}};

std::string title_of(std::string_view slug) {
    for (const auto& [known, title] : titles) {
        if (known == slug) return std::string(title);
    }
    return "Refused";
}

std::string_view slug_of(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::malformed: return "malformed";
        case ErrorKind::denied: return "forbidden";
        case ErrorKind::not_found: return "not-found";
        case ErrorKind::conflict: return "conflict";
        case ErrorKind::expired: return "gone";
        case ErrorKind::throttled: return "too-many";
        case ErrorKind::unavailable: return "unavailable";
        case ErrorKind::outcome_unknown: return "outcome-unknown";
        case ErrorKind::unauthenticated:
        case ErrorKind::internal: break;
    }
    return "internal";
}

std::string text_of(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

namespace problem {

Problem sign_in(const Refusal& refusal) {
    std::string slug = "sign-in-required";
    if (refusal.status == 403) slug = "forbidden";
    if (refusal.status == 429) slug = "too-many";
    if (refusal.status == 503) slug = "unavailable";
    return {refusal.status, std::move(slug), refusal.text, refusal.headers};
}

Problem forbidden(std::string detail) {
    return {403, "forbidden", std::move(detail)};
}

Problem not_found(std::string detail) {
    return {404, "not-found", std::move(detail)};
}

Problem method_not_allowed(std::string_view allowed) {
    return {405, "method-not-allowed", "Here works: " + std::string(allowed) + ".", {{"Allow", std::string(allowed)}}};
}

Problem wrong_content_type() {
    return {415, "unsupported-media-type", "Send the body with Content-Type: application/json."};
}

Problem body_too_large(std::size_t limit) {
    return {413, "body-too-large", "The body may have " + std::to_string(limit) + " octets."};
}

Problem from(const Error& error) {
    Problem problem{net::status_of(error.kind), std::string(slug_of(error.kind)), error.detail, {}, describe(error)};
    if (problem.slug == "unavailable") {
        problem.detail = "A part this needs is away; nothing happened. Try again; the server's log says what it is.";
        problem.headers.emplace_back("Retry-After", "5");
    } else if (problem.slug == "outcome-unknown") {
        problem.detail = "Look whether it did before you try again.";
    } else if (problem.slug == "too-many") {
        problem.headers.emplace_back("Retry-After", "60");
    } else if (problem.slug == "internal") {
        problem.status = 500;
        problem.detail = "The server's log says what, under the id in instance.";
    }
    return problem;
}

}  // namespace problem

net::Response json_response(int status, const Json& json) {
    return net::Response::bytes(status, "application/json", to_bytes(as_bytes(text_of(json) + "\n")));
}

namespace {

net::Response guarded_by(net::Response response, std::string policy, std::string referrer) {
    response.headers.emplace_back("Cache-Control", "no-store");
    response.headers.emplace_back("Pragma", "no-cache");
    response.headers.emplace_back("X-Content-Type-Options", "nosniff");
    response.headers.emplace_back("X-Frame-Options", "DENY");
    response.headers.emplace_back("Content-Security-Policy", std::move(policy));
    response.headers.emplace_back("Referrer-Policy", std::move(referrer));
    response.headers.emplace_back("Cross-Origin-Resource-Policy", "same-origin");
    return response;
}

}  // namespace

net::Response guarded(net::Response response) {
    return guarded_by(std::move(response),
                      "default-src 'none'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'", "no-referrer");
}

// With no-referrer a browser would name no origin when it posts a form.
net::Response guarded_page(net::Response response) {
    response.headers.emplace_back("Cross-Origin-Opener-Policy", "same-origin");
    return guarded_by(
        std::move(response),
        "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        "same-origin");
}

net::Response with_headers(net::Response response, const std::vector<std::pair<std::string, std::string>>& headers) {
    response.headers.insert(response.headers.end(), headers.begin(), headers.end());
    return response;
}

net::Response Refuser::refuse(const net::Request& request, const Problem& problem, std::string_view who,
                              const std::string& id) const {
    if (log) {
        const std::string& cause = problem.cause.empty() ? problem.detail : problem.cause;
        log("refused " + id + ": " + std::to_string(problem.status) + " " + printable(request.method, 16) + " " +
            printable(request.path, 200) + " by " + printable(who, 60) + " from " + printable(request.client, 60) +
            ": " + printable(cause, 500));
    }
    const Json json{{"type", "urn:countersign:problem:" + problem.slug},
                    {"title", title_of(problem.slug)},
                    {"status", problem.status},
                    {"detail", problem.detail},
                    {"instance", id}};
    auto response =
        net::Response::bytes(problem.status, "application/problem+json", to_bytes(as_bytes(text_of(json) + "\n")));
    return guarded(with_headers(std::move(response), problem.headers));
}

std::string Refuser::new_id() const {
    auto octets = random.bytes(16);
    octets[6] = static_cast<std::uint8_t>((octets[6] & 0x0f) | 0x40);
    octets[8] = static_cast<std::uint8_t>((octets[8] & 0x3f) | 0x80);
    std::string id = lower_hex(octets);
    for (const std::size_t place : {20U, 16U, 12U, 8U}) id.insert(place, 1, '-');
    return "urn:uuid:" + id;
}

}  // namespace countersign::admin
