// Between records and rows: the column lists in one order, and what each column holds. Private to the store.
#pragma once

#include "countersign/store/outbox.hpp"
#include "countersign/store/records.hpp"
#include "request_seal.hpp"
#include "statement.hpp"

#include <string>
#include <vector>

namespace countersign::store {

// Used as macros because SQL constants are concatenated by the compiler.
#define COUNTERSIGN_ATTEMPT_COLUMNS                                                                         \
    "id, profile, signer_key, transaction_id, kind, request_digest, csr, plan, template, subject, client, " \
    "challenge_mac, state, reason, ca_handle, certificate_serial, created, updated, challenge_kind"
#define COUNTERSIGN_CHALLENGE_COLUMNS \
    "mac, id, profile, subject, sans, template, created_by, created, expires, state, refusals, attempt"
#define COUNTERSIGN_CERTIFICATE_COLUMNS                                                                             \
    "serial, ca, profile, attempt, kind, subject, sans, template, public_key, fingerprint, not_before, not_after, " \
    "revoked, revocation_reason, der"
#define COUNTERSIGN_NOTIFICATION_COLUMNS                                                                              \
    "id, receiver, event, profile, attempt, ca, serial, detail, occurred, state, tries, next_try, changed, problem, " \
    "since"

// Three parameters, each the name_list() of the profiles wanted; an empty one means any.
#define COUNTERSIGN_PROFILE_IN_LIST "(:in = '' OR REPLACE(:list, '\n' || profile || '\n', '') <> :same)"

inline constexpr std::string_view kAttemptTypes = "ttttttttttttttttiit";
inline constexpr std::string_view kChallengeTypes = "tttttttiitit";
inline constexpr std::string_view kCertificateTypes = "ttttttttttiiiit";
inline constexpr std::string_view kNotificationTypes = "ttttttttitiiiti";

// Throw soci::soci_error when a row holds what this program never wrote.
Bytes octets_from(const std::string& base64);
Attempt attempt_from(const Row& row, const RequestSeal& seal);
Challenge challenge_from(const Row& row);
IssuedCertificate certificate_from(const Row& row);
Notification notification_from(const Row& row);

// A list of strings as one text: newline after each, backslash and newline escaped.
std::string joined(const std::vector<std::string>& list);
std::vector<std::string> separated(const std::string& text);
// Names, none with a newline in it, each between newlines; empty for no names.
std::string name_list(const std::vector<std::string>& names);

// How the store writes a serial number: lower-case hex in whole octets, no leading zero octet. Accepts either case,
// colons and blanks between octets; empty when it is no number.
std::string canonical_serial(const std::string& serial);

bool is_final(AttemptState state);

}  // namespace countersign::store
