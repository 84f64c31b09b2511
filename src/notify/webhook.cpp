#include "countersign/notify/webhook.hpp"

#include "countersign/core/text.hpp"
#include "countersign/crypto/digest.hpp"
#include "countersign/crypto/encoding.hpp"

#include <nlohmann/json.hpp>

namespace countersign::notify {
namespace {

using nlohmann::ordered_json;

ordered_json request_of(const store::Attempt& attempt) {
    return {{"id", attempt.id},           {"transaction_id", attempt.key.transaction_id},
            {"kind", attempt.kind},       {"challenge", attempt.challenge_kind},
            {"subject", attempt.subject}, {"template", attempt.template_name},
            {"client", attempt.client},   {"signer_key_sha256", attempt.key.signer_key}};
}

ordered_json certificate_of(const store::IssuedCertificate& one) {
    return {{"serial", one.serial},
            {"ca", one.ca},
            {"subject", one.subject},
            {"sans", one.sans},
            {"not_before", to_rfc3339(one.not_before)},
            {"not_after", to_rfc3339(one.not_after)},
            {"public_key_sha256", one.public_key},
            {"certificate_sha256", one.fingerprint},
            {"pem", crypto::to_pem("CERTIFICATE", one.der)}};
}

ordered_json detail_of(const store::Notification& notification) {
    auto detail = ordered_json::parse(notification.detail, nullptr, false);
    return detail.is_object() ? detail : ordered_json::object();
}

bool busy(int status) {
    return status == 429 || status == 502 || status == 503 || status == 504;
}

}  // namespace

std::string body_of(const Letter& letter) {
    const auto& notification = letter.notification;
    ordered_json body{{"id", notification.id},
                      {"event", store::name(notification.event)},
                      {"occurred", to_rfc3339(notification.occurred)}};
    if (!notification.profile.empty()) body["profile"] = notification.profile;
    auto detail = detail_of(notification);
    if (notification.event == store::NotificationEvent::failed) {
        if (!detail.contains("final")) detail["final"] = true;
        if (letter.attempt) detail["reason"] = letter.attempt->reason;
    }
    if (notification.event == store::NotificationEvent::revoked && letter.certificate && letter.certificate->revoked) {
        detail["revoked"] = to_rfc3339(*letter.certificate->revoked);
        detail["reason_code"] = letter.certificate->revocation_reason;
    }
    body.update(detail);
    if (letter.attempt) body["request"] = request_of(*letter.attempt);
    if (letter.certificate) body["certificate"] = certificate_of(*letter.certificate);
    return body.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

std::string signature_of(const Secret& secret, const std::string& timestamp, std::string_view body) {
    std::string material = timestamp + ".";
    material += body;
    return "v1=" + lower_hex(crypto::hmac_sha256(secret.reveal(), as_bytes(material)));
}

Result<void> Webhook::deliver(const Letter& letter) {
    const std::string body = body_of(letter);
    const std::string timestamp = std::to_string(to_milliseconds(clock_.now()) / 1000);
    net::ClientRequest request;
    request.method = "POST";
    request.url = options_.url;
    request.headers = {{"Content-Type", "application/json"},
                       {"Countersign-Event", std::string(store::name(letter.notification.event))},
                       {"Countersign-Id", letter.notification.id},
                       {"Countersign-Timestamp", timestamp},
                       {"Countersign-Signature", signature_of(options_.secret, timestamp, body)}};
    request.body = to_bytes(as_bytes(body));
    TRY(const auto response, http_->send(request));
    if (response.status >= 200 && response.status < 300) return {};
    const std::string words = "HTTP " + std::to_string(response.status);
    if (busy(response.status)) return fail::unavailable(words);
    return fail::denied(words);
}

}  // namespace countersign::notify
