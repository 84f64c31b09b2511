// How the console looks: one constant style sheet.
#pragma once

#include <string_view>

namespace countersign::admin {
extern const std::string_view console_style;
}  // namespace countersign::admin
