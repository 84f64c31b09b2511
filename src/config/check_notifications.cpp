// Whom we tell over HTTPS, and whom we ask.
#include "check.hpp"
#include "countersign/core/text.hpp"

#include <algorithm>

namespace countersign::config {
namespace {

void check_https(Document& document, const std::string& key, const std::string& url) {
    if (url.empty() || url.starts_with("https://")) return;  // empty: missing, said already
    document.refuse(key, "\"" + printable(url, 80) + "\" is not an https:// URL", "write https://...");
}

void check_client_certificate(Document& document, const std::string& key, const CaConnectionSettings& connection) {
    const bool certificate = !connection.client_certificate.empty();
    if (certificate != connection.client_key.empty()) return;
    document.refuse(key + (certificate ? ".client_key" : ".client_certificate"), "this key is missing",
                    certificate ? "write client_key = \"PATH\"" : "write client_certificate = \"PATH\"");
}

void check_profile_names(Document& document, const std::string& key, const std::vector<std::string>& names) {
    for (const std::string& name : names) {
        if (document.settings.profiles.contains(name)) continue;
        document.refuse(key, "no [profile." + printable(name, 60) + "] exists",
                        one_of(document.settings.profiles, "profile"));
    }
}

// Who we are to Entra: a secret, or a certificate and its key.
void check_credentials(Document& document, const std::string& key, const IntuneSettings& tenant) {
    const bool certificate = !tenant.certificate.empty() || !tenant.key.empty();
    if (certificate == !tenant.secret.empty()) {
        document.refuse(key + (certificate ? ".secret" : ""),
                        certificate ? "there is a certificate too" : "nothing shows Entra who we are",
                        "write secret = \"PATH\", or certificate = \"PATH\" and key = \"file:PATH\", and not both");
        return;
    }
    if (certificate && tenant.certificate.empty())
        document.refuse(key + ".certificate", "this key is missing", "write certificate = \"PATH\"");
    if (certificate && tenant.key.empty())
        document.refuse(key + ".key", "this key is missing", "write key = \"file:PATH\"");
}

// They become parts of URLs.
void check_plain(Document& document, const std::string& key, const std::string& value) {
    const bool plain = std::ranges::all_of(value, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
               c == '_';
    });
    if (!plain) {
        document.refuse(key, "\"" + printable(value, 80) + "\" is no name or id",
                        "write letters, digits, dots and hyphens alone");
    }
}

}  // namespace

void check_notifications(Document& document) {
    for (const auto& [name, receiver] : document.settings.notifications) {
        const std::string key = "notification." + name;
        check_https(document, key + ".url", receiver.connection.url);
        check_client_certificate(document, key, receiver.connection);
        check_profile_names(document, key + ".profiles", receiver.profiles);
        if (receiver.events.empty() && document.written(key + ".events")) {
            document.refuse(key + ".events", "this list is empty: nothing would be told",
                            "write events = [\"issued\"], or take the receiver out");
        }
    }
}

void check_intune(Document& document) {
    for (const auto& [name, tenant] : document.settings.intune) {
        const std::string key = "intune." + name;
        check_https(document, key + ".authority", tenant.authority);
        check_https(document, key + ".graph", tenant.graph);
        check_https(document, key + ".resource", tenant.resource);
        check_plain(document, key + ".tenant", tenant.tenant);
        check_plain(document, key + ".client_id", tenant.client_id);
        check_plain(document, key + ".service_application", tenant.service_application);
        check_credentials(document, key, tenant);
        const bool used = std::ranges::any_of(document.settings.profiles, [&](const auto& profile) {
            return profile.second.challenge.accepts("intune") && profile.second.challenge.intune == name;
        });
        if (!used) {
            document.warn(key, "no profile takes challenges of this tenant",
                          "write challenge = { mode = \"intune\", intune = \"" + name + "\" } in a profile");
        }
    }
}

}  // namespace countersign::config
