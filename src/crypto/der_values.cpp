#include "der.hpp"

#include <algorithm>
#include <array>

namespace countersign::crypto {
namespace {

// 2.25.<UUID> needs 128 bits in an arc.
__extension__ using Arc = unsigned __int128;
constexpr std::size_t longest_oid = 128;  // octets
constexpr Arc first_two_arcs = 80;        // 2.x is encoded as 80 + x
constexpr Arc largest_arc = ~Arc{0};

std::string decimal(Arc value) {
    std::string digits;
    do {
        digits.push_back(static_cast<char>('0' + static_cast<int>(value % 10)));
        value /= 10;
    } while (value != 0);
    std::ranges::reverse(digits);
    return digits;
}

void append_arc(Bytes& out, Arc value) {
    std::array<std::uint8_t, 19> groups{};  // of seven bits, least significant first
    std::size_t count = 0;
    do {
        groups[count++] = static_cast<std::uint8_t>(value & 0x7f);
        value >>= 7;
    } while (value != 0);
    while (count-- > 0) out.push_back(static_cast<std::uint8_t>(groups[count] | (count > 0 ? 0x80 : 0)));
}

Result<Arc> arc_from_text(std::string_view digits) {
    if (digits.empty() || (digits.size() > 1 && digits[0] == '0')) return fail::malformed("not an object identifier");
    Arc value = 0;
    for (const char digit : digits) {
        if (digit < '0' || digit > '9') return fail::malformed("not an object identifier");
        const Arc unit = static_cast<Arc>(digit - '0');
        if (value > (largest_arc - unit) / 10) return fail::malformed("an object identifier arc over 128 bits");
        value = value * 10 + unit;
    }
    return value;
}

void append_utf8(std::string& out, char32_t c) {
    const auto push = [&out](char32_t octet) { out.push_back(static_cast<char>(static_cast<unsigned char>(octet))); };
    if (c < 0x80) {
        push(c);
    } else if (c < 0x800) {
        push(0xc0 | c >> 6);
        push(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        push(0xe0 | c >> 12);
        push(0x80 | (c >> 6 & 0x3f));
        push(0x80 | (c & 0x3f));
    } else {
        push(0xf0 | c >> 18);
        push(0x80 | (c >> 12 & 0x3f));
        push(0x80 | (c >> 6 & 0x3f));
        push(0x80 | (c & 0x3f));
    }
}

bool is_surrogate(char32_t c) {
    return c >= 0xd800 && c <= 0xdfff;
}

// BMPString, in surrogate pairs beyond the basic plane as Windows writes it.
std::optional<std::string> utf16_to_utf8(ByteView content) {
    if (content.size() % 2 != 0) return std::nullopt;
    std::string text;
    const auto unit = [&](std::size_t i) { return static_cast<char32_t>(content[i] << 8 | content[i + 1]); };
    for (std::size_t i = 0; i < content.size(); i += 2) {
        char32_t c = unit(i);
        if (is_surrogate(c)) {
            if (c >= 0xdc00 || i + 4 > content.size()) return std::nullopt;
            const char32_t low = unit(i + 2);
            if (low < 0xdc00 || low > 0xdfff) return std::nullopt;
            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
            i += 2;
        }
        append_utf8(text, c);
    }
    return text;
}

std::optional<std::string> utf32_to_utf8(ByteView content) {
    if (content.size() % 4 != 0) return std::nullopt;
    std::string text;
    for (std::size_t i = 0; i < content.size(); i += 4) {
        const std::uint32_t c = std::uint32_t{content[i]} << 24 | std::uint32_t{content[i + 1]} << 16 |
                                std::uint32_t{content[i + 2]} << 8 | content[i + 3];
        if (c > 0x10ffff || is_surrogate(c)) return std::nullopt;
        append_utf8(text, c);
    }
    return text;
}

std::string latin1_to_utf8(ByteView content) {
    std::string text;
    for (const std::uint8_t octet : content) append_utf8(text, octet);
    return text;
}

bool is_visible_ascii(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

bool is_numeric_string(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || c == ' '; });
}

// Length of the well-formed sequence at the start, 0 if there is none (RFC 3629 section 4).
std::size_t utf8_sequence(std::string_view text) {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned first = at(0);
    if (first < 0x80) return 1;
    const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i) {
        if ((at(i) & 0xc0) != 0x80) return 0;
    }
    const unsigned second = at(1);
    if (first == 0xe0 && second < 0xa0) return 0;
    if (first == 0xed && second > 0x9f) return 0;
    if (first == 0xf0 && second < 0x90) return 0;
    if (first == 0xf4 && second > 0x8f) return 0;
    return length;
}

}  // namespace

