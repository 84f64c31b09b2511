#include "ntlm_message.hpp"

#include "countersign/core/text.hpp"

#include <algorithm>
#include <array>

namespace countersign::admin::ntlm {
namespace {

constexpr std::string_view signature{"NTLMSSP\0", 8};
constexpr std::size_t type_at = 8;
constexpr std::size_t short_negotiate = 32;  // octets, without version and payload
// AUTHENTICATE_MESSAGE: six times length, allocated length and offset of something in the payload; flags; version.
constexpr std::array<std::size_t, 6> fields_at{12, 20, 28, 36, 44, 52};
constexpr std::size_t domain_field = 28;
constexpr std::size_t user_field = 36;
constexpr std::size_t flags_at = 60;
constexpr std::size_t version_at = 64;
constexpr std::size_t version_octets = 8;
constexpr std::uint8_t unicode_flag = 0x01;
constexpr std::size_t longest_field = 512;  // octets

struct Field {
    std::size_t length = 0;
    std::size_t offset = 0;
};

Field field_at(ByteView message, std::size_t at) {
    Field field{message[at] + 256U * message[at + 1], 0};
    for (std::size_t i = 4; i-- > 0;) field.offset = field.offset * 256 + message[at + 4 + i];
    return field;
}

void put_offset(Bytes& message, std::size_t at, std::size_t offset) {
    for (std::size_t i = 0; i < 4; ++i) message[at + 4 + i] = static_cast<std::uint8_t>(offset >> (8 * i));
}

// Behind what stands in fixed places, and not beyond the end: then a version field that is put in moves them all.
bool fields_lie_in_the_payload(ByteView message) {
    return std::ranges::all_of(fields_at, [&](std::size_t at) {
        const auto field = field_at(message, at);
        return field.length == 0 || (field.offset >= version_at && field.offset <= message.size() &&
                                     field.length <= message.size() - field.offset);
    });
}

std::string text_of(ByteView message, std::size_t at) {
    const auto field = field_at(message, at);
    if (field.length == 0 || field.length > longest_field) return {};
    std::string text(as_text(message.subspan(field.offset, field.length)));
    if ((message[flags_at] & unicode_flag) != 0) std::erase(text, '\0');
    return to_lower(text);
}

}  // namespace

Type type_of(ByteView message) {
    if (message.size() < type_at + 4 || !as_text(message).starts_with(signature)) return Type::none;
    if (message[type_at + 1] != 0 || message[type_at + 2] != 0 || message[type_at + 3] != 0) return Type::none;
    if (message[type_at] == 1) return Type::negotiate;
    const bool whole = message[type_at] == 3 && message.size() > version_at && fields_lie_in_the_payload(message);
    return whole ? Type::authenticate : Type::none;
}

std::string claimed_user(ByteView message) {
    if (type_of(message) != Type::authenticate) return {};
    const auto user = text_of(message, user_field);
    if (user.empty()) return {};
    return text_of(message, domain_field) + "\\" + user;
}

Bytes with_version(Bytes message) {
    const auto type = type_of(message);
    if (type == Type::negotiate && message.size() == short_negotiate) message.resize(short_negotiate + version_octets);
    if (type != Type::authenticate) return message;
    const bool absent = std::ranges::any_of(fields_at, [&](std::size_t at) {
        const auto field = field_at(message, at);
        return field.length > 0 && field.offset >= version_at && field.offset < version_at + version_octets;
    });
    if (!absent) return message;
    message.insert(message.begin() + version_at, version_octets, std::uint8_t{0});
    for (const auto at : fields_at) {
        if (const auto field = field_at(message, at); field.length > 0)
            put_offset(message, at, field.offset + version_octets);
    }
    return message;
}

}  // namespace countersign::admin::ntlm
