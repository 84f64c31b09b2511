// The inner layer of a pkiMessage: the EnvelopedData opened with the CEP encryption key and read according to
// its message type. Blocking (it uses a private key); any thread.
#pragma once

#include "countersign/core/secret.hpp"
#include "countersign/crypto/certificate_request.hpp"
#include "countersign/crypto/cms.hpp"
#include "countersign/keys/key.hpp"
#include "countersign/scep/envelope.hpp"

#include <memory>
#include <variant>
#include <vector>

namespace countersign::scep {

// A key that opens envelopes and the certificate clients encrypt to. After a rollover there are two.
struct DecryptionKey {
    crypto::Certificate certificate;
    std::shared_ptr<keys::Key> key;
};

// How the request was enveloped; the reply follows it (interop reference, facts 16 and 17).
struct EnvelopeStyle {
    crypto::ContentCipher cipher = crypto::ContentCipher::aes256_cbc;
    crypto::KeyTransport transport;
    std::size_t recipient = 0;  // which of the decryption keys it was for; 0 also where none is known
    bool operator==(const EnvelopeStyle&) const = default;
};

// A CertPoll is not decrypted: its answer depends on who asks alone, and whatever depended on its content would tell an
// eavesdropper who re-signs a captured envelope as a poll whether his changes left the padding valid (security
// reference 0.1).
struct Undisclosed {};

using RequestContent = std::variant<crypto::CertificateRequest,  // PKCSReq, RenewalReq: self-signature verified
                                    Undisclosed,                 // CertPoll
                                    crypto::IssuerAndSerial>;    // GetCert, GetCRL

// An envelope that was opened and understood. Made by open_request alone; move-only, consumed once.
class OpenedRequest {
public:
    OpenedRequest(OpenedRequest&&) noexcept = default;
    OpenedRequest& operator=(OpenedRequest&&) noexcept = default;

    const VerifiedEnvelope& envelope() const { return envelope_; }
    MessageType type() const { return *envelope_.message_type(); }
    const RequestContent& content() const { return content_; }
    const EnvelopeStyle& style() const { return style_; }

private:
    friend struct RequestOpener;
    OpenedRequest(VerifiedEnvelope envelope, RequestContent content, EnvelopeStyle style)
        : envelope_(std::move(envelope)), content_(std::move(content)), style_(style) {}
    VerifiedEnvelope envelope_;
    RequestContent content_;
    EnvelopeStyle style_;
};

// The ways opening fails, as the enrollment must tell them apart. `wire` decides the answer; `detail` is for the
// audit log. Everything that depends on what the encrypted octets hold is undecipherable: bad padding,
// wrong key, garbage PKCS#10, a self-signature that does not hold. They must look the same outside (invariant 5).
struct OpenFailure {
    enum class Wire {
        unsupported_algorithm,  // cipher or key transport this profile does not accept: badAlg, public knowledge
        undecipherable,         // badMessageCheck
        key_unavailable,        // our key is away: retryable, never blamed on the client
    };
    Wire wire = Wire::undecipherable;
    std::string detail;
    VerifiedEnvelope envelope;  // handed back, so that the failure can be answered
    EnvelopeStyle style;
};

// Opens the envelope with whichever of `keys` its one usable recipient names (by issuer and serial, or key
// identifier), the content decrypted with EVP on our own parsed fields. Precondition: message_type() is set
// and is a request type; anything else is undecipherable. No recipient of ours: undecipherable.
std::variant<OpenedRequest, OpenFailure> open_request(VerifiedEnvelope envelope, const std::vector<DecryptionKey>& keys,
                                                      const AcceptedAlgorithms& accepted,
                                                      const Secret& substitute_secret,
                                                      const crypto::CmsLimits& limits = {});

}  // namespace countersign::scep
