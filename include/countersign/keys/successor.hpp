// Naming a key that is to follow another. Pure; any thread.
#pragma once

#include "countersign/keys/key.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace countersign::keys {

// Where the key after `uri` goes: in the same token under the same label with `mark` behind it, without the id, which
// is the old key's; or in `directory` as NAME-MARK.key, `name` being what it is for. A mark of an earlier succession is
// replaced. `mark`: letters and digits.
std::string successor_uri(std::string_view uri, const std::filesystem::path& directory, std::string_view name,
                          std::string_view mark);

// The kind of key that follows one like this.
GeneratedKey successor_kind(const crypto::PublicKey& key);

}  // namespace countersign::keys
