// Base64 and PEM by OpenSSL. Pure functions; safe on any thread.
#pragma once

#include "countersign/core/bytes.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace countersign::crypto {

// One line, padded.
std::string base64(ByteView bytes);

// The standard alphabet with correct padding and nothing else; otherwise malformed. Callers that must
// tolerate more (line breaks, the URL alphabet) normalise first.
Result<Bytes> from_base64(std::string_view text);

// The URL alphabet without padding (RFC 4648 section 5, as JOSE writes it).
std::string base64url(ByteView bytes);
// That alone: malformed for padding, the other alphabet, blanks, and for a spelling other than base64url's own (unused
// bits that are not zero), so that one value has one text.
Result<Bytes> from_base64url(std::string_view text);

// "-----BEGIN label-----" with 64 columns and a final newline.
std::string to_pem(std::string_view label, ByteView der);

// Every block with this label, in order. not_found: there is none.
Result<std::vector<Bytes>> from_pem(std::string_view text, std::string_view label);

}  // namespace countersign::crypto
