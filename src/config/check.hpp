// The checks between keys: everything that is wrong with a configuration although each key by itself is right. They add
// findings to the document. Pure but for that; one thread.
#pragma once

#include "document.hpp"

namespace countersign::config {

// Listeners and accounts: addresses, proxies, passwords in clear (design invariant 8), who may log in.
void check_listeners(Document& document);
void check_accounts(Document& document);
// Every way to sign in that a listener offers can work there, and every account can be opened by one.
void check_sign_in(Document& document);

// What the type of a CA needs. `key`: "ca.NAME".
void check_ca_type(Document& document, const std::string& key, const CaSettings& ca);
// Kerberos knows one identity of a process.
void check_kerberos_identities(Document& document);
// RA, CA and templates by themselves.
void check_authorities(Document& document);
void check_templates(Document& document);

// Profiles: what they name exists, the challenge mode is not contradicted (invariant 9), and no path is claimed twice.
void check_profiles(Document& document);
void check_challenge_issuers(Document& document);
// Receivers of notifications, and tenants of Intune.
void check_notifications(Document& document);
void check_intune(Document& document);
// Each hook has what its type needs, and a profile to be asked for.
void check_hooks(Document& document);
void check_paths(Document& document);

// What to write instead of a name that does not exist: "write one of: a, b" or "add [ra.default]".
template <class Map>
std::string one_of(const Map& map, std::string_view section) {
    std::string names;
    for (const auto& [name, value] : map) names += (names.empty() ? "" : ", ") + name;
    if (names.empty()) return "add [" + std::string(section) + ".default]";
    return "write one of: " + names;
}

}  // namespace countersign::config
