#include "ndes_settings.hpp"

#include "countersign/core/text.hpp"
#include "imported_configuration.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

namespace countersign::app {
namespace {

constexpr std::string_view mscep = "hkey_local_machine\\software\\microsoft\\cryptography\\mscep";
constexpr std::string_view default_template = "IPSECIntermediateOffline";

// A value and where below MSCEP it stands: "PasswordLength\PasswordLength".
struct Found {
    std::string path;
    const RegistryValue* value = nullptr;
};

class Importer {
public:
    explicit Importer(std::map<std::string, Found> values) : values_(std::move(values)) {}

    NdesImport run() {
        import_challenge();
        import_admin_path();
        import_templates();
        import_algorithms();
        import_authority();
        import_renewal();
        import_modules();
        import_what_needs_nothing();
        report_the_rest();
        done_.configuration = configuration_text(configuration_);
        return std::move(done_);
    }

private:
    // NDES reads subkey X, value X; the templates lie in the key itself. Either place counts. A value that the export
    // removes is absent.
    std::map<std::string, Found>::const_iterator find(std::string_view setting) const {
        const std::string lower = to_lower(setting);
        const auto below = values_.find(lower + "\\" + lower);
        return below != values_.end() ? below : values_.find(lower);
    }
    const RegistryValue* peek(std::string_view setting) const {
        const auto found = find(setting);
        return found == values_.end() || found->second.value->removal ? nullptr : found->second.value;
    }
    const RegistryValue* take(std::string_view setting) {
        if (const auto found = find(setting); found != values_.end()) taken_.insert(found->first);
        return peek(setting);
    }

    void report(std::string_view setting, const RegistryValue* value, Fate fate, std::string became,
                std::string to_do = "") {
        done_.settings.push_back({std::string(setting), value == nullptr ? "absent" : shown(*value), fate,
                                  std::move(became), std::move(to_do)});
    }

    // A number within what our key takes; else the nearest, or the default of NDES, and a line that says so.
    std::uint32_t number(std::string_view setting, std::string_view key, std::uint32_t fallback, std::uint32_t least,
                         std::uint32_t most) {
        const RegistryValue* value = take(setting);
        const auto became = [&](std::uint64_t used) {
            return "profile.default.challenge." + std::string(key) + " = " + std::to_string(used);
        };
        if (value == nullptr) {
            report(setting, value, Fate::carried, became(fallback) + ", the default of NDES");
            return fallback;
        }
        if (value->type != RegistryType::number) {
            report(setting, value, Fate::changed,
                   became(fallback) + ", the default of NDES: what stands there is no number",
                   "look at the value on the old server");
            return fallback;
        }
        const auto used = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(value->number, least, most));
        if (used == value->number) {
            report(setting, value, Fate::carried, became(used));
        } else {
            report(setting, value, Fate::changed,
                   became(used) + ": " + std::to_string(least) + " to " + std::to_string(most) + " are possible here",
                   "see that clients and scripts take it");
        }
        return used;
    }

    std::optional<bool> flag(const RegistryValue* value) const {
        if (value == nullptr || value->type != RegistryType::number) return std::nullopt;
        return value->number != 0;
    }

    void import_challenge() {
        const RegistryValue* enforce = take("EnforcePassword");
        const RegistryValue* single = take("UseSinglePassword");
        const bool open = flag(enforce) == false;
        const bool one_for_all = !open && flag(single) == true;
        if (open) {
            configuration_.mode = "none";
            report("EnforcePassword", enforce, Fate::carried,
                   "profile.default.challenge.mode = \"none\": anybody who reaches the server may enroll",
                   "write mode = \"one-time\" before you open the server; Microsoft warns of this setting too");
        } else {
            const bool unclear = enforce != nullptr && !flag(enforce);
            report("EnforcePassword", enforce, unclear ? Fate::changed : Fate::carried,
                   "a password is demanded" + std::string(unclear ? ": what stands there is no number" : ""));
        }
        if (one_for_all) {
            configuration_.mode = "single-password";
            report("UseSinglePassword", single, Fate::carried, "profile.default.challenge.mode = \"single-password\"",
                   "write the password into secrets/single-password (mode 0600), or better mode = \"one-time\": one "
                   "password that never expires enrolls everybody who knows it");
        } else if (open && flag(single) == true) {
            report("UseSinglePassword", single, Fate::not_needed, "EnforcePassword = 0 asks for no password at all");
        } else {
            report("UseSinglePassword", single, Fate::carried, "each password is good once");
        }
        import_password_settings();
    }

