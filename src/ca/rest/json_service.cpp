#include "json_service.hpp"

#include "countersign/core/text.hpp"
#include "http_answers.hpp"

namespace countersign::ca {

Result<Bytes> RestCa::crl(Time) {
    return fail::unavailable("this CA publishes its CRL itself");
}

std::string RestCa::template_of(const CountersignedRequest& request) const {
    const auto known = options_.templates.find(request.template_name());
    return known == options_.templates.end() ? request.template_name() : known->second;
}

namespace rest {

Result<Answer> ask(net::HttpClient& http, const Question& question) {
    net::ClientRequest request;
    request.method = question.method;
    request.url = question.url;
    request.headers = question.headers;
    request.headers.emplace_back("Accept", "application/json");
    if (question.body) {
        request.headers.emplace_back("Content-Type", "application/json");
        request.body = to_bytes(as_bytes(question.body->dump(-1, ' ', false, Json::error_handler_t::replace)));
    }
    TRY(const auto response, send_once(http, request));
    Answer answer{response.status, Json::parse(response.body.begin(), response.body.end(), nullptr, false)};
    if (answer.body.is_discarded()) answer.body = nullptr;
    return answer;
}

std::string text_at(const Json& json, std::initializer_list<const char*> path) {
    const Json* at = &json;
    for (const auto* member : path) {
        if (!at->is_object() || !at->contains(member)) return {};
        at = &at->at(member);
    }
    return at->is_string() ? at->get<std::string>() : std::string();
}

std::string words_of(const Answer& answer) {
    std::string words = text_at(answer.body, {"error_message"});
    if (words.empty()) words = text_at(answer.body, {"message"});
    if (words.empty() && answer.body.is_object() && answer.body.contains("errors") &&
        answer.body.at("errors").is_array()) {
        for (const auto& error : answer.body.at("errors")) {
            if (error.is_string()) words += (words.empty() ? "" : "; ") + error.get<std::string>();
        }
    }
    return printable(words, 300);
}

std::string described(const Answer& answer) {
    const auto words = words_of(answer);
    return "HTTP " + std::to_string(answer.status) + (words.empty() ? "" : ": " + words);
}

std::string escaped(std::string_view segment) {
    std::string text;
    for (const char c : segment) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                           c == '.' || c == '_' || c == '~';
        text += plain ? std::string(1, c) : "%" + upper_hex(as_bytes(std::string_view(&c, 1)));
    }
    return text;
}

Result<Outcome> issued_pem(const std::string& pem) {
    auto certificate = crypto::Certificate::from_pem(pem);
    if (!certificate) return fail::outcome_unknown("issued, but: " + certificate.error().detail);
    return Outcome(Issued{*std::move(certificate)});
}

Error undecided(const Answer& answer, std::string_view who) {
    if (auto error = turned_away(answer.status, who)) {
        const auto words = words_of(answer);
        if (!words.empty()) error->detail += ": " + words;
        return *std::move(error);
    }
    return fail::outcome_unknown(std::string(who) + " answered with " + described(answer));
}

}  // namespace rest
}  // namespace countersign::ca
