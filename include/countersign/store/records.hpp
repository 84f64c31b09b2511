// What the store remembers, as plain values. Times are milliseconds UTC (core/clock.hpp). No secret is among
// them: a challenge is known by the MAC of its value.
#pragma once

#include "countersign/core/bytes.hpp"
#include "countersign/core/clock.hpp"

#include <optional>
#include <string>
#include <vector>

namespace countersign::store {

// RFC 8894's transaction: what one signer key calls one transactionID at one profile.
struct TransactionKey {
    std::string profile;
    std::string signer_key;      // PublicKey::fingerprint()
    std::string transaction_id;  // opaque, as received
    bool operator==(const TransactionKey&) const = default;
};

// A challenge that nobody stored before it was used: it carries its own proof, and only that it was used is remembered.
struct SingleUse {
    std::string mac;     // what it is known by; unique, and never that of a stored challenge
    std::string issuer;  // for people
    std::string id;      // the issuer's own name for it, for people
    Time expires{};      // when its use may be forgotten
};

struct UsedChallenge {
    SingleUse challenge;
    std::string attempt;    // the attempt that reserved or consumed it
    bool consumed = false;  // false: reserved
};

// The life of one enrollment attempt.
//   intent -> issued | pending | approved | failed          held -> approved -> intent | failed
enum class AttemptState {
    intent,    // durable commit 1 happened; the CA's answer is not recorded yet
    held,      // policy wants an officer to approve it first
    approved,  // by policy or an officer; certainly not yet submitted
    pending,   // the CA holds it under ca_handle
    issued,    // final
    failed,    // final
};
std::string_view name(AttemptState state);  // "intent", ...

struct Attempt {
    std::string id;  // 32 lower-case hex digits, random: the idempotency key for the CA, the public request id
    TransactionKey key;
    std::string kind;            // "enroll" or "renew"
    std::string request_digest;  // what makes two messages the same request (hex SHA-256)
    Bytes csr;
    std::string plan;  // the approved certificate plan, as ra wrote it (JSON)
    std::string template_name;
    std::string subject;                    // RFC 4514, for people
    std::string client;                     // address of the client, for people
    std::string challenge_mac;              // empty: no stored challenge
    std::optional<SingleUse> single_use{};  // read by record_intent alone: the challenge named above is one of these
    AttemptState state = AttemptState::intent;
    std::string reason;              // why held or failed, for people
    std::string ca_handle;           // while pending
    std::string certificate_serial;  // once issued (hex)
    Time created{};
    Time updated{};
    std::string challenge_kind{};  // by which it claims its right: "one-time", "signed", ..., "renewal"
};

enum class ChallengeState {
    outstanding,
    reserved,  // claimed by an attempt whose outcome is not recorded yet
    consumed,
    revoked,
    burnt,  // refused too often for requests that did not match it
};
std::string_view name(ChallengeState state);

struct Challenge {
    std::string mac;  // hex HMAC-SHA-256; unique
    std::string id;   // 12 lower-case hex digits, random: how people name it
    std::string profile;
    std::string subject;            // RFC 4514 the CSR must have; empty: any
    std::vector<std::string> sans;  // to_text() forms the CSR must have, as a set; empty: unrestricted
    std::string template_name;      // empty: chosen from the CSR
    std::string created_by;
    Time created{};
    Time expires{};
    ChallengeState state = ChallengeState::outstanding;
    int refusals = 0;
    std::string attempt;  // the attempt that reserved or consumed it
};

struct IssuedCertificate {
    std::string serial;   // Certificate::serial_hex()
    std::string ca;       // the CA backend's name in the configuration
    std::string profile;  // empty: the RA's or CA's own
    std::string attempt;  // empty: not by enrollment
    std::string kind;     // "enroll", "renew", "ra", "ca", "quarantined"
    std::string subject;
    std::vector<std::string> sans;
    std::string template_name;
    std::string public_key;   // fingerprint
    std::string fingerprint;  // SHA-256 of the DER
    Time not_before{};
    Time not_after{};
    Bytes der;
    std::optional<Time> revoked;
    int revocation_reason = 0;  // RFC 5280 CRLReason
};

}  // namespace countersign::store
