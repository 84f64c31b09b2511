#include "countersign/core/bytes.hpp"

#include <algorithm>

namespace countersign {
namespace {

std::string hex(ByteView bytes, const char* digits) {
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const std::uint8_t byte : bytes) {
        text.push_back(digits[byte >> 4]);
        text.push_back(digits[byte & 0x0f]);
    }
    return text;
}

int nibble(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
    return -1;
}

}  // namespace

bool equal(ByteView a, ByteView b) { return std::ranges::equal(a, b); }

std::string lower_hex(ByteView bytes) { return hex(bytes, "0123456789abcdef"); }
std::string upper_hex(ByteView bytes) { return hex(bytes, "0123456789ABCDEF"); }

Result<Bytes> from_hex(std::string_view text) {
    if (text.size() % 2 != 0) return fail::malformed("an odd number of hexadecimal digits");
    Bytes bytes;
    bytes.reserve(text.size() / 2);
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const int high = nibble(text[i]);
        const int low = nibble(text[i + 1]);
        if (high < 0 || low < 0) return fail::malformed("not a hexadecimal digit");
        bytes.push_back(static_cast<std::uint8_t>(high * 16 + low));
    }
    return bytes;
}

}  // namespace countersign
