#include "asn1_cms.hpp"
#include "cms_algorithms.hpp"
#include "countersign/crypto/cms.hpp"
#include "countersign/crypto/oid.hpp"

namespace countersign::crypto {

namespace {

constexpr std::uint8_t sequence_tag = 0x30;

Result<EnvelopedData::Recipient> read_recipient(const ASN1_TYPE* element) {
    const ByteView octets = asn1::raw(element);
    // Every other kind of RecipientInfo has a context tag (RFC 5652 6.2).
    if (octets.empty() || octets[0] != sequence_tag) return fail::malformed("a recipient that is not key transport");
    TRY(const auto fields, asn1::decode<asn1::KeyTransportRecipient>(octets, "KeyTransRecipientInfo"));
    EnvelopedData::Recipient recipient;
    if (fields->identifier->type == 0) {
        recipient.issuer = asn1::encode(fields->identifier->d.issuer_and_serial->issuer);
        recipient.serial = asn1::integer_content(fields->identifier->d.issuer_and_serial->serial);
    } else {
        recipient.key_identifier = to_bytes(asn1::view(fields->identifier->d.key_identifier));
    }
    TRY(recipient.transport, cms::key_transport_of(fields->algorithm));
    recipient.encrypted_key = to_bytes(asn1::view(fields->encrypted_key));
    return recipient;
}

}  // namespace

Result<EnvelopedData> EnvelopedData::from_ber(ByteView message, const CmsLimits& limits) {
    CHECK(asn1::check_structure(message, {limits.message_octets, limits.depth, asn1::elements_in_a_message}));
    TRY(const auto info, asn1::decode<asn1::EnvelopedInfo>(message, "EnvelopedData"));
    if (asn1::oid_text(info->type) != oid::enveloped_data) return fail::malformed("the content is not EnvelopedData");
    const auto& fields = *info->fields;
    if (fields.originator != nullptr) return fail::malformed("EnvelopedData with originatorInfo");
    if (asn1::count(fields.unprotected_attributes) > limits.attributes) return fail::malformed("too many attributes");
    if (asn1::count(fields.recipients) == 0) return fail::malformed("EnvelopedData without recipients");
    if (asn1::count(fields.recipients) > limits.recipients) return fail::malformed("too many recipients");

    EnvelopedData result;
    for (std::size_t i = 0; i < asn1::count(fields.recipients); ++i) {
        TRY(auto recipient, read_recipient(sk_ASN1_TYPE_value(fields.recipients, static_cast<int>(i))));
        result.recipients.push_back(std::move(recipient));
    }
    result.content_type = asn1::oid_text(fields.content->type);
    TRY(auto parameters, cms::cipher_of(fields.content->algorithm));
    result.cipher = parameters.cipher;
    result.iv = std::move(parameters.iv);
    if (fields.content->octets == nullptr) return fail::malformed("EnvelopedData without encrypted content");
    result.ciphertext = to_bytes(asn1::view(fields.content->octets));
    return result;
}

}  // namespace countersign::crypto
