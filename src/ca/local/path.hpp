// The certificates from an issuing CA up to its root. Pure functions; any thread.
#pragma once

#include "countersign/crypto/certificate.hpp"

#include <vector>

namespace countersign::ca {

// Says no, in words, unless every certificate of `path` (issuing CA first, root last) is a CA valid at `now`, signed by
// the next, within the path length of every CA above it, and the last one is self-issued and self-signed. malformed or
// denied.
Result<void> check_path(const std::vector<crypto::Certificate>& path, Time now);

}  // namespace countersign::ca
