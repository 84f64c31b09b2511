// X.509 extensions as values, and readers and writers for those this program understands.
// Pure functions; safe on any thread. Every reader takes strict DER and says malformed otherwise.
#pragma once

#include "countersign/core/bytes.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace countersign::crypto {

struct Extension {
    std::string oid;
    bool critical = false;
    Bytes value;  // the octets inside extnValue
};

// Key usage bits as NDES and the Apple profile number them: the first octet of the BIT STRING.
using KeyUsage = std::uint16_t;
namespace usage {
inline constexpr KeyUsage digital_signature = 0x80;
inline constexpr KeyUsage content_commitment = 0x40;
inline constexpr KeyUsage key_encipherment = 0x20;
inline constexpr KeyUsage data_encipherment = 0x10;
inline constexpr KeyUsage key_agreement = 0x08;
inline constexpr KeyUsage key_cert_sign = 0x04;
inline constexpr KeyUsage crl_sign = 0x02;
inline constexpr KeyUsage encipher_only = 0x01;
inline constexpr KeyUsage decipher_only = 0x100;
}  // namespace usage
std::string describe_key_usage(KeyUsage usage);                       // "digitalSignature, keyEncipherment"
Result<KeyUsage> key_usage_from_names(const std::vector<std::string>& names);

struct BasicConstraints {
    bool ca = false;
    std::optional<int> path_length;
};

Result<KeyUsage> parse_key_usage(ByteView value);
Result<std::vector<std::string>> parse_extended_key_usage(ByteView value);  // dotted OIDs; empty is malformed
Result<BasicConstraints> parse_basic_constraints(ByteView value);
// A SEQUENCE OF Extension as in an extensionRequest attribute: at most 64, no OID twice.
Result<std::vector<Extension>> parse_extensions(ByteView der);

Extension make_key_usage(KeyUsage usage);                                        // critical
Extension make_extended_key_usage(const std::vector<std::string>& oids);         // not critical
Extension make_basic_constraints(const BasicConstraints& constraints);           // critical
Extension make_subject_key_identifier(ByteView key_identifier);
Extension make_authority_key_identifier(ByteView key_identifier);
Extension make_crl_distribution_points(const std::vector<std::string>& urls);
Extension make_ca_issuers(const std::vector<std::string>& urls);                 // authorityInfoAccess

// RFC 5280 4.2.1.10; each text is a general name ("dns:example.com", "email:example.com",
// "dirname:O=Example", "ip:10.0.0.0/8", "uri:.example.com", "upn:example.com"). Critical.
Result<Extension> make_name_constraints(const std::vector<std::string>& permitted,
                                        const std::vector<std::string>& excluded);

// "clientAuth", "serverAuth", "emailProtection", "smartcardLogon", ... or a dotted OID.
Result<std::string> extended_key_usage_from_name(std::string_view name);
std::string extended_key_usage_name(std::string_view oid);  // the OID itself when it has no name here

}  // namespace countersign::crypto
