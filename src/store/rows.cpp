#include "rows.hpp"

#include "countersign/core/text.hpp"
#include "countersign/crypto/encoding.hpp"

#include <array>

namespace countersign::store {
namespace {

constexpr std::array kAttemptStates{AttemptState::intent,  AttemptState::held,   AttemptState::approved,
                                    AttemptState::pending, AttemptState::issued, AttemptState::failed};
constexpr std::array kChallengeStates{ChallengeState::outstanding, ChallengeState::reserved, ChallengeState::consumed,
                                      ChallengeState::revoked, ChallengeState::burnt};
constexpr std::array kNotificationEvents{
    NotificationEvent::issued,  NotificationEvent::failed,   NotificationEvent::pending, NotificationEvent::held,
    NotificationEvent::revoked, NotificationEvent::expiring, NotificationEvent::answer};
constexpr std::array kNotificationStates{NotificationState::waiting, NotificationState::delivered,
                                         NotificationState::dead};

template <class States>
auto state_from(const States& states, const std::string& text) {
    for (const auto state : states) {
        if (name(state) == text) return state;
    }
    throw soci::soci_error("an unknown state in the database: " + printable(text));
}

}  // namespace

Bytes octets_from(const std::string& base64) {
    Result<Bytes> octets = crypto::from_base64(base64);
    if (!octets) throw soci::soci_error("a damaged binary value in the database: " + octets.error().detail);
    return *std::move(octets);
}

std::string_view name(AttemptState state) {
    switch (state) {
        case AttemptState::intent: return "intent";
        case AttemptState::held: return "held";
        case AttemptState::approved: return "approved";
        case AttemptState::pending: return "pending";
        case AttemptState::issued: return "issued";
        case AttemptState::failed: return "failed";
    }
    return "";
}

std::string_view name(ChallengeState state) {
    switch (state) {
        case ChallengeState::outstanding: return "outstanding";
        case ChallengeState::reserved: return "reserved";
        case ChallengeState::consumed: return "consumed";
        case ChallengeState::revoked: return "revoked";
        case ChallengeState::burnt: return "burnt";
    }
    return "";
}

std::string_view name(NotificationEvent event) {
    switch (event) {
        case NotificationEvent::issued: return "issued";
        case NotificationEvent::failed: return "failed";
        case NotificationEvent::pending: return "pending";
        case NotificationEvent::held: return "held";
        case NotificationEvent::revoked: return "revoked";
        case NotificationEvent::expiring: return "expiring";
        case NotificationEvent::answer: return "answer";
    }
    return "";
}

std::string_view name(NotificationState state) {
    switch (state) {
        case NotificationState::waiting: return "waiting";
        case NotificationState::delivered: return "delivered";
        case NotificationState::dead: return "dead";
    }
    return "";
}

bool is_final(AttemptState state) {
    return state == AttemptState::issued || state == AttemptState::failed;
}

Attempt attempt_from(const Row& row, const RequestSeal& seal) {
    Attempt attempt;
    attempt.id = row.text(0);
    attempt.key = {row.text(1), row.text(2), row.text(3)};
    attempt.kind = row.text(4);
    attempt.request_digest = row.text(5);
    attempt.csr = seal.open(attempt.id, row.text(6));
    attempt.plan = row.text(7);
    attempt.template_name = row.text(8);
    attempt.subject = row.text(9);
    attempt.client = row.text(10);
    attempt.challenge_mac = row.text(11);
    attempt.state = state_from(kAttemptStates, row.text(12));
    attempt.reason = row.text(13);
    attempt.ca_handle = row.text(14);
    attempt.certificate_serial = row.text(15);
    attempt.created = row.time(16);
    attempt.updated = row.time(17);
    attempt.challenge_kind = row.text(18);
    return attempt;
}

Challenge challenge_from(const Row& row) {
    Challenge challenge;
    challenge.mac = row.text(0);
    challenge.id = row.text(1);
    challenge.profile = row.text(2);
    challenge.subject = row.text(3);
    challenge.sans = separated(row.text(4));
    challenge.template_name = row.text(5);
    challenge.created_by = row.text(6);
    challenge.created = row.time(7);
    challenge.expires = row.time(8);
    challenge.state = state_from(kChallengeStates, row.text(9));
    challenge.refusals = static_cast<int>(row.number(10));
    challenge.attempt = row.text(11);
    return challenge;
}

IssuedCertificate certificate_from(const Row& row) {
    IssuedCertificate certificate;
    certificate.serial = row.text(0);
    certificate.ca = row.text(1);
    certificate.profile = row.text(2);
    certificate.attempt = row.text(3);
    certificate.kind = row.text(4);
    certificate.subject = row.text(5);
    certificate.sans = separated(row.text(6));
    certificate.template_name = row.text(7);
    certificate.public_key = row.text(8);
    certificate.fingerprint = row.text(9);
    certificate.not_before = row.time(10);
    certificate.not_after = row.time(11);
    if (!row.null(12)) certificate.revoked = row.time(12);
    certificate.revocation_reason = static_cast<int>(row.number(13));
    certificate.der = octets_from(row.text(14));
    return certificate;
}

Notification notification_from(const Row& row) {
    Notification notification;
    notification.id = row.text(0);
    notification.receiver = row.text(1);
    notification.event = state_from(kNotificationEvents, row.text(2));
    notification.profile = row.text(3);
    notification.attempt = row.text(4);
    notification.ca = row.text(5);
    notification.serial = row.text(6);
    notification.detail = row.text(7);
    notification.occurred = row.time(8);
    notification.state = state_from(kNotificationStates, row.text(9));
    notification.tries = static_cast<int>(row.number(10));
    notification.next_try = row.time(11);
    notification.changed = row.time(12);
    notification.problem = row.text(13);
    notification.since = row.time(14);
    return notification;
}

std::string joined(const std::vector<std::string>& list) {
    std::string text;
    for (const std::string& entry : list) {
        for (const char c : entry) {
            if (c == '\\')
                text += "\\\\";
            else if (c == '\n')
                text += "\\n";
            else
                text += c;
        }
        text += '\n';
    }
    return text;
}

std::vector<std::string> separated(const std::string& text) {
    std::vector<std::string> list;
    std::string entry;
    bool escaped = false;
    for (const char c : text) {
        if (escaped) {
            entry += c == 'n' ? '\n' : c;
            escaped = false;
        } else if (c == '\\') {
            escaped = true;
        } else if (c == '\n') {
            list.push_back(std::move(entry));
            entry.clear();
        } else {
            entry += c;
        }
    }
    return list;
}

std::string name_list(const std::vector<std::string>& names) {
    std::string list;
    for (const std::string& name : names) list += (list.empty() ? "\n" : "") + name + "\n";
    return list;
}

std::string canonical_serial(const std::string& serial) {
    std::string digits;
    for (const char c : to_lower(serial)) {
        if (c == ':' || c == ' ') continue;
        const bool hexadecimal = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (!hexadecimal) return "";
        if (c == '0' && digits.empty()) continue;
        digits += c;
    }
    if (digits.empty()) return serial.find('0') == std::string::npos ? "" : "00";
    return digits.size() % 2 == 0 ? digits : "0" + digits;
}

}  // namespace countersign::store
