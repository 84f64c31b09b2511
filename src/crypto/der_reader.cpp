#include "der.hpp"

namespace countersign::crypto {
namespace {

constexpr std::uint8_t constructed_bit = 0x20;
constexpr std::uint8_t class_bits = 0xc0;
constexpr std::uint8_t number_bits = 0x1f;

Error bad(std::string_view what, std::string_view why) {
    return fail::malformed(std::string(what) + ": " + std::string(why));
}

bool is_minimal_integer(ByteView content) {
    if (content.empty()) return false;
    if (content.size() == 1) return true;
    const bool sign = (content[1] & 0x80) != 0;
    return !(content[0] == 0x00 && !sign) && !(content[0] == 0xff && sign);
}

bool is_exact_bit_string(ByteView content) {
    if (content.empty() || content[0] > 7) return false;
    if (content.size() == 1) return content[0] == 0;
    return (content.back() & ((1U << content[0]) - 1U)) == 0;
}

Result<void> check_universal(const Tlv& value, std::string_view what) {
    const bool constructed = (value.tag & constructed_bit) != 0;
    const Tag number = value.tag & number_bits;
    const bool collection = number == (tag::sequence & number_bits) || number == (tag::set & number_bits);
    if (constructed != collection) return bad(what, "a constructed string, or a primitive collection");
    switch (value.tag) {
        case tag::boolean:
            if (value.content.size() != 1 || (value.content[0] != 0x00 && value.content[0] != 0xff)) {
                return bad(what, "not a DER boolean");
            }
            break;
        case tag::integer:
        case tag::enumerated:
            if (!is_minimal_integer(value.content)) return bad(what, "not a minimal integer");
            break;
        case tag::bit_string:
            if (!is_exact_bit_string(value.content)) return bad(what, "not a DER bit string");
            break;
        case tag::null:
            if (!value.content.empty()) return bad(what, "a NULL with content");
            break;
        case tag::oid: CHECK(oid_from_content(value.content)); break;
        default: break;
    }
    return boost::system::in_place_value;
}

Result<void> check_level(DerReader reader, std::string_view what, int depth) {
    if (depth == 0) return bad(what, "nested too deeply");
    while (!reader.at_end()) {
        TRY(const Tlv value, reader.next(what));
        if ((value.tag & class_bits) == 0) CHECK(check_universal(value, what));
        if ((value.tag & constructed_bit) != 0) CHECK(check_level(DerReader(value.content), what, depth - 1));
    }
    return boost::system::in_place_value;
}

}  // namespace

Result<Tlv> DerReader::next(std::string_view what) {
    if (rest_.size() < 2) return bad(what, "missing or truncated");
    const Tag found = rest_[0];
    if ((found & number_bits) == number_bits) return bad(what, "a tag number above 30");
    if (found == 0) return bad(what, "end-of-contents where a value was expected");
    std::size_t header = 2;
    std::size_t length = rest_[1];
    if (length >= 0x80) {
        const std::size_t count = length & 0x7f;
        if (count == 0) return bad(what, "an indefinite length");
        if (count > 4) return bad(what, "a length of more than four octets");
        if (rest_.size() < header + count) return bad(what, "truncated within a length");
        length = 0;
        for (std::size_t i = 0; i < count; ++i) length = length << 8 | rest_[header + i];
        if (rest_[header] == 0 || length < 0x80) return bad(what, "a length that is not minimal");
        header += count;
    }
    if (length > rest_.size() - header) return bad(what, "truncated");
    const Tlv value{found, rest_.subspan(header, length), rest_.first(header + length)};
    rest_ = rest_.subspan(header + length);
    return value;
}

Result<Tlv> DerReader::expect(Tag expected, std::string_view what) {
    if (!at_end() && !next_is(expected)) return bad(what, "an unexpected type");
    return next(what);
}

Result<DerReader> DerReader::enter(Tag expected, std::string_view what) {
    TRY(const Tlv value, expect(expected, what));
    return DerReader(value.content);
}

Result<std::optional<Tlv>> DerReader::take_if(Tag expected, std::string_view what) {
    if (!next_is(expected)) return std::optional<Tlv>();
    TRY(const Tlv value, next(what));
    return std::optional<Tlv>(value);
}

Result<bool> DerReader::boolean(std::string_view what) {
    TRY(const Tlv value, expect(tag::boolean, what));
    CHECK(check_universal(value, what));
    return value.content[0] != 0;
}

Result<ByteView> DerReader::integer(std::string_view what) {
    TRY(const Tlv value, expect(tag::integer, what));
    if (!is_minimal_integer(value.content)) return bad(what, "not a minimal integer");
    return value.content;
}

Result<ByteView> DerReader::positive_integer(std::string_view what) {
    TRY(ByteView content, integer(what));
    if ((content[0] & 0x80) != 0) return bad(what, "a negative integer");
    if (content[0] == 0) content = content.subspan(1);
    if (content.empty()) return bad(what, "zero");
    return content;
}

Result<std::uint32_t> DerReader::small_integer(std::string_view what) {
    TRY(const ByteView content, integer(what));
    if (content.size() > 4 || (content[0] & 0x80) != 0) return bad(what, "an integer out of range");
    std::uint32_t value = 0;
    for (const std::uint8_t octet : content) value = value << 8 | octet;
    return value;
}

Result<std::string> DerReader::oid(std::string_view what) {
    TRY(const Tlv value, expect(tag::oid, what));
    auto dotted = oid_from_content(value.content);
    if (!dotted) return within(what, std::move(dotted).error());
    return *std::move(dotted);
}

Result<ByteView> DerReader::octet_string(std::string_view what) {
    TRY(const Tlv value, expect(tag::octet_string, what));
    return value.content;
}

Result<ByteView> DerReader::bit_string(std::string_view what) {
    TRY(const Tlv value, expect(tag::bit_string, what));
    if (value.content.empty() || value.content[0] != 0) return bad(what, "not a bit string of whole octets");
    return value.content.subspan(1);
}

Result<void> DerReader::null(std::string_view what) {
    TRY(const Tlv value, expect(tag::null, what));
    return check_universal(value, what);
}

Result<Time> DerReader::time(std::string_view what) {
    TRY(const Tlv value, next(what));
    auto parsed = time_from_content(value.tag, value.content);
    if (!parsed) return within(what, std::move(parsed).error());
    return *parsed;
}

Result<void> DerReader::finish(std::string_view what) const {
    if (!at_end()) return bad(what, "octets after the last field");
    return boost::system::in_place_value;
}

Result<Tlv> read_single(ByteView der, std::string_view what) {
    DerReader reader(der);
    TRY(const Tlv value, reader.next(what));
    CHECK(reader.finish(what));
    return value;
}

Result<DerReader> enter_single(ByteView der, Tag expected, std::string_view what) {
    DerReader reader(der);
    TRY(const DerReader inside, reader.enter(expected, what));
    CHECK(reader.finish(what));
    return inside;
}

Result<void> check_der(ByteView der, std::string_view what, int depth) {
    CHECK(read_single(der, what));
    return check_level(DerReader(der), what, depth);
}

}  // namespace countersign::crypto
