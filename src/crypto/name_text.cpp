// Name::from_text: RFC 4514, section 3.
#include "countersign/core/text.hpp"
#include "countersign/crypto/name.hpp"
#include "der.hpp"
#include "name_attributes.hpp"

#include <algorithm>

namespace countersign::crypto {
namespace {

constexpr std::size_t longest_text = 16 * 1024;  // octets; escaping can double a name

struct ParsedValue {
    std::string text;
    Bytes der;  // of a "#hex" value; empty otherwise
};

// Reads "type=value" pairs off the front of a text, remembering what ended each.
class NameText {
public:
    explicit NameText(std::string_view text) : rest_(text) {}

    bool at_end() const { return rest_.empty(); }

    Result<std::string> type() {
        const auto at = rest_.find('=');
        if (at == std::string_view::npos) return fail::malformed("name: no '=' in " + printable(rest_, 60));
        const std::string_view label = trim(rest_.substr(0, at));
        rest_.remove_prefix(at + 1);
        if (const NameAttributeType* known = attribute_type_by_label(label)) return std::string(known->oid);
        if (!oid_to_content(label)) return fail::malformed("name: unknown attribute type " + printable(label, 60));
        return std::string(label);
    }

    Result<ParsedValue> value() {
        while (!rest_.empty() && rest_.front() == ' ') rest_.remove_prefix(1);
        if (!rest_.empty() && rest_.front() == '#') return hex_value();
        ParsedValue value;
        std::size_t significant = 0;  // up to the last octet that is no unescaped blank
        while (!rest_.empty() && rest_.front() != ',' && rest_.front() != '+') {
            const bool blank = rest_.front() == ' ';
            TRY(const char c, character());
            value.text += c;
            if (!blank) significant = value.text.size();
        }
        value.text.resize(significant);
        if (value.text.empty()) return fail::malformed("name: an empty value");
        if (!is_utf8(value.text)) return fail::malformed("name: a value that is not UTF-8");
        return value;
    }

    // ',' or '+' or, at the end, 0.
    Result<char> separator() {
        if (rest_.empty()) return '\0';
        const char found = rest_.front();
        rest_.remove_prefix(1);
        if (rest_.empty()) return fail::malformed("name: nothing after the last separator");
        return found;
    }

private:
    Result<char> character() {
        const char c = rest_.front();
        rest_.remove_prefix(1);
        if (c == '\0' || std::string_view("\";<>").find(c) != std::string_view::npos) {
            return fail::malformed("name: a character that must be escaped");
        }
        if (c != '\\') return c;
        if (rest_.empty()) return fail::malformed("name: a backslash at the end");
        const char escaped = rest_.front();
        if (std::string_view(" \"#+,;<=>\\").find(escaped) != std::string_view::npos) {
            rest_.remove_prefix(1);
            return escaped;
        }
        const auto octet = from_hex(rest_.substr(0, 2));
        if (!octet || octet->size() != 1) return fail::malformed("name: an unknown escape");
        rest_.remove_prefix(2);
        return static_cast<char>((*octet)[0]);
    }

    Result<ParsedValue> hex_value() {
        const std::size_t end = std::min(rest_.find_first_of(",+"), rest_.size());
        const auto der = from_hex(trim(rest_.substr(1, end - 1)));
        if (!der || !check_der(*der, "name value"))
            return fail::malformed("name: '#' without a DER value in hexadecimal");
        rest_.remove_prefix(end);
        return ParsedValue{{}, *der};
    }

    std::string_view rest_;
};

Result<Bytes> encode_attribute(const std::string& oid, const ParsedValue& value) {
    const NameAttributeType* type = attribute_type_by_oid(oid);
    const Tag string_type = type == nullptr ? tag::utf8_string : type->string_type;
    const std::string label = type == nullptr ? oid : std::string(type->label);
    DerWriter out;
    if (!value.der.empty()) {
        out.nest(tag::sequence, [&](DerWriter& w) { w.oid(oid).raw(value.der); });
        return out.take();
    }
    if (string_type == tag::printable_string && !is_printable_string(value.text)) {
        return fail::malformed("name: " + label + " takes letters, digits and '()+,-./:=? only");
    }
    if (string_type == tag::ia5_string && !is_ascii(value.text))
        return fail::malformed("name: " + label + " takes ASCII only");
    if (label == "C" && value.text.size() != 2) return fail::malformed("name: C takes a country code of two letters");
    out.nest(tag::sequence, [&](DerWriter& w) { w.oid(oid).string(string_type, value.text); });
    return out.take();
}

}  // namespace

Result<Name> Name::from_text(std::string_view text) {
    if (text.size() > longest_text) return fail::malformed("name: too long");
    if (trim(text).empty()) return Name();
    NameText parser(text);
    std::vector<std::vector<Bytes>> rdns(1);
    while (true) {
        TRY(const std::string oid, parser.type());
        TRY(const ParsedValue value, parser.value());
        TRY(Bytes attribute, encode_attribute(oid, value));
        rdns.back().push_back(std::move(attribute));
        TRY(const char separator, parser.separator());
        if (separator == '\0') break;
        if (separator == ',') rdns.emplace_back();
    }
    std::ranges::reverse(rdns);
    DerWriter out;
    out.nest(tag::sequence, [&](DerWriter& w) {
        for (auto& rdn : rdns) w.set_of(std::move(rdn));
    });
    return from_der(out.view());
}

}  // namespace countersign::crypto
