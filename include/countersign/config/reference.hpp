// The configuration reference, printed from the schema table that also drives the loader. Values only; any thread.
#pragma once

#include "countersign/core/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace countersign::config {

// One key as people see it. NAME stands for a name of the administrator's choice.
struct KeyReference {
    std::string key;       // "profile.NAME.challenge.mode"
    std::string type;      // "text", "number", "true or false", "list of texts", "file", "key"
    std::string fallback;  // the default as TOML; empty: none
    std::string unit;      // "minutes"; empty: none
    std::string choices;   // "one-time, single-password, none"; empty: free
    bool required = false;
    bool secret = false;  // whoever reads what stands behind this key can act as the server or an administrator
    std::string meaning;
};

std::vector<KeyReference> reference();

// What `countersign config explain [KEY]` prints. KEY may name a key, a table or the beginning of either; a real name
// may stand where the reference says NAME ("profile.default.ca"). not_found names the nearest key.
Result<std::vector<KeyReference>> reference_for(std::string_view key);
std::string to_text(const std::vector<KeyReference>& keys);

// docs/configuration.md, whole.
std::string reference_markdown();

}  // namespace countersign::config
