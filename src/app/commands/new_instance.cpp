#include "new_instance.hpp"

#include "countersign/core/text.hpp"

#include <arpa/inet.h>

#include <array>
#include <charconv>
#include <optional>

namespace countersign::app {
namespace {

constexpr std::string_view configuration_template =
    R"toml(# Countersign: configuration of this instance, made by `countersign init`.
# Every key with its meaning: countersign config explain. Whether this file is right: countersign check --config FILE.
# Relative paths are below the directory of this file. Secrets never stand here; the file names the files that hold them.

@LISTENERS@
[store]
url = "@STORE_URL@"

[secrets]
# Keys the MACs under which one-time passwords are stored. Losing it makes outstanding passwords useless.
pepper = "secrets/pepper"

# The registration authority: two keys, because the one that opens what strangers send must not sign for the RA.
[ra.default]
encryption = { key = "@ENCRYPTION_KEY@", certificate = "ra/encryption.pem" }
agent = { key = "@AGENT_KEY@", certificate = "ra/agent.pem" }

# The embedded certification authority.
[ca.default]
type = "local"
key = "@CA_KEY@"
certificate = "ca/ca.pem"
serial_secret = "secrets/serial"
crl_path = "@CRL_PATH@"
# Written into certificates: where relying parties fetch the CRL. Change the host to the name they know this server by.
crl_urls = ["@SCEP_BASE@@CRL_PATH@"]

[profile.default]
# The path NDES has, and the default of RFC 8894 section 4.1.
paths = ["@SCEP_PATH@", "/cgi-bin/pkiclient.exe"]
admin_paths = ["@ADMIN_PATH@"]
ra = "default"
ca = "default"
challenge = { mode = "one-time", bytes = 8, valid_minutes = 60, max_outstanding = 10000 }
templates = { signature = "device", encryption = "device", general_purpose = "device" }

# COMPATIBILITY: old clients. DES-EDE3-CBC, DES-CBC and SHA-1 are too weak for what they protect; they are accepted here so
# that every client works at first, Debian's scepclient and old routers among them, and the daemon warns at each start.
# When your clients speak AES and SHA-256 (everything current does), delete these two lines: the defaults are strong.
ciphers = ["AES-128-CBC", "AES-192-CBC", "AES-256-CBC", "DES-EDE3-CBC", "DES-CBC"]
digests = ["SHA-256", "SHA-384", "SHA-512", "SHA-1"]

# What may be in a certificate. Nothing of a request reaches the CA but its key and the names allowed here.
[template.device]
extended_key_usage = ["clientAuth"]
validity_days = 365
# subject_patterns = ["CN=*.example.com,O=Example"]
# san_patterns = ["dns:*.example.com"]
# hold_for_approval = true

# Fetches one-time passwords from the admin page. Another password: countersign hash-password.
[account.@ADMIN_USER@]
password_hash = "@PASSWORD_HASH@"
roles = ["device-administrator"]

[audit]
file = "audit.log"
key = "@AUDIT_KEY@"                                                  # signs checkpoints: countersign audit verify

[log]
level = "info"
)toml";

constexpr std::string_view one_listener = R"toml([[listener]]
address = "@SCEP_LISTENER@"
serves = ["scep", "admin"]
)toml";

constexpr std::string_view two_listeners = R"toml([[listener]]
address = "@SCEP_LISTENER@"
serves = ["scep"]

# Passwords must not travel in clear, so the admin page is on loopback. To open it further add
# tls = { certificate = "...", key = "..." } or put a TLS proxy in front.
[[listener]]
address = "@ADMIN_LISTENER@"
serves = ["admin"]
)toml";

void replace_all(std::string& text, std::string_view from, std::string_view to) {
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
        text.replace(at, from.size(), to);
}

struct Numeric {
    std::string host;  // without brackets
    unsigned port = 0;
    bool v6 = false;
};

std::optional<Numeric> parse(const std::string& listen) {
    const auto colon = listen.rfind(':');
    if (colon == std::string::npos) return std::nullopt;
    Numeric parsed;
    parsed.host = listen.substr(0, colon);
    if (parsed.host.size() > 2 && parsed.host.front() == '[' && parsed.host.back() == ']') {
        parsed.host = parsed.host.substr(1, parsed.host.size() - 2);
        parsed.v6 = true;
    }
    std::array<unsigned char, 16> octets{};
    if (::inet_pton(parsed.v6 ? AF_INET6 : AF_INET, parsed.host.c_str(), octets.data()) != 1) return std::nullopt;
    const char* end = listen.data() + listen.size();
    const auto number = std::from_chars(listen.data() + colon + 1, end, parsed.port);
    const bool good = number.ec == std::errc{} && number.ptr == end && parsed.port >= 1 && parsed.port <= 65535;
    return good ? std::optional(parsed) : std::nullopt;
}

}  // namespace

