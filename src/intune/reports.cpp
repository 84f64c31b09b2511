#include "countersign/intune/reports.hpp"

#include "countersign/core/text.hpp"
#include "countersign/crypto/digest.hpp"
#include "countersign/crypto/encoding.hpp"
#include "countersign/intune/verdict.hpp"

namespace countersign::intune {
namespace {

using nlohmann::json;
using notify::Letter;
using store::NotificationEvent;

constexpr std::size_t longest_description = 252;  // and "..."
// CERTSRV_E_ADMIN_DENIED_REQUEST, as the 32-bit number that an HRESULT is.
constexpr std::int32_t refused_hresult = static_cast<std::int32_t>(0x80094014U);

Result<void> conclude(const Result<json>& answer) {
    if (!answer) return answer.error();
    return verdict_in(*answer);
}

// Windows' name for a certificate.
std::string thumbprint_of(const crypto::Certificate& certificate) {
    return upper_hex(crypto::digest(crypto::DigestAlgorithm::sha1, certificate.der()));
}

}  // namespace

Result<void> Reports::deliver(const Letter& letter) {
    switch (letter.notification.event) {
        case NotificationEvent::issued: return report_success(letter);
        case NotificationEvent::failed: return report_failure(letter);
        case NotificationEvent::answer: return upload_answer(letter);
        case NotificationEvent::pending:
        case NotificationEvent::held:
        case NotificationEvent::revoked:
        case NotificationEvent::expiring: break;
    }
    return fail::internal("Intune has no use for this");
}

Result<void> Reports::report_success(const Letter& letter) {
    if (!letter.attempt || !letter.certificate) return fail::internal("a certificate without its records");
    const auto& record = *letter.certificate;
    TRY(const auto certificate, crypto::Certificate::from_der(record.der));
    const std::string issuer = certificate.issuer().text();
    return conclude(client_->call(Service::validation, "ScepActions/successNotification",
                                  {{"notification",
                                    {{"transactionId", letter.attempt->key.transaction_id},
                                     {"certificateRequest", crypto::base64(letter.attempt->csr)},
                                     {"certificateThumbprint", thumbprint_of(certificate)},
                                     {"certificateSerialNumber", record.serial},
                                     {"certificateExpirationDateUtc", to_rfc3339(record.not_after)},
                                     {"issuingCertificateAuthority", issuer},
                                     {"callerInfo", caller_info_},
                                     {"caConfiguration", record.ca},
                                     {"certificateAuthority", issuer}}}}));
}

Result<void> Reports::report_failure(const Letter& letter) {
    // Refused by policy, there is no attempt: the notification holds what is needed.
    const json detail = json::parse(letter.notification.detail, nullptr, false);
    std::string transaction;
    std::string request;
    std::string reason;
    if (letter.attempt) {
        transaction = letter.attempt->key.transaction_id;
        request = crypto::base64(letter.attempt->csr);
        reason = letter.attempt->reason;
    } else if (detail.is_object()) {
        transaction = detail.value("transaction_id", "");
        request = detail.value("request", "");
        reason = detail.value("reason", "");
    }
    if (transaction.empty()) return fail::internal("a failure of no request");
    return conclude(client_->call(Service::validation, "ScepActions/failureNotification",
                                  {{"notification",
                                    {{"transactionId", transaction},
                                     {"certificateRequest", request},
                                     {"hResult", refused_hresult},
                                     {"errorDescription", printable(reason, longest_description)},
                                     {"callerInfo", caller_info_}}}}));
}

Result<void> Reports::upload_answer(const Letter& letter) {
    const json result = json::parse(letter.notification.detail, nullptr, false);
    if (!result.is_object()) return fail::internal("an answer that is none");
    TRY(const json answer, client_->call(Service::revocation, "CertificateAuthorityRequests/uploadRevocationResults",
                                         {{"results", json::array({result})}}));
    const auto value = answer.find("value");
    if (value != answer.end() && value->is_boolean() && value->get<bool>()) return {};
    return fail::denied("Intune did not take the result of a revocation");
}

}  // namespace countersign::intune
