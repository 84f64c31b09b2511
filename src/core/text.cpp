#include "countersign/core/text.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace countersign {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

// Length of the well-formed UTF-8 sequence at the start of `text`, or 0; `code_point` receives its value.
std::size_t sequence_length(std::string_view text, char32_t& code_point) {
    const auto octet = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = octet(0);
    std::size_t length = 0;
    char32_t minimum = 0;
    if (first < 0x80) {
        code_point = first;
        return 1;
    }
    if ((first & 0xe0) == 0xc0) { length = 2; code_point = first & 0x1f; minimum = 0x80; }
    else if ((first & 0xf0) == 0xe0) { length = 3; code_point = first & 0x0f; minimum = 0x800; }
    else if ((first & 0xf8) == 0xf0) { length = 4; code_point = first & 0x07; minimum = 0x10000; }
    else return 0;
    if (text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i) {
        if ((octet(i) & 0xc0) != 0x80) return 0;
        code_point = (code_point << 6) | (octet(i) & 0x3f);
    }
    const bool surrogate = code_point >= 0xd800 && code_point <= 0xdfff;
    return code_point < minimum || code_point > 0x10ffff || surrogate ? 0 : length;
}

bool deceives_the_reader(char32_t c) {
    const bool control = c < 0x20 || (c >= 0x7f && c < 0xa0);
    const bool bidirectional = (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
                               (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || c == 0x061c;
    return control || bidirectional || c == '\\';
}

void append_escaped(std::string& out, std::string_view octets) {
    for (const char c : octets) {
        std::array<char, 8> escaped{};
        std::snprintf(escaped.data(), escaped.size(), "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
        out += escaped.data();
    }
}

}  // namespace

std::string to_lower(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(), lower);
    return result;
}

std::string to_upper(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(), upper);
    return result;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trim(std::string_view text) {
    constexpr std::string_view blank = " \t\r\n";
    const auto first = text.find_first_not_of(blank);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts;
    while (true) {
        const auto at = text.find(separator);
        parts.emplace_back(text.substr(0, at));
        if (at == std::string_view::npos) return parts;
        text.remove_prefix(at + 1);
    }
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
    std::string result;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (i > 0) result += separator;
        result += parts[i];
    }
    return result;
}

std::string printable(std::string_view foreign, std::size_t limit) {
    std::string result;
    while (!foreign.empty()) {
        char32_t code_point = 0;
        std::size_t length = sequence_length(foreign, code_point);
        const bool plain = length != 0 && !deceives_the_reader(code_point);
        length = std::max<std::size_t>(length, 1);
        std::string piece;
        if (plain) piece = foreign.substr(0, length);
        else append_escaped(piece, foreign.substr(0, length));
        if (result.size() + piece.size() > limit) return result + "...";
        result += piece;
        foreign.remove_prefix(length);
    }
    return result;
}

}  // namespace countersign
