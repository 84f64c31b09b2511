// Which certificates of an RA are in force, and which still overlap.
#include "assembly.hpp"
#include "files.hpp"
#include "ra_settings.hpp"

#include <unistd.h>
#include <algorithm>

namespace countersign::app {

// Made once for each RA, whatever the number of its profiles; null: what is wrong has been said.
std::shared_ptr<ra::RaInService> Assembly::ra_in_service(const std::string& name) {
    if (const auto known = services_.find(name); known != services_.end()) return known->second;
    auto& service = services_[name];
    const auto& settings = settings_.ra.at(name);
    auto configured = configured_identities(settings);
    const auto succession = note(settings.place, ra::SuccessionFile(settings.directory, name).read(),
                                 "restore it from a backup, or remove it to go back to the configured certificates");
    if (!configured || !succession) return nullptr;

    auto made = std::make_shared<ra::RaInService>();
    made->name = name;
    made->ca_name = renewing_ca(settings_, name);
    made->rules = renewal_rules(settings);
    made->directory = settings.directory;
    made->key_directory = key_directory(settings_, settings);
    made->even_expired = parts_.renews_after_expiry;
    made->revision = succession->revision;
    made->overlap = ra::overlapping(*succession, made->rules.overlap, parts_.clock.now());
    for (const auto& [role, identity] : *configured)
        made->identities.emplace(role, ra::in_force(*succession, role, identity));
    made->configured = *std::move(configured);
    check_renewal(settings, *made);
    return service = std::move(made);
}

std::optional<ra::Identities> Assembly::configured_identities(const config::RaSettings& ra) {
    ra::Identities identities;
    for (const auto& [role, pair] : {std::pair{ra::Role::agent, &ra.agent}, {ra::Role::encryption, &ra.encryption}}) {
        auto found = certificates_in(pair->certificate, pair->place);
        if (found.empty()) return std::nullopt;
        identities.emplace(role, ra::Identity{pair->key, found.front()});
    }
    return identities;
}

// An old key that is gone costs clients of long ago; it must not cost the others the start.
void Assembly::add_overlap(const config::RaSettings& ra, const ra::RaInService& service, Identity& identity) {
    for (const auto& retired : service.overlap) {
        const auto encryption = retired.identities.find(ra::Role::encryption);
        const auto agent = retired.identities.find(ra::Role::agent);
        if (encryption == retired.identities.end() || agent == retired.identities.end()) continue;
        const auto& [uri, certificate] = encryption->second;
        const auto same = [&](const auto& one) { return one.certificate == certificate; };
        if (std::ranges::any_of(identity.decryption, same)) continue;
        auto key = open_key(uri);
        if (!key || !((*key)->public_key() == certificate.public_key()) || !(*key)->suits(keys::KeyUse::unwrap)) {
            warning(ra.place,
                    "the encryption key of before a rollover cannot be used: " +
                        (key ? (*key)->describe() : key.error().detail),
                    "clients that remember its certificate fail until they ask GetCACert again");
            continue;
        }
        identity.decryption.push_back({certificate, *std::move(key)});
        auto& replies = identity.of_old.emplace_back();
        if (agent->second.certificate == identity.agent->identity().certificate) continue;
        const auto signing = open_key(agent->second.key);
        if (signing && (*signing)->public_key() == agent->second.certificate.public_key())
            replies = std::make_shared<ra::Agent>(scep::ReplySigner{agent->second.certificate, *signing});
    }
}

void Assembly::check_renewal(const config::RaSettings& ra, const ra::RaInService& service) {
    if (!service.rules.automatic) return;
    if (::access(ra.directory.c_str(), W_OK | X_OK) != 0) {
        warning(ra.place, ra.directory.string() + " cannot be written, so certificates cannot be renewed",
                "let the daemon's user write there, name another directory, or write renew = \"manual\"");
    }
}

}  // namespace countersign::app
