// Whose revocations are looked at when certificates are renewed, and what is said where nobody's are.
#include "assembly.hpp"
#include "countersign/core/text.hpp"

#include <algorithm>

namespace countersign::app {
namespace {

bool renews(const ra::Profile& profile) {
    const auto set = profile.template_set();
    const auto allows = [](const policy::Template* rules) { return rules != nullptr && rules->renewal.allowed; };
    return profile.renewal && (allows(set.signature) || allows(set.encryption) || allows(set.general_purpose));
}

}  // namespace

void Assembly::build_revocations(const std::string& name, const config::CaSettings& ca) {
    auto lists = note(ca.place, open_revocations(name, ca), "see `countersign config explain ca`");
    if (!lists) return;
    if (const auto recalled = (*lists)->recall(); !recalled) {
        warning(ca.place, "a revocation list that was kept is not used: " + recalled.error().detail,
                "nothing, if it can be fetched anew; else remove it");
    }
    wiring_.revocations.emplace(name, *std::move(lists));
}

// Where the CA publishes its list is taken from the agent's certificate as a hint for people: it is never fetched
// because a certificate says so.
void Assembly::check_revocations(const config::ProfileSettings& settings, const ra::Profile& profile) {
    const auto& ca = settings_.ca.at(settings.ca);
    if (ca.local() || profile.revocations || !renews(profile) || !warned_cas_.insert(settings.ca).second) return;
    const auto urls = crypto::revocation_list_urls(profile.agent->identity().certificate);
    std::string remedy = "name its revocation list in ca." + settings.ca + ".crl";
    if (!urls.empty()) remedy += " (the CA's certificates point to " + printable(urls.front()) + ")";
    warning(ca.place, "a certificate that was revoked at the CA, and not through this server, can still be renewed",
            remedy + ": docs/ca-revocation.md");
}

}  // namespace countersign::app
