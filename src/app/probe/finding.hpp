// What a probe finds. Values only.
#pragma once

#include <string>
#include <string_view>

namespace countersign::app {

enum class StepOutcome { pass, warn, fail };
std::string_view name(StepOutcome outcome);

// One line of the report. A check that finds several things leaves several of the same name.
struct ProbeStep {
    std::string name;  // stable: "capabilities", "ca-certificates", "client-apple", ...
    StepOutcome outcome = StepOutcome::pass;
    std::string detail;
    std::string remedy;  // empty when all is well
    std::string fault;   // stable name of what is wrong, "reply-unsigned"; empty when all is well
};

}  // namespace countersign::app
