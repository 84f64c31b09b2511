#include "countersign/scep/client_message.hpp"

#include <algorithm>
#include <charconv>

#include "attributes.hpp"
#include "countersign/core/text.hpp"
#include "countersign/crypto/oid.hpp"
#include "countersign/keys/unwrap.hpp"

namespace countersign::scep {

namespace {

constexpr std::size_t serial_octets = 16;

// A number with nothing around it; nullopt otherwise.
std::optional<int> decimal(const std::optional<std::string>& text) {
    if (!text) return std::nullopt;
    int value = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
    return value;
}

Result<PkiStatus> status_of(const crypto::SignedData& data) {
    TRY(const auto text, printable_attribute(data, oid::scep_pki_status, "pkiStatus"));
    switch (decimal(text).value_or(-1)) {
        case 0: return PkiStatus::success;
        case 2: return PkiStatus::failure;
        case 3: return PkiStatus::pending;
        default: return fail::malformed("a CertRep without a known pkiStatus");
    }
}

Result<std::optional<FailInfo>> fail_info_of(const crypto::SignedData& data) {
    TRY(const auto text, printable_attribute(data, oid::scep_fail_info, "failInfo"));
    if (!text) return std::optional<FailInfo>();
    const int value = decimal(text).value_or(-1);
    if (value < 0 || value > static_cast<int>(FailInfo::bad_cert_id)) return fail::malformed("an unknown failInfo");
    return std::optional<FailInfo>(static_cast<FailInfo>(value));
}

std::string fail_info_text_of(const crypto::SignedData& data) {
    const auto found = std::ranges::find(data.signed_attributes, oid::scep_fail_info_text, &crypto::Attribute::oid);
    if (found == data.signed_attributes.end() || found->values.size() != 1) return {};
    auto text = crypto::read_utf8_string(found->values.front());
    return text ? *std::move(text) : std::string();
}

Result<crypto::Certificate> verified_signer(const crypto::SignedData& data,
                                            const std::vector<crypto::Certificate>& acceptable) {
    for (const auto& certificate : acceptable) {
        if (!crypto::names_certificate(data.signer_issuer, data.signer_serial, data.signer_key_identifier, certificate))
            continue;
        CHECK(data.verify(certificate.public_key(), true));
        return certificate;
    }
    return fail::unauthenticated("the CertRep is signed by nobody expected");
}

Result<void> open_success(const crypto::SignedData& data, const crypto::Certificate& recipient, keys::Key& key,
                          CertRep& rep) {
    TRY(const auto enveloped, crypto::EnvelopedData::from_ber(data.content));
    const auto info =
        std::ranges::find_if(enveloped.recipients, [&](const crypto::EnvelopedData::Recipient& candidate) {
            return crypto::names_certificate(candidate.issuer, candidate.serial, candidate.key_identifier, recipient);
        });
    if (info == enveloped.recipients.end()) return fail::malformed("the CertRep is encrypted to somebody else");
    // A client answers nobody, so what stands in for a bad key need not be secret.
    const Secret substitute_secret(crypto::sha256(data.signature));
    TRY(const auto content_key, keys::unwrap_content_key(key, info->transport, info->encrypted_key,
                                                         crypto::key_size(enveloped.cipher), substitute_secret));
    TRY(const auto plaintext,
        crypto::decrypt(enveloped.cipher, content_key.reveal(), enveloped.iv, enveloped.ciphertext));
    TRY(auto bag, crypto::CertificateBag::from_ber(plaintext.reveal()));
    rep.style = EnvelopeStyle{enveloped.cipher, info->transport};
    rep.certificates = std::move(bag.certificates);
    rep.crls = std::move(bag.crls);
    return boost::system::in_place_value;
}

}  // namespace

Result<Bytes> build_client_message(const ClientMessage& message, const crypto::Certificate& recipient,
                                   const crypto::Certificate& signer, keys::Key& key, Time now, Random& random) {
    TRY(const Bytes envelope, crypto::build_enveloped_data(message.content, recipient, message.style.cipher,
                                                           message.style.transport, random));
    crypto::SignerParameters parameters{&signer, key.public_key().scheme_with(message.digest), now, {}};
    auto& attributes = parameters.further_attributes;
    if (!message.message_type.empty()) {
        attributes.push_back(make_printable(oid::scep_message_type, message.message_type));
    }
    attributes.push_back(make_printable(oid::scep_transaction_id, message.transaction_id));
    attributes.push_back(make_octets(oid::scep_sender_nonce, message.sender_nonce));
    return crypto::build_signed_data(oid::data, envelope, {signer}, parameters,
                                     [&](ByteView octets) { return key.sign(parameters.scheme, octets); });
}

Result<crypto::Certificate> self_signed_signer(const crypto::Name& subject, keys::Key& key, Time now, Random& random) {
    const auto scheme = key.public_key().scheme_with(crypto::DigestAlgorithm::sha256);
    crypto::CertificateContent content;
    content.subject = subject;
    content.spki = to_bytes(key.public_key().spki());
    content.key_usage = crypto::usage::digital_signature;
    if (key.public_key().is_rsa()) content.key_usage |= crypto::usage::key_encipherment;
    content.not_before = now - std::chrono::hours(1);
    content.not_after = now + std::chrono::days(7);
    crypto::IssuerContent issuer;
    issuer.subject = subject;
    issuer.scheme = scheme;
    Bytes serial = random.bytes(serial_octets);
    serial[0] = static_cast<std::uint8_t>((serial[0] & 0x3fU) | 0x40U);  // positive, and always 16 octets
    return crypto::build_certificate(content, issuer, serial,
                                     [&](ByteView octets) { return key.sign(scheme, octets); });
}

std::string transaction_id_for(const crypto::PublicKey& key) {
    return to_upper(key.fingerprint());
}

Result<CertRep> read_cert_rep(ByteView message, const std::vector<crypto::Certificate>& acceptable_signers,
                              const crypto::Certificate& recipient, keys::Key& key) {
    TRY(const auto data, crypto::SignedData::from_ber(message));
    TRY(auto signer, verified_signer(data, acceptable_signers));
    TRY(const auto type, printable_attribute(data, oid::scep_message_type, "messageType"));
    if (!type || message_type_from_text(*type) != MessageType::cert_rep) return fail::malformed("not a CertRep");
    CertRep rep{.status = {},
                .fail_info = {},
                .fail_info_text = fail_info_text_of(data),
                .transaction_id = {},
                .sender_nonce = {},
                .recipient_nonce = {},
                .signer = std::move(signer),
                .digest = data.digest,
                .style = {},
                .certificates = {},
                .crls = {}};
    TRY(rep.status, status_of(data));
    TRY(rep.fail_info, fail_info_of(data));
    TRY(auto transaction_id, printable_attribute(data, oid::scep_transaction_id, "transactionID"));
    rep.transaction_id = std::move(transaction_id).value_or("");
    TRY(rep.sender_nonce, octets_attribute(data, oid::scep_sender_nonce, "senderNonce"));
    TRY(rep.recipient_nonce, octets_attribute(data, oid::scep_recipient_nonce, "recipientNonce"));
    if (rep.status == PkiStatus::success) CHECK(open_success(data, recipient, key, rep));
    return rep;
}

}  // namespace countersign::scep
