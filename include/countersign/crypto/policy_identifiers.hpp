// The identifiers in a certificate policies extension (RFC 5280 section 4.2.1.4) and in Microsoft's application
// policies, which have the same form. Pure; any thread.
#pragma once

#include "countersign/core/bytes.hpp"
#include "countersign/core/result.hpp"

#include <string>
#include <vector>

namespace countersign::crypto {

// Dotted OIDs of the extension's value, qualifiers left out. malformed: no such sequence, an empty one, more than 64.
Result<std::vector<std::string>> parse_policy_identifiers(ByteView value);

}  // namespace countersign::crypto
