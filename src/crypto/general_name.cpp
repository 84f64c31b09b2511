#include "countersign/crypto/general_name.hpp"

#include "countersign/core/text.hpp"
#include "countersign/crypto/name.hpp"
#include "countersign/crypto/oid.hpp"
#include "der.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

namespace countersign::crypto {
namespace {

constexpr std::size_t most_names = 128;
constexpr unsigned context_numbers = 9;

bool is_name_text(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

bool has_controls(std::string_view text) {
    return std::ranges::any_of(text, [](char c) {
        const auto octet = static_cast<unsigned char>(c);
        return octet < 0x20 || octet == 0x7f;
    });
}

std::string ip_text(ByteView address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const int family = address.size() == 4 ? AF_INET : AF_INET6;
    return ::inet_ntop(family, address.data(), text.data(), static_cast<socklen_t>(text.size()));
}

Result<Bytes> ip_octets(const std::string& text) {
    Bytes v4(4);
    if (::inet_pton(AF_INET, text.c_str(), v4.data()) == 1) return v4;
    Bytes v6(16);
    if (::inet_pton(AF_INET6, text.c_str(), v6.data()) == 1) return v6;
    return fail::malformed("not an IP address: " + printable(text, 60));
}

Result<void> read_other_name(const Tlv& tlv, GeneralName& name) {
    DerReader fields(tlv.content);
    TRY(name.other_name_oid, fields.oid("otherName type"));
    TRY(DerReader wrapped, fields.enter(tag::context_constructed(0), "otherName value"));
    CHECK(fields.finish("otherName"));
    TRY(const Tlv value, wrapped.next("otherName value"));
    CHECK(wrapped.finish("otherName value"));
    name.value = lower_hex(tlv.whole);
    if (name.other_name_oid != oid::ms_upn) return boost::system::in_place_value;
    const auto text = string_to_utf8(value);
    if (!text || text->empty() || has_controls(*text)) return fail::malformed("a UPN that is no text");
    name.value = *text;
    return boost::system::in_place_value;
}

Result<void> read_directory_name(const Tlv& tlv, GeneralName& name) {
    TRY(const Name directory, Name::from_der(tlv.content));
    name.value = directory.text();
    return boost::system::in_place_value;
}

Result<GeneralName> read_general_name(const Tlv& tlv) {
    const unsigned number = tlv.tag & 0x1fU;
    const bool constructed = number == 0 || number == 3 || number == 4 || number == 5;
    const Tag expected = constructed ? tag::context_constructed(number) : tag::context(number);
    if (number >= context_numbers || tlv.tag != expected) return fail::malformed("general name: unknown kind");
    GeneralName name;
    name.type = static_cast<GeneralNameType>(number);
    name.der = to_bytes(tlv.whole);
    switch (name.type) {
        case GeneralNameType::other_name: CHECK(read_other_name(tlv, name)); break;
        case GeneralNameType::directory_name: CHECK(read_directory_name(tlv, name)); break;
        case GeneralNameType::email:
        case GeneralNameType::dns:
        case GeneralNameType::uri:
            if (tlv.content.empty() || !is_name_text(as_text(tlv.content))) {
                return fail::malformed("general name: empty, or characters that do not belong there");
            }
            name.value = as_text(tlv.content);
            break;
        case GeneralNameType::ip:
            if (tlv.content.size() != 4 && tlv.content.size() != 16) {
                return fail::malformed("general name: an IP address of " + std::to_string(tlv.content.size()) +
                                       " octets");
            }
            name.value = ip_text(tlv.content);
            break;
        case GeneralNameType::registered_id: CHECK(oid_from_content(tlv.content)); [[fallthrough]];
        case GeneralNameType::x400_address:
        case GeneralNameType::edi_party_name: name.value = lower_hex(tlv.whole); break;
    }
    return name;
}

Result<Bytes> encode_upn(std::string_view text) {
    if (!is_utf8(text)) return fail::malformed("a UPN that is not UTF-8");
    DerWriter out;
    out.nest(tag::context_constructed(0), [&](DerWriter& w) {
        w.oid(oid::ms_upn).nest(tag::context_constructed(0), [&](DerWriter& v) { v.string(tag::utf8_string, text); });
    });
    return out.take();
}

Result<Bytes> encode_from_text(std::string_view prefix, std::string_view value) {
    DerWriter out;
    if (prefix == "upn") return encode_upn(value);
    if (prefix == "ip") {
        TRY(const Bytes address, ip_octets(std::string(value)));
        return out.tlv(tag::context(7), address).take();
    }
    if (prefix == "dirname") {
        TRY(const Name directory, Name::from_text(value));
        return out.tlv(tag::context_constructed(4), directory.der()).take();
    }
    const unsigned number = prefix == "email" ? 1 : prefix == "dns" ? 2 : prefix == "uri" ? 6 : 0;
    if (number == 0) return fail::malformed("unknown kind of name '" + printable(prefix, 20) + "'");
    if (!is_name_text(value)) return fail::malformed("a name with characters outside ASCII");
    return out.string(tag::context(number), value).take();
}

}  // namespace

std::string_view name(GeneralNameType type) {
    switch (type) {
        case GeneralNameType::other_name: return "othername";
        case GeneralNameType::email: return "email";
        case GeneralNameType::dns: return "dns";
        case GeneralNameType::x400_address: return "x400";
        case GeneralNameType::directory_name: return "dirname";
        case GeneralNameType::edi_party_name: return "ediparty";
        case GeneralNameType::uri: return "uri";
        case GeneralNameType::ip: return "ip";
        case GeneralNameType::registered_id: return "rid";
    }
    return "othername";
}

bool GeneralName::is_upn() const {
    return type == GeneralNameType::other_name && other_name_oid == oid::ms_upn;
}

std::string to_text(const GeneralName& name) {
    const std::string_view prefix = name.is_upn() ? std::string_view("upn") : crypto::name(name.type);
    return std::string(prefix) + ":" + name.value;
}

Result<GeneralName> general_name_from_text(std::string_view text) {
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) return fail::malformed("a name without a kind, such as dns:");
    const std::string_view value = text.substr(colon + 1);
    if (value.empty()) return fail::malformed("an empty name");
    if (has_controls(value)) return fail::malformed("a name with control characters");
    TRY(const Bytes der, encode_from_text(to_lower(text.substr(0, colon)), value));
    TRY(const Tlv tlv, read_single(der, "general name"));
    return read_general_name(tlv);
}

Result<std::vector<GeneralName>> parse_general_names(ByteView der) {
    CHECK(check_der(der, "general names"));
    TRY(DerReader list, enter_single(der, tag::sequence, "general names"));
    std::vector<GeneralName> names;
    while (!list.at_end()) {
        if (names.size() == most_names) return fail::malformed("general names: too many");
        TRY(const Tlv tlv, list.next("general name"));
        TRY(GeneralName name, read_general_name(tlv));
        names.push_back(std::move(name));
    }
    if (names.empty()) return fail::malformed("general names: none");
    return names;
}

Bytes encode_general_names(const std::vector<GeneralName>& names) {
    DerWriter out;
    out.nest(tag::sequence, [&](DerWriter& w) {
        for (const GeneralName& name : names) w.raw(name.der);
    });
    return out.take();
}

}  // namespace countersign::crypto
