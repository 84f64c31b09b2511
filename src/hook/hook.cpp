#include "countersign/hook/hook.hpp"

#include "countersign/core/text.hpp"
#include "messages.hpp"

#include <algorithm>
#include <array>

namespace countersign::hook {
namespace {

constexpr std::array<std::pair<Call, std::string_view>, 4> call_names{{{Call::initialize, "initialize"},
                                                                       {Call::generate, "generate"},
                                                                       {Call::verify, "verify"},
                                                                       {Call::notify, "notify"}}};

std::string joined(const std::set<Call>& calls) {
    std::vector<std::string> names;
    for (const auto call : calls) names.emplace_back(name(call));
    return join(names, ", ");
}

// Every trouble of a hook is the same to who asked: no verdict.
Error no_verdict(const Error& error) {
    return fail::unavailable(error.detail);
}

// What the hook says of the challenge against what was asked for: what was left open may be filled in, the rest stays.
Result<GenerateAnswer> tightened(const GenerateQuestion& question, const GenerateReading& reading) {
    GenerateAnswer answer{question.subject, question.sans, question.template_name, question.valid};
    const auto overreached = [](const char* what) {
        return fail::unavailable(std::string("HookOverreached: it would change the ") + what + " that was asked for");
    };
    if (reading.subject && answer.subject.empty()) answer.subject = *reading.subject;
    if (reading.subject && *reading.subject != answer.subject) return overreached("subject");
    if (reading.sans && answer.sans.empty()) answer.sans = *reading.sans;
    if (reading.sans && !std::ranges::is_permutation(*reading.sans, answer.sans)) return overreached("names");
    if (reading.template_name && answer.template_name.empty()) answer.template_name = *reading.template_name;
    if (reading.template_name && *reading.template_name != answer.template_name) return overreached("template");
    if (reading.valid && *reading.valid > answer.valid) return overreached("validity");
    if (reading.valid) answer.valid = *reading.valid;
    return answer;
}

std::string_view outcome_of(const policy::Decision& decision) {
    if (const auto* allow = std::get_if<policy::Allow>(&decision))
        return allow->remarks.empty() ? "approved" : "narrowed";
    if (std::holds_alternative<policy::Hold>(decision)) return "held";
    return std::get<policy::Deny>(decision).blameless ? "overreached" : "denied";
}

policy::Decision decision_of(const VerifyAnswer& answer, const VerifyQuestion& question, const std::string& hook) {
    const std::string by = "policy hook " + hook + ": ";
    if (answer.decision == VerifyAnswer::Decision::deny) return policy::Deny{{{"HookDenied", by + answer.reason}}};
    auto narrowing = policy::narrow(question.plan, answer.changes, question.now);
    if (const auto* widened = std::get_if<policy::Widened>(&narrowing)) {
        return policy::Deny{{{"HookOverreached", by + policy::describe(widened->findings)}}, false, true};
    }
    auto& left = std::get<policy::Narrowed>(narrowing);
    if (answer.decision == VerifyAnswer::Decision::hold)
        return policy::Hold{std::move(left.plan), by + answer.reason, std::move(left.remarks)};
    return policy::Allow{std::move(left.plan), std::move(left.remarks)};
}

}  // namespace

std::string_view name(Call call) {
    return std::ranges::find(call_names, call, &std::pair<Call, std::string_view>::first)->second;
}

std::optional<Call> call_from(std::string_view name) {
    const auto* const found = std::ranges::find(call_names, name, &std::pair<Call, std::string_view>::second);
    if (found == call_names.end()) return std::nullopt;
    return found->first;
}

Hook::Hook(HookOptions options, std::unique_ptr<Carrier> carrier, const Clock& clock, Random& random)
    : options_(std::move(options)),
      carrier_(std::move(carrier)),
      clock_(clock),
      random_(random),
      breaker_(options_.failures_to_open, options_.pause, options_.longest_pause),
      turnstile_(options_.at_once, options_.queue) {}

Hook::~Hook() = default;

std::string Hook::fresh_id() {
    return lower_hex(random_.bytes(16));
}

void Hook::count(Call call, std::string_view answer) {
    const std::lock_guard lock(mutex_);
    ++traffic_.answers[{std::string(hook::name(call)), std::string(answer)}];
}

Result<std::string> Hook::carry(const std::string& id, std::string body) {
    const auto begun = std::chrono::steady_clock::now();
    auto answer = carrier_->carry({id, std::move(body), clock_.now()});
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    const std::lock_guard lock(mutex_);
    traffic_.seconds += took.count();
    return answer;
}

template <class Ask>
auto Hook::guarded(Call call, const Ask& ask) -> decltype(ask()) {
    const auto circuit_open = [this] {
        return fail::unavailable("it is left alone for a while, it failed too often: " + breaker_.problem());
    };
    if (!breaker_.would_admit(clock_.now())) {
        count(call, "refused");
        return circuit_open();
    }
    const auto turn = turnstile_.enter(options_.patience);
    if (!turn) {
        count(call, "refused");
        return turn.error();
    }
    // While we waited others may have found out.
    if (!breaker_.admit(clock_.now())) {
        count(call, "refused");
        return circuit_open();
    }
    const auto asked = [&]() -> decltype(ask()) {
        try {
            return ask();
        } catch (const std::exception& exception) {
            // Out of memory, say. The circuit must not wait for a verdict that never comes.
            return fail::internal(exception.what());
        }
    };
    auto answer = asked();
    if (answer || answer.error().kind == ErrorKind::denied) {
        breaker_.succeeded();
        return answer;
    }
    breaker_.failed(clock_.now(), answer.error().detail);
    count(call, "failed");
    return no_verdict(answer.error());
}

Result<Introduction> Hook::introduce() {
    const auto id = fresh_id();
    TRY(const auto text, carry(id, write_initialize(options_.name, id, options_.calls, clock_.now())));
    TRY(auto introduction, read_initialize(text, id));
    if (!std::ranges::includes(introduction.calls, options_.calls)) {
        return fail::unavailable("it is " + introduction.name + " and answers " + joined(introduction.calls) +
                                 ", but shall be asked " + joined(options_.calls));
    }
    return introduction;
}

Result<void> Hook::introduced() {
    if (introduction()) return {};
    TRY(auto introduction, introduce());
    const std::lock_guard lock(mutex_);
    introduction_ = std::move(introduction);
    return {};
}

Result<Introduction> Hook::initialize() {
    auto answer = guarded(Call::initialize, [this] { return introduce(); });
    if (answer) count(Call::initialize, "taken");
    const std::lock_guard lock(mutex_);
    introduction_ = answer ? std::optional(*answer) : std::nullopt;
    return answer;
}

std::optional<Introduction> Hook::introduction() const {
    const std::lock_guard lock(mutex_);
    return introduction_;
}

Result<policy::Decision> Hook::verify(const VerifyQuestion& question) {
    auto verdict = guarded(Call::verify, [&]() -> Result<policy::Decision> {
        CHECK(introduced());
        TRY(auto body, write_verify(options_.name, question));
        TRY(const auto text, carry(question.id, std::move(body)));
        TRY(const auto answer, read_verify(text, question.id));
        return decision_of(answer, question, options_.name);
    });
    if (verdict) count(Call::verify, outcome_of(*verdict));
    return verdict;
}

Result<GenerateAnswer> Hook::generate(const GenerateQuestion& question) {
    const auto reading = guarded(Call::generate, [&]() -> Result<GenerateReading> {
        CHECK(introduced());
        const auto id = fresh_id();
        TRY(const auto text, carry(id, write_generate(options_.name, id, question, clock_.now())));
        return read_generate(text, id);
    });
    if (!reading) return reading.error();
    if (!reading->approved) {
        count(Call::generate, "denied");
        return fail::denied("HookDenied: policy hook " + options_.name + ": " + reading->reason);
    }
    auto answer = tightened(question, *reading);
    count(Call::generate, answer ? "approved" : "overreached");
    return answer;
}

Result<void> Hook::notify(const Notice& notice) {
    const auto taken = carry(notice.id, write_notify(options_.name, notice));
    count(Call::notify, taken ? "taken" : "failed");
    if (!taken) return no_verdict(taken.error());
    return {};
}

Traffic Hook::traffic() const {
    const std::lock_guard lock(mutex_);
    Traffic traffic = traffic_;
    traffic.circuit_open = breaker_.open();
    traffic.under_way = turnstile_.present();
    return traffic;
}

}  // namespace countersign::hook
