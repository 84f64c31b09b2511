// Every audit event this program can write: its id, its severity and what it means to an administrator.
// `countersign config explain` and docs/audit-events.md are printed from this table. Values only.
#pragma once

#include "countersign/audit/event.hpp"

#include <span>
#include <string_view>

namespace countersign::audit {

struct CatalogueEntry {
    std::string_view id;
    Severity severity;
    std::string_view meaning;
};

namespace event {
inline constexpr std::string_view daemon_started = "daemon.started";
inline constexpr std::string_view daemon_stopped = "daemon.stopped";
inline constexpr std::string_view challenge_minted = "challenge.minted";
inline constexpr std::string_view challenge_revoked = "challenge.revoked";
inline constexpr std::string_view challenge_reused = "challenge.reused";
inline constexpr std::string_view challenge_burnt = "challenge.burnt";
inline constexpr std::string_view message_refused = "message.refused";
inline constexpr std::string_view source_slowed = "source.slowed";
inline constexpr std::string_view message_unanswered = "message.unanswered";
inline constexpr std::string_view enrollment_accepted = "enrollment.accepted";
inline constexpr std::string_view enrollment_held = "enrollment.held";
inline constexpr std::string_view enrollment_refused = "enrollment.refused";
inline constexpr std::string_view enrollment_issued = "enrollment.issued";
inline constexpr std::string_view enrollment_pending = "enrollment.pending";
inline constexpr std::string_view enrollment_failed = "enrollment.failed";
inline constexpr std::string_view enrollment_repeated = "enrollment.repeated";
inline constexpr std::string_view enrollment_recovered = "enrollment.recovered";
inline constexpr std::string_view request_approved = "request.approved";
inline constexpr std::string_view request_denied = "request.denied";
inline constexpr std::string_view request_resolved = "request.resolved";
inline constexpr std::string_view query_answered = "query.answered";
inline constexpr std::string_view query_refused = "query.refused";
inline constexpr std::string_view hook_failed = "hook.failed";
inline constexpr std::string_view hook_overreached = "hook.overreached";
inline constexpr std::string_view certificate_quarantined = "certificate.quarantined";
inline constexpr std::string_view certificate_revoked = "certificate.revoked";
inline constexpr std::string_view crl_troubled = "crl.troubled";
inline constexpr std::string_view crl_missing = "crl.missing";
inline constexpr std::string_view crl_recovered = "crl.recovered";
inline constexpr std::string_view sign_in_failed = "sign_in.failed";
inline constexpr std::string_view challenge_withheld = "challenge.withheld";
inline constexpr std::string_view challenge_shown = "challenge.shown";
inline constexpr std::string_view api_refused = "api.refused";
inline constexpr std::string_view audit_continued = "audit.continued";
inline constexpr std::string_view audit_checkpoint = "audit.checkpoint";
inline constexpr std::string_view audit_broken = "audit.broken";
inline constexpr std::string_view audit_resumed = "audit.resumed";
inline constexpr std::string_view crl_published = "crl.published";
inline constexpr std::string_view certificate_expiring = "certificate.expiring";
inline constexpr std::string_view certificate_expired = "certificate.expired";
inline constexpr std::string_view ra_renewal_started = "ra.renewal_started";
inline constexpr std::string_view ra_renewal_pending = "ra.renewal_pending";
inline constexpr std::string_view ra_renewal_failed = "ra.renewal_failed";
inline constexpr std::string_view ra_renewed = "ra.renewed";
inline constexpr std::string_view notification_retried = "notification.retried";
inline constexpr std::string_view notification_dropped = "notification.dropped";
inline constexpr std::string_view ra_overlap_ended = "ra.overlap_ended";
}  // namespace event

std::span<const CatalogueEntry> catalogue();
bool is_catalogued(std::string_view id);
// The severity the catalogue gives an id; info when it is not there (a test forbids that).
Severity severity_of(std::string_view id);

}  // namespace countersign::audit
