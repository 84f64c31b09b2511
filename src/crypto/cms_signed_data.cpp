
#include <algorithm>
#include <array>

#include "asn1_cms.hpp"
#include "cms_algorithms.hpp"
#include "countersign/crypto/cms.hpp"
#include "countersign/crypto/oid.hpp"
#include "countersign/crypto/ossl.hpp"

namespace countersign::crypto {

namespace {

// A certs-only bag may carry a CRL with very many entries.
constexpr std::size_t octets_in_a_bag = 16 * 1024 * 1024;
constexpr std::size_t elements_in_a_bag = 2 * 1024 * 1024;

struct FreeElements {
    void operator()(STACK_OF(ASN1_TYPE) * elements) const { sk_ASN1_TYPE_pop_free(elements, ASN1_TYPE_free); }
};
using Elements = std::unique_ptr<STACK_OF(ASN1_TYPE), FreeElements>;

const ASN1_TYPE* at(const STACK_OF(ASN1_TYPE) * elements, std::size_t index) {
    return sk_ASN1_TYPE_value(elements, static_cast<int>(index));
}

Result<asn1::Decoded<asn1::SignedInfo>> open_signed(ByteView message, const asn1::StructureLimits& limits) {
    CHECK(asn1::check_structure(message, limits));
    TRY(auto info, asn1::decode<asn1::SignedInfo>(message, "SignedData"));
    if (asn1::oid_text(info->type) != oid::signed_data) return fail::malformed("the message is not SignedData");
    return info;
}

// Attributes are small and few, so a plain definite-length header is all that is needed to put the SET together.
Bytes set_of(std::vector<Bytes> elements) {
    std::sort(elements.begin(), elements.end());  // X.690 11.6; no element is a prefix of another
    std::size_t size = 0;
    for (const auto& element : elements) size += element.size();
    Bytes out(static_cast<std::size_t>(ASN1_object_size(1, static_cast<int>(size), V_ASN1_SET)));
    unsigned char* position = out.data();
    ASN1_put_object(&position, 1, static_cast<int>(size), V_ASN1_SET, V_ASN1_UNIVERSAL);
    for (const auto& element : elements) position = std::copy(element.begin(), element.end(), position);
    return out;
}

Result<Bytes> encode_attribute(const asn1::AttributeFields& fields) {
    unsigned char* der = nullptr;
    const int size =
        ASN1_item_i2d(reinterpret_cast<const ASN1_VALUE*>(&fields), &der, asn1::item_of<asn1::AttributeFields>());
    if (size <= 0) {
        openssl_refused();
        return fail::malformed("an attribute that cannot be encoded again");
    }
    Bytes out(der, der + size);
    OPENSSL_free(der);
    return out;
}

Result<Attribute> read_attribute(const asn1::AttributeFields& fields, std::size_t limit) {
    Attribute attribute;
    attribute.oid = asn1::oid_text(fields.type);
    if (attribute.oid.empty()) return fail::malformed("an attribute type of absurd length");
    const std::size_t values = asn1::count(fields.values);
    if (values == 0 || values > limit) return fail::malformed("an attribute without values, or with too many");
    for (std::size_t i = 0; i < values; ++i) attribute.values.push_back(asn1::encode(at(fields.values, i)));
    return attribute;
}

Result<void> read_signed_attributes(const ASN1_TYPE* element, const CmsLimits& limits, SignedData& result) {
    constexpr std::uint8_t implicit_set = 0xa0;
    constexpr std::uint8_t universal_set = 0x31;
    constexpr std::uint8_t indefinite = 0x80;
    const ByteView received = asn1::raw(element);
    if (received.size() < 2 || received[0] != implicit_set) return fail::malformed("no signed attributes");
    if (received.size() > limits.attribute_octets) return fail::malformed("the signed attributes are too large");
    Bytes set = to_bytes(received);
    set[0] = universal_set;

    const unsigned char* position = set.data();
    const Elements elements(d2i_ASN1_SET_ANY(nullptr, &position, static_cast<long>(set.size())));
    if (!elements) {
        openssl_refused();
        return fail::malformed("unreadable signed attributes");
    }
    const std::size_t attributes = asn1::count(elements.get());
    if (attributes == 0) return fail::malformed("no signed attributes");
    if (attributes > limits.attributes) return fail::malformed("too many signed attributes");

    std::vector<Bytes> encodings;
    encodings.reserve(attributes);
    for (std::size_t i = 0; i < attributes; ++i) {
        TRY(const auto fields, asn1::decode<asn1::AttributeFields>(asn1::raw(at(elements.get(), i)), "attribute"));
        TRY(Attribute attribute, read_attribute(*fields, limits.attributes));
        for (const auto& earlier : result.signed_attributes) {
            if (earlier.oid == attribute.oid) return fail::malformed("signed attribute " + attribute.oid + " twice");
        }
        result.signed_attributes.push_back(std::move(attribute));
        TRY(Bytes encoding, encode_attribute(*fields));
        encodings.push_back(std::move(encoding));
    }
    result.signed_attributes_der = set_of(std::move(encodings));
    if (set[1] != indefinite && !equal(set, result.signed_attributes_der)) {
        result.signed_attributes_received = std::move(set);
    }
    return boost::system::in_place_value;
}

Result<void> read_signer(const ASN1_TYPE* element, const CmsLimits& limits, SignedData& result) {
    TRY(const auto signer, asn1::decode<asn1::Signer>(asn1::raw(element), "SignerInfo with signed attributes"));
    const auto& identifier = *signer->identifier;
    if (identifier.type == 0) {
        result.signer_issuer = asn1::encode(identifier.d.issuer_and_serial->issuer);
        result.signer_serial = asn1::integer_content(identifier.d.issuer_and_serial->serial);
    } else {
        result.signer_key_identifier = to_bytes(asn1::view(identifier.d.key_identifier));
    }
    const auto digest = cms::digest_of(signer->digest_algorithm);
    if (!digest) return fail::malformed(digest.error().detail);
    result.digest = *digest;
    result.signature_scheme = cms::signature_scheme_of(signer->signature_algorithm, *digest);
    result.signature = to_bytes(asn1::view(signer->signature));
    if (asn1::count(signer->unsigned_attributes) > limits.attributes)
        return fail::malformed("too many unsigned attributes");
    return read_signed_attributes(signer->signed_attributes, limits, result);
}

// The one value of the one attribute of this type.
Result<ByteView> single_value(const std::vector<Attribute>& attributes, std::string_view type) {
    const auto found = std::ranges::find(attributes, type, &Attribute::oid);
    if (found == attributes.end()) return fail::unauthenticated("signed attribute missing: " + std::string(type));
    if (found->values.size() != 1) return fail::unauthenticated("signed attribute not single: " + std::string(type));
    return ByteView(found->values.front());
}

bool is_oid(ByteView der, std::string_view expected) {
    const unsigned char* position = der.data();
    const std::unique_ptr<ASN1_OBJECT, void (*)(ASN1_OBJECT*)> object(
        d2i_ASN1_OBJECT(nullptr, &position, static_cast<long>(der.size())), ASN1_OBJECT_free);
    if (!object) {
        openssl_refused();
        return false;
    }
    return position == der.data() + der.size() && asn1::oid_text(object.get()) == expected;
}

}  // namespace

Result<SignedData> SignedData::from_ber(ByteView message, const CmsLimits& limits) {
    TRY(const auto info, open_signed(message, {limits.message_octets, limits.depth, asn1::elements_in_a_message}));
    const auto& fields = *info->fields;
    if (sk_X509_ALGOR_num(fields.digest_algorithms) <= 0) return fail::malformed("no digest algorithms");
    if (asn1::count(fields.signers) != 1) return fail::malformed("not exactly one signer");
    if (asn1::count(fields.certificates) > limits.certificates) return fail::malformed("too many certificates");

    SignedData result;
    result.content_type = asn1::oid_text(fields.content->type);
    if (result.content_type.empty()) return fail::malformed("a content type of absurd length");
    result.has_content = fields.content->content != nullptr;
    if (result.has_content) result.content = to_bytes(asn1::view(fields.content->content));
    CHECK(read_signer(at(fields.signers, 0), limits, result));
    for (std::size_t i = 0; i < asn1::count(fields.certificates); ++i) {
        auto certificate = Certificate::from_der(asn1::raw(at(fields.certificates, i)));
        if (certificate) {
            result.certificates.push_back(*std::move(certificate));
        } else {
            ++result.unparsed_certificates;
        }
    }
    return result;
}

Result<Certificate> SignedData::signer_certificate() const {
    for (const auto& certificate : certificates) {
        if (names_certificate(signer_issuer, signer_serial, signer_key_identifier, certificate)) return certificate;
    }
    return fail::not_found("the signer's certificate is not in the message");
}

Result<void> SignedData::verify(const PublicKey& signer, bool allow_sha1) const {
    if (digest == DigestAlgorithm::md5) return fail::unauthenticated("signed with MD5");
    if (digest == DigestAlgorithm::sha1 && !allow_sha1) return fail::unauthenticated("signed with SHA-1");
    if (!signature_scheme) return fail::unauthenticated("an unknown signature algorithm");
    if ((signature_scheme->padding == Padding::ecdsa) == signer.is_rsa()) {
        return fail::unauthenticated("the signature algorithm is not one for the signer's key");
    }
    TRY(const ByteView type, single_value(signed_attributes, oid::content_type));
    if (!is_oid(type, content_type)) return fail::unauthenticated("the contentType attribute is another type");
    TRY(const ByteView digest_value, single_value(signed_attributes, oid::message_digest));
    const auto claimed = read_octet_string(digest_value);
    if (!claimed || !equal(*claimed, crypto::digest(digest, content))) {
        return fail::unauthenticated("the messageDigest attribute is not the content's");
    }
    if (signer.verify(*signature_scheme, signed_attributes_der, signature)) return boost::system::in_place_value;
    // RFC 5652 5.4 has the DER encoding signed; clients that do not sort sign what they send.
    if (!signed_attributes_received.empty()) {
        return signer.verify(*signature_scheme, signed_attributes_received, signature);
    }
    return fail::unauthenticated("the signature does not hold");
}

Result<CertificateBag> CertificateBag::from_ber(ByteView message, std::size_t limit) {
    TRY(const auto info, open_signed(message, {octets_in_a_bag, CmsLimits{}.depth, elements_in_a_bag}));
    const auto& fields = *info->fields;
    if (asn1::count(fields.signers) != 0) return fail::malformed("not certs-only: it has a signer");
    if (fields.content->content != nullptr && ASN1_STRING_length(fields.content->content) != 0) {
        return fail::malformed("not certs-only: it has content");
    }
    if (asn1::count(fields.certificates) > limit) return fail::malformed("too many certificates");
    if (asn1::count(fields.crls) > limit) return fail::malformed("too many CRLs");
    CertificateBag bag;
    for (std::size_t i = 0; i < asn1::count(fields.certificates); ++i) {
        TRY(auto certificate, Certificate::from_der(asn1::raw(at(fields.certificates, i))));
        bag.certificates.push_back(std::move(certificate));
    }
    for (std::size_t i = 0; i < asn1::count(fields.crls); ++i) {
        const ByteView crl = asn1::raw(at(fields.crls, i));
        if (crl.empty()) return fail::malformed("a CRL that is none");
        bag.crls.push_back(to_bytes(crl));
    }
    return bag;
}

}  // namespace countersign::crypto
