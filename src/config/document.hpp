// A configuration text read through the schema table: Settings with every key's type, range and choice checked, and the
// line of each key that was written, for the checks between keys. toml++ stays behind document.cpp. Values; one thread.
#pragma once

#include "countersign/config/load.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace countersign::config {

struct Document {
    Settings settings;
    std::string file;                       // as messages name it
    std::map<std::string, unsigned> lines;  // "profile.default.ca" -> 12; only what stands in the file
    std::vector<Finding> findings;

    bool written(const std::string& key) const { return lines.contains(key); }
    // Where a key stands, or else the nearest table above it.
    Place place_of(const std::string& key) const;
    void refuse(const std::string& key, std::string problem, std::string remedy);
    void warn(const std::string& key, std::string problem, std::string remedy);
};

// `directory`: what relative paths are below.
Document read_document(const std::filesystem::path& file, const std::filesystem::path& directory,
                       std::string_view text);

}  // namespace countersign::config
