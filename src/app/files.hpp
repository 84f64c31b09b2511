// Reading and making whole files, with errors that name them. Blocking.
#pragma once

#include "countersign/core/result.hpp"
#include "countersign/core/secret.hpp"

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>

namespace countersign::app {

// At most 4 MiB. not_found, denied, malformed: each with the path and the reason in words.
Result<std::string> read_file(const std::filesystem::path& file);

// The password of mode single-password; blanks and line ends around it are not part of it.
Result<Secret> read_password_file(const std::filesystem::path& file);

// A file that was not there before, with this mode less the umask. conflict: something is there, and nothing is overwritten;
// unavailable: it cannot be made or written.
Result<void> write_new_file(const std::filesystem::path& file, std::string_view content, mode_t mode);

}  // namespace countersign::app
