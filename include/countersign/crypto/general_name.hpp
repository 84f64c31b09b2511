// GeneralName (RFC 5280 4.2.1.6): every type is parsed, so that policy can refuse the ones it does not know.
// Values only; safe on any thread.
#pragma once

#include "countersign/core/bytes.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace countersign::crypto {

enum class GeneralNameType {
    other_name, email, dns, x400_address, directory_name, edi_party_name, uri, ip, registered_id,
};
std::string_view name(GeneralNameType type);  // "dns", "email", "upn" is other_name with its own prefix

struct GeneralName {
    GeneralNameType type = GeneralNameType::dns;
    std::string value;  // dns/email/uri: the IA5 text as is; ip: canonical text; directory_name: RFC 4514;
                        // other_name: UPN text, else lower hex of its DER; the rest: lower hex of the DER
    std::string other_name_oid;
    Bytes der;          // the whole GeneralName with its context tag

    // Two names are the same name when their encodings are.
    bool operator==(const GeneralName& other) const { return der == other.der; }
    bool is_upn() const;
};

// "dns:host.example", "upn:user@example": for logs, the command line and bindings.
std::string to_text(const GeneralName& name);

// Accepts dns: email: uri: ip: upn: dirname: . malformed: an unknown prefix, an empty value, non-ASCII where
// IA5String is required, an IP that is not an address, embedded NUL or control characters.
Result<GeneralName> general_name_from_text(std::string_view text);

// The value of a subjectAltName extension, at most 128 names. malformed: not DER, trailing octets, an empty
// sequence, an IP of a length other than 4 or 16, NUL or control characters in an IA5String.
Result<std::vector<GeneralName>> parse_general_names(ByteView der);
Bytes encode_general_names(const std::vector<GeneralName>& names);

}  // namespace countersign::crypto
