#include "countersign/scep/reply.hpp"

#include "attributes.hpp"
#include "countersign/crypto/oid.hpp"

namespace countersign::scep {

namespace {

constexpr std::size_t nonce_octets = 16;  // RFC 8894 3.2.1.5

std::string number(int value) {
    return std::to_string(value);
}

// SHA-1 and MD5 are verified for old clients, never produced.
crypto::DigestAlgorithm reply_digest(crypto::DigestAlgorithm requested) {
    switch (requested) {
        case crypto::DigestAlgorithm::md5:
        case crypto::DigestAlgorithm::sha1: return crypto::DigestAlgorithm::sha256;
        case crypto::DigestAlgorithm::sha256:
        case crypto::DigestAlgorithm::sha384:
        case crypto::DigestAlgorithm::sha512: return requested;
    }
    return crypto::DigestAlgorithm::sha256;
}

PkiStatus status_of(const ReplyContent& content) {
    if (std::holds_alternative<ReplySuccess>(content)) return PkiStatus::success;
    if (std::holds_alternative<ReplyFailure>(content)) return PkiStatus::failure;
    return PkiStatus::pending;
}

std::vector<crypto::Attribute> attributes_of(const ReplyContext& context, const ReplyContent& content, Random& random) {
    const Bytes no_nonce(nonce_octets, 0);
    std::vector<crypto::Attribute> attributes{
        make_printable(oid::scep_message_type, number(static_cast<int>(MessageType::cert_rep))),
        make_printable(oid::scep_pki_status, number(static_cast<int>(status_of(content)))),
        make_printable(oid::scep_transaction_id, context.transaction_id),
        make_octets(oid::scep_sender_nonce, random.bytes(nonce_octets)),
        make_octets(oid::scep_recipient_nonce, context.sender_nonce.value_or(no_nonce)),
    };
    if (const auto* failure = std::get_if<ReplyFailure>(&content)) {
        attributes.push_back(make_printable(oid::scep_fail_info, number(static_cast<int>(failure->info))));
        if (!failure->text.empty()) {
            attributes.push_back({std::string(oid::scep_fail_info_text), {crypto::der_utf8_string(failure->text)}});
        }
    }
    return attributes;
}

}  // namespace

ReplyContext ReplyContext::of(const VerifiedEnvelope& envelope, const EnvelopeStyle& style) {
    return {envelope.transaction_id(), envelope.sender_nonce(), envelope.signer(), style, envelope.digest()};
}

Result<Bytes> build_reply(const ReplyContext& context, const ReplyContent& content, const ReplySigner& signer, Time now,
                          Random& random) {
    const crypto::SignerParameters parameters{
        &signer.certificate,
        signer.key->public_key().scheme_with(reply_digest(context.digest)),
        now,
        attributes_of(context, content, random),
    };
    const crypto::SignCallback sign = [&](ByteView message) { return signer.key->sign(parameters.scheme, message); };
    const auto* success = std::get_if<ReplySuccess>(&content);
    // RFC 8894 3.3.2.2: the pkcsPKIEnvelope is omitted, not the content: certmonger and whatever else verifies with OpenSSL's PKCS7
    // functions refuses a message that has none.
    if (success == nullptr) return crypto::build_signed_data(oid::data, {}, {signer.certificate}, parameters, sign);

    if (!context.signer.public_key().is_rsa()) {
        return fail::denied("the reply cannot be encrypted: the key of the request's signer is not RSA");
    }
    const Bytes bag = crypto::build_certs_only(success->certificates, success->crls);
    TRY(const Bytes envelope,
        crypto::build_enveloped_data(bag, context.signer, context.style.cipher, context.style.transport, random));
    return crypto::build_signed_data(oid::data, envelope, {signer.certificate}, parameters, sign);
}

}  // namespace countersign::scep
