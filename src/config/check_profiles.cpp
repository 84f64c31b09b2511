#include "check.hpp"
#include "countersign/core/text.hpp"

#include <algorithm>
#include <map>

namespace countersign::config {

bool ChallengeSettings::accepts(std::string_view kind) const {
    return mode == kind || std::ranges::find(also, kind) != also.end();
}

namespace {

template <class Map>
void check_name(Document& document, const std::string& key, std::string_view section, const std::string& name,
                const Map& map) {
    if (name.empty() || map.contains(name)) return;  // empty: missing, said already
    document.refuse(key, "no [" + std::string(section) + "." + printable(name, 60) + "] exists", one_of(map, section));
}

void refuse_written(Document& document, const std::string& table, std::string_view mode,
                    std::initializer_list<const char*> names) {
    for (const char* name : names) {
        const std::string key = table + "." + name;
        if (!document.written(key)) continue;
        document.refuse(key, "this has no meaning in mode " + std::string(mode),
                        "take it out, or write mode = \"" +
                            std::string(std::string_view(name) == "password_file" ? "single-password" : "one-time") +
                            "\"");
    }
}

void check_signed(Document& document, const std::string& key, const std::string& profile,
                  const ChallengeSettings& challenge) {
    if (!challenge.accepts("signed")) {
        for (const char* name : {"key", "previous_key", "audience"}) {
            if (!document.written(key + "." + name)) continue;
            document.refuse(key + "." + name, "this has no meaning in mode " + challenge.mode,
                            "take it out, or write mode = \"signed\"");
        }
        return;
    }
    if (challenge.key.empty() && !document.written(key + ".key")) {
        document.refuse(key + ".key", "mode signed has no key that challenges are encrypted to",
                        "make one with `countersign key generate file:PATH` and write key = \"file:PATH\"");
    }
    const auto& issuers = document.settings.challenge_issuers;
    const bool any = std::ranges::any_of(issuers, [&](const auto& one) {
        return std::ranges::find(one.second.profiles, profile) != one.second.profiles.end();
    });
    if (!any) {
        document.refuse(key + ".mode", "no challenge_issuer may sign challenges for profile " + profile,
                        "add [challenge_issuer.NAME] with profiles = [\"" + profile + "\"]");
    }
}

void check_intune_of(Document& document, const std::string& key, const ChallengeSettings& challenge) {
    const std::string name = key + ".intune";
    if (challenge.accepts("intune")) {
        check_name(document, document.written(name) ? name : key + ".mode", "intune", challenge.intune,
                   document.settings.intune);
    } else if (document.written(name)) {
        document.refuse(name, "this has no meaning in mode " + challenge.mode,
                        "take it out, or write mode = \"intune\"");
    }
}

void check_challenge(Document& document, const std::string& profile, const ChallengeSettings& challenge) {
    const std::string key = "profile." + profile + ".challenge";
    const bool single = challenge.accepts("single-password");
    if (challenge.mode.empty()) return;  // missing or unknown: said already
    if (!challenge.also.empty() && challenge.mode == "none") {
        document.refuse(key + ".also", "a profile without passwords has no use for others", "take it out");
    }
    if (std::ranges::find(challenge.also, challenge.mode) != challenge.also.end()) {
        document.refuse(key + ".also", "mode says " + challenge.mode + " already", "take it out");
    }
    if (!challenge.accepts("one-time")) {
        refuse_written(document, key, challenge.mode,
                       {"bytes", "valid_minutes", "max_outstanding", "burn_after_refusals"});
    }
    check_signed(document, key, profile, challenge);
    check_intune_of(document, key, challenge);
    if (single || challenge.mode == "none") {
        document.warn(key + (challenge.mode == "single-password" || challenge.mode == "none" ? ".mode" : ".also"),
                      single ? "one password enrolls everybody who knows it (UseSinglePassword=1)"
                             : "anybody who reaches this endpoint may enroll (EnforcePassword=0)",
                      "use mode = \"one-time\" once the migration is done");
    }
    if (!single) refuse_written(document, key, challenge.mode, {"password_file"});
    if (single && challenge.password_file.empty() && !document.written(key + ".password_file")) {
        document.refuse(key + ".password_file", "mode single-password has no password",
                        "put it into a file and write password_file = \"PATH\"");
    }
}

void warn_weak_algorithms(Document& document, const std::string& key, const ProfileSettings& profile) {
    std::vector<std::string> weak;
    for (const std::string& cipher : profile.ciphers) {
        if (cipher.starts_with("DES")) weak.push_back(cipher);
    }
    if (!weak.empty()) {
        document.warn(key + ".ciphers", "accepts " + join(weak, " and ") + ", which is too weak for what it protects",
                      "take it out when no old client (Debian's scepclient, old routers) is left");
    }
    if (std::ranges::find(profile.digests, "SHA-1") != profile.digests.end()) {
        document.warn(key + ".digests", "accepts SHA-1 signatures", "take \"SHA-1\" out when no old client is left");
    }
}

void refuse_empty(Document& document, const std::string& key, bool empty, std::string_view example) {
    if (empty && document.written(key)) {
        document.refuse(key, "this list is empty: no request could pass", "write " + std::string(example));
    }
}

bool usage_allowed(const CaSettings& ca, const std::string& usage) {
    return ca.extended_key_usage.empty() || std::ranges::any_of(ca.extended_key_usage, [&](const auto& one) {
               return equals_ignoring_case(one, usage);
           });
}

void check_template_against_ca(Document& document, const std::string& template_name, const std::string& ca_name) {
    const auto rules = document.settings.templates.find(template_name);
    const auto ca = document.settings.ca.find(ca_name);
    if (rules == document.settings.templates.end() || ca == document.settings.ca.end()) return;
    const std::string key = "template." + template_name;
    if (rules->second.validity_days > ca->second.max_validity_days) {
        document.refuse(
            key + ".validity_days",
            "ca." + ca_name + " issues for at most " + std::to_string(ca->second.max_validity_days) + " days",
            "write at most that, or raise ca." + ca_name + ".max_validity_days");
    }
    for (const std::string& usage : rules->second.extended_key_usage) {
        // Names and OIDs of the same usage are compared where the table of OIDs is; here only like with like.
        const bool comparable = std::ranges::all_of(ca->second.extended_key_usage, [&](const std::string& one) {
            return (one.find('.') == std::string::npos) == (usage.find('.') == std::string::npos);
        });
        if (!comparable || usage_allowed(ca->second, usage)) continue;
        document.refuse(key + ".extended_key_usage", "ca." + ca_name + " does not issue " + printable(usage, 60),
                        "add it to ca." + ca_name + ".extended_key_usage or take it out here");
    }
}

void check_profile(Document& document, const std::string& name, const ProfileSettings& profile) {
    const std::string key = "profile." + name;
    const Settings& settings = document.settings;
    check_name(document, key + ".ra", "ra", profile.ra, settings.ra);
    check_name(document, key + ".ca", "ca", profile.ca, settings.ca);
    check_name(document, key + ".templates.signature", "template", profile.template_signature, settings.templates);
    check_name(document, key + ".templates.encryption", "template", profile.template_encryption, settings.templates);
    check_name(document, key + ".templates.general_purpose", "template", profile.template_general_purpose,
               settings.templates);
    check_name(document, key + ".hook", "hook", profile.hook, settings.hooks);
    check_challenge(document, name, profile.challenge);
    refuse_empty(document, key + ".ciphers", profile.ciphers.empty(), "ciphers = [\"AES-256-CBC\"]");
    refuse_empty(document, key + ".digests", profile.digests.empty(), "digests = [\"SHA-256\"]");
    warn_weak_algorithms(document, key, profile);
    const bool admin = std::ranges::any_of(settings.listeners, [](const ListenerSettings& listener) {
        return std::ranges::find(listener.serves, "admin") != listener.serves.end();
    });
    if (!profile.admin_paths.empty() && !settings.listeners.empty() && !admin) {
        document.refuse(key + ".admin_paths", "no listener serves admin",
                        "write serves = [\"scep\", \"admin\"] in a listener, or take this out");
    }
}

// One path of the configuration and every form under which it answers.
std::vector<std::string> forms_of(std::string_view path) {
    std::string plain = to_lower(path);
    while (plain.size() > 1 && plain.ends_with('/')) plain.pop_back();
    std::vector<std::string> forms{plain, plain + "/pkiclient.exe"};
    if (plain.ends_with(".dll")) forms.push_back(plain.substr(0, plain.find_last_of('/')));
    return forms;
}

struct PathClaims {
    Document& document;
    std::map<std::string, std::string> owners{};  // path -> key that claimed it

