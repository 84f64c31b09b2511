#include "name_attributes.hpp"

#include "countersign/core/text.hpp"

#include <array>

namespace countersign::crypto {
namespace {

constexpr std::array<NameAttributeType, 16> types{{
    {"2.5.4.3", "CN", tag::utf8_string},
    {"2.5.4.4", "SN", tag::utf8_string},
    {"2.5.4.5", "SERIALNUMBER", tag::printable_string},
    {"2.5.4.6", "C", tag::printable_string},
    {"2.5.4.7", "L", tag::utf8_string},
    {"2.5.4.8", "ST", tag::utf8_string},
    {"2.5.4.9", "STREET", tag::utf8_string},
    {"2.5.4.10", "O", tag::utf8_string},
    {"2.5.4.11", "OU", tag::utf8_string},
    {"2.5.4.12", "T", tag::utf8_string},
    {"2.5.4.42", "GN", tag::utf8_string},
    {"0.9.2342.19200300.100.1.1", "UID", tag::utf8_string},
    {"0.9.2342.19200300.100.1.25", "DC", tag::ia5_string},
    {"1.2.840.113549.1.9.1", "E", tag::ia5_string},
    {"1.2.840.113549.1.9.2", "unstructuredName", tag::utf8_string},
    {"1.2.840.113549.1.9.8", "unstructuredAddress", tag::utf8_string},
}};

struct Alias {
    std::string_view alias;
    std::string_view label;
};
constexpr std::array<Alias, 16> aliases{{
    {"commonName", "CN"},
    {"surname", "SN"},
    {"countryName", "C"},
    {"localityName", "L"},
    {"stateOrProvinceName", "ST"},
    {"S", "ST"},
    {"streetAddress", "STREET"},
    {"organizationName", "O"},
    {"organizationalUnitName", "OU"},
    {"title", "T"},
    {"givenName", "GN"},
    {"G", "GN"},
    {"userId", "UID"},
    {"domainComponent", "DC"},
    {"emailAddress", "E"},
    {"email", "E"},
}};

}  // namespace

const NameAttributeType* attribute_type_by_oid(std::string_view oid) {
    for (const NameAttributeType& type : types) {
        if (type.oid == oid) return &type;
    }
    return nullptr;
}

const NameAttributeType* attribute_type_by_label(std::string_view label) {
    for (const Alias& one : aliases) {
        if (equals_ignoring_case(one.alias, label)) label = one.label;
    }
    for (const NameAttributeType& type : types) {
        if (equals_ignoring_case(type.label, label)) return &type;
    }
    return nullptr;
}

}  // namespace countersign::crypto
