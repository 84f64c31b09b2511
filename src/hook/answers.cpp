// What a hook says: a stranger's words until they have been read.
#include "countersign/core/strict_json.hpp"
#include "countersign/core/text.hpp"
#include "messages.hpp"

namespace countersign::hook {
namespace {

using nlohmann::json;

constexpr std::size_t longest_reason = 300;
constexpr std::int64_t longest_validity = 43200;  // minutes, as everywhere

// The object itself, once it is known to be the answer to this question.
Result<json> answer_to(const std::string& id, std::string_view text) {
    if (text.size() > longest_answer) return fail::malformed("the answer is too long");
    TRY(auto object, parse_object(text));
    const ObjectReader answer(object, "answer");
    TRY(const auto version, answer.number("version"));
    if (version != 1) return fail::malformed("answer.version is not 1");
    TRY(const auto answered, answer.text("id"));
    if (answered != id) return fail::malformed("answer.id is that of another question");
    return Result<json>(boost::system::in_place_value, std::move(object));
}

Result<std::string> reason_in(const json& object) {
    const auto found = object.find("reason");
    if (found == object.end()) return std::string("no reason given");
    if (!found->is_string()) return fail::malformed("answer.reason is no text");
    const auto words = printable(trim(found->get<std::string>()), longest_reason);
    return words.empty() ? std::string("no reason given") : words;
}

// May be empty, as a subject may.
Result<std::string> text_in(const json& object, const char* member, const std::string& where) {
    const auto& found = object.at(member);
    if (!found.is_string()) return fail::malformed(where + "." + member + " is no text");
    return found.get<std::string>();
}

Result<Time> time_in(const ObjectReader& plan, const char* member) {
    TRY(const auto text, plan.text(member));
    auto time = from_rfc3339(text);
    if (!time) return within(std::string("answer.plan.") + member, time.error());
    return time;
}

Result<policy::PlanChanges> changes_in(const json& object) {
    if (!object.is_object()) return fail::malformed("answer.plan is no object");
    const ObjectReader plan(object, "answer.plan");
    CHECK(plan.nothing_beyond(
        {"subject", "subject_alt_names", "key_usage", "extended_key_usage", "not_before", "not_after"}));
    policy::PlanChanges changes;
    if (plan.has("subject")) {
        TRY(changes.subject, text_in(object, "subject", "answer.plan"));
    }
    if (plan.has("subject_alt_names")) {
        TRY(changes.subject_alt_names, plan.texts("subject_alt_names"));
    }
    if (plan.has("key_usage")) {
        TRY(changes.key_usage, plan.texts("key_usage"));
    }
    if (plan.has("extended_key_usage")) {
        TRY(changes.extended_key_usage, plan.texts("extended_key_usage"));
    }
    if (plan.has("not_before")) {
        TRY(changes.not_before, time_in(plan, "not_before"));
    }
    if (plan.has("not_after")) {
        TRY(changes.not_after, time_in(plan, "not_after"));
    }
    return changes;
}

}  // namespace

Result<Introduction> read_initialize(std::string_view text, const std::string& id) {
    TRY(const json object, answer_to(id, text));
    const ObjectReader answer(object, "answer");
    CHECK(answer.nothing_beyond({"version", "id", "name", "release", "calls"}));
    Introduction introduction;
    TRY(const auto name, answer.text("name"));
    TRY(const auto release, answer.optional_text("release"));
    introduction.name = printable(name, 100);
    introduction.release = printable(release, 100);
    TRY(const auto calls, answer.texts("calls"));
    for (const auto& word : calls) {
        // What we do not know, a later version may ask.
        if (const auto call = call_from(word)) introduction.calls.insert(*call);
    }
    return introduction;
}

Result<VerifyAnswer> read_verify(std::string_view text, const std::string& id) {
    TRY(const json object, answer_to(id, text));
    const ObjectReader answer(object, "answer");
    CHECK(answer.nothing_beyond({"version", "id", "decision", "reason", "plan"}));
    VerifyAnswer verdict;
    TRY(const auto decision, answer.text("decision"));
    TRY(verdict.reason, reason_in(object));
    if (answer.has("plan")) {
        TRY(verdict.changes, changes_in(object.at("plan")));
    }
    if (decision == "approve") {
        verdict.decision = VerifyAnswer::Decision::approve;
    } else if (decision == "hold") {
        verdict.decision = VerifyAnswer::Decision::hold;
    } else if (decision != "deny") {
        return fail::malformed("answer.decision is none of approve, deny, hold");
    }
    return verdict;
}

Result<GenerateReading> read_generate(std::string_view text, const std::string& id) {
    TRY(const json object, answer_to(id, text));
    const ObjectReader answer(object, "answer");
    CHECK(answer.nothing_beyond({"version", "id", "decision", "reason", "challenge"}));
    GenerateReading reading;
    TRY(const auto decision, answer.text("decision"));
    TRY(reading.reason, reason_in(object));
    reading.approved = decision == "approve";
    if (!reading.approved && decision != "deny") return fail::malformed("answer.decision is none of approve, deny");
    if (!answer.has("challenge")) return reading;
    const auto& inner = object.at("challenge");
    if (!inner.is_object()) return fail::malformed("answer.challenge is no object");
    const ObjectReader challenge(inner, "answer.challenge");
    CHECK(challenge.nothing_beyond({"subject", "subject_alt_names", "template", "valid_minutes"}));
    if (challenge.has("subject")) {
        TRY(reading.subject, text_in(inner, "subject", "answer.challenge"));
    }
    if (challenge.has("subject_alt_names")) {
        TRY(reading.sans, challenge.texts("subject_alt_names"));
    }
    if (challenge.has("template")) {
        TRY(reading.template_name, text_in(inner, "template", "answer.challenge"));
    }
    if (challenge.has("valid_minutes")) {
        TRY(const auto minutes, challenge.number("valid_minutes"));
        if (minutes < 1 || minutes > longest_validity)
            return fail::malformed("answer.challenge.valid_minutes is out of range");
        reading.valid = std::chrono::minutes{minutes};
    }
    return reading;
}

}  // namespace countersign::hook
