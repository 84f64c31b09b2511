// Reading a secret from a file that nobody but its owner may use. Private to the keys room; blocking, any thread.
#pragma once

#include "countersign/core/result.hpp"
#include "countersign/core/secret.hpp"

#include <filesystem>
#include <string_view>

namespace countersign::keys {

// `what` names the secret in messages. not_found; unavailable: cannot be read now; malformed: no regular file, empty,
// longer than `largest` octets, or open to others than its owner (the message has the chmod that mends it).
Result<Secret> read_private_file(const std::filesystem::path& path, std::size_t largest, std::string_view what);

// A new file, mode 0600 whatever the umask, forced to the disk with its name. conflict: there is one already.
Result<void> write_private_file(const std::filesystem::path& path, const Secret& content);

}  // namespace countersign::keys
