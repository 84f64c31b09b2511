// What an administrator can do, whoever asks and by whatever means: the password page, the JSON API and the command line
// all act through here, so that each act is recorded and limited in one way.
//
// Every act is recorded in the audit before it takes effect; one that cannot be recorded does not. Blocking; safe on many
// threads. Borrows its parts, which outlive it.
#pragma once

#include "countersign/audit/event.hpp"
#include "countersign/challenge/verifier.hpp"
#include "countersign/core/clock.hpp"
#include "countersign/hook/hook.hpp"
#include "countersign/store/challenges.hpp"
#include "countersign/store/issued.hpp"
#include "countersign/store/outbox.hpp"
#include "countersign/store/transactions.hpp"

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

namespace countersign::admin {

// Who acts, for the records.
struct Actor {
    std::string name;
    std::string through;  // "command line", "page", "api"
    std::size_t max_outstanding = 0;  // challenges of theirs at a time; 0: no limit of their own
    std::vector<std::string> templates{};  // they mint for these alone; empty: any
};

struct MintRequest {
    std::string profile;
    challenge::Binding binding;
    std::optional<std::chrono::minutes> valid;
};

// What minting for a profile needs.
struct ProfileDesk {
    std::string mode;                               // "one-time", "single-password", "none", ...
    std::shared_ptr<challenge::Issuer> issuer;      // null: this mode mints nothing
    std::set<std::string> templates;                // those its requests may get
    std::chrono::minutes valid{60};                 // of challenges for which nobody says how long
    std::shared_ptr<hook::Hook> hook{};             // has a say in what challenges are given for; null: none
};

// What people found out about a request at the CA.
struct Resolution {
    enum class Finding { not_there, there, failed };
    Finding finding = Finding::not_there;
    std::string words{};  // there: the CA's number of it; failed: why
};

enum class RevokedWhere { at_the_ca, here_alone };
struct RevokedCertificate : store::IssuedCertificate {
    bool left_to_people = false;  // the CA takes no revocations from us: somebody must do it there
};

struct DeskParts {
    store::Challenges& challenges;
    store::Transactions& transactions;
    store::Issued& issued;
    audit::Sink& audit;
    const Clock& clock;
    // Has a certificate revoked where it was issued. Empty, or conflict (it is revoked there): the ledger alone decides.
    std::function<Result<RevokedWhere>(const std::string& ca, const std::string& serial, int reason, Time when)>
        revoke_at_ca{};
    store::Outbox* outbox = nullptr;  // null: this desk has nothing to do with notifications
};

class Desk {
public:
    Desk(DeskParts parts, std::map<std::string, ProfileDesk> profiles)
        : parts_(parts), profiles_(std::move(profiles)) {}

    // An actor limited to templates gets a challenge bound to one of them, and the profile's policy hook may bind it to
    // more. not_found: no such profile, or a template it does not use. denied: its challenge mode mints nothing, the
    // template is not the actor's, or the hook says no. unavailable: the hook says nothing. throttled: too many
    // outstanding, in the profile or of the actor. malformed: the binding cannot be understood.
    Result<challenge::MintedChallenge> mint(const MintRequest& request, const Actor& actor);
    // Whether the actor may use whatever template the profile uses.
    bool covers_all_templates(const std::string& profile, const Actor& actor) const;
    // not_found; conflict: no longer outstanding.
    Result<void> revoke_challenge(const std::string& id, const Actor& actor);

    // not_found; conflict: not held. The attempt as it was before.
    Result<store::Attempt> approve(const std::string& request_id, const Actor& actor);
    Result<store::Attempt> deny(const std::string& request_id, const std::string& reason, const Actor& actor);

    // Decides what became of a request whose CA cannot tell (state intent), or cannot any more (pending). not_found;
    // conflict: another state, so young that the daemon may still be at it, or not_there about what the CA once held.
    Result<store::Attempt> resolve(const std::string& request_id, const Resolution& resolution, const Actor& actor);

    // The one certificate that serial (and CA, unless empty) names. not_found; conflict: several CAs have it.
    Result<store::IssuedCertificate> certificate(const std::string& serial, const std::string& ca);
    // `reason`: RFC 5280 CRLReason. denied: the CA itself, or the RA's own without `even_of_the_ra`. conflict: revoked already.
    // Other errors are those of the CA that issued it; then it is not revoked.
    Result<RevokedCertificate> revoke_certificate(const std::string& serial, const std::string& ca, int reason,
                                                  bool even_of_the_ra, const Actor& actor);

    // Tried again at once, or never again. not_found; conflict: delivered.
    Result<void> retry_notification(const std::string& id, const Actor& actor);
    Result<void> drop_notification(const std::string& id, const Actor& actor);

    const DeskParts& parts() const { return parts_; }
    const std::map<std::string, ProfileDesk>& profiles() const { return profiles_; }

private:
    Result<store::Notification> undelivered(const std::string& id);
    Result<void> ask_hook(MintRequest& request, const ProfileDesk& profile, const Actor& actor);
    Result<store::Attempt> held(const std::string& request_id);
    audit::Event decision(std::string_view id, const store::Attempt& attempt, const Actor& actor) const;

    DeskParts parts_;
    std::map<std::string, ProfileDesk> profiles_;
};

}  // namespace countersign::admin