    void claim(const std::string& key, const std::string& path, const std::vector<std::string>& forms) {
        const bool clean = path.starts_with('/') && path.find_first_of("?#%\\ ") == std::string::npos &&
                           path.find("//") == std::string::npos && path.find("/../") == std::string::npos;
        if (!clean) {
            return document.refuse(key, "\"" + printable(path, 80) + "\" is no path",
                                   "write it like \"/certsrv/mscep/mscep.dll\"");
        }
        for (const std::string& form : forms) {
            const auto [owner, fresh] = owners.emplace(form, key);
            if (fresh) continue;
            return document.refuse(
                key, "\"" + printable(path, 80) + "\" overlaps with " + owner->second + " at " + printable(form, 80),
                "give each endpoint a path of its own (letter case makes no difference)");
        }
    }
};

}  // namespace

void check_challenge_issuers(Document& document) {
    std::map<std::string, std::string> owners;  // iss -> issuer's name
    for (const auto& [name, issuer] : document.settings.challenge_issuers) {
        const std::string key = "challenge_issuer." + name;
        for (const auto& profile : issuer.profiles) {
            check_name(document, key + ".profiles", "profile", profile, document.settings.profiles);
        }
        for (const auto& used : issuer.templates) {
            check_name(document, key + ".templates", "template", used, document.settings.templates);
        }
        const auto [owner, fresh] = owners.emplace(issuer.issuer, name);
        if (fresh || issuer.issuer.empty()) continue;
        document.refuse(key + ".issuer", "challenge_issuer." + owner->second + " says the same of itself",
                        "give each issuer a name of its own");
    }
}

void check_profiles(Document& document) {
    std::map<std::string, std::map<std::string, bool>> judged;
    for (const auto& [name, profile] : document.settings.profiles) {
        check_profile(document, name, profile);
        for (const std::string& used :
             {profile.template_signature, profile.template_encryption, profile.template_general_purpose}) {
            if (!std::exchange(judged[used][profile.ca], true)) check_template_against_ca(document, used, profile.ca);
        }
    }
}

void check_paths(Document& document) {
    // What every listener for admin has at fixed paths.
    PathClaims claims{document};
    for (const char* own : {"/api/v1", "/countersign", "/healthz", "/readyz", "/metrics"})
        claims.owners.emplace(own, "the daemon's own");
    for (const auto& [name, profile] : document.settings.profiles) {
        for (const std::string& path : profile.paths) claims.claim("profile." + name + ".paths", path, forms_of(path));
    }
    for (const auto& [name, profile] : document.settings.profiles) {
        for (const std::string& path : profile.admin_paths) {
            const std::string plain = forms_of(path).front();
            claims.claim("profile." + name + ".admin_paths", path, {plain, plain + "/mscep.dll"});
        }
    }
    for (const auto& [name, ca] : document.settings.ca) {
        if (!ca.crl_path.empty())
            claims.claim("ca." + name + ".crl_path", ca.crl_path, {forms_of(ca.crl_path).front()});
    }
}

}  // namespace countersign::config
