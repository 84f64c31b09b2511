#include "imported_configuration.hpp"

#include "countersign/core/text.hpp"
#include "registry_export.hpp"

#include <algorithm>

namespace countersign::app {
namespace {

// Only for text of ours: letters, digits and the punctuation of paths and algorithm names.
std::string quoted(const std::string& text) {
    return "\"" + text + "\"";
}

std::string list_of(const std::vector<std::string>& words) {
    std::vector<std::string> parts;
    std::ranges::transform(words, std::back_inserter(parts), quoted);
    return "[" + join(parts, ", ") + "]";
}

constexpr std::string_view head =
    R"toml(# Countersign: configuration made by `countersign config import-ndes` from the registry of an NDES server.
# Every key with its meaning: countersign config explain. Whether this file is right: countersign check --config FILE.
# The files named here are those that `countersign init DIR` makes: put this file into such a directory as countersign.toml.

# Passwords travel on the admin page, so it is on loopback. Put a TLS proxy in front and name it in trusted_proxies, or
# write tls = { certificate = "...", key = "..." } and open the address.
[[listener]]
address = "127.0.0.1:8080"
serves = ["scep", "admin"]

[store]
url = "sqlite:countersign.db"

[secrets]
pepper = "secrets/pepper"

# NDES keeps its two RA certificates in the machine's store ("CEP Encryption", "Exchange Enrollment Agent (Offline
# request)"). Make new ones instead of exporting those keys: whoever holds the agent's key enrolls for anybody.
[ra.default]
encryption = { key = "file:ra/encryption.key", certificate = "ra/encryption.pem" }
agent = { key = "file:ra/agent.key", certificate = "ra/agent.pem" }

)toml";

constexpr std::string_view tail = R"toml(
# Who fetches passwords: the "device administrator" of NDES, with a password of its own instead of a domain account.
# The hash is what `countersign hash-password` prints.
# [account.mdm]
# password_hash = "..."
# roles = ["device-administrator"]

[audit]
file = "audit.log"

[log]
level = "info"
)toml";

std::string authority_text(const ImportedConfiguration& settings) {
    std::string text = "# NDES sent requests to: " +
                       (settings.authority.empty() ? "(not in the export)" : shown_text(settings.authority)) + "\n";
    text +=
        R"toml(# This is the embedded CA, which is another CA than that one. Other types: countersign config explain ca.NAME.type
[ca.default]
type = "local"
key = "file:ca/ca.key"
certificate = "ca/ca.pem"
serial_secret = "secrets/serial"
crl_path = "/crl/default.crl"
# crl_urls = ["http://HOST/crl/default.crl"]

)toml";
    return text;
}

std::string challenge_text(const ImportedConfiguration& settings) {
    if (settings.mode == "single-password") {
        return "# DANGER: UseSinglePassword=1. One password, which does not expire, enrolls everybody who knows it.\n"
               "# NDES keeps it encrypted for the old server alone: write it into this file (one line, mode 0600), or\n"
               "# better write mode = \"one-time\".\n"
               "challenge = { mode = \"single-password\", password_file = \"secrets/single-password\" }\n";
    }
    if (settings.mode == "none") {
        return "# DANGER: EnforcePassword=0. Whoever reaches this server gets a certificate with any subject the "
               "template\n"
               "# allows. Write mode = \"one-time\" as soon as the clients have passwords.\n"
               "challenge = { mode = \"none\" }\n";
    }
    return "challenge = { mode = \"one-time\", bytes = " + std::to_string(settings.bytes) +
           ", valid_minutes = " + std::to_string(settings.valid_minutes) +
           ", max_outstanding = " + std::to_string(settings.max_outstanding) + " }\n";
}

std::string profile_text(const ImportedConfiguration& settings) {
    std::string text = "[profile.default]\npaths = [\"/certsrv/mscep/mscep.dll\"]\n";
    text += "admin_paths = [" + quoted(settings.admin_path) + "]\nra = \"default\"\nca = \"default\"\n";
    text += challenge_text(settings);
    text += "templates = { signature = " + quoted(settings.signature) +
            ", encryption = " + quoted(settings.encryption) +
            ", general_purpose = " + quoted(settings.general_purpose) + " }\n";
    const bool weak = settings.ciphers.size() > 3 || settings.digests.size() > 3;
    if (weak) {
        text +=
            "# COMPATIBILITY: what the old server offered. DES-EDE3-CBC and SHA-1 are too weak for what they protect: "
            "delete\n"
            "# them when no old client is left; the daemon warns of them at each start.\n";
    }
    text += "ciphers = " + list_of(settings.ciphers) + "\ndigests = " + list_of(settings.digests) + "\n";
    return text;
}

// The one template whose content is the same everywhere: version 1, which nobody can edit.
bool is_ipsec_offline(const ImportedTemplate& one) {
    return equals_ignoring_case(one.directory, "IPSECIntermediateOffline");
}

std::string template_text(const ImportedTemplate& one, bool same_subject) {
    std::string text = "\n# Template " + shown_text(one.directory) + " of Active Directory.";
    if (is_ipsec_offline(one)) {
        text +=
            " It issues for two years with the usage IP security IKE\n# intermediate, which is kept here; for Wi-Fi "
            "and "
            "logon of devices write extended_key_usage = [\"clientAuth\"].\n";
    } else {
        text +=
            " What is in it stands in the directory, not in the\n# registry: compare with `certutil -v -dsTemplate` "
            "and "
            "write usages, validity and key sizes here.\n";
    }
    text += "[template." + one.name + "]\n";
    text += std::string("extended_key_usage = [\"") + (is_ipsec_offline(one) ? "1.3.6.1.5.5.8.2.2" : "clientAuth") +
            "\"]\nvalidity_days = " + (is_ipsec_offline(one) ? "730" : "365") + "\n";
    if (!same_subject) text += "renewal_require_same_subject = false  # DisableRenewalSubjectNameMatch = 1\n";
    text += "# subject_patterns = [\"CN=*.example.com,O=Example\"]\n";
    return text;
}

}  // namespace

std::string configuration_text(const ImportedConfiguration& settings) {
    std::string text(head);
    text += authority_text(settings);
    text += profile_text(settings);
    for (const ImportedTemplate& one : settings.templates) text += template_text(one, settings.same_subject_on_renewal);
    return text + std::string(tail);
}

}  // namespace countersign::app
