#include "countersign/http/crl_endpoint.hpp"

#include "countersign/net/status.hpp"

namespace countersign::http {

Response CrlEndpoint::answer(const Request& request) {
    if (request.method != "GET" && request.method != "HEAD") {
        auto response = Response::text(405, "Only GET is answered here.");
        response.headers.emplace_back("Allow", "GET, HEAD");
        return response;
    }
    auto* revoker = backend_->revoker();
    if (revoker == nullptr) return net::refusal(ErrorKind::not_found);
    auto crl = revoker->crl(clock_.now());
    if (!crl) return net::refusal(crl.error().kind);
    auto response = Response::bytes(200, "application/pkix-crl", *std::move(crl));
    response.headers.emplace_back("Cache-Control", "max-age=60");
    return response;
}

}  // namespace countersign::http
