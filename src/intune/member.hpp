// Members of Microsoft's answers, which promise little about their types.
#pragma once

#include <limits>
#include <nlohmann/json.hpp>
#include <string>

namespace countersign::intune {

// Empty: absent, no text, or longer than `longest` octets.
inline std::string text_of(const nlohmann::json& object, const char* member,
                           std::size_t longest = std::numeric_limits<std::size_t>::max()) {
    const auto found = object.find(member);
    if (found == object.end() || !found->is_string()) return {};
    auto text = found->get<std::string>();
    return text.size() > longest ? std::string() : text;
}

}  // namespace countersign::intune