    void import_password_settings() {
        if (const RegistryValue* kept = take("EncryptedPassword")) {
            report("EncryptedPassword", kept, Fate::not_carried,
                   "it is encrypted for the old server's service account and cannot be read elsewhere",
                   configuration_.mode == "single-password"
                       ? "take the password from where it was written down, or from the old server's admin page"
                       : "");
        }
        if (configuration_.mode != "one-time") {
            for (const char* setting : {"PasswordLength", "PasswordValidity", "PasswordMax"}) {
                if (const RegistryValue* value = take(setting))
                    report(setting, value, Fate::not_needed, "it has no meaning without one-time passwords");
            }
            return;
        }
        configuration_.bytes = number("PasswordLength", "bytes", 8, 8, 32);
        configuration_.valid_minutes = number("PasswordValidity", "valid_minutes", 60, 1, 43200);
        import_password_max();
    }

    // The default of 5 is what makes "The password cache is full" the best known page of NDES.
    void import_password_max() {
        constexpr std::uint64_t default_of_ndes = 5;
        const RegistryValue* value = peek("PasswordMax");
        const bool own_choice =
            value != nullptr && value->type == RegistryType::number && value->number != default_of_ndes;
        if (own_choice) {
            configuration_.max_outstanding = number("PasswordMax", "max_outstanding", 10000, 1, 1000000);
            return;
        }
        report("PasswordMax", take("PasswordMax"), Fate::changed,
               "profile.default.challenge.max_outstanding = 10000: the default of NDES, 5, fills up at once");
    }

    void import_admin_path() {
        const RegistryValue* value = take("PasswordVDir");
        const std::string key = "profile.default.admin_paths = [\"";
        if (value == nullptr || value->type != RegistryType::text) {
            report("PasswordVDir", value, value == nullptr ? Fate::carried : Fate::changed,
                   key + configuration_.admin_path + "\"], the default of NDES");
            return;
        }
        std::string path = "/" + std::string(trim(value->text));
        std::ranges::replace(path, '\\', '/');
        while (path.starts_with("//")) path.erase(0, 1);
        while (path.size() > 1 && path.ends_with('/')) path.pop_back();
        const std::string lower = to_lower(path);
        const bool plain =
            path.size() > 1 && path.size() <= 200 && path.find("//") == std::string::npos &&
            path.find("..") == std::string::npos && std::ranges::all_of(lower, [](char c) {
                return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '/' || c == '-' || c == '_' || c == '.';
            });
        const bool taken = lower.starts_with("/certsrv/mscep/") || lower == "/certsrv/mscep";
        if (!plain || taken) {
            report("PasswordVDir", value, Fate::changed, key + configuration_.admin_path + "\"], the default of NDES",
                   taken ? "give the password page a path of its own: that one is the SCEP endpoint's"
                         : "write the path yourself: this one is not plain");
            return;
        }
        configuration_.admin_path = path;
        report("PasswordVDir", value, Fate::carried, key + path + "\"], in any letter case");
    }

