#include "countersign/scep/envelope.hpp"

#include <algorithm>

#include "attributes.hpp"
#include "countersign/crypto/oid.hpp"

namespace countersign::scep {

namespace {

constexpr std::size_t longest_transaction_id = 255;
constexpr std::size_t longest_nonce = 64;

bool printable_ascii(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c <= 0x7e; });
}

Result<std::string> read_transaction_id(const crypto::SignedData& data) {
    TRY(auto id, printable_attribute(data, oid::scep_transaction_id, "transactionID"));
    if (!id || id->empty()) return fail::malformed("no transactionID");
    if (id->size() > longest_transaction_id) return fail::malformed("a transactionID of more than 255 characters");
    if (!printable_ascii(*id)) return fail::malformed("a transactionID that is not printable");
    return *std::move(id);
}

}  // namespace

Result<VerifiedEnvelope> VerifiedEnvelope::verify(ByteView message, const crypto::CmsLimits& limits) {
    TRY(auto data, crypto::SignedData::from_ber(message, limits));
    if (data.content_type != oid::data) return fail::malformed("a pkiMessage whose content is not of type data");
    if (!data.has_content) return fail::malformed("a pkiMessage without content");

    VerifiedEnvelope envelope;
    TRY(auto type, printable_attribute(data, oid::scep_message_type, "messageType"));
    TRY(envelope.transaction_id_, read_transaction_id(data));
    TRY(envelope.sender_nonce_, octets_attribute(data, oid::scep_sender_nonce, "senderNonce"));
    if (envelope.sender_nonce_ && envelope.sender_nonce_->size() > longest_nonce) {
        return fail::malformed("a senderNonce of more than 64 octets");
    }

    auto signer = data.signer_certificate();
    if (!signer) return fail::unauthenticated(signer.error().detail);
    // SHA-1 is verified even where it is not accepted, so that the refusal can be a signed badAlg.
    CHECK(data.verify(signer->public_key(), true));

    envelope.message_type_text_ = std::move(type).value_or("");
    envelope.message_type_ = message_type_from_text(envelope.message_type_text_);
    if (envelope.message_type_ == MessageType::cert_rep) envelope.message_type_.reset();
    envelope.signer_ = *std::move(signer);
    envelope.digest_ = data.digest;
    envelope.enveloped_data_ = std::move(data.content);
    envelope.message_sha256_ = crypto::sha256_hex(message);
    return envelope;
}

}  // namespace countersign::scep
