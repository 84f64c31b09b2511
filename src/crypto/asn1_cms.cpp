#include "asn1_cms.hpp"

#include <openssl/objects.h>

#include <array>
#include <vector>

#include "countersign/crypto/ossl.hpp"

namespace countersign::crypto::asn1 {

ASN1_SEQUENCE(IssuerSerial) = {
    ASN1_SIMPLE(IssuerSerial, issuer, ASN1_ANY),
    ASN1_SIMPLE(IssuerSerial, serial, ASN1_INTEGER),
} ASN1_SEQUENCE_END(IssuerSerial)

ASN1_CHOICE(PartyIdentifier) = {
    ASN1_SIMPLE(PartyIdentifier, d.issuer_and_serial, IssuerSerial),
    ASN1_IMP(PartyIdentifier, d.key_identifier, ASN1_OCTET_STRING, 0),
} static_ASN1_CHOICE_END(PartyIdentifier)

ASN1_SEQUENCE(EncapsulatedContent) = {
    ASN1_SIMPLE(EncapsulatedContent, type, ASN1_OBJECT),
    ASN1_EXP_OPT(EncapsulatedContent, content, ASN1_OCTET_STRING, 0),
} static_ASN1_SEQUENCE_END(EncapsulatedContent)

ASN1_SEQUENCE(SignedFields) = {
    ASN1_SIMPLE(SignedFields, version, ASN1_INTEGER),
    ASN1_SET_OF(SignedFields, digest_algorithms, X509_ALGOR),
    ASN1_SIMPLE(SignedFields, content, EncapsulatedContent),
    ASN1_IMP_SET_OF_OPT(SignedFields, certificates, ASN1_ANY, 0),
    ASN1_IMP_SET_OF_OPT(SignedFields, crls, ASN1_ANY, 1),
    ASN1_SET_OF(SignedFields, signers, ASN1_ANY),
} static_ASN1_SEQUENCE_END(SignedFields)

ASN1_SEQUENCE(SignedInfo) = {
    ASN1_SIMPLE(SignedInfo, type, ASN1_OBJECT),
    ASN1_EXP(SignedInfo, fields, SignedFields, 0),
} ASN1_SEQUENCE_END(SignedInfo)

ASN1_SEQUENCE(Signer) = {
    ASN1_SIMPLE(Signer, version, ASN1_INTEGER),
    ASN1_SIMPLE(Signer, identifier, PartyIdentifier),
    ASN1_SIMPLE(Signer, digest_algorithm, X509_ALGOR),
    ASN1_SIMPLE(Signer, signed_attributes, ASN1_ANY),
    ASN1_SIMPLE(Signer, signature_algorithm, X509_ALGOR),
    ASN1_SIMPLE(Signer, signature, ASN1_OCTET_STRING),
    ASN1_IMP_SET_OF_OPT(Signer, unsigned_attributes, ASN1_ANY, 1),
} ASN1_SEQUENCE_END(Signer)

ASN1_SEQUENCE(AttributeFields) = {
    ASN1_SIMPLE(AttributeFields, type, ASN1_OBJECT),
    ASN1_SET_OF(AttributeFields, values, ASN1_ANY),
} ASN1_SEQUENCE_END(AttributeFields)

ASN1_SEQUENCE(EncryptedContent) = {
    ASN1_SIMPLE(EncryptedContent, type, ASN1_OBJECT),
    ASN1_SIMPLE(EncryptedContent, algorithm, X509_ALGOR),
    ASN1_IMP_OPT(EncryptedContent, octets, ASN1_OCTET_STRING, 0),
} static_ASN1_SEQUENCE_END(EncryptedContent)

ASN1_SEQUENCE(EnvelopedFields) = {
    ASN1_SIMPLE(EnvelopedFields, version, ASN1_INTEGER),
    ASN1_IMP_SEQUENCE_OF_OPT(EnvelopedFields, originator, ASN1_ANY, 0),
    ASN1_SET_OF(EnvelopedFields, recipients, ASN1_ANY),
    ASN1_SIMPLE(EnvelopedFields, content, EncryptedContent),
    ASN1_IMP_SET_OF_OPT(EnvelopedFields, unprotected_attributes, ASN1_ANY, 1),
} static_ASN1_SEQUENCE_END(EnvelopedFields)

ASN1_SEQUENCE(EnvelopedInfo) = {
    ASN1_SIMPLE(EnvelopedInfo, type, ASN1_OBJECT),
    ASN1_EXP(EnvelopedInfo, fields, EnvelopedFields, 0),
} ASN1_SEQUENCE_END(EnvelopedInfo)

ASN1_SEQUENCE(KeyTransportRecipient) = {
    ASN1_SIMPLE(KeyTransportRecipient, version, ASN1_INTEGER),
    ASN1_SIMPLE(KeyTransportRecipient, identifier, PartyIdentifier),
    ASN1_SIMPLE(KeyTransportRecipient, algorithm, X509_ALGOR),
    ASN1_SIMPLE(KeyTransportRecipient, encrypted_key, ASN1_OCTET_STRING),
} ASN1_SEQUENCE_END(KeyTransportRecipient)

ASN1_VALUE* decode_item(ByteView octets, const ASN1_ITEM* item) {
    const unsigned char* at = octets.data();
    ASN1_VALUE* value = ASN1_item_d2i(nullptr, &at, static_cast<long>(octets.size()), item);
    if (value == nullptr) {
        openssl_refused();
        return nullptr;
    }
    if (at != octets.data() + octets.size()) {
        ASN1_item_free(value, item);
        return nullptr;
    }
    return value;
}

namespace {

constexpr std::uint8_t constructed_bit = 0x20;
constexpr std::uint8_t high_tag_number = 0x1f;

struct Frame {
    std::size_t end;  // of an indefinite form: its parent's
    bool indefinite;
};

struct Header {
    bool constructed;
    bool indefinite;
    std::size_t content;  // where it starts
    std::size_t length;   // 0 when indefinite
};

// The octets of `message` below `end` may be used.
Result<Header> read_header(ByteView message, std::size_t at, std::size_t end) {
    const std::uint8_t tag = message[at++];
    // Tag numbers from 31 occur nowhere in CMS or X.509.
    if ((tag & high_tag_number) == high_tag_number) return fail::malformed("BER: a tag number above 30");
    if (tag == 0) return fail::malformed("BER: end-of-contents outside an indefinite form");
    Header header{(tag & constructed_bit) != 0, false, 0, 0};
    if (at == end) return fail::malformed("BER: ends within a header");
    const std::uint8_t first = message[at++];
    if (first == 0x80) {
        if (!header.constructed) return fail::malformed("BER: an indefinite length on a primitive value");
        header.indefinite = true;
    } else if (first < 0x80) {
        header.length = first;
    } else {
        const std::size_t count = first & 0x7fU;
        if (count > sizeof(std::uint32_t)) return fail::malformed("BER: a length of more than four octets");
        if (count > end - at) return fail::malformed("BER: ends within a header");
        for (std::size_t i = 0; i < count; ++i) header.length = header.length << 8 | message[at++];
    }
    header.content = at;
    if (header.length > end - at) return fail::malformed("BER: a length beyond its parent");
    return header;
}

}  // namespace

Result<void> check_structure(ByteView message, const StructureLimits& limits) {
    if (message.size() > limits.octets) return fail::malformed("BER: the message is too large");
    if (message.empty()) return fail::malformed("BER: the message is empty");
    std::vector<Frame> open;
    open.reserve(static_cast<std::size_t>(limits.depth));
    std::size_t at = 0;
    std::size_t elements = 0;
    do {
        const std::size_t end = open.empty() ? message.size() : open.back().end;
        if (at == end) return fail::malformed("BER: an indefinite form is not closed");
        if (!open.empty() && open.back().indefinite && message[at] == 0) {
            if (end - at < 2 || message[at + 1] != 0) return fail::malformed("BER: a bad end-of-contents");
            at += 2;
            open.pop_back();
        } else {
            if (++elements > limits.elements) return fail::malformed("BER: too many elements");
            TRY(const Header header, read_header(message, at, end));
            at = header.content;
            if (!header.constructed) {
                at += header.length;
            } else {
                if (open.size() >= static_cast<std::size_t>(limits.depth)) {
                    return fail::malformed("BER: nested too deeply");
                }
                open.push_back({header.indefinite ? end : at + header.length, header.indefinite});
            }
        }
        while (!open.empty() && !open.back().indefinite && at == open.back().end) open.pop_back();
    } while (!open.empty());
    if (at != message.size()) return fail::malformed("BER: octets after the value");
    return boost::system::in_place_value;
}

ByteView raw(const ASN1_TYPE* element) {
    switch (element->type) {
        case V_ASN1_SEQUENCE:
        case V_ASN1_SET:
        case V_ASN1_OTHER: return view(element->value.asn1_string);
        default: return {};
    }
}

Bytes encode(const ASN1_TYPE* element) {
    const int size = i2d_ASN1_TYPE(element, nullptr);
    if (size <= 0) {
        openssl_refused();
        return {};
    }
    Bytes out(static_cast<std::size_t>(size));
    unsigned char* at = out.data();
    if (i2d_ASN1_TYPE(element, &at) != size) throw std::bad_alloc();  // the same as just before
    return out;
}

Bytes integer_content(const ASN1_INTEGER* integer) {
    unsigned char* der = nullptr;
    const int size = i2d_ASN1_INTEGER(integer, &der);
    if (size <= 0) {
        openssl_refused();
        return {};
    }
    const std::unique_ptr<unsigned char, void (*)(unsigned char*)> owner(der, [](unsigned char* p) { OPENSSL_free(p); });
    const unsigned char* at = der;
    long length = 0;
    int tag = 0;
    int tag_class = 0;
    ASN1_get_object(&at, &length, &tag, &tag_class, size);
    return {at, at + length};
}

std::string oid_text(const ASN1_OBJECT* object) {
    // OBJ_obj2txt is quadratic in the length (CVE-2023-2650); 40 octets is more than any name in use here.
    if (OBJ_length(object) == 0 || OBJ_length(object) > 40) return {};
    std::array<char, 256> text{};
    const int length = OBJ_obj2txt(text.data(), static_cast<int>(text.size()), object, 1);
    if (length <= 0 || static_cast<std::size_t>(length) >= text.size()) {
        openssl_refused();
        return {};
    }
    return {text.data(), static_cast<std::size_t>(length)};
}

}  // namespace countersign::crypto::asn1
