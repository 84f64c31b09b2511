#include "countersign/crypto/cms.hpp"
#include "der.hpp"

namespace countersign::crypto {

namespace {

constexpr std::size_t longest_serial = 64;  // octets; RFC 5280 allows 20, old CAs exceed it

Result<Name> read_name(DerReader& reader, std::string_view what) {
    TRY(const Tlv value, reader.expect(tag::sequence, what));
    return Name::from_der(value.whole);
}

// The empty Name has no octets of its own to write.
Bytes name_der(const Name& name) {
    if (!name.der().empty()) return to_bytes(name.der());
    return DerWriter().tlv(tag::sequence, {}).take();
}

}  // namespace

bool names_certificate(const std::optional<Bytes>& issuer, ByteView serial, const std::optional<Bytes>& key_identifier,
                       const Certificate& certificate) {
    if (key_identifier) {
        const auto own = certificate.subject_key_identifier();
        return own && equal(*own, *key_identifier);
    }
    if (!issuer || !equal(serial, certificate.serial())) return false;
    if (equal(*issuer, certificate.issuer().der())) return true;
    const auto name = Name::from_der(*issuer);
    return name && name->matches(certificate.issuer());
}

Bytes der_printable_string(std::string_view text) {
    return DerWriter().string(tag::printable_string, text).take();
}
Bytes der_utf8_string(std::string_view text) {
    return DerWriter().string(tag::utf8_string, text).take();
}
Bytes der_octet_string(ByteView octets) {
    return DerWriter().octet_string(octets).take();
}

Result<std::string> read_printable_string(ByteView der) {
    TRY(const Tlv value, read_single(der, "PrintableString"));
    if (value.tag != tag::printable_string) return fail::malformed("not a PrintableString");
    return std::string(as_text(value.content));
}

Result<Bytes> read_octet_string(ByteView der) {
    TRY(const Tlv value, read_single(der, "OCTET STRING"));
    if (value.tag != tag::octet_string) return fail::malformed("not an OCTET STRING");
    return to_bytes(value.content);
}

Result<std::string> read_utf8_string(ByteView der) {
    TRY(const Tlv value, read_single(der, "UTF8String"));
    if (value.tag != tag::utf8_string || !is_utf8(as_text(value.content))) return fail::malformed("not a UTF8String");
    return std::string(as_text(value.content));
}

Result<IssuerAndSerial> parse_issuer_and_serial(ByteView der) {
    TRY(DerReader reader, enter_single(der, tag::sequence, "IssuerAndSerialNumber"));
    IssuerAndSerial value;
    TRY(value.issuer, read_name(reader, "issuer"));
    TRY(const ByteView serial, reader.integer("serialNumber"));
    if (serial.size() > longest_serial) return fail::malformed("a serial number of absurd length");
    CHECK(reader.finish("IssuerAndSerialNumber"));
    value.serial = to_bytes(serial);
    return value;
}

Result<IssuerAndSubject> parse_issuer_and_subject(ByteView der) {
    TRY(DerReader reader, enter_single(der, tag::sequence, "IssuerAndSubject"));
    IssuerAndSubject value;
    TRY(value.issuer, read_name(reader, "issuer"));
    TRY(value.subject, read_name(reader, "subject"));
    CHECK(reader.finish("IssuerAndSubject"));
    return value;
}

Bytes encode_issuer_and_serial(const IssuerAndSerial& value) {
    return DerWriter()
        .nest(tag::sequence, [&](DerWriter& out) { out.raw(name_der(value.issuer)).integer_content(value.serial); })
        .take();
}

Bytes encode_issuer_and_subject(const IssuerAndSubject& value) {
    return DerWriter()
        .nest(tag::sequence, [&](DerWriter& out) { out.raw(name_der(value.issuer)).raw(name_der(value.subject)); })
        .take();
}

}  // namespace countersign::crypto
