// A PKCS#10 certification request (RFC 2986), parsed strictly: DER only, no trailing octets, bounded.
//
// Copyable (shares its state); safe on any thread. Parsing does not verify: call verify_self_signature.
#pragma once

#include "countersign/core/secret.hpp"
#include "countersign/crypto/extension.hpp"
#include "countersign/crypto/general_name.hpp"
#include "countersign/crypto/name.hpp"
#include "countersign/crypto/public_key.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace countersign::crypto {

class CertificateRequest {
public:
    // At most 64 KiB and 32 attributes. malformed: BER forms, trailing octets, an attribute type twice, a
    // challengePassword without exactly one value, both kinds of extension request at once or one twice, a
    // key PublicKey refuses, re-encoding that differs from what was received.
    static Result<CertificateRequest> from_der(ByteView der);
    static Result<CertificateRequest> from_pem(std::string_view text);

    ByteView der() const;
    const Name& subject() const;
    const PublicKey& public_key() const;
    // PKCS#9 challengePassword in UTF-8 whatever its string type (PrintableString, UTF8String, IA5String,
    // T61String, BMPString). No length limit but the request's own: signed challenges are kilobytes.
    // nullopt: the attribute is absent, which is not the same as empty.
    std::optional<Secret> challenge_password() const;
    // The request as others may see it: without its challengePassword. Where there was one, the signature, which is left
    // as it is, holds no more.
    Result<Bytes> der_without_challenge() const;
    // From extensionRequest (PKCS#9) or its Microsoft twin; empty when neither is present.
    const std::vector<Extension>& extensions() const;
    const std::vector<std::string>& attribute_types() const;  // dotted OIDs, in order
    std::optional<KeyUsage> key_usage() const;
    // Parsed from extensions(); malformed when the extension is there and unreadable.
    Result<std::vector<GeneralName>> subject_alt_names() const;
    Result<std::vector<std::string>> extended_key_usage() const;
    std::optional<SignatureScheme> signature_scheme() const;

    // Proof of possession (RFC 2986 section 4.2 note; RFC 8894 7.6): over the octets as received. That it held is
    // remembered, also by copies: whoever relies on it asks again, at no cost.
    Result<void> verify_self_signature() const;

private:
    struct State;
    explicit CertificateRequest(std::shared_ptr<const State> state) : state_(std::move(state)) {}
    std::shared_ptr<const State> state_;
};

}  // namespace countersign::crypto
