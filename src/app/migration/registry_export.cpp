#include "registry_export.hpp"

#include "countersign/core/text.hpp"

#include <iconv.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace countersign::app {
namespace {

constexpr std::size_t file_limit = 1024 * 1024;
constexpr std::size_t key_limit = 4096;
constexpr std::size_t value_limit = 65536;
constexpr std::size_t path_limit = 4096;
constexpr std::size_t name_limit = 1024;

Result<std::string> to_utf8(ByteView octets, const char* from) {
    const iconv_t converter = ::iconv_open("UTF-8", from);
    // NOLINTNEXTLINE: iconv_t is a pointer and its error value is minus one.
    if (converter == reinterpret_cast<iconv_t>(-1)) {
        return fail::unavailable("this system's iconv cannot read " + std::string(from));
    }
    std::string text(octets.size() * 3 + 4, '\0');
    char* in = const_cast<char*>(reinterpret_cast<const char*>(octets.data()));
    char* out = text.data();
    std::size_t in_left = octets.size();
    std::size_t out_left = text.size();
    const std::size_t converted = ::iconv(converter, &in, &in_left, &out, &out_left);
    ::iconv_close(converter);
    if (converted == static_cast<std::size_t>(-1) || in_left != 0) {
        return fail::malformed("octet " + std::to_string(octets.size() - in_left) + " is no " + from + " text");
    }
    text.resize(text.size() - out_left);
    return text;
}

bool starts_with(ByteView octets, std::string_view what) {
    return as_text(octets).starts_with(what);
}

// The whole file as UTF-8; `ansi`: what hex(1), hex(2) and hex(7) hold, too.
struct DecodedFile {
    std::string text;
    bool ansi = false;
};

Result<DecodedFile> decode_file(ByteView file) {
    using namespace std::string_view_literals;
    if (file.size() > file_limit) return fail::malformed("it is longer than 1 MiB: export the MSCEP key alone");
    DecodedFile decoded;
    if (starts_with(file, "\xff\xfe"sv)) {
        TRY(decoded.text, to_utf8(file.subspan(2), "UTF-16LE"));
    } else if (starts_with(file, "W\0"sv)) {
        TRY(decoded.text, to_utf8(file, "UTF-16LE"));
    } else if (starts_with(file, "\xfe\xff"sv)) {
        return fail::malformed("it is UTF-16 with the octets the wrong way round: export it again with `reg export`");
    } else if (starts_with(file, "REGEDIT4")) {
        decoded.ansi = true;
        TRY(decoded.text, to_utf8(file, "CP1252"));
    } else {
        TRY(decoded.text, to_utf8(starts_with(file, "\xef\xbb\xbf"sv) ? file.subspan(3) : file, "UTF-8"));
    }
    if (decoded.text.find('\0') != std::string::npos) return fail::malformed("it holds NUL characters");
    return decoded;
}

std::optional<unsigned> hex_digit(char c) {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
    if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
    return std::nullopt;
}

void make_unreadable(RegistryValue& value, std::string why) {
    value.type = RegistryType::unreadable;
    value.text = std::move(why);
}

// The strings of REG_SZ, REG_EXPAND_SZ and REG_MULTI_SZ data, each ended by NUL.
std::vector<std::string> split_at_nul(const std::string& text) {
    std::vector<std::string> parts = split(text, '\0');
    while (!parts.empty() && parts.back().empty()) parts.pop_back();
    return parts;
}

void read_typed_octets(RegistryValue& value, unsigned long type, bool ansi) {
    constexpr unsigned long sz = 1, expand_sz = 2, dword = 4, multi_sz = 7, qword = 11;
    if (type == dword || type == qword) {
        if (value.octets.size() != (type == dword ? 4u : 8u)) return make_unreadable(value, "a number of wrong length");
        value.type = RegistryType::number;
        for (std::size_t i = value.octets.size(); i-- > 0;) value.number = value.number << 8 | value.octets[i];
        return;
    }
    if (type != sz && type != expand_sz && type != multi_sz) return;
    if (!ansi && value.octets.size() % 2 != 0) return make_unreadable(value, "half a character at its end");
    const auto text = to_utf8(value.octets, ansi ? "CP1252" : "UTF-16LE");
    if (!text) return make_unreadable(value, text.error().detail);
    value.texts = split_at_nul(*text);
    if (type == multi_sz) {
        value.type = RegistryType::texts;
        return;
    }
    if (value.texts.size() > 1) return make_unreadable(value, "text with a NUL inside");
    value.type = RegistryType::text;
    value.text = value.texts.empty() ? "" : value.texts.front();
    value.texts.clear();
}

// Walks the decoded text once, front to back.
class Reader {
public:
    Reader(std::string_view text, bool ansi) : text_(text), ansi_(ansi) {}