    // What our configuration can call it: letters, digits, - and _.
    static std::string name_for(const std::string& directory) {
        std::string name;
        for (const char c : directory.substr(0, 100)) {
            const bool plain =
                (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
            name += plain ? c : '-';
        }
        return name;
    }

    std::string template_named(const std::string& directory) {
        for (const ImportedTemplate& one : configuration_.templates) {
            if (equals_ignoring_case(one.directory, directory)) return one.name;
        }
        const std::string wanted = name_for(directory);
        std::string name = wanted;
        const auto used = [&] {
            return std::ranges::any_of(configuration_.templates,
                                       [&](const auto& one) { return equals_ignoring_case(one.name, name); });
        };
        for (int i = 2; used(); ++i) name = wanted + "-" + std::to_string(i);
        configuration_.templates.push_back({name, directory});
        return name;
    }

    std::string import_template(std::string_view setting, std::string_view key) {
        const RegistryValue* value = take(setting);
        const bool given = value != nullptr && value->type == RegistryType::text && !trim(value->text).empty();
        const std::string directory = given ? std::string(trim(value->text)) : std::string(default_template);
        const std::string name = template_named(directory);
        std::string became = "profile.default.templates." + std::string(key) + " = \"" + name + "\"";
        if (!given) became += ", the default of NDES";
        const Fate fate = !given ? (value == nullptr ? Fate::carried : Fate::changed)
                                 : (name == directory ? Fate::carried : Fate::changed);
        report(setting, value, fate, became,
               "compare [template." + name + "] with the template in Active Directory, which is not in the registry");
        return name;
    }

    void import_templates() {
        configuration_.signature = import_template("SignatureTemplate", "signature");
        configuration_.encryption = import_template("EncryptionTemplate", "encryption");
        configuration_.general_purpose = import_template("GeneralPurposeTemplate", "general_purpose");
    }

    void import_algorithms() {
        const RegistryValue* hash = take("HashAlgorithm");
        const bool old = hash == nullptr ||
                         (hash->type == RegistryType::text &&
                          (equals_ignoring_case(hash->text, "SHA1") || equals_ignoring_case(hash->text, "SHA-1")));
        report(
            "HashAlgorithm", hash, old ? Fate::changed : Fate::not_needed,
            old ? "replies are signed with SHA-256 or better, never with SHA-1, the default of NDES"
                : "a reply uses the digest of its request, SHA-256 at least",
            old ? "see that your oldest clients verify SHA-256: countersign probe tells what the old server did" : "");
        const RegistryValue* offered = take("CACapabilitiesAlgorithms");
        configuration_.ciphers = {"AES-128-CBC", "AES-192-CBC", "AES-256-CBC"};
        configuration_.digests = {"SHA-256", "SHA-384", "SHA-512"};
        const bool listed =
            offered != nullptr && (offered->type == RegistryType::texts || offered->type == RegistryType::text);
        if (!listed) {
            configuration_.ciphers.emplace_back("DES-EDE3-CBC");
            configuration_.digests.emplace_back("SHA-1");
            report("CACapabilitiesAlgorithms", offered, offered == nullptr ? Fate::carried : Fate::changed,
                   "AES, SHA-256 and better, and the DES3 and SHA-1 that NDES offers by itself",
                   "take DES-EDE3-CBC and SHA-1 out of [profile.default] when no old client is left");
            return;
        }
        import_offered(*offered);
    }

    void import_offered(const RegistryValue& offered) {
        const auto words = offered.type == RegistryType::texts ? offered.texts : split(offered.text, ',');
        std::vector<std::string> strange;
        bool weak = false;
        for (const std::string& listed : words) {
            const std::string word = to_upper(trim(listed));
            if (word == "DES3" || word == "3DES")
                configuration_.ciphers.emplace_back("DES-EDE3-CBC");
            else if (word == "SHA-1" || word == "SHA1")
                configuration_.digests.emplace_back("SHA-1");
            else if (word != "AES" && word != "SHA-256" && word != "SHA-512" && word != "SHA-384" && !word.empty())
                strange.push_back(printable(listed, 40));
            weak = weak || word.starts_with("DES") || word == "SHA-1" || word == "SHA1";
        }
        drop_doubles(configuration_.ciphers);
        drop_doubles(configuration_.digests);
        std::string to_do = weak ? "take DES-EDE3-CBC and SHA-1 out when no old client is left" : "";
        if (!strange.empty()) to_do = "unknown here and left out: " + join(strange, ", ") + (weak ? "; " : "") + to_do;
        report("CACapabilitiesAlgorithms", &offered, strange.empty() ? Fate::carried : Fate::changed,
               "profile.default.ciphers and .digests; AES and SHA-256 always, GetCACaps follows from them", to_do);
    }

    static void drop_doubles(std::vector<std::string>& words) {
        std::set<std::string> seen;
        std::erase_if(words, [&](const std::string& word) { return !seen.insert(word).second; });
    }

    void import_authority() {
        const RegistryValue* info = take("CAInfo\\Configuration");
        if (info != nullptr && info->type == RegistryType::text) configuration_.authority = info->text;
        report("CAInfo\\Configuration", info, Fate::not_carried, "[ca.default] is the embedded CA, not this one",
               "decide who issues: countersign config explain ca.NAME.type lists the kinds of CA this version knows");
        const RegistryValue* type = take("CAType");
        const bool standalone = flag(type) == false;
        report("CAType", type, standalone ? Fate::not_carried : Fate::not_needed,
               standalone ? "a standalone CA has no templates; here each profile has them"
                          : "enterprise CA: templates decide, as they do here",
               standalone ? "fill [template....] with what that CA issued" : "");
        if (const RegistryValue* text = take("CADescription"))
            report("CADescription", text, Fate::not_needed, "a description; nothing reads it");
    }

    void import_renewal() {
        const RegistryValue* match = take("DisableRenewalSubjectNameMatch");
        configuration_.same_subject_on_renewal = flag(match) != true;
        report(
            "DisableRenewalSubjectNameMatch", match, Fate::carried,
            configuration_.same_subject_on_renewal
                ? "template.NAME.renewal_require_same_subject = true, the default"
                : "template.NAME.renewal_require_same_subject = false in every template",
            configuration_.same_subject_on_renewal ? "" : "a renewal may then change its names: delete it if you can");
        if (const RegistryValue* only = take("RenewalOnly")) {
            const bool set = flag(only) != false;
            report("RenewalOnly", only, set ? Fate::not_carried : Fate::not_needed,
                   set ? "first enrollments are accepted here as well" : "first enrollments and renewals, as here",
                   set ? "give out no challenges: then only renewals succeed" : "");
        }
    }

    void import_modules() {
        for (const auto& [path, found] : values_) {
            if (!path.starts_with("modules\\")) continue;
            taken_.insert(path);
            const bool module = path == "modules\\policy" || path == "modules\\policy\\";
            const bool connector = to_lower(shown(*found.value)).find("ndespolicy") != std::string::npos;
            report(found.path, found.value, Fate::not_carried,
                   module ? std::string("a policy module") +
                                (connector ? " (that of Intune or Configuration Manager)" : "") +
                                " judged each request; nothing of it is in this configuration"
                          : "a setting of the policy module",
                   module
                       ? "countersign config explain profile.NAME.challenge.mode lists what can judge challenges here; "
                         "until the module's kind is there, leave its devices with the old server"
                       : "");
        }
    }

    void import_what_needs_nothing() {
        if (const RegistryValue* value = take("CertsInMYStore")) {
            report("CertsInMYStore", value, Fate::not_needed, "[ra.default] names keys and certificates by file",
                   "make new RA keys and certificates (countersign init does); do not export the old ones");
        }
        if (const RegistryValue* value = take("CacheRequest"))
            report("CacheRequest", value, Fate::not_needed,
                   "requests that wait are kept in the store, also over restarts");
        if (const RegistryValue* value = take("Refresh"))
            report("Refresh", value, Fate::not_needed, "CA and RA certificates are read at start and at SIGHUP");
    }

    void report_the_rest() {
        for (const auto& [path, found] : values_) {
            if (taken_.contains(path)) continue;
            report(found.path.empty() ? "(default value)" : found.path, found.value, Fate::not_carried,
                   "unknown here; nothing was made of it", "find out what it did on the old server");
        }
    }

    std::map<std::string, Found> values_;  // by path below MSCEP, lower case
    std::set<std::string> taken_;
    ImportedConfiguration configuration_;
    NdesImport done_;
};

// Where below MSCEP a key is: "" for itself; nullopt for a key elsewhere.
std::optional<std::string> below_mscep(const std::string& path) {
    const std::string lower = to_lower(path);
    if (lower == mscep) return "";
    if (!lower.starts_with(std::string(mscep) + "\\")) return std::nullopt;
    return path.substr(mscep.size() + 1);
}

}  // namespace

std::string_view name(Fate fate) {
    switch (fate) {
        case Fate::carried: return "carried over";
        case Fate::changed: return "changed";
        case Fate::not_needed: return "not needed";
        case Fate::not_carried: return "NOT CARRIED OVER";
    }
    return "";
}

Result<NdesImport> import_ndes_settings(const std::vector<RegistryKey>& keys) {
    std::map<std::string, Found> values;
    std::vector<std::string> elsewhere;
    bool found = false;
    for (const RegistryKey& key : keys) {
        const auto below = below_mscep(key.path);
        if (!below) {
            elsewhere.push_back(key.path);
            continue;
        }
        if (key.removal) {
            elsewhere.push_back("-" + key.path);
            continue;
        }
        found = true;
        for (const RegistryValue& value : key.values) {
            const std::string path = below->empty() ? value.name : *below + "\\" + value.name;
            values[to_lower(path)] = {shown_text(path), &value};
        }
    }
    if (!found) {
        return fail::not_found(
            "it holds no key HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Cryptography\\MSCEP; make it on the NDES server "
            "with: "
            "reg export HKLM\\SOFTWARE\\Microsoft\\Cryptography\\MSCEP mscep.reg");
    }
    NdesImport done = Importer(std::move(values)).run();
    for (const std::string& path : elsewhere) {
        done.settings.push_back(
            {shown_text(path), "a key", Fate::not_carried, "it is no setting of NDES; nothing was made of it", ""});
    }
    return done;
}

}  // namespace countersign::app
