#include "countersign/crypto/name.hpp"

#include "der.hpp"
#include "name_attributes.hpp"

#include <algorithm>

namespace countersign::crypto {
namespace {

constexpr std::size_t longest_name = 8 * 1024;  // octets
constexpr std::size_t most_attributes = 64;

struct RawAttribute {
    std::string oid;
    Tlv value;
    std::size_t rdn = 0;
};

Result<std::vector<RawAttribute>> read_attributes(ByteView der) {
    std::vector<RawAttribute> attributes;
    TRY(DerReader name, enter_single(der, tag::sequence, "name"));
    for (std::size_t rdn = 0; !name.at_end(); ++rdn) {
        TRY(DerReader set, name.enter(tag::set, "relative distinguished name"));
        if (set.at_end()) return fail::malformed("name: an empty relative distinguished name");
        while (!set.at_end()) {
            if (attributes.size() == most_attributes) return fail::malformed("name: too many attributes");
            TRY(DerReader pair, set.enter(tag::sequence, "name attribute"));
            TRY(std::string oid, pair.oid("name attribute type"));
            TRY(const Tlv value, pair.next("name attribute value"));
            CHECK(pair.finish("name attribute"));
            attributes.push_back({std::move(oid), value, rdn});
        }
    }
    return attributes;
}

// Of a name that from_der or from_text has admitted.
std::vector<RawAttribute> attributes_of(ByteView der) {
    if (der.empty()) return {};
    return read_attributes(der).value();
}

std::string_view string_type_name(Tag type) {
    switch (type) {
        case tag::utf8_string: return "UTF8String";
        case tag::numeric_string: return "NumericString";
        case tag::printable_string: return "PrintableString";
        case tag::t61_string: return "T61String";
        case tag::ia5_string: return "IA5String";
        case tag::visible_string: return "VisibleString";
        case tag::universal_string: return "UniversalString";
        case tag::bmp_string: return "BMPString";
        default: return "other";
    }
}

// RFC 4514 section 2.4.
std::string escape(std::string_view value) {
    std::string out;
    for (std::size_t i = 0; i < value.size(); ++i) {
        const char c = value[i];
        const bool outer_blank = c == ' ' && (i == 0 || i + 1 == value.size());
        const bool leading_hash = c == '#' && i == 0;
        const auto octet = static_cast<unsigned char>(c);
        if (octet < 0x20 || octet == 0x7f) {
            out += "\\" + lower_hex({&octet, 1});
            continue;
        }
        if (outer_blank || leading_hash || std::string_view("\",+;<>\\=").find(c) != std::string_view::npos)
            out += '\\';
        out += c;
    }
    return out;
}

// Whether text() may show the value as characters and from_text() would read the same attribute back.
std::string attribute_text(const RawAttribute& attribute) {
    const NameAttributeType* type = attribute_type_by_oid(attribute.oid);
    const auto value = string_to_utf8(attribute.value);
    const std::string label = type == nullptr ? attribute.oid : std::string(type->label);
    // RFC 4514 2.4: a type without a short name, and a value that is no text, are shown as BER.
    if (type == nullptr || !value || value->empty()) return label + "=#" + lower_hex(attribute.value.whole);
    return label + "=" + escape(*value);
}

// RFC 4518 insignificant space and case, ASCII only: other characters must be the same ones.
std::string fold(std::string_view value) {
    std::string out;
    bool blank = true;
    for (const char c : value) {
        if (c == ' ') {
            if (!blank) out += ' ';
            blank = true;
            continue;
        }
        out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        blank = false;
    }
    if (!out.empty() && out.back() == ' ') out.pop_back();
    return out;
}

std::string comparable(const RawAttribute& attribute) {
    const auto value = string_to_utf8(attribute.value);
    if (!value) return attribute.oid + "#" + lower_hex(attribute.value.whole);
    return attribute.oid + "=" + fold(*value);
}

// One string per RDN, whatever the order inside it.
std::vector<std::string> comparable_rdns(ByteView der) {
    std::vector<std::vector<std::string>> rdns;
    for (const RawAttribute& attribute : attributes_of(der)) {
        if (attribute.rdn == rdns.size()) rdns.emplace_back();
        rdns.back().push_back(comparable(attribute));
    }
    std::vector<std::string> result;
    for (auto& rdn : rdns) {
        std::ranges::sort(rdn);
        std::string whole;
        // The length in front keeps a value from imitating two.
        for (const std::string& one : rdn) whole += std::to_string(one.size()) + ":" + one;
        result.push_back(std::move(whole));
    }
    return result;
}

}  // namespace

Result<Name> Name::from_der(ByteView der) {
    if (der.size() > longest_name) return fail::malformed("name: too large");
    TRY(const auto attributes, read_attributes(der));
    CHECK(check_der(der, "name"));
    Name name;
    if (!attributes.empty()) name.der_ = to_bytes(der);
    return name;
}

ByteView Name::der() const {
    static constexpr std::uint8_t empty_sequence[] = {0x30, 0x00};
    return der_.empty() ? ByteView(empty_sequence) : ByteView(der_);
}

bool Name::empty() const {
    return der_.empty();
}

std::string Name::text() const {
    std::string out;
    const auto attributes = attributes_of(der_);
    std::size_t end = attributes.size();
    while (end > 0) {
        std::size_t begin = end - 1;
        while (begin > 0 && attributes[begin - 1].rdn == attributes[begin].rdn) --begin;
        if (!out.empty()) out += ',';
        for (std::size_t i = begin; i < end; ++i) {
            if (i > begin) out += '+';
            out += attribute_text(attributes[i]);
        }
        end = begin;
    }
    return out;
}

std::vector<NameAttribute> Name::attributes() const {
    std::vector<NameAttribute> result;
    for (const RawAttribute& raw : attributes_of(der_)) {
        const auto value = string_to_utf8(raw.value);
        result.push_back(
            {raw.oid, value.value_or(""), value.has_value(), raw.rdn, std::string(string_type_name(raw.value.tag))});
    }
    return result;
}

std::vector<std::string> Name::values_of(std::string_view oid) const {
    std::vector<std::string> values;
    for (NameAttribute& attribute : attributes()) {
        if (attribute.oid == oid) values.push_back(std::move(attribute.value));
    }
    return values;
}

bool Name::matches(const Name& other) const {
    return *this == other || comparable_rdns(der_) == comparable_rdns(other.der_);
}

}  // namespace countersign::crypto