    Result<std::vector<RegistryKey>> read() {
        CHECK(read_header());
        while (!at_end()) CHECK(read_line());
        return std::move(keys_);
    }

private:
    bool at_end() const { return at_ >= text_.size(); }
    char peek() const { return at_end() ? '\0' : text_[at_]; }
    bool at_line_end() const { return at_end() || peek() == '\n' || peek() == '\r'; }
    bool take(char wanted) {
        if (at_end() || text_[at_] != wanted) return false;
        if (wanted == '\n') ++line_;
        ++at_;
        return true;
    }
    void skip_blanks() {
        while (take(' ') || take('\t')) {
        }
    }
    std::string_view rest_of_line() {
        const auto begin = at_;
        while (!at_line_end()) ++at_;
        return text_.substr(begin, at_ - begin);
    }
    Error wrong(const std::string& what) const {
        return fail::malformed("line " + std::to_string(line_) + ": " + what);
    }
    Result<void> end_line() {
        skip_blanks();
        take('\r');
        if (at_end() || take('\n')) return boost::system::in_place_value;
        return wrong("something follows the value");
    }

    Result<void> read_header() {
        const std::string_view header = trim(rest_of_line());
        if (header != "Windows Registry Editor Version 5.00" && header != "REGEDIT4") {
            return wrong("this is no registry export: it should begin \"Windows Registry Editor Version 5.00\"");
        }
        return end_line();
    }

    Result<void> read_line() {
        skip_blanks();
        if (at_line_end()) return end_line();
        if (peek() == ';') {
            rest_of_line();
            return end_line();
        }
        return peek() == '[' ? read_key() : read_value();
    }

    Result<void> read_key() {
        RegistryKey key;
        key.line = line_;
        take('[');
        key.removal = take('-');
        const std::string_view rest = trim(rest_of_line());
        if (!rest.ends_with(']')) return wrong("the name of this key has no end");
        key.path = rest.substr(0, rest.size() - 1);
        if (key.path.empty() || key.path.size() > path_limit) return wrong("this is no name of a key");
        if (keys_.size() >= key_limit) return wrong("there are more than 4096 keys");
        keys_.push_back(std::move(key));
        return end_line();
    }

    Result<void> read_value() {
        RegistryValue value;
        value.line = line_;
        if (keys_.empty()) return wrong("a value stands before the first key");
        if (!take('@')) {
            if (peek() != '"') return wrong("this is neither a key nor a value nor a comment");
            TRY(value.name, read_quoted());
            if (value.name.size() > name_limit) return wrong("the name of this value is too long");
        }
        skip_blanks();
        if (!take('=')) return wrong("a value has no \"=\"");
        skip_blanks();
        CHECK(read_data(value));
        CHECK(end_line());
        return keep(std::move(value));
    }

    Result<void> keep(RegistryValue value) {
        auto& values = keys_.back().values;
        const auto before = std::ranges::find_if(
            values, [&](const RegistryValue& one) { return equals_ignoring_case(one.name, value.name); });
        if (before != values.end()) {
            *before = std::move(value);
            return boost::system::in_place_value;
        }
        if (++value_count_ > value_limit) return wrong("there are more than 65536 values");
        values.push_back(std::move(value));
        return boost::system::in_place_value;
    }

    // Text in quotes, which may run over several lines: that is how regedit writes line ends inside a string.
    Result<std::string> read_quoted() {
        const auto began = line_;
        std::string text;
        take('"');
        while (!at_end()) {
            if (take('"')) return text;
            if (peek() == '\\') {
                ++at_;
                if (at_end() || at_line_end()) break;
            }
            text += text_[at_];
            if (text_[at_] == '\n') ++line_;
            ++at_;
        }
        return fail::malformed("line " + std::to_string(began) +
                               ": this text has no closing quote; is the file whole?");
    }

