#include "countersign/ca/command.hpp"

#include "countersign/core/text.hpp"
#include "countersign/crypto/encoding.hpp"
#include "countersign/process/child.hpp"

#include <nlohmann/json.hpp>

namespace countersign::ca {
namespace {

using Json = nlohmann::ordered_json;

// The exit codes of docs/ca-exec.md. Everything else may mean anything: outcome_unknown.
enum ExitCode {
    exit_done = 0,
    exit_rejected = 2,
    exit_pending = 3,
    exit_unavailable = 4,
    exit_nothing = 5,
    exit_cannot = 6
};

std::string first_line(const std::string& text) {
    return std::string(trim(text.substr(0, text.find('\n'))));
}

Json question_of(const CommandCaOptions& options, std::string_view operation) {
    return {{"version", 1}, {"operation", operation}, {"ca", options.name}};
}

std::string text_of(const Json& question) {
    return question.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json plan_of(const crypto::CertificateContent& plan) {
    auto attributes = Json::array();
    for (const auto& attribute : plan.subject.attributes())
        attributes.push_back({{"oid", attribute.oid}, {"value", attribute.value}});
    auto sans = Json::array();
    for (const auto& one : plan.subject_alt_names) {
        const auto type = one.is_upn() ? std::string_view("upn") : crypto::name(one.type);
        sans.push_back({{"type", type}, {"value", one.value}});
    }
    auto usages = Json::array();
    for (const auto& usage : split(crypto::describe_key_usage(plan.key_usage), ',')) {
        if (!trim(usage).empty()) usages.push_back(trim(usage));
    }
    return {{"subject", plan.subject.text()},
            {"subject_attributes", attributes},
            {"subject_alt_names", sans},
            {"key_usage", usages},
            {"extended_key_usage", plan.extended_key_usage},
            {"not_before", to_rfc3339(plan.not_before)},
            {"not_after", to_rfc3339(plan.not_after)}};
}

}  // namespace

struct CommandCa::Answer {
    int code = 0;
    std::string output;
    std::string words;  // why, fit for a log
};

// As process::run_child.
Result<CommandCa::Answer> CommandCa::ask(const std::string& question) const {
    std::vector<std::string> environment{"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"};
    environment.insert(environment.end(), options_.environment.begin(), options_.environment.end());
    TRY(const auto end, process::run_child(options_.program, options_.arguments, environment, options_.directory,
                                           question, {options_.time_limit, options_.output_limit}));
    const std::string words = printable(trim(end.errors.empty() ? end.output : end.errors), 500);
    return Answer{end.exit_code, end.output, words.empty() ? "no reason given" : words};
}

Result<Outcome> CommandCa::outcome_of(const Answer& answer) const {
    switch (answer.code) {
        case exit_done: {
            auto certificate = crypto::Certificate::from_pem(answer.output);
            if (!certificate) {
                return fail::outcome_unknown("the command says issued but gives no certificate: " +
                                             certificate.error().detail);
            }
            return Outcome(Issued{*std::move(certificate)});
        }
        case exit_rejected: return Outcome(Rejected{answer.words});
        case exit_pending: {
            std::string handle = first_line(answer.output);
            if (handle.empty() || handle.size() > 512 || handle != printable(handle, 512))
                return fail::outcome_unknown("the command says pending but gives no usable handle");
            return Outcome(Pending{std::move(handle)});
        }
        case exit_unavailable: return fail::unavailable(answer.words);
        default:
            return fail::outcome_unknown("the command ended with code " + std::to_string(answer.code) + ": " +
                                         answer.words);
    }
}

Result<Outcome> CommandCa::submit(const CountersignedRequest& request, const std::string& idempotency_key) {
    auto question = question_of(options_, "submit");
    const auto known = options_.templates.find(request.template_name());
    question["key"] = idempotency_key;
    question["template"] = known == options_.templates.end() ? request.template_name() : known->second;
    question["csr"] = crypto::to_pem("CERTIFICATE REQUEST", request.request().der());
    question["countersigned"] = crypto::to_pem("CMS", request.cms());
    question["plan"] = plan_of(request.plan());
    TRY(const auto answer, ask(text_of(question)));
    return outcome_of(answer);
}

Result<Outcome> CommandCa::poll(const std::string& handle) {
    auto question = question_of(options_, "poll");
    question["handle"] = handle;
    TRY(const auto answer, ask(text_of(question)));
    if (answer.code == exit_nothing) return fail::not_found("the command knows no such request: " + answer.words);
    return outcome_of(answer);
}

Result<std::optional<Outcome>> CommandCa::reconcile(const std::string& idempotency_key, Time asked) {
    auto question = question_of(options_, "reconcile");
    question["key"] = idempotency_key;
    TRY(const auto answer, ask(text_of(question)));
    if (answer.code == exit_nothing) {
        // Another node's run of it may not have come to the CA yet; none lives longer than the limit.
        if (clock_.now() < asked + options_.time_limit)
            return fail::outcome_unknown("another run of the command may still be at it");
        return std::optional<Outcome>();
    }
    if (answer.code == exit_cannot) return fail::outcome_unknown("the command cannot look requests up by key");
    TRY(auto outcome, outcome_of(answer));
    return std::optional<Outcome>(std::move(outcome));
}

Result<void> CommandCa::probe() {
    const auto answer = ask(text_of(question_of(options_, "probe")));
    if (!answer) return fail::unavailable(answer.error().detail);
    if (answer->code == exit_done || answer->code == exit_cannot) return {};
    return fail::unavailable("the command ended with code " + std::to_string(answer->code) + ": " + answer->words);
}

Result<void> CommandCa::revoke(const std::string& serial_hex, int reason, Time when) {
    auto question = question_of(options_, "revoke");
    question["serial"] = serial_hex;
    question["reason"] = reason;
    question["when"] = to_rfc3339(when);
    TRY(const auto answer, ask(text_of(question)));
    switch (answer.code) {
        case exit_done: return {};
        case exit_rejected: return fail::conflict(answer.words);
        case exit_unavailable: return fail::unavailable(answer.words);
        case exit_nothing: return fail::not_found(answer.words);
        case exit_cannot: return fail::denied("the command revokes nothing; revoke at the CA itself");
        default:
            return fail::outcome_unknown("the command ended with code " + std::to_string(answer.code) + ": " +
                                         answer.words);
    }
}

Result<Bytes> CommandCa::crl(Time) {
    return fail::unavailable("this CA publishes its CRL itself");
}

}  // namespace countersign::ca
