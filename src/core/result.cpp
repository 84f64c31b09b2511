#include "countersign/core/result.hpp"

namespace countersign {

std::string_view name(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::malformed: return "malformed";
        case ErrorKind::unauthenticated: return "unauthenticated";
        case ErrorKind::denied: return "denied";
        case ErrorKind::not_found: return "not_found";
        case ErrorKind::conflict: return "conflict";
        case ErrorKind::expired: return "expired";
        case ErrorKind::throttled: return "throttled";
        case ErrorKind::unavailable: return "unavailable";
        case ErrorKind::outcome_unknown: return "outcome_unknown";
        case ErrorKind::internal: return "internal";
    }
    return "internal";
}

std::string describe(const Error& error) {
    return std::string(name(error.kind)) + ": " + error.detail;
}

Error within(std::string_view context, Error error) {
    error.detail = std::string(context) + ": " + error.detail;
    return error;
}

void throw_exception_from_error(const Error& error, const boost::source_location& location) {
    throw std::logic_error("value() of a failed Result at " + location.to_string() + ": " + describe(error));
}

}  // namespace countersign
