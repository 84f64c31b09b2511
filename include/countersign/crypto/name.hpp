// A distinguished name, kept as the DER it arrived in. Copyable value; safe on any thread.
#pragma once

#include "countersign/core/bytes.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace countersign::crypto {

struct NameAttribute {
    std::string oid;
    std::string value;          // UTF-8; for a string type that cannot be converted, empty with `convertible` false
    bool convertible = true;
    std::size_t rdn = 0;        // which RelativeDistinguishedName, so multi-valued ones can be told
    std::string string_type;    // "UTF8String", "PrintableString", "BMPString", ... or "other"
};

class Name {
public:
    Name() = default;  // the empty name
    // One complete DER Name, at most 64 attributes and 8 KiB; malformed otherwise.
    static Result<Name> from_der(ByteView der);
    // RFC 4514 text, most specific first: "CN=device-7,O=Example". Values become UTF8String, except
    // countryName, serialNumber (PrintableString), domainComponent and emailAddress (IA5String).
    // Attribute names: CN O OU C ST L DC UID E/emailAddress SERIALNUMBER GN SN T STREET, unstructuredName,
    // unstructuredAddress, or a dotted OID. malformed names what is wrong.
    static Result<Name> from_text(std::string_view text);

    ByteView der() const;
    bool empty() const;  // no RDN at all
    // RFC 4514, escaped, most specific first; read back it matches() or is malformed. Run through printable() before a log.
    std::string text() const;
    // In encoding order.
    std::vector<NameAttribute> attributes() const;
    // Values of the attributes with this OID, in encoding order.
    std::vector<std::string> values_of(std::string_view oid) const;

    // RFC 5280 7.1 comparison (case folding and inner blanks), same order of RDNs.
    bool matches(const Name& other) const;
    // Octet for octet.
    bool operator==(const Name& other) const { return der_ == other.der_; }

private:
    Bytes der_;
};

}  // namespace countersign::crypto