Result<InstanceAddresses> InstanceAddresses::from(const std::string& listen, const std::string& host_name) {
    const auto parsed = parse(listen);
    if (!parsed) {
        return fail::malformed("--listen " + printable(listen, 80) +
                               ": write a numeric address and a port, like 127.0.0.1:8080 or [::]:8080");
    }
    const bool wildcard = parsed->host == "0.0.0.0" || parsed->host == "::";
    const bool loopback = parsed->host == "::1" || parsed->host.starts_with("127.");
    const std::string port = std::to_string(parsed->port);
    InstanceAddresses addresses;
    addresses.scep_listener = listen;
    addresses.scep_base = "http://" + (wildcard ? host_name : listen.substr(0, listen.rfind(':'))) + ":" + port;
    if (loopback) {
        addresses.admin_listener = addresses.scep_listener;
        addresses.admin_base = addresses.scep_base;
    } else {
        addresses.admin_listener = "127.0.0.1:" + std::to_string(parsed->port == 65535 ? 65534 : parsed->port + 1);
        addresses.admin_base = "http://" + addresses.admin_listener;
    }
    return addresses;
}

Result<InstanceKeys> InstanceKeys::in_token(const std::string& uri) {
    if (to_lower(uri).find("pin-value") != std::string::npos) {
        return fail::malformed(
            "--token holds a PIN (pin-value); put the PIN into a file that only the service can read and write "
            "pin-source=file:/PATH instead");
    }
    const auto query = uri.find('?');
    const std::string path = uri.substr(0, query);
    const std::string rest = query == std::string::npos ? "" : uri.substr(query);
    if (!path.starts_with("pkcs11:"))
        return fail::malformed("--token " + printable(uri, 80) + ": write pkcs11:token=LABEL?pin-source=file:/PATH");
    if (uri.find_first_of("\"\\\n") != std::string::npos)
        return fail::malformed("--token: quotes, backslashes and line ends must be %-encoded");
    if (rest.find("pin-source=file:") != std::string::npos && rest.find("pin-source=file:/") == std::string::npos)
        return fail::malformed("--token: write the PIN file's absolute path, pin-source=file:/PATH");
    std::string place;
    std::string prefix = "countersign";
    for (const auto& part : split(path.substr(7), ';')) {
        if (part.starts_with("object=")) {
            prefix = part.substr(7);
        } else {
            place += part + ";";
        }
    }
    const auto named = [&](const char* role) { return "pkcs11:" + place + "object=" + prefix + "-" + role + rest; };
    return InstanceKeys{named("encryption"), named("agent"), named("ca"), named("audit")};
}

std::string configuration_text(const InstanceAddresses& addresses, const InstanceKeys& keys,
                               const std::string& store_url, const std::string& admin_user,
                               const std::string& password_hash) {
    std::string text(configuration_template);
    replace_all(text, "@STORE_URL@", store_url);
    replace_all(text, "@LISTENERS@",
                addresses.admin_listener == addresses.scep_listener ? one_listener : two_listeners);
    replace_all(text, "@ENCRYPTION_KEY@", keys.encryption);
    replace_all(text, "@AGENT_KEY@", keys.agent);
    replace_all(text, "@CA_KEY@", keys.ca);
    replace_all(text, "@AUDIT_KEY@", keys.audit);
    replace_all(text, "@SCEP_LISTENER@", addresses.scep_listener);
    replace_all(text, "@ADMIN_LISTENER@", addresses.admin_listener);
    replace_all(text, "@SCEP_BASE@", addresses.scep_base);
    replace_all(text, "@SCEP_PATH@", default_scep_path);
    replace_all(text, "@ADMIN_PATH@", default_admin_path);
    replace_all(text, "@CRL_PATH@", default_crl_path);
    replace_all(text, "@ADMIN_USER@", admin_user);
    replace_all(text, "@PASSWORD_HASH@", password_hash);
    return text;
}

}  // namespace countersign::app
