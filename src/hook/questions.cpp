// What a hook is asked.
#include "countersign/core/text.hpp"
#include "countersign/crypto/encoding.hpp"
#include "messages.hpp"

#include <nlohmann/json.hpp>

namespace countersign::hook {
namespace {

using Json = nlohmann::ordered_json;

Json question_of(Call call, const std::string& hook, const std::string& id, Time now) {
    return {{"version", 1}, {"call", name(call)}, {"id", id}, {"hook", hook}, {"time", to_rfc3339(now)}};
}

// Foreign names may hold invalid UTF-8 in their text form.
std::string text_of(const Json& question) {
    return question.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// As certificates have them.
std::string in_seconds(Time time) {
    return to_rfc3339(Time{std::chrono::floor<std::chrono::seconds>(time)});
}

Json plan_of(const crypto::CertificateContent& plan) {
    auto sans = Json::array();
    for (const auto& one : plan.subject_alt_names) sans.push_back(crypto::to_text(one));
    auto usages = Json::array();
    for (const auto& usage : split(crypto::describe_key_usage(plan.key_usage), ',')) {
        if (!trim(usage).empty()) usages.push_back(trim(usage));
    }
    auto purposes = Json::array();
    for (const auto& oid : plan.extended_key_usage) purposes.push_back(crypto::extended_key_usage_name(oid));
    return {{"subject", plan.subject.text()},
            {"subject_alt_names", sans},
            {"key_usage", usages},
            {"extended_key_usage", purposes},
            {"not_before", in_seconds(plan.not_before)},
            {"not_after", in_seconds(plan.not_after)}};
}

Json challenge_of(const ChallengeFacts& challenge) {
    return {{"kind", challenge.kind},
            {"id", challenge.id},
            {"device", challenge.device},
            {"subject", challenge.subject},
            {"subject_alt_names", challenge.sans},
            {"template", challenge.template_name}};
}

}  // namespace

std::string write_initialize(const std::string& hook, const std::string& id, const std::set<Call>& calls, Time now) {
    auto question = question_of(Call::initialize, hook, id, now);
    auto names = Json::array();
    for (const auto call : calls) names.push_back(name(call));
    question["calls"] = names;
    return text_of(question);
}

Result<std::string> write_verify(const std::string& hook, const VerifyQuestion& question) {
    auto json = question_of(Call::verify, hook, question.id, question.now);
    TRY(const Bytes csr, question.csr.der_without_challenge());
    const auto& key = question.csr.public_key();
    json["request"] = question.request;
    json["profile"] = question.profile;
    json["template"] = question.template_name;
    json["purpose"] = question.purpose == policy::Purpose::renew ? "renew" : "enroll";
    json["transaction"] = printable(question.transaction_id, 256);
    json["client"] = question.client;
    json["csr"] = crypto::base64(csr);
    json["public_key"] = {{"type", crypto::name(key.algorithm())}, {"size", key.bits()}, {"sha256", key.fingerprint()}};
    if (question.renewed != nullptr) json["renewed_certificate"] = crypto::base64(question.renewed->der());
    json["challenge"] = challenge_of(question.challenge);
    json["plan"] = plan_of(question.plan);
    return text_of(json);
}

std::string write_generate(const std::string& hook, const std::string& id, const GenerateQuestion& question, Time now) {
    auto json = question_of(Call::generate, hook, id, now);
    json["profile"] = question.profile;
    json["by"] = question.by;
    json["challenge"] = {{"subject", question.subject},
                         {"subject_alt_names", question.sans},
                         {"template", question.template_name},
                         {"valid_minutes", question.valid.count()}};
    return text_of(json);
}

std::string write_notify(const std::string& hook, const Notice& notice) {
    auto json = question_of(Call::notify, hook, notice.id, notice.at);
    json["event"] = notice.event;
    json["profile"] = notice.profile;
    json["request"] = notice.request;
    json["transaction"] = printable(notice.transaction_id, 256);
    json["template"] = notice.template_name;
    json["subject"] = notice.subject;
    if (!notice.serial.empty()) json["serial"] = notice.serial;
    if (!notice.certificate.empty()) json["certificate"] = crypto::base64(notice.certificate);
    if (!notice.reason.empty()) json["reason"] = notice.reason;
    return text_of(json);
}

}  // namespace countersign::hook
