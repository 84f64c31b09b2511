// Distinguished Encoding Rules, read strictly and written directly (X.690).
//
// The reader walks octets it does not own and copies nothing: definite minimal lengths, single-octet tags,
// nothing beyond the end. It holds a view; the octets must outlive it. The writer nests values and takes care
// of lengths. Values only; one thread at a time.
#pragma once

#include "countersign/core/bytes.hpp"
#include "countersign/core/clock.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace countersign::crypto {

using Tag = std::uint8_t;

namespace tag {
inline constexpr Tag boolean = 0x01;
inline constexpr Tag integer = 0x02;
inline constexpr Tag bit_string = 0x03;
inline constexpr Tag octet_string = 0x04;
inline constexpr Tag null = 0x05;
inline constexpr Tag oid = 0x06;
inline constexpr Tag enumerated = 0x0a;
inline constexpr Tag utf8_string = 0x0c;
inline constexpr Tag numeric_string = 0x12;
inline constexpr Tag printable_string = 0x13;
inline constexpr Tag t61_string = 0x14;
inline constexpr Tag ia5_string = 0x16;
inline constexpr Tag utc_time = 0x17;
inline constexpr Tag generalized_time = 0x18;
inline constexpr Tag visible_string = 0x1a;
inline constexpr Tag universal_string = 0x1c;
inline constexpr Tag bmp_string = 0x1e;
inline constexpr Tag sequence = 0x30;
inline constexpr Tag set = 0x31;
constexpr Tag context(unsigned number) {
    return static_cast<Tag>(0x80U | number);
}  // primitive
constexpr Tag context_constructed(unsigned number) {
    return static_cast<Tag>(0xa0U | number);
}
}  // namespace tag

struct Tlv {
    Tag tag = 0;
    ByteView content;
    ByteView whole;  // tag, length and content
};

class DerReader {
public:
    explicit DerReader(ByteView der) : rest_(der) {}

    bool at_end() const { return rest_.empty(); }
    // Whether the next value has this tag; false at the end.
    bool next_is(Tag expected) const { return !rest_.empty() && rest_.front() == expected; }
    ByteView rest() const { return rest_; }

    // Each takes one value off the front. malformed: truncated, an indefinite or non-minimal length, a tag number
    // above 30, or another tag than the one expected. `what` names the field in the error.
    Result<Tlv> next(std::string_view what);
    Result<Tlv> expect(Tag expected, std::string_view what);
    Result<DerReader> enter(Tag expected, std::string_view what);  // a reader over its content
    Result<std::optional<Tlv>> take_if(Tag expected, std::string_view what);

    Result<bool> boolean(std::string_view what);                 // 00 or FF
    Result<ByteView> integer(std::string_view what);             // content octets, minimal, two's complement
    Result<ByteView> positive_integer(std::string_view what);    // magnitude, no leading zero; not 0
    Result<std::uint32_t> small_integer(std::string_view what);  // 0 .. 2^31-1
    Result<std::string> oid(std::string_view what);              // dotted
    Result<ByteView> octet_string(std::string_view what);
    Result<ByteView> bit_string(std::string_view what);  // whole octets only
    Result<void> null(std::string_view what);
    Result<Time> time(std::string_view what);  // UTCTime (RFC 5280 window) or GeneralizedTime

    // malformed unless everything has been read.
    Result<void> finish(std::string_view what) const;

private:
    ByteView rest_;
};

// The one complete value in `der`; malformed when octets follow it.
Result<Tlv> read_single(ByteView der, std::string_view what);
// The same for a value with this tag, as a reader over its content.
Result<DerReader> enter_single(ByteView der, Tag expected, std::string_view what);

// Walks everything and checks each universal type's own DER rules (booleans, integers, object identifiers, bit
// strings, no constructed strings), at most `depth` levels deep. Not checked, because it changes no meaning and
// devices get it wrong: the order within SET OF, and default values written out.
Result<void> check_der(ByteView der, std::string_view what, int depth = 24);

// Content octets of an OBJECT IDENTIFIER as dotted text, and back. malformed: non-minimal arcs, over 128 octets, an
// arc of more than 128 bits.
Result<std::string> oid_from_content(ByteView content);
Result<Bytes> oid_to_content(std::string_view dotted);

// Content octets of a UTCTime (RFC 5280 window: 1950 to 2049) or GeneralizedTime in the one form RFC 5280 4.1.2.5
// allows.
Result<Time> time_from_content(Tag type, ByteView content);

// A character string of any ASN.1 string type as UTF-8; nullopt for one that does not hold what its type says, and for
// other types. T61String is read as ISO 8859-1, as everybody writes it; PrintableString as visible ASCII, because
// devices put '@', '*' and '_' into it.
std::optional<std::string> string_to_utf8(const Tlv& value);
bool is_printable_string(std::string_view text);
bool is_ascii(std::string_view text);
bool is_utf8(std::string_view text);

class DerWriter {
public:
    DerWriter& raw(ByteView der);
    DerWriter& tlv(Tag tag, ByteView content);
    DerWriter& integer(std::uint64_t value);
    DerWriter& integer_content(ByteView content);     // as is
    DerWriter& unsigned_integer(ByteView magnitude);  // big endian; leading zeros are dropped or added as needed
    DerWriter& boolean(bool value);
    DerWriter& null() { return tlv(tag::null, {}); }
    // Throws std::invalid_argument for text that is no object identifier: callers pass checked ones.
    DerWriter& oid(std::string_view dotted);
    DerWriter& octet_string(ByteView content) { return tlv(tag::octet_string, content); }
    DerWriter& bit_string(ByteView content, unsigned unused_bits = 0);
    DerWriter& string(Tag tag, std::string_view text) { return tlv(tag, as_bytes(text)); }
    DerWriter& time(Time value);  // UTCTime until 2049, GeneralizedTime after (RFC 5280 4.1.2.5)
    DerWriter& generalized_time(Time value);
    // SET OF in DER order.
    DerWriter& set_of(std::vector<Bytes> values, Tag tag = tag::set);

    // Writes tag and length around whatever `body` writes into this same writer.
    template <class Body>
    DerWriter& nest(Tag tag, Body&& body) {
        const std::size_t start = open(tag);
        body(*this);
        close(start);
        return *this;
    }
    DerWriter& algorithm_with_null(std::string_view oid);

    ByteView view() const { return out_; }
    Bytes take() { return std::move(out_); }

private:
    std::size_t open(Tag tag);
    void close(std::size_t start);

    Bytes out_;
};

}  // namespace countersign::crypto
