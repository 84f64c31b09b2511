// The nearest known word to one that was mistyped. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace countersign::config {

// Empty when nothing is near enough to be what was meant (a third of its letters wrong, or two).
std::string nearest(std::string_view typed, const std::vector<std::string>& known);

}  // namespace countersign::config
