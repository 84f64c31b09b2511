#include "der.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <stdexcept>

namespace countersign::crypto {
namespace {

// Length octets as DER wants them: one for up to 127, else a count and the number.
std::size_t encode_length(std::size_t length, std::array<std::uint8_t, 9>& out) {
    if (length < 0x80) {
        out[0] = static_cast<std::uint8_t>(length);
        return 1;
    }
    std::size_t count = 0;
    for (std::size_t rest = length; rest != 0; rest >>= 8) ++count;
    out[0] = static_cast<std::uint8_t>(0x80 | count);
    for (std::size_t i = 0; i < count; ++i) out[1 + i] = static_cast<std::uint8_t>(length >> (8 * (count - 1 - i)));
    return 1 + count;
}

struct CivilTime {
    int year;
    unsigned month, day;
    int hour, minute, second;
};

CivilTime civil(Time value) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(value);
    const auto day = std::chrono::floor<std::chrono::days>(seconds);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss clock{seconds - day};
    if (date.year() < std::chrono::year{0} || date.year() > std::chrono::year{9999}) {
        throw std::out_of_range("a year that ASN.1 cannot write");
    }
    return {static_cast<int>(date.year()),
            static_cast<unsigned>(date.month()),
            static_cast<unsigned>(date.day()),
            static_cast<int>(clock.hours().count()),
            static_cast<int>(clock.minutes().count()),
            static_cast<int>(clock.seconds().count())};
}

std::string time_text(const CivilTime& t, bool four_digit_year) {
    std::array<char, 80> text{};
    const int length = std::snprintf(text.data(), text.size(), "%04d%02u%02u%02d%02d%02dZ", t.year, t.month, t.day,
                                     t.hour, t.minute, t.second);
    const std::string whole(text.data(), static_cast<std::size_t>(length));
    return four_digit_year ? whole : whole.substr(2);
}

}  // namespace

DerWriter& DerWriter::raw(ByteView der) {
    out_.insert(out_.end(), der.begin(), der.end());
    return *this;
}

DerWriter& DerWriter::tlv(Tag type, ByteView content) {
    std::array<std::uint8_t, 9> length{};
    const std::size_t count = encode_length(content.size(), length);
    out_.push_back(type);
    out_.insert(out_.end(), length.begin(), length.begin() + static_cast<std::ptrdiff_t>(count));
    return raw(content);
}

DerWriter& DerWriter::integer(std::uint64_t value) {
    std::array<std::uint8_t, 8> octets{};
    for (std::size_t i = 0; i < octets.size(); ++i) octets[i] = static_cast<std::uint8_t>(value >> (8 * (7 - i)));
    return unsigned_integer(octets);
}

DerWriter& DerWriter::integer_content(ByteView content) {
    return tlv(tag::integer, content);
}

DerWriter& DerWriter::unsigned_integer(ByteView magnitude) {
    while (!magnitude.empty() && magnitude[0] == 0) magnitude = magnitude.subspan(1);
    return nest(tag::integer, [&](DerWriter& w) {
        if (magnitude.empty() || (magnitude[0] & 0x80) != 0) w.out_.push_back(0);
        w.raw(magnitude);
    });
}

DerWriter& DerWriter::boolean(bool value) {
    const std::uint8_t octet = value ? 0xff : 0x00;
    return tlv(tag::boolean, {&octet, 1});
}

DerWriter& DerWriter::oid(std::string_view dotted) {
    const auto content = oid_to_content(dotted);
    if (!content) throw std::invalid_argument("not an object identifier: " + std::string(dotted));
    return tlv(tag::oid, *content);
}

DerWriter& DerWriter::bit_string(ByteView content, unsigned unused_bits) {
    return nest(tag::bit_string, [&](DerWriter& w) {
        w.out_.push_back(static_cast<std::uint8_t>(unused_bits));
        w.raw(content);
    });
}

DerWriter& DerWriter::time(Time value) {
    const CivilTime t = civil(value);
    if (t.year < 1950 || t.year > 2049) return string(tag::generalized_time, time_text(t, true));
    return string(tag::utc_time, time_text(t, false));
}

DerWriter& DerWriter::generalized_time(Time value) {
    return string(tag::generalized_time, time_text(civil(value), true));
}

DerWriter& DerWriter::set_of(std::vector<Bytes> values, Tag type) {
    std::ranges::sort(values);
    return nest(type, [&](DerWriter& w) {
        for (const Bytes& value : values) w.raw(value);
    });
}

DerWriter& DerWriter::algorithm_with_null(std::string_view identifier) {
    return nest(tag::sequence, [&](DerWriter& w) { w.oid(identifier).null(); });
}

std::size_t DerWriter::open(Tag type) {
    out_.push_back(type);
    return out_.size();
}

void DerWriter::close(std::size_t start) {
    std::array<std::uint8_t, 9> length{};
    const std::size_t count = encode_length(out_.size() - start, length);
    out_.insert(out_.begin() + static_cast<std::ptrdiff_t>(start), length.begin(),
                length.begin() + static_cast<std::ptrdiff_t>(count));
}

}  // namespace countersign::crypto
