#include "countersign/admin/records.hpp"

#include "countersign/crypto/certificate_request.hpp"
#include "countersign/crypto/encoding.hpp"

#include <array>

namespace countersign::admin {
namespace {

constexpr std::array all_states{store::AttemptState::intent,   store::AttemptState::held,
                                store::AttemptState::approved, store::AttemptState::pending,
                                store::AttemptState::issued,   store::AttemptState::failed};

}  // namespace

std::string state_of(const store::Challenge& challenge, Time now) {
    const bool expired = challenge.state == store::ChallengeState::outstanding && challenge.expires <= now;
    return expired ? "expired" : std::string(name(challenge.state));
}

std::string state_of(const store::IssuedCertificate& certificate, Time now) {
    if (certificate.revoked) return "revoked";
    return certificate.not_after < now ? "expired" : "valid";
}

nlohmann::ordered_json to_json(const store::Challenge& one, Time now) {
    return {{"id", one.id},
            {"profile", one.profile},
            {"state", state_of(one, now)},
            {"created", to_rfc3339(one.created)},
            {"expires", to_rfc3339(one.expires)},
            {"created_by", one.created_by},
            {"subject", one.subject},
            {"sans", one.sans},
            {"template", one.template_name},
            {"refusals", one.refusals},
            {"request", one.attempt}};
}

nlohmann::ordered_json to_json(const store::Attempt& one) {
    return {{"id", one.id},
            {"profile", one.key.profile},
            {"state", name(one.state)},
            {"kind", one.kind},
            {"subject", one.subject},
            {"template", one.template_name},
            {"client", one.client},
            {"challenge", one.challenge_kind},
            {"transaction_id", one.key.transaction_id},
            {"signer_key_sha256", one.key.signer_key},
            {"reason", one.reason},
            {"certificate_serial", one.certificate_serial},
            {"created", to_rfc3339(one.created)},
            {"updated", to_rfc3339(one.updated)}};
}

nlohmann::ordered_json to_json_in_full(const store::Attempt& one) {
    auto json = to_json(one);
    json["plan"] =
        one.plan.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json::parse(one.plan, nullptr, false);
    if (json["plan"].is_discarded()) json["plan"] = one.plan;
    // Nobody who looks at a request needs its password.
    const auto request = crypto::CertificateRequest::from_der(one.csr);
    const auto shown = request ? request->der_without_challenge() : Result<Bytes>(request.error());
    json["csr"] = shown ? crypto::to_pem("CERTIFICATE REQUEST", *shown) : "";
    return json;
}

nlohmann::ordered_json to_json(const store::IssuedCertificate& one, Time now) {
    nlohmann::ordered_json json{{"serial", one.serial},
                                {"ca", one.ca},
                                {"profile", one.profile},
                                {"kind", one.kind},
                                {"state", state_of(one, now)},
                                {"subject", one.subject},
                                {"sans", one.sans},
                                {"template", one.template_name},
                                {"not_before", to_rfc3339(one.not_before)},
                                {"not_after", to_rfc3339(one.not_after)},
                                {"public_key_sha256", one.public_key},
                                {"certificate_sha256", one.fingerprint},
                                {"request", one.attempt}};
    if (one.revoked) {
        json["revoked"] = to_rfc3339(*one.revoked);
        json["reason"] = revocation_reason_name(one.revocation_reason);
    }
    return json;
}

nlohmann::ordered_json to_json(const store::Notification& one) {
    return {{"id", one.id},
            {"receiver", one.receiver},
            {"event", store::name(one.event)},
            {"state", store::name(one.state)},
            {"profile", one.profile},
            {"request", one.attempt},
            {"ca", one.ca},
            {"serial", one.serial},
            {"occurred", to_rfc3339(one.occurred)},
            {"tries", one.tries},
            {"next_try", to_rfc3339(one.next_try)},
            {"changed", to_rfc3339(one.changed)},
            {"problem", one.problem}};
}

std::optional<store::NotificationState> notification_state_from(std::string_view text) {
    using enum store::NotificationState;
    for (const auto state : {waiting, delivered, dead}) {
        if (store::name(state) == text) return state;
    }
    return std::nullopt;
}

std::optional<store::AttemptState> attempt_state_from(std::string_view text) {
    for (const auto state : all_states) {
        if (name(state) == text) return state;
    }
    return std::nullopt;
}

const std::map<std::string, int>& revocation_reasons() {
    static const std::map<std::string, int> reasons{
        {"unspecified", 0}, {"keyCompromise", 1},        {"affiliationChanged", 3},
        {"superseded", 4},  {"cessationOfOperation", 5}, {"privilegeWithdrawn", 9},
    };
    return reasons;
}

std::string revocation_reason_name(int reason) {
    for (const auto& [text, number] : revocation_reasons()) {
        if (number == reason) return text;
    }
    return std::to_string(reason);
}

}  // namespace countersign::admin
