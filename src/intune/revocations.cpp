#include "countersign/intune/revocations.hpp"

#include "countersign/core/text.hpp"
#include "countersign/crypto/digest.hpp"
#include "member.hpp"

namespace countersign::intune {
namespace {

using nlohmann::json;

constexpr int most_requests = 500;
constexpr std::size_t longest_member = 4096;
constexpr std::size_t longest_message = 252;  // and "..."

}  // namespace

std::string_view error_code_of(const Result<void>& revoked) {
    if (revoked) return "None";
    switch (revoked.error().kind) {
        case ErrorKind::malformed: return "ParameterDataInvalidError";
        case ErrorKind::not_found: return "CertificateNotFoundError";
        case ErrorKind::conflict: return "ConflictError";
        case ErrorKind::denied: return "NotSupportedError";
        case ErrorKind::unavailable:
        case ErrorKind::outcome_unknown: return "ServiceUnavailableException";
        case ErrorKind::throttled: return "ServiceTooBusyException";
        case ErrorKind::unauthenticated: return "AuthenticationException";
        case ErrorKind::expired:
        case ErrorKind::internal: break;
    }
    return "NonRetryableServiceException";
}

Result<std::size_t> Revocations::round() {
    TRY(const json answer,
        client_->call(Service::revocation, "CertificateAuthorityRequests/downloadRevocationRequests",
                      {{"downloadParameters", {{"maxRequests", most_requests}, {"issuerName", nullptr}}}}));
    const auto list = answer.find("value");
    if (list == answer.end() || !list->is_array() || list->size() > most_requests)
        return fail::unavailable("Intune lists no revocation requests that can be understood");
    std::size_t done = 0;
    for (const json& one : *list) {
        if (!one.is_object()) continue;
        const RevocationRequest request{
            text_of(one, "requestContext", longest_member), text_of(one, "serialNumber", longest_member),
            text_of(one, "issuerName", longest_member), text_of(one, "caConfiguration", longest_member)};
        if (request.context.empty()) continue;  // nobody could be answered
        const Result<void> revoked =
            request.serial.empty() ? Result<void>(fail::malformed("no serial number")) : revoke_(request);
        const json result{{"requestContext", request.context},
                          {"succeeded", revoked.has_value()},
                          {"errorCode", error_code_of(revoked)},
                          {"errorMessage", revoked ? "" : printable(revoked.error().detail, longest_message)}};
        store::Announcement announcement{store::NotificationEvent::answer,
                                         "revocation " + crypto::sha256_hex(as_bytes(request.context)),
                                         receiver_,
                                         "",
                                         result.dump(-1, ' ', false, json::error_handler_t::replace),
                                         clock_.now(),
                                         true};
        CHECK(outbox_.announce(announcement));
        ++done;
    }
    return done;
}

}  // namespace countersign::intune
