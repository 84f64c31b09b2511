#include "countersign/http/scep_endpoint.hpp"

#include "countersign/net/status.hpp"
#include "countersign/scep/transport.hpp"
#include "landing_page.hpp"

namespace countersign::http {
namespace {

using scep::Operation;

// What a refusal costs us depends on what was in the envelope; how long its sender waits for it must not.
constexpr std::chrono::milliseconds refusal_quantum{20};

Response wrong_method(std::string_view allowed) {
    auto response = Response::text(405, "This SCEP operation is asked for with " + std::string(allowed) + ".");
    response.headers.emplace_back("Allow", std::string(allowed));
    return response;
}

Response too_many_failures(std::chrono::milliseconds wait) {
    auto response = Response::text(429, "Too many messages from this address have failed; try again later.");
    response.headers.emplace_back("Retry-After", std::to_string(std::chrono::ceil<std::chrono::seconds>(wait).count()));
    return response;
}

Response page(std::string html) {
    return Response::bytes(200, "text/html", to_bytes(as_bytes(html)));
}

}  // namespace

ScepEndpoint::ScepEndpoint(std::shared_ptr<const ra::Profile> profile, ra::Enrollment& enrollment, const Clock& clock,
                           Landing landing)
    : profile_(std::move(profile)),
      enrollment_(enrollment),
      clock_(clock),
      capabilities_(Response::bytes(200, "text/plain", to_bytes(as_bytes(profile_->capabilities)))),
      ca_certificates_(Response::bytes(200, profile_->ca_certificates.content_type, profile_->ca_certificates.body)),
      landing_(landing == Landing::page ? page(landing_page())
                                        : Response::text(403, "This address is for devices and management systems.")) {}

std::optional<Response> ScepEndpoint::answer_at_once(const Request& request) {
    const auto query = scep::parse_query(request.query);
    const bool message = query.operation == Operation::pki_operation || request.method == "POST";
    if (message) {
        if (const auto wait = enrollment_.wait_for(request.client); wait.count() > 0) return too_many_failures(wait);
    }
    if (request.method != "GET" && request.method != "HEAD" && request.method != "POST")
        return wrong_method("GET, HEAD, POST");
    if (!query.operation) {
        // RFC 8894 4.3: nothing but PKIOperation is ever posted.
        if (query.operation_text.empty() && request.method == "POST") return std::nullopt;
        if (query.operation_text.empty()) return landing_;
        return Response::text(400,
                              "Unknown operation. SCEP knows GetCACaps, GetCACert, GetNextCACert and PKIOperation.");
    }
    switch (*query.operation) {
        case Operation::get_ca_caps: return capabilities_;
        case Operation::get_ca_cert: return ca_certificates_;
        case Operation::get_next_ca_cert:
            if (!profile_->successor_chain.empty()) return std::nullopt;
            return Response::text(404, "No successor CA is configured.");
        case Operation::pki_operation:
            if (request.method == "HEAD") return wrong_method("GET, POST");
            return std::nullopt;
    }
    return std::nullopt;
}

Response ScepEndpoint::answer(const Request& request) {
    const auto query = scep::parse_query(request.query);
    if (query.operation == Operation::get_next_ca_cert) return answer_next_ca_cert();
    const bool posted = request.method == "POST" && query.operation_text.empty();
    if (posted || query.operation == Operation::pki_operation) return answer_pki_operation(request, query.message);
    return answer_at_once(request).value_or(net::refusal(ErrorKind::not_found));
}

Response ScepEndpoint::answer_pki_operation(const Request& request, const std::string& message) {
    Result<ra::Reply> reply = fail::malformed("no message");
    if (request.method == "POST") {
        reply = enrollment_.answer(*profile_, request.body, request.client);
    } else {
        const auto decoded = scep::decode_get_message(message);
        if (!decoded) return Response::text(400, "The message parameter is not base64.");
        reply = enrollment_.answer(*profile_, *decoded, request.client);
    }
    if (!reply) return net::refusal(reply.error().kind);
    auto response = Response::bytes(200, "application/x-pki-message", std::move(reply->message));
    if (reply->refusal) response.quantum = refusal_quantum;
    response.headers.emplace_back("Cache-Control", "no-store");
    return response;
}

Response ScepEndpoint::answer_next_ca_cert() {
    auto answer = scep::next_ca_certificates(profile_->successor_chain, profile_->agent->identity(), clock_.now());
    if (!answer) return net::refusal(answer.error().kind);
    return Response::bytes(200, answer->content_type, std::move(answer->body));
}

}  // namespace countersign::http
