// The outer layer of a pkiMessage: a SignedData whose signature has been checked.
//
// A VerifiedEnvelope exists only if the signature by the certificate it carries holds over its attributes and
// content; who that signer is, and whether the signer may have anything, is not said yet. It owns all its
// octets; move-only, because one message is answered once. Any thread.
#pragma once

#include "countersign/core/bytes.hpp"
#include "countersign/crypto/certificate.hpp"
#include "countersign/crypto/cms.hpp"
#include "countersign/scep/message.hpp"

#include <optional>
#include <string>

namespace countersign::scep {

class VerifiedEnvelope {
public:
    // Parses `message` (BER) and verifies its one signature under the certificate in it that the signer info names.
    // malformed: not a pkiMessage, or a SCEP attribute with several values or of the wrong type (messageType and
    // transactionID PrintableString, transactionID 1..255 characters and printable, nonces OCTET STRING of at
    // most 64 octets). unauthenticated: the signature does not hold, or is made with MD5. Whether the profile accepts
    // its digest is open_request's to judge. The self-signature and validity of the signer certificate are not judged:
    // old devices send anything there (interop reference, fact 19), and what matters is the key.
    static Result<VerifiedEnvelope> verify(ByteView message, const crypto::CmsLimits& limits = {});

    VerifiedEnvelope(VerifiedEnvelope&&) noexcept = default;
    VerifiedEnvelope& operator=(VerifiedEnvelope&&) noexcept = default;

    // nullopt: absent, or not one of the five request types. Every such message gets a signed failure.
    std::optional<MessageType> message_type() const { return message_type_; }
    const std::string& message_type_text() const { return message_type_text_; }  // as received; empty when absent
    const std::string& transaction_id() const { return transaction_id_; }
    // nullopt: absent, which old clients do; any length is accepted and echoed (interop fact 14).
    const std::optional<Bytes>& sender_nonce() const { return sender_nonce_; }
    const crypto::Certificate& signer() const { return *signer_; }
    crypto::DigestAlgorithm digest() const { return digest_; }
    ByteView enveloped_data() const { return enveloped_data_; }            // the eContent: a ContentInfo
    const std::string& message_sha256() const { return message_sha256_; }  // of the message as received

private:
    VerifiedEnvelope() = default;
    std::optional<MessageType> message_type_;
    std::string message_type_text_;
    std::string transaction_id_;
    std::optional<Bytes> sender_nonce_;
    std::optional<crypto::Certificate> signer_;
    crypto::DigestAlgorithm digest_ = crypto::DigestAlgorithm::sha256;
    Bytes enveloped_data_;
    std::string message_sha256_;
};

}  // namespace countersign::scep
