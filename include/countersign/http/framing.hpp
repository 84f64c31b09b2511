// The check that stands in front of Beast's parser (security reference 0.6): a message whose framing two parsers could read
// differently is refused before it is a request. Pure functions; any thread.
#pragma once

#include "countersign/core/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace countersign::http {

// What framing needs to know of a header block, as raw text up to and including the empty line. malformed, with the reason
// for the log: bare CR or LF line ends, obs-fold, a blank before ':', an empty or non-token field name, '_' in a
// field name of a request from a proxy is left to the caller, control characters, more than one Host, any
// Transfer-Encoding but exactly one "chunked", Transfer-Encoding with Content-Length or in HTTP/1.0, Content-Length that
// is a list, signed, repeated or over 2^31, absolute-form or authority-form targets, a body on GET or HEAD, an
// HTTP version other than 1.0 and 1.1.
Result<void> check_framing(std::string_view header_block);

}  // namespace countersign::http
