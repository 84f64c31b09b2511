// The Certificate Management Protocol (RFC 4210, RFC 9480) as far as an RA needs it that has PKCS#10 requests signed:
// messages as octets, out and in.
//
// Messages out are written here, so that their protection may be made by any key, one in a token too, and a transaction
// may go on in another process; OpenSSL's own CMP client knows neither (docs/decisions/0023). Whether a message that
// came back is protected rightly is OpenSSL's to say. Values only; any thread.
#pragma once

#include "countersign/core/clock.hpp"
#include "countersign/core/secret.hpp"
#include "countersign/crypto/certificate.hpp"
#include "countersign/crypto/certificate_builder.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace countersign::crypto::cmp {

// How messages of ours are protected (RFC 4210 5.1.3).
struct Protection {
    Bytes algorithm;                                 // AlgorithmIdentifier, DER
    std::function<Result<Bytes>(ByteView)> protect;  // over the DER of ProtectedPart
    std::vector<Certificate> certificates{};         // extraCerts: the signer's first
};
Protection protection_by_signature(SignatureScheme scheme, SignCallback sign, std::vector<Certificate> certificates);
// PasswordBasedMac (RFC 4210 5.1.3.1) with SHA-256, HMAC-SHA-256 and this salt. Borrows the secret.
Protection protection_by_secret(const Secret& secret, Bytes salt);

struct Header {
    Name sender{};  // empty: nobody but the reference
    Name recipient{};
    Bytes sender_key_identifier{};  // senderKID: whose key, or the reference of the secret; empty: none
    Bytes transaction_id{};
    Bytes sender_nonce{};
    Bytes recipient_nonce{};            // the senderNonce that is answered; empty: none
    std::string certificate_profile{};  // RFC 9480 2.17; empty: none
    Time time{};
};

// PKIBody, each a complete DER value.
Bytes p10cr_body(ByteView certification_request);
// For a certificate that is taken, or refused because of `refusal`.
Bytes confirmation_body(ByteView certificate_hash, std::int64_t request_id, const std::optional<std::string>& refusal);
Bytes poll_request_body(std::int64_t request_id);
// `serial`: big endian. `reason`: CRLReason.
Bytes revocation_body(const Name& issuer, ByteView serial, int reason);
// A general message that asks for nothing.
Bytes general_body();

// PKIMessage. Errors are those of protecting.
Result<Bytes> build_message(const Header& header, ByteView body, const Protection& protection);

enum class PkiStatus : std::uint8_t {
    accepted,
    granted_with_mods,
    rejection,
    waiting,
    revocation_warning,
    revocation_notification,
    key_update_warning
};
// Bits of PKIFailureInfo that mean something to us.
enum class Failure : std::uint8_t {
    bad_message_check = 1,
    bad_request = 2,
    bad_time = 3,
    bad_certificate_id = 4,
    wrong_authority = 6,
    certificate_revoked = 10,
    certificate_confirmed = 11,
    wrong_integrity = 12,
    bad_recipient_nonce = 13,
    bad_sender_nonce = 18,
    signer_not_trusted = 20,
    transaction_id_in_use = 21,
    unsupported_version = 22,
    not_authorized = 23,
    system_unavailable = 24,
    system_failure = 25,
};
struct StatusInfo {
    PkiStatus status = PkiStatus::rejection;
    std::string text{};          // the other side's words, printable()
    std::uint32_t failures = 0;  // bit n is bit n of PKIFailureInfo

    bool says(Failure failure) const { return (failures >> static_cast<unsigned>(failure) & 1U) != 0; }
    bool positive() const { return status == PkiStatus::accepted || status == PkiStatus::granted_with_mods; }
    // "rejection, badTime: words".
    std::string describe() const;
};

// What comes back.
struct CertificateResponse {
    std::int64_t request_id = 0;
    StatusInfo status{};
    std::optional<Bytes> certificate{};  // DER, unread
};
struct PollResponse {
    std::int64_t request_id = 0;
    std::uint32_t check_after = 0;  // seconds
};
struct Confirmed {};
struct RevocationResponse {
    StatusInfo status{};
};
struct GeneralResponse {};
struct ErrorResponse {
    StatusInfo status{};
};
struct Message {
    Bytes transaction_id{};
    Bytes sender_nonce{};
    Bytes recipient_nonce{};
    std::variant<CertificateResponse, PollResponse, Confirmed, RevocationResponse, GeneralResponse, ErrorResponse>
        body{};
};
// One PKIMessage of these kinds with one response; says nothing about its protection. malformed: anything else.
Result<Message> read_message(ByteView der);

// Whether the whole message is protected by this secret, or by the key of this very certificate, which is valid now.
// unauthenticated otherwise.
Result<void> verify_by_secret(ByteView message, const Secret& secret);
Result<void> verify_by_certificate(ByteView message, const Certificate& signer);

}  // namespace countersign::crypto::cmp
