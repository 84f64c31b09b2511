#include "countersign/http/framing.hpp"

#include "countersign/core/text.hpp"

#include <algorithm>

namespace countersign::http {
namespace {

constexpr std::size_t most_fields = 128;
constexpr std::uint64_t longest_body = std::uint64_t{1} << 31;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

// RFC 9110 section 5.6.2.
bool is_token(std::string_view text) {
    const auto allowed = [](char c) {
        return is_letter(c) || is_digit(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
    };
    return !text.empty() && std::ranges::all_of(text, allowed);
}

bool is_control(char c) {
    const auto octet = static_cast<unsigned char>(c);
    return octet < 0x20 || octet == 0x7f;
}

struct Framing {
    std::string_view method;
    bool http10 = false;
    unsigned hosts = 0;
    unsigned lengths = 0;
    unsigned codings = 0;
    std::uint64_t length = 0;
};

// RFC 9112 section 3: one blank between the parts, nothing else.
Result<void> read_request_line(std::string_view line, Framing& framing) {
    const auto first = line.find(' ');
    const auto last = line.rfind(' ');
    if (first == std::string_view::npos || first == last) return fail::malformed("request line without three parts");
    framing.method = line.substr(0, first);
    const auto target = line.substr(first + 1, last - first - 1);
    const auto version = line.substr(last + 1);
    if (!is_token(framing.method)) return fail::malformed("method is not a token");
    if (version != "HTTP/1.1" && version != "HTTP/1.0") return fail::malformed("HTTP version is neither 1.0 nor 1.1");
    framing.http10 = version == "HTTP/1.0";
    const auto forbidden = [](char c) { return is_control(c) || c == ' ' || c == '#'; };
    if (std::ranges::any_of(target, forbidden)) return fail::malformed("blank, control character or '#' in the target");
    const bool asterisk = target == "*" && framing.method == "OPTIONS";
    if (!target.starts_with('/') && !asterisk) return fail::malformed("target is not in origin form");
    return {};
}

Result<std::uint64_t> read_length(std::string_view value) {
    if (value.empty() || value.size() > 10 || !std::ranges::all_of(value, is_digit)) {
        return fail::malformed("Content-Length is not one plain number");
    }
    std::uint64_t length = 0;
    for (const char c : value) length = length * 10 + static_cast<std::uint64_t>(c - '0');
    if (length > longest_body) return fail::malformed("Content-Length over 2^31");
    return length;
}

Result<void> read_field(std::string_view line, Framing& framing) {
    if (is_blank(line.front())) return fail::malformed("folded field line");
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return fail::malformed("field line without ':'");
    const auto name = line.substr(0, colon);
    auto value = line.substr(colon + 1);
    if (!is_token(name)) return fail::malformed("field name is not a token");
    if (std::ranges::any_of(value, [](char c) { return is_control(c) && c != '\t'; })) {
        return fail::malformed("control character in a field value");
    }
    while (!value.empty() && is_blank(value.front())) value.remove_prefix(1);
    while (!value.empty() && is_blank(value.back())) value.remove_suffix(1);

    if (equals_ignoring_case(name, "host")) ++framing.hosts;
    if (equals_ignoring_case(name, "content-length")) {
        if (++framing.lengths > 1) return fail::malformed("more than one Content-Length");
        TRY(framing.length, read_length(value));
    }
    if (equals_ignoring_case(name, "transfer-encoding")) {
        if (++framing.codings > 1) return fail::malformed("more than one Transfer-Encoding");
        if (!equals_ignoring_case(value, "chunked")) return fail::malformed("Transfer-Encoding other than chunked");
    }
    return {};
}

// What is right line by line and wrong together.
Result<void> check_together(const Framing& framing) {
    if (framing.hosts > 1) return fail::malformed("more than one Host");
    if (framing.codings > 0 && framing.lengths > 0) return fail::malformed("Transfer-Encoding with Content-Length");
    if (framing.codings > 0 && framing.http10) return fail::malformed("Transfer-Encoding in HTTP/1.0");
    const bool bodiless = framing.method == "GET" || framing.method == "HEAD";
    if (bodiless && (framing.length > 0 || framing.codings > 0)) return fail::malformed("body on GET or HEAD");
    return {};
}

}  // namespace

Result<void> check_framing(std::string_view header_block) {
    if (!header_block.ends_with("\r\n\r\n")) return fail::malformed("header block does not end with an empty line");
    auto rest = header_block.substr(0, header_block.size() - 2);
    Framing framing;
    for (std::size_t lines = 0; !rest.empty(); ++lines) {
        const auto end = rest.find("\r\n");
        if (end == std::string_view::npos) return fail::malformed("line without CRLF");
        const auto line = rest.substr(0, end);
        rest.remove_prefix(end + 2);
        if (line.find_first_of("\r\n") != std::string_view::npos) return fail::malformed("bare CR or LF");
        if (lines == 0) {
            CHECK(read_request_line(line, framing));
            continue;
        }
        if (line.empty()) return fail::malformed("octets after the header block");
        if (lines > most_fields) return fail::malformed("more than 128 field lines");
        CHECK(read_field(line, framing));
    }
    return check_together(framing);
}

}  // namespace countersign::http
