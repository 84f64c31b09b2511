#include "countersign/net/status.hpp"

namespace countersign::net {

int status_of(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::malformed: return 400;
        case ErrorKind::unauthenticated:
            return 400;  // a pkiMessage whose signature does not hold; 401 would ask for a password
        case ErrorKind::denied: return 403;
        case ErrorKind::not_found: return 404;
        case ErrorKind::conflict: return 409;
        case ErrorKind::expired: return 410;
        case ErrorKind::throttled: return 429;
        case ErrorKind::unavailable: return 503;
        case ErrorKind::outcome_unknown: return 503;
        case ErrorKind::internal: return 500;
    }
    return 500;
}

Response refusal(ErrorKind kind) {
    const int status = status_of(kind);
    switch (status) {
        case 400: return Response::text(status, "This is not a SCEP message this server can read.");
        case 403: return Response::text(status, "Not allowed.");
        case 404: return Response::text(status, "There is nothing here.");
        case 409: return Response::text(status, "This conflicts with what exists already.");
        case 410: return Response::text(status, "This is no longer valid.");
        case 500: return Response::text(status, "Something is wrong on our side; the server's log says what.");
        default: break;
    }
    auto response = Response::text(status, "Temporarily unable to answer; please try again.");
    response.headers.emplace_back("Retry-After", status == 429 ? "60" : "5");
    return response;
}

}  // namespace countersign::net
