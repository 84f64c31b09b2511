// Reading whole files, with errors that name them. Blocking.
#pragma once

#include "countersign/core/result.hpp"
#include "countersign/core/secret.hpp"

#include <filesystem>
#include <string>

namespace countersign::app {

// At most 4 MiB. not_found, denied, malformed: each with the path and the reason in words.
Result<std::string> read_file(const std::filesystem::path& file);

// The password of mode single-password; blanks and line ends around it are not part of it.
Result<Secret> read_password_file(const std::filesystem::path& file);

}  // namespace countersign::app
