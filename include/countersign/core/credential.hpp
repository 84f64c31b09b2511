// Credentials of systemd (LoadCredential=, LoadCredentialEncrypted=): secrets that the service manager decrypts into a
// private directory of one service, in memory that is never swapped. Configuration names them "credential:NAME". Any
// thread.
#pragma once

#include "countersign/core/result.hpp"

#include <sys/stat.h>

#include <filesystem>
#include <optional>
#include <string_view>

namespace countersign {

// What follows "credential:" in `text`; nullopt: it names no credential.
std::optional<std::string_view> credential_name(std::string_view text);

// Where the credential lies: $CREDENTIALS_DIRECTORY in the service itself, and the running service's own directory for
// commands beside it. malformed: no name of a credential; not_found: there is neither.
Result<std::filesystem::path> credential_path(std::string_view name);

// The mode bits that must not be set on a file with a secret. systemd lets a service in through an access control list,
// which shows as permissions of the group.
mode_t forbidden_on_secret(const std::filesystem::path& file);

}  // namespace countersign