Result<std::string> oid_from_content(ByteView content) {
    if (content.empty() || content.size() > longest_oid) return fail::malformed("an object identifier of bad length");
    if ((content.back() & 0x80) != 0) return fail::malformed("a truncated object identifier");
    std::string text;
    Arc value = 0;
    bool starts = true;
    bool first = true;
    for (const std::uint8_t octet : content) {
        if (starts && octet == 0x80) return fail::malformed("a non-minimal object identifier");
        if (value > largest_arc >> 7) return fail::malformed("an object identifier arc over 128 bits");
        value = value << 7 | (octet & 0x7fU);
        starts = (octet & 0x80) == 0;
        if (!starts) continue;
        if (first) {
            const Arc top = value < first_two_arcs ? value / 40 : Arc{2};
            text = decimal(top) + "." + decimal(value - top * 40);
            first = false;
        } else {
            text += "." + decimal(value);
        }
        value = 0;
    }
    return text;
}

Result<Bytes> oid_to_content(std::string_view dotted) {
    std::vector<Arc> arcs;
    while (true) {
        const auto at = dotted.find('.');
        TRY(const Arc arc, arc_from_text(dotted.substr(0, at)));
        arcs.push_back(arc);
        if (at == std::string_view::npos) break;
        dotted.remove_prefix(at + 1);
    }
    if (arcs.size() < 2 || arcs[0] > 2 || (arcs[0] < 2 && arcs[1] >= 40) || arcs[1] > largest_arc - first_two_arcs) {
        return fail::malformed("not an object identifier");
    }
    Bytes content;
    append_arc(content, arcs[0] * 40 + arcs[1]);
    for (std::size_t i = 2; i < arcs.size(); ++i) append_arc(content, arcs[i]);
    if (content.size() > longest_oid) return fail::malformed("an object identifier of bad length");
    return content;
}

Result<Time> time_from_content(Tag type, ByteView content) {
    const bool utc = type == tag::utc_time;
    if (!utc && type != tag::generalized_time) return fail::malformed("not a time");
    const std::string_view text = as_text(content);
    // RFC 5280 4.1.2.5: seconds always, no fractions, Zulu.
    if (text.size() != (utc ? 13U : 15U) || text.back() != 'Z') return fail::malformed("not a DER time");
    const bool digits =
        std::ranges::all_of(text.substr(0, text.size() - 1), [](char c) { return c >= '0' && c <= '9'; });
    if (!digits) return fail::malformed("not a DER time");
    std::size_t at = 0;
    const auto two = [&] {
        const int value = (text[at] - '0') * 10 + (text[at + 1] - '0');
        at += 2;
        return value;
    };
    int year = two();
    if (utc)
        year += year < 50 ? 2000 : 1900;
    else
        year = year * 100 + two();
    const auto month = static_cast<unsigned>(two());
    const auto day = static_cast<unsigned>(two());
    const int hour = two();
    const int minute = two();
    const int second = two();
    const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{month}, std::chrono::day{day}};
    if (!date.ok() || hour > 23 || minute > 59 || second > 59) return fail::malformed("no such time");
    return Time{std::chrono::sys_days{date} + std::chrono::hours{hour} + std::chrono::minutes{minute} +
                std::chrono::seconds{second}};
}

std::optional<std::string> string_to_utf8(const Tlv& value) {
    const std::string_view text = as_text(value.content);
    const auto when = [&](bool holds) { return holds ? std::optional<std::string>(text) : std::nullopt; };
    switch (value.tag) {
        case tag::utf8_string: return when(is_utf8(text));
        case tag::numeric_string: return when(is_numeric_string(text));
        case tag::printable_string:
        case tag::visible_string: return when(is_visible_ascii(text));
        case tag::ia5_string: return when(is_ascii(text));
        case tag::t61_string: return latin1_to_utf8(value.content);
        case tag::bmp_string: return utf16_to_utf8(value.content);
        case tag::universal_string: return utf32_to_utf8(value.content);
        default: return std::nullopt;
    }
}

bool is_printable_string(std::string_view text) {
    return std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view(" '()+,-./:=?").find(c) != std::string_view::npos;
    });
}

bool is_ascii(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        const std::size_t length = utf8_sequence(text);
        if (length == 0) return false;
        text.remove_prefix(length);
    }
    return true;
}

}  // namespace countersign::crypto
