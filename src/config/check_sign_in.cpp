#include "check.hpp"
#include "countersign/core/bytes.hpp"
#include "countersign/core/text.hpp"

#include <algorithm>
#include <map>

namespace countersign::config {

bool ListenerSettings::offers(std::string_view scheme) const {
    return std::ranges::find(serves, "admin") != serves.end() && std::ranges::find(sign_in, scheme) != sign_in.end();
}

bool ListenerSettings::has_proxies() const {
    return !trusted_proxies.empty() || address.starts_with("unix:");
}

namespace {

constexpr std::size_t fingerprint_digits = 64;

bool is_token(std::string_view name) {
    return !name.empty() && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    });
}

void check_negotiate(Document& document, const ListenerSettings& listener) {
    const std::string key = listener.place.key + ".sign_in";
    if (document.settings.sign_in.keytab.empty()) {
        document.refuse(key, "negotiate needs a keytab", "write [sign_in] keytab = \"PATH\", or take negotiate out");
    }
    if (document.settings.sign_in.channel_binding == "required" && !listener.tls) {
        document.refuse(key, "negotiate can be bound to TLS of our own alone, and this listener has none",
                        "add tls = { certificate = \"...\", key = \"...\" } or write sign_in.channel_binding = "
                        "\"when-offered\"");
    }
}

void check_ntlm(Document& document, const ListenerSettings& listener) {
    const std::string key = listener.place.key + ".sign_in";
    const auto& sign_in = document.settings.sign_in;
    if (!sign_in.ntlm) {
        document.refuse(
            key, "ntlm is offered, but nothing says that its dangers are known",
            "take ntlm out, or write [sign_in] ntlm = \"i understand ntlm passwords can be guessed offline\"");
    }
    if (sign_in.ntlm_users.empty())
        document.refuse(key, "ntlm has no users", "write [sign_in] ntlm_users = \"PATH\", or take ntlm out");
    if (listener.has_proxies()) {
        document.refuse(key, "ntlm signs in a connection, and proxies share theirs among clients",
                        "offer ntlm on a listener without trusted_proxies that is no Unix socket");
    }
    if (sign_in.ntlm_channel_binding == "required" && !listener.tls) {
        document.refuse(key, "ntlm must be bound to TLS of our own, and this listener has none",
                        "add tls = { certificate = \"...\", key = \"...\" } or write sign_in.ntlm_channel_binding = "
                        "\"i understand sign-ins can be relayed\"");
    }
    if (sign_in.ntlm_channel_binding != "required")
        document.warn(key, "ntlm sign-ins that are not bound to TLS can be relayed here",
                      "write sign_in.ntlm_channel_binding = \"required\" as soon as your clients can");
}

void check_certificate_header(Document& document, const ListenerSettings& listener) {
    const std::string key = listener.place.key + ".client_certificate_header";
    const auto& header = listener.client_certificate_header;
    if (header.empty()) {
        if (listener.client_certificate_ca.empty()) return;
        document.refuse(listener.place.key + ".client_certificate_ca",
                        "no header brings certificates to verify with it",
                        "add client_certificate_header, or take this key out");
        return;
    }
    if (!is_token(header)) {
        document.refuse(key, "\"" + printable(header, 60) + "\" is no header name that proxies can send",
                        "use letters, digits and -");
    }
    if (!listener.has_proxies()) {
        document.refuse(key, "no proxy is trusted to report certificates here",
                        "add trusted_proxies, or take this key out");
    }
    if (listener.client_certificate_ca.empty()) {
        document.refuse(key, "nothing says whose certificates to accept",
                        "write client_certificate_ca = \"PATH\" with the CAs of your administrators");
    }
    if (!listener.offers("certificate"))
        document.refuse(key, "sign_in does not offer certificate", "add it there, or take this key out");
}

void check_sign_in_at(Document& document, const ListenerSettings& listener) {
    check_certificate_header(document, listener);
    if (listener.offers("negotiate")) check_negotiate(document, listener);
    if (listener.offers("ntlm")) check_ntlm(document, listener);
    const bool own = listener.tls && !listener.tls->client_ca.empty();
    if (listener.offers("certificate") && !own && listener.client_certificate_header.empty()) {
        document.refuse(listener.place.key + ".sign_in", "no client can present a certificate here",
                        "write tls = { ..., client_ca = \"PATH\" }, or client_certificate_header behind a proxy");
    }
}

void check_unused(Document& document) {
    const auto offered = [&](std::string_view scheme) {
        return std::ranges::any_of(document.settings.listeners,
                                   [&](const auto& listener) { return listener.offers(scheme); });
    };
    const auto warn_unless = [&](std::string_view scheme, const std::string& key) {
        if (!document.written(key) || offered(scheme)) return;
        document.warn(key, "no listener's sign_in offers " + std::string(scheme), "add it there, or take this key out");
    };
    warn_unless("negotiate", "sign_in.keytab");
    warn_unless("ntlm", "sign_in.ntlm");
}

void check_principal(Document& document) {
    const auto& service = document.settings.sign_in.service;
    const auto slash = service.find('/');
    if (service.empty() || (slash != std::string::npos && slash != 0 && slash + 1 != service.size())) return;
    document.refuse("sign_in.service", "\"" + printable(service, 80) + "\" is no service principal",
                    "write \"HTTP/HOST@REALM\"");
}

// What says who somebody is, in the one form it is compared in, to whose it is.
using Owners = std::map<std::string, std::string>;

void claim(Document& document, Owners& owners, const std::string& what, const std::string& key,
           const std::string& account) {
    const auto [owner, fresh] = owners.emplace(what, account);
    if (fresh) return;
    document.refuse(key, "[account." + owner->second + "] has this too", "leave it with one account");
}

void check_identities(Document& document) {
    const bool by_realm = !document.settings.sign_in.realms.empty();
    Owners owners;
    for (const auto& [name, account] : document.settings.accounts) {
        const std::string key = "account." + name;
        for (const auto& principal : account.principals) {
            if (principal.find_first_of("@\\") == std::string::npos) {
                document.refuse(key + ".principals", "\"" + printable(principal, 80) + "\" does not say of which realm",
                                "write \"user@REALM\" or \"DOMAIN\\\\user\"");
            }
            claim(document, owners, to_lower(principal), key + ".principals", name);
        }
        for (const auto& written : account.certificates) {
            std::string plain = to_lower(written);
            std::erase_if(plain, [](char c) { return c == ':' || c == ' '; });
            const auto octets = from_hex(plain);
            if (!octets || plain.size() != fingerprint_digits) {
                document.refuse(key + ".certificates", "\"" + printable(written, 80) + "\" is no SHA-256 fingerprint",
                                "write what `openssl x509 -noout -fingerprint -sha256 -in FILE` prints after the =");
            }
            claim(document, owners, plain, key + ".certificates", name);
        }
        if (account.password_hash.empty() && account.principals.empty() && account.certificates.empty() && !by_realm) {
            document.refuse(
                key, "nothing opens this account",
                "write password_hash (what `countersign hash-password` prints), principals or certificates");
        }
    }
}

}  // namespace

void check_sign_in(Document& document) {
    for (const auto& listener : document.settings.listeners) check_sign_in_at(document, listener);
    check_unused(document);
    check_principal(document);
    check_identities(document);
}

}  // namespace countersign::config
