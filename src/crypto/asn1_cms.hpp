// The few CMS structures SCEP needs, as OpenSSL ASN.1 templates, and the structural check that stands in front
// of them. Sets hold their elements undecoded (ASN1_TYPE), so that callers count before they parse further.
// Private to the crypto room; values owned by Decoded<T>.
#pragma once

#include <openssl/asn1.h>
#include <openssl/asn1t.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

#include "countersign/core/bytes.hpp"

namespace countersign::crypto::asn1 {

// A message of this many encodings is already an attack; real ones have a few hundred.
inline constexpr std::size_t elements_in_a_message = 16 * 1024;

// Null is the empty set.
inline std::size_t count(const STACK_OF(ASN1_TYPE) * elements) {
    return elements == nullptr ? 0 : static_cast<std::size_t>(sk_ASN1_TYPE_num(elements));
}

struct IssuerSerial {
    ASN1_TYPE* issuer;
    ASN1_INTEGER* serial;
};
// SignerIdentifier and RecipientIdentifier (RFC 5652 5.3, 6.2.1): the same CHOICE.
struct PartyIdentifier {
    int type;  // 0: issuer_and_serial, 1: key_identifier
    union {
        IssuerSerial* issuer_and_serial;
        ASN1_OCTET_STRING* key_identifier;
    } d;
};
struct EncapsulatedContent {
    ASN1_OBJECT* type;
    ASN1_OCTET_STRING* content;  // null: absent
};
struct SignedFields {
    ASN1_INTEGER* version;
    STACK_OF(X509_ALGOR) * digest_algorithms;
    EncapsulatedContent* content;
    STACK_OF(ASN1_TYPE) * certificates;  // null: absent
    STACK_OF(ASN1_TYPE) * crls;          // null: absent
    STACK_OF(ASN1_TYPE) * signers;
};
struct SignedInfo {
    ASN1_OBJECT* type;
    SignedFields* fields;
};
// signed_attributes is the whole [0] element as received. Declaring it ANY and mandatory does two things: it keeps
// the octets, and a SignerInfo without signed attributes does not parse at all.
struct Signer {
    ASN1_INTEGER* version;
    PartyIdentifier* identifier;
    X509_ALGOR* digest_algorithm;
    ASN1_TYPE* signed_attributes;
    X509_ALGOR* signature_algorithm;
    ASN1_OCTET_STRING* signature;
    STACK_OF(ASN1_TYPE) * unsigned_attributes;  // null: absent
};
struct AttributeFields {
    ASN1_OBJECT* type;
    STACK_OF(ASN1_TYPE) * values;
};
struct EncryptedContent {
    ASN1_OBJECT* type;
    X509_ALGOR* algorithm;
    ASN1_OCTET_STRING* octets;  // null: absent
};
struct EnvelopedFields {
    ASN1_INTEGER* version;
    STACK_OF(ASN1_TYPE) * originator;  // null: absent
    STACK_OF(ASN1_TYPE) * recipients;
    EncryptedContent* content;
    STACK_OF(ASN1_TYPE) * unprotected_attributes;  // null: absent
};
struct EnvelopedInfo {
    ASN1_OBJECT* type;
    EnvelopedFields* fields;
};
struct KeyTransportRecipient {
    ASN1_INTEGER* version;
    PartyIdentifier* identifier;
    X509_ALGOR* algorithm;
    ASN1_OCTET_STRING* encrypted_key;
};

DECLARE_ASN1_ITEM(IssuerSerial)
DECLARE_ASN1_ITEM(SignedInfo)
DECLARE_ASN1_ITEM(Signer)
DECLARE_ASN1_ITEM(AttributeFields)
DECLARE_ASN1_ITEM(EnvelopedInfo)
DECLARE_ASN1_ITEM(KeyTransportRecipient)

template <class T>
const ASN1_ITEM* item_of();
template <>
inline const ASN1_ITEM* item_of<IssuerSerial>() { return ASN1_ITEM_rptr(IssuerSerial); }
template <>
inline const ASN1_ITEM* item_of<SignedInfo>() { return ASN1_ITEM_rptr(SignedInfo); }
template <>
inline const ASN1_ITEM* item_of<Signer>() { return ASN1_ITEM_rptr(Signer); }
template <>
inline const ASN1_ITEM* item_of<AttributeFields>() { return ASN1_ITEM_rptr(AttributeFields); }
template <>
inline const ASN1_ITEM* item_of<EnvelopedInfo>() { return ASN1_ITEM_rptr(EnvelopedInfo); }
template <>
inline const ASN1_ITEM* item_of<KeyTransportRecipient>() { return ASN1_ITEM_rptr(KeyTransportRecipient); }

template <class T>
struct Free {
    void operator()(T* value) const { ASN1_item_free(reinterpret_cast<ASN1_VALUE*>(value), item_of<T>()); }
};
template <class T>
using Decoded = std::unique_ptr<T, Free<T>>;

// Null when `octets` is not exactly one such structure; the error queue is drained.
ASN1_VALUE* decode_item(ByteView octets, const ASN1_ITEM* item);

// malformed ("not a readable <what>") when `octets` is not exactly one T.
template <class T>
Result<Decoded<T>> decode(ByteView octets, std::string_view what) {
    Decoded<T> value(reinterpret_cast<T*>(decode_item(octets, item_of<T>())));
    if (!value) return fail::malformed("not a readable " + std::string(what));
    return value;
}

struct StructureLimits {
    std::size_t octets = 0;
    int depth = 0;             // nested constructed encodings
    std::size_t elements = 0;  // encodings in all: each costs OpenSSL a few allocations
};
// Walks the tags and lengths of one BER value without copying: every length inside its parent, every indefinite
// form closed, no end-of-contents elsewhere, nothing after the value. malformed says which of these failed.
Result<void> check_structure(ByteView message, const StructureLimits& limits);

inline ByteView view(const ASN1_STRING* string) {
    return {ASN1_STRING_get0_data(string), static_cast<std::size_t>(ASN1_STRING_length(string))};
}
// The octets of an element kept undecoded (SEQUENCE, SET or context-specific), as received; empty for other types.
ByteView raw(const ASN1_TYPE* element);
// DER of any element.
Bytes encode(const ASN1_TYPE* element);
// Content octets of an INTEGER.
Bytes integer_content(const ASN1_INTEGER* integer);
// Dotted text; empty for identifiers longer than anything in use.
std::string oid_text(const ASN1_OBJECT* object);

}  // namespace countersign::crypto::asn1
