// The extensions this program understands, read out of a list. Private to the crypto room; pure functions.
#pragma once

#include "countersign/crypto/extension.hpp"
#include "countersign/crypto/general_name.hpp"

#include <optional>
#include <string>
#include <vector>

namespace countersign::crypto {

// Null: not in the list.
const Extension* find_extension(const std::vector<Extension>& extensions, std::string_view oid);

struct KnownExtensions {
    std::optional<KeyUsage> key_usage;
    std::vector<std::string> extended_key_usage;
    BasicConstraints basic_constraints;
    std::vector<GeneralName> subject_alt_names;
    std::optional<Bytes> subject_key_identifier;
};

// malformed: one of them is there and unreadable.
Result<KnownExtensions> read_known_extensions(const std::vector<Extension>& extensions);

}  // namespace countersign::crypto
