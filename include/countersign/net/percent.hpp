// Percent escapes of URLs (RFC 3986 section 2.1). Pure; any thread.
#pragma once

#include "countersign/core/result.hpp"

#include <string>
#include <string_view>

namespace countersign::net {

// Each "%XX" becomes its octet, once: what was escaped twice stays escaped. malformed: a '%' without two hexadecimal digits.
Result<std::string> percent_decoded(std::string_view text);

}  // namespace countersign::net
