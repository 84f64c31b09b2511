// One TOML value against one row of the schema table. Pure; any thread.
#pragma once

#include "schema.hpp"
#include "toml.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <variant>

namespace countersign::config {

struct Complaint {
    std::string problem;
    std::string remedy;
};

// The value with paths made absolute below `directory`, or what is wrong with it.
std::variant<Value, Complaint> convert(const Key& key, const toml::node& node, const std::filesystem::path& directory);

// The row's own default. A default that its row refuses is a bug: std::logic_error.
Value convert_default(const Key& key, const std::filesystem::path& directory);

// Something right to write for this key, for messages: "\"one-time\"", "[\"scep\"]".
std::string example_of(const Key& key);

// What to do instead, when an unknown key looks like somebody's attempt to write down a secret; else empty.
std::string remedy_for_secret(std::string_view section, std::string_view name);

}  // namespace countersign::config
