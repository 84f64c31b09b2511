// Reading whole files, with errors that name them. Blocking.
#pragma once

#include "countersign/core/result.hpp"

#include <filesystem>
#include <string>

namespace countersign::app {

// At most 4 MiB. not_found, denied, malformed: each with the path and the reason in words.
Result<std::string> read_file(const std::filesystem::path& file);

}  // namespace countersign::app
