// Loading a configuration: TOML through the schema table into Settings, with every finding at once.
#pragma once

#include "countersign/config/settings.hpp"
#include "countersign/core/result.hpp"

#include <optional>
#include <string>
#include <vector>

namespace countersign::config {

enum class FindingLevel { note, warning, error };
struct Finding {
    FindingLevel level = FindingLevel::error;
    Place place;
    std::string problem;
    std::string remedy;  // what to write instead
    // False: about what the daemon finds somewhere else; it starts all the same.
    bool at_start = true;
};
// "countersign.toml:12: profile.default.ca: no [ca.main] exists; write one of: default" (file:line first, as compilers do)
std::string describe(const Finding& finding);

struct Loaded {
    std::optional<Settings> settings;  // absent when there is any error
    std::vector<Finding> findings;     // warnings too
};

// Reads and checks what can be known from the text alone: syntax, unknown keys (with the nearest known one), types, ranges, references
// between tables, overlapping paths, contradictions (no listener serving scep, one-time with password_file, ...), missing
// or empty challenge mode (design invariant 9), admin over plain HTTP beyond loopback (invariant 8). Touches no other file.
Loaded load(const std::filesystem::path& file);

}  // namespace countersign::config
