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

constexpr std::array<std::string_view, 4> of_other_cas{"crl", "crl_refresh_minutes", "crl_directory",
                                                       "renewal_without_crl"};

void need(Document& document, const std::string& key, bool given, const std::string& example) {
    if (!given) document.refuse(key, "this key is missing", "write " + example);
}

void check_local(Document& document, const std::string& key, const CaSettings& ca) {
    need(document, key + ".key", !ca.issuer.key.empty() || document.written(key + ".key"), "key = \"file:PATH\"");
    need(document, key + ".serial_secret", !ca.serial_secret.empty() || document.written(key + ".serial_secret"),
         "serial_secret = \"PATH\"");
    for (const auto name : of_other_cas) {
        const std::string full = key + "." + std::string(name);
        if (!document.written(full)) continue;
        document.refuse(full, "this means nothing to the embedded CA", "take it out: its ledger knows what is revoked");
    }
}

void check_revocation_lists(Document& document, const std::string& key, const CaSettings& ca) {
    for (const std::string& location : ca.crl) {
        const bool url = location.find("://") != std::string::npos;
        const bool known = location.starts_with("http://") || location.starts_with("https://");
        if (!location.empty() && (!url || known)) continue;
        document.refuse(key + ".crl",
                        "\"" + printable(location, 80) + "\" is neither an http:// or https:// URL nor a file",
                        "have the CA publish its list over HTTP too, or put it into a file: LDAP is not spoken here");
    }
    if (ca.crl.empty()) {
        for (const auto name : of_other_cas) {
            const std::string full = key + "." + std::string(name);
            if (name == "crl" || !document.written(full)) continue;
            document.refuse(full, "there is no revocation list that this could be about",
                            "write crl = [\"http://...\"], or take it out");
        }
    } else if (ca.renewal_without_crl == "allow") {
        document.warn(key + ".renewal_without_crl",
                      "whoever keeps the revocation list from this server renews certificates that the CA has revoked",
                      "write \"refuse\" once the list can be relied upon");
    }
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

enum class Scheme { https, any };

void check_connection(Document& document, const std::string& key, const CaConnectionSettings& connection,
                      Scheme scheme = Scheme::https) {
    const bool plain = scheme == Scheme::any && connection.url.starts_with("http://");
    if (connection.url.empty()) {
        document.refuse(key + ".url", "this key is missing", "write url = \"https://HOST/...\"");
    } else if (!connection.url.starts_with("https://") && !plain) {
        document.refuse(key + ".url", "\"" + printable(connection.url, 80) + "\" is not an https:// URL",
                        "write https://: what travels there is what the CA signs, and our right to ask for it");
    }
    check_sign_in_data(document, key, connection);
}

void check_cmp(Document& document, const std::string& key, const CaCmpSettings& cmp) {
    if (cmp.protection == "secret") {
        need(document, key + ".reference", !cmp.reference.empty(), "reference = \"NAME\"");
        need(document, key + ".secret_file", !cmp.secret_file.empty(), "secret_file = \"PATH\"");
    } else if (!document.settings.ra.contains(cmp.ra)) {
        document.refuse(key + ".ra", "there is no [ra." + printable(cmp.ra, 60) + "]",
                        one_of(document.settings.ra, "ra"));
    }
}

void check_service(Document& document, const std::string& key, const CaSettings& ca) {
    if (ca.type == "ejbca") {
        need(document, key + ".ejbca.authority", !ca.ejbca.authority.empty(), "authority = \"NAME\"");
        need(document, key + ".ejbca.end_entity_profile", !ca.ejbca.end_entity_profile.empty(),
             "end_entity_profile = \"NAME\"");
    }
    if (ca.type == "vault")
        need(document, key + ".vault.token_file", !ca.vault.token_file.empty(), "token_file = \"PATH\"");
    if (ca.type == "step") {
        need(document, key + ".step.provisioner", !ca.step.provisioner.empty(), "provisioner = \"NAME\"");
        need(document, key + ".step.key", !ca.step.key.empty(), "key = \"file:PATH\"");
    }
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
    check_revocation_lists(document, key, ca);
    if (ca.type == "exec") check_command(document, key + ".command", ca.command);
    if (ca.type == "cmp") check_cmp(document, key + ".cmp", ca.cmp);
    check_service(document, key, ca);
    if (ca.type != "exec") {
        check_connection(document, key + ".connection", ca.connection, ca.type == "cmp" ? Scheme::any : Scheme::https);
    }
    if (ca.type != "adcs-wstep" && ca.connection.authentication == "username-token") {
        document.refuse(key + ".connection.authentication", "a CA of type " + ca.type + " knows no such token",
                        "write \"basic\", \"negotiate\" or \"certificate\"");
    }
    if (!ca.policy_url.empty() && !ca.adcs()) {
        document.refuse(key + ".policy_url", "this means nothing to a CA of type " + ca.type, "take it out");
    } else if (!ca.policy_url.empty() && !ca.policy_url.starts_with("https://")) {
        document.refuse(key + ".policy_url", "\"" + printable(ca.policy_url, 80) + "\" is not an https:// URL",
                        "write https://: our sign-in travels there");
    }
    if (ca.type == "est" && document.written(key + ".request_format") && ca.request_format == "pkcs7") {
        document.refuse(key + ".request_format", "EST knows no such request",
                        "write \"cmc\", or \"pkcs10\" for requests without our countersignature");
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
