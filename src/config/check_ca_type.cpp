// What each type of CA needs, and what means nothing to it.
#include "check.hpp"
#include "countersign/core/text.hpp"

#include <array>

namespace countersign::config {
namespace {

constexpr std::array<std::string_view, 9> of_the_local_ca{"key",
                                                          "serial_secret",
                                                          "crl_urls",
                                                          "ca_issuers_urls",
                                                          "crl_path",
                                                          "extended_key_usage",
                                                          "max_validity_days",
                                                          "crl_validity_hours",
                                                          "crl_refresh_hours"};

void need(Document& document, const std::string& key, bool given, const std::string& example) {
    if (!given) document.refuse(key, "this key is missing", "write " + example);
}

void check_local(Document& document, const std::string& key, const CaSettings& ca) {
    need(document, key + ".key", !ca.issuer.key.empty() || document.written(key + ".key"), "key = \"file:PATH\"");
    need(document, key + ".serial_secret", !ca.serial_secret.empty() || document.written(key + ".serial_secret"),
         "serial_secret = \"PATH\"");
}

void check_command(Document& document, const std::string& key, const CaCommandSettings& command) {
    need(document, key + ".program", !command.program.empty(), "program = \"/PATH\"");
    for (const std::string& variable : command.environment) {
        const auto equals = variable.find('=');
        if (equals != std::string::npos && equals != 0) continue;
        document.refuse(key + ".environment", "\"" + printable(variable, 60) + "\" is no NAME=VALUE",
                        "write environment = [\"NAME=VALUE\"]");
    }
}

void check_sign_in_data(Document& document, const std::string& key, const CaConnectionSettings& connection) {
    const auto& how = connection.authentication;
    if (how == "basic" || how == "username-token") {
        need(document, key + ".user", !connection.user.empty(), "user = \"DOMAIN\\\\USER\"");
        need(document, key + ".password_file", !connection.password_file.empty(), "password_file = \"PATH\"");
    }
    if (how == "negotiate" && connection.keytab.empty() && connection.credential_cache.empty()) {
        document.refuse(key + ".authentication", "nothing says who we are to Kerberos",
                        "write keytab = \"PATH\" or credential_cache = \"PATH\"");
    }
    if (how == "certificate" || !connection.client_certificate.empty() || !connection.client_key.empty()) {
        need(document, key + ".client_certificate", !connection.client_certificate.empty(),
             "client_certificate = \"PATH\"");
        need(document, key + ".client_key", !connection.client_key.empty(), "client_key = \"PATH\"");
    }
}

void check_connection(Document& document, const std::string& key, const CaConnectionSettings& connection) {
    if (connection.url.empty()) {
        document.refuse(key + ".url", "this key is missing", "write url = \"https://HOST/...\"");
    } else if (!connection.url.starts_with("https://")) {
        document.refuse(key + ".url", "\"" + printable(connection.url, 80) + "\" is not an https:// URL",
                        "write https://: what travels there is what the CA signs, and our right to ask for it");
    }
    check_sign_in_data(document, key, connection);
}

}  // namespace

void check_ca_type(Document& document, const std::string& key, const CaSettings& ca) {
    if (ca.type.empty()) return;  // refused already
    if (ca.local()) return check_local(document, key, ca);
    for (const auto name : of_the_local_ca) {
        const std::string full = key + "." + std::string(name);
        if (!document.written(full)) continue;
        document.refuse(full, "this means nothing to a CA of type " + ca.type, "take it out: the CA itself decides");
    }
    if (ca.type == "exec") check_command(document, key + ".command", ca.command);
    if (ca.type == "adcs-web" || ca.type == "adcs-wstep")
        check_connection(document, key + ".connection", ca.connection);
    if (ca.type == "adcs-web" && ca.connection.authentication == "username-token") {
        document.refuse(key + ".connection.authentication", "the web enrollment pages know no such token",
                        "write \"basic\", \"negotiate\" or \"certificate\"");
    }
}

void check_kerberos_identities(Document& document) {
    const CaConnectionSettings* first = nullptr;
    for (const auto& [name, ca] : document.settings.ca) {
        if (ca.local() || ca.connection.authentication != "negotiate") continue;
        if (first == nullptr) first = &ca.connection;
        if (ca.connection.keytab == first->keytab && ca.connection.credential_cache == first->credential_cache)
            continue;
        document.refuse("ca." + name + ".connection", "another CA is reached as another Kerberos user",
                        "give all CAs the same keytab or credential_cache, or run another instance");
    }
}

}  // namespace countersign::config
