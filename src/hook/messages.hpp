// Questions written and answers read: docs/policy-hooks.md as code. Pure functions.
#pragma once

#include "countersign/hook/hook.hpp"

#include <string_view>

namespace countersign::hook {

std::string write_initialize(const std::string& hook, const std::string& id, const std::set<Call>& calls, Time now);
// malformed: a request that cannot be written down, which a parsed one always can.
Result<std::string> write_verify(const std::string& hook, const VerifyQuestion& question);
std::string write_generate(const std::string& hook, const std::string& id, const GenerateQuestion& question, Time now);
std::string write_notify(const std::string& hook, const Notice& notice);

// Each is malformed for anything but the answer to the question of this id: not JSON, another version or id, members
// of another type, unknown or twice.
Result<Introduction> read_initialize(std::string_view answer, const std::string& id);

struct VerifyAnswer {
    enum class Decision { approve, deny, hold };
    Decision decision = Decision::deny;
    std::string reason;  // never empty; fit for a log
    policy::PlanChanges changes{};
};
Result<VerifyAnswer> read_verify(std::string_view answer, const std::string& id);

struct GenerateReading {
    bool approved = false;
    std::string reason;
    // What the hook says of the challenge; nullopt: as asked for.
    std::optional<std::string> subject{};
    std::optional<std::vector<std::string>> sans{};
    std::optional<std::string> template_name{};
    std::optional<std::chrono::minutes> valid{};
};
Result<GenerateReading> read_generate(std::string_view answer, const std::string& id);

}  // namespace countersign::hook
