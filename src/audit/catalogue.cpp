#include "countersign/audit/catalogue.hpp"

#include <array>

namespace countersign::audit {
namespace {

constexpr std::array kCatalogue{
    CatalogueEntry{event::daemon_started, Severity::info,
                   "The daemon finished its start-up checks and serves requests; names its version and profiles."},
    CatalogueEntry{event::daemon_stopped, Severity::info, "The daemon drained its connections and stopped."},
    CatalogueEntry{
        event::challenge_minted, Severity::info,
        "A one-time password was made. Names its id, its profile, what it is bound to and who asked; never its value."},
    CatalogueEntry{event::challenge_revoked, Severity::info,
                   "An outstanding one-time password was withdrawn by an administrator."},
    CatalogueEntry{
        event::challenge_reused, Severity::alert,
        "Somebody presented a one-time password that was used before. Either a client repeats itself under a new "
        "transaction or the password leaked: find out which (RFC 8894 section 7.3)."},
    CatalogueEntry{event::challenge_burnt, Severity::alert,
                   "A one-time password was presented too often with requests it was not made for, and is now void. "
                   "Its holder may "
                   "be trying to enroll another identity."},
    CatalogueEntry{
        event::message_refused, Severity::warning,
        "A message could not be opened, or its signature or form was wrong, before anything in it was believed."},
    CatalogueEntry{event::source_slowed, Severity::alert,
                   "So many messages of one address failed that its next ones get HTTP 429 before they are looked at, "
                   "until it has "
                   "been quiet for a while. Somebody guesses, or many devices behind that address are set up wrongly."},
    CatalogueEntry{event::message_unanswered, Severity::warning,
                   "A message in order got HTTP 503 or 500, because the CA, a key or the store is away or at fault; "
                   "the client will try again."},
    CatalogueEntry{
        event::enrollment_accepted, Severity::info,
        "A request passed challenge and policy, and is about to be recorded and sent to the CA. Without this record "
        "nothing is issued."},
    CatalogueEntry{event::enrollment_held, Severity::info,
                   "A request passed challenge and policy, and waits for an officer."},
    CatalogueEntry{
        event::enrollment_refused, Severity::warning,
        "A request was refused by its challenge or by policy. Lists every reason; the client learns none of them."},
    CatalogueEntry{
        event::enrollment_issued, Severity::info,
        "The CA issued a certificate, it is what was approved, and it is recorded. Names serial and fingerprint."},
    CatalogueEntry{event::enrollment_pending, Severity::info,
                   "The CA holds the request; it is polled until it decides."},
    CatalogueEntry{event::enrollment_failed, Severity::warning,
                   "The CA rejected the request, or it could not be completed. Says whether the challenge was spent."},
    CatalogueEntry{event::enrollment_repeated, Severity::info,
                   "A client repeated a request that was answered before and was given the same certificate again."},
    CatalogueEntry{event::enrollment_recovered, Severity::warning,
                   "A request interrupted by a stop or crash was taken up again and brought to an end."},
    CatalogueEntry{event::request_approved, Severity::info, "An officer approved a held request."},
    CatalogueEntry{event::request_denied, Severity::info, "An officer denied a held request."},
    CatalogueEntry{event::request_resolved, Severity::warning,
                   "An officer decided about a request whose outcome at the CA was unknown."},
    CatalogueEntry{event::query_answered, Severity::info,
                   "A client polled its transaction or asked for a certificate or CRL, and was answered."},
    CatalogueEntry{event::query_refused, Severity::warning,
                   "A client polled a transaction, or asked for a certificate or CRL, that it has no right to or that "
                   "does not exist."},
    CatalogueEntry{event::certificate_quarantined, Severity::alert,
                   "The CA returned a certificate that is not what was approved. It was kept from the client; look "
                   "into the CA and "
                   "revoke it there."},
    CatalogueEntry{event::hook_failed, Severity::warning,
                   "A policy hook that must be asked gave no usable answer: names it and says why. Nothing was issued "
                   "and nothing used up; the client was told to come again."},
    CatalogueEntry{event::hook_overreached, Severity::alert,
                   "A policy hook asked for more than policy had approved. The request was refused; look at the hook, "
                   "which is broken or in wrong hands."},
    CatalogueEntry{event::certificate_revoked, Severity::info,
                   "A certificate was revoked; names serial, reason and who asked."},
    CatalogueEntry{event::sign_in_failed, Severity::warning,
                   "Somebody could not sign in to an admin surface: names the account they tried, from where and why. "
                   "Many of them from one place are a guesser, who is slowed down."},
    CatalogueEntry{event::challenge_withheld, Severity::warning,
                   "Somebody who signed in was shown no challenge: they may not mint for the profile, a policy hook "
                   "said no, or their browser was made to ask by another site."},
    CatalogueEntry{event::challenge_shown, Severity::info,
                   "The password page was shown for a profile that mints nothing (single-password, none)."},
    CatalogueEntry{event::api_refused, Severity::warning,
                   "Somebody who signed in asked the API for what their roles do not allow, or their browser was made "
                   "to ask by another site. Names the account, the request and its id."},
    CatalogueEntry{event::audit_continued, Severity::info,
                   "The audit file was exchanged (log rotation); names the last line of the file before, so that no "
                   "file can be missing between two."},
    CatalogueEntry{event::audit_checkpoint, Severity::info,
                   "A signature over the number and hash of the line before it: what was written up to there cannot be "
                   "rewritten without the audit key. `countersign audit verify` checks it."},
    CatalogueEntry{event::audit_broken, Severity::alert,
                   "The audit file was changed while the daemon was writing it: lines are gone, or others were added. "
                   "Find out who did; `countersign audit verify` says where."},
    CatalogueEntry{event::audit_resumed, Severity::warning,
                   "Records could not be made for a time, and can be again; names how many were lost. Nothing was "
                   "issued without its record, but what was refused meanwhile is not told here."},
    CatalogueEntry{event::crl_published, Severity::info,
                   "A new certificate revocation list was signed and is being served."},
    CatalogueEntry{
        event::crl_troubled, Severity::warning,
        "A revocation list of a CA somewhere else could not be fetched, or does not count: says why. The one "
        "held still counts. Said once until it is mended."},
    CatalogueEntry{
        event::crl_missing, Severity::alert,
        "There is no current revocation list of a CA somewhere else: renewals are told to come again, or go by "
        "the ledger alone where renewal_without_crl says so. Says why; said once until it is mended."},
    CatalogueEntry{event::crl_recovered, Severity::info,
                   "The revocation lists of a CA somewhere else are to be had again, and current."},
    CatalogueEntry{
        event::certificate_expiring, Severity::warning,
        "A certificate of the RA or a CA ends in less than 60, 30 or 7 days. Said once for each, and at each "
        "start."},
    CatalogueEntry{event::certificate_expired, Severity::alert,
                   "A certificate of the RA or a CA has expired. Under an expired agent nothing is enrolled: see "
                   "docs/ra-lifecycle.md."},
    CatalogueEntry{event::ra_renewal_started, Severity::info,
                   "Renewal of the RA's own certificates began: says who asked, the daemon or an operator."},
    CatalogueEntry{event::ra_renewal_pending, Severity::info,
                   "The CA holds a request for an RA certificate; it is polled until it decides."},
    CatalogueEntry{
        event::ra_renewal_failed, Severity::alert,
        "A try to renew the RA's certificates failed; what is in force stays in force. Says why, and when the "
        "next try is."},
    CatalogueEntry{event::ra_renewed, Severity::info,
                   "New RA certificates take effect; names serials, keys and ends. Without this record they do not."},
    CatalogueEntry{event::notification_retried, Severity::info,
                   "An administrator has a notification delivered again that was given up or waits."},
    CatalogueEntry{event::notification_dropped, Severity::warning,
                   "An administrator dropped a notification: its receiver will never be told."},
    CatalogueEntry{event::ra_overlap_ended, Severity::info,
                   "RA keys of before a rollover serve no more; they may be removed from file or token."},
};

const CatalogueEntry* entry_of(std::string_view id) {
    for (const CatalogueEntry& entry : kCatalogue) {
        if (entry.id == id) return &entry;
    }
    return nullptr;
}

}  // namespace

std::string_view name(Severity severity) {
    switch (severity) {
        case Severity::info: return "info";
        case Severity::warning: return "warning";
        case Severity::alert: return "alert";
    }
    return "";
}

std::span<const CatalogueEntry> catalogue() {
    return kCatalogue;
}

bool is_catalogued(std::string_view id) {
    return entry_of(id) != nullptr;
}

Severity severity_of(std::string_view id) {
    const CatalogueEntry* entry = entry_of(id);
    return entry == nullptr ? Severity::info : entry->severity;
}

}  // namespace countersign::audit
