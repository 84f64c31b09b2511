// Small text questions that every room asks, and the one way foreign text may enter a log.
// Pure functions; safe on any thread. ASCII rules only: protocol tokens are ASCII.
#pragma once

#include "countersign/core/bytes.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace countersign {

std::string to_lower(std::string_view text);
std::string to_upper(std::string_view text);
bool equals_ignoring_case(std::string_view a, std::string_view b);
std::string_view trim(std::string_view text);
std::vector<std::string> split(std::string_view text, char separator);
std::string join(const std::vector<std::string>& parts, std::string_view separator);

// Foreign text made fit for a log line: at most `limit` octets, control characters, quotes' escapes,
// bidirectional marks and invalid UTF-8 replaced by \xNN, "..." where it was cut.
std::string printable(std::string_view foreign, std::size_t limit = 200);

}  // namespace countersign
