// What Intune says about a request or a report: one word of its vocabulary. Pure; any thread.
#pragma once

#include "countersign/core/result.hpp"

#include <nlohmann/json.hpp>

#include <span>
#include <string_view>

namespace countersign::intune {

// Every refusal Intune is documented to give (ScepRequestValidationFEService, 2018-02-20).
std::span<const std::string_view> refusals();

// Of {"code", "errorDescription"}: nothing for Success. denied, or expired for ChallengeExpired: the code, "Unknown"
// where it is none of the above, and the words Intune has for it. unavailable: there is no code.
Result<void> verdict_in(const nlohmann::json& answer);

}  // namespace countersign::intune