    Result<void> read_data(RegistryValue& value) {
        if (peek() == '"') {
            TRY(value.text, read_quoted());
            value.type = RegistryType::text;
            return boost::system::in_place_value;
        }
        if (take('-')) {
            value.removal = true;
            return boost::system::in_place_value;
        }
        std::string kind;
        while (!at_line_end() && peek() != ':' && kind.size() < 16) kind += text_[at_++];
        if (!take(':')) return wrong("the value has no type");
        const std::string lower = to_lower(trim(kind));
        if (lower == "dword") return read_dword(value);
        if (!lower.starts_with("hex")) return wrong("type \"" + printable(kind, 20) + "\" is unknown");
        TRY(const unsigned long type, hex_type(lower));
        CHECK(read_hex(value.octets));
        read_typed_octets(value, type, ansi_);
        return boost::system::in_place_value;
    }

    Result<unsigned long> hex_type(const std::string& kind) const {
        constexpr unsigned long binary = 3;
        if (kind == "hex") return binary;
        unsigned long type = 0;
        const char* first = kind.data() + 4;
        const char* last = kind.data() + kind.size() - 1;
        const bool framed = kind.size() > 5 && kind[3] == '(' && kind.back() == ')';
        if (!framed) return wrong("\"" + printable(kind, 20) + "\" is no type");
        const auto parsed = std::from_chars(first, last, type, 16);
        if (parsed.ec != std::errc{} || parsed.ptr != last) return wrong("\"" + printable(kind, 20) + "\" is no type");
        return type;
    }

    Result<void> read_dword(RegistryValue& value) {
        skip_blanks();
        const std::string_view digits = trim(rest_of_line());
        const char* end = digits.data() + digits.size();
        std::uint32_t number = 0;
        const auto parsed = std::from_chars(digits.data(), end, number, 16);
        if (digits.empty() || parsed.ec != std::errc{} || parsed.ptr != end || digits.size() > 8)
            return wrong("dword wants up to eight hexadecimal digits");
        value.type = RegistryType::number;
        value.number = number;
        return boost::system::in_place_value;
    }

    // "0a,ff,\" and on in the next line.
    Result<void> read_hex(Bytes& octets) {
        while (true) {
            skip_blanks();
            if (take('\\')) {
                CHECK(end_line());
                if (at_end()) return wrong("the file ends in the middle of a value");
                continue;
            }
            if (at_line_end() && (octets.empty() || text_[at_ - 1] != ',')) return boost::system::in_place_value;
            const auto high = hex_digit(peek());
            const auto low = at_ + 1 < text_.size() ? hex_digit(text_[at_ + 1]) : std::nullopt;
            if (!high || !low) return wrong("hexadecimal octets, separated by commas, are wanted here");
            octets.push_back(static_cast<std::uint8_t>(*high << 4 | *low));
            at_ += 2;
            skip_blanks();
            if (!take(',') && !at_line_end()) return wrong("hexadecimal octets are separated by commas");
        }
    }

    std::string_view text_;
    bool ansi_;
    std::size_t at_ = 0;
    std::size_t line_ = 1;
    std::size_t value_count_ = 0;
    std::vector<RegistryKey> keys_;
};

}  // namespace

Result<std::vector<RegistryKey>> parse_registry_export(ByteView file) {
    TRY(const DecodedFile decoded, decode_file(file));
    return Reader(decoded.text, decoded.ansi).read();
}

std::string shown_text(std::string_view foreign) {
    std::string text = printable(foreign, 120);
    constexpr std::string_view escaped = "\\x5c";
    for (auto at = text.find(escaped); at != std::string::npos; at = text.find(escaped, at + 1))
        text.replace(at, escaped.size(), "\\");
    return text;
}

std::string shown(const RegistryValue& value) {
    if (value.removal) return "(to be removed)";
    switch (value.type) {
        case RegistryType::text: return "\"" + shown_text(value.text) + "\"";
        case RegistryType::texts: return value.texts.empty() ? "(none)" : shown_text(join(value.texts, ", "));
        case RegistryType::number: return std::to_string(value.number);
        case RegistryType::octets: return std::to_string(value.octets.size()) + " octets";
        case RegistryType::unreadable: return "(unreadable: " + printable(value.text, 80) + ")";
    }
    return "";
}

}  // namespace countersign::app
