// Octets and their hexadecimal form. Values only; safe on any thread.
#pragma once

#include "countersign/core/result.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace countersign {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

inline ByteView as_bytes(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline Bytes to_bytes(ByteView bytes) { return {bytes.begin(), bytes.end()}; }

bool equal(ByteView a, ByteView b);

std::string lower_hex(ByteView bytes);
std::string upper_hex(ByteView bytes);

// Accepts either case, an even number of digits, nothing else; otherwise malformed.
Result<Bytes> from_hex(std::string_view text);

}  // namespace countersign
