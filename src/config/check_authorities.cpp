#include "check.hpp"
#include "countersign/core/text.hpp"

#include <algorithm>
#include <array>

namespace countersign::config {
namespace {

constexpr std::string_view request_agent = "1.3.6.1.4.1.311.20.2.1";
constexpr std::string_view any_usage = "2.5.29.37.0";

bool dotted_oid(std::string_view text) {
    const auto arcs = split(text, '.');
    return arcs.size() >= 2 && std::ranges::all_of(arcs, [](const std::string& arc) {
               return !arc.empty() && arc.size() <= 10 &&
                      std::ranges::all_of(arc, [](char c) { return c >= '0' && c <= '9'; });
           });
}

bool word(std::string_view text) {
    return !text.empty() &&
           std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); });
}

// The names are resolved where the table of OIDs is, in the crypto room; here only what can be no name at all is
// refused.
void check_usages(Document& document, const std::string& key, const std::vector<std::string>& usages) {
    for (const std::string& usage : usages) {
        if (word(usage) || dotted_oid(usage)) continue;
        document.refuse(key, "\"" + printable(usage, 60) + "\" is no extended key usage",
                        "write names like \"clientAuth\" or dotted OIDs");
    }
}

void check_url(Document& document, const std::string& key, const std::vector<std::string>& urls) {
    for (const std::string& url : urls) {
        if (url.starts_with("http://") && url.size() > 7) continue;
        document.refuse(
            key, "\"" + printable(url, 80) + "\" is not an http:// URL",
            "write http://: what checks a certificate cannot fetch over TLS that needs this very check (RFC 5280 8)");
    }
}

void check_ra(Document& document, const std::string& name, const RaSettings& ra) {
    const std::string key = "ra." + name;
    if (!ra.agent.key.empty() && ra.agent.key == ra.encryption.key) {
        document.refuse(key + ".agent.key", "the agent and the encryption key are the same",
                        "make two keys: one that decrypts for strangers must not sign for the RA");
    }
    if (!ra.agent.certificate.empty() && ra.agent.certificate == ra.encryption.certificate) {
        document.refuse(key + ".agent.certificate", "the agent and the encryption certificate are the same",
                        "make two certificates");
    }
    if (!ra.ca.empty() && !document.settings.ca.contains(ra.ca)) {
        document.refuse(key + ".ca", "there is no [ca." + printable(ra.ca, 60) + "]",
                        one_of(document.settings.ca, "ca"));
    }
    for (const KeyPairSettings& previous : ra.previous_encryption) {
        if (previous.key.empty() || (previous.key != ra.encryption.key && previous.key != ra.agent.key)) continue;
        document.refuse(previous.place.key + ".key", "this key is in use as the current encryption or agent key",
                        "list only keys of the past");
    }
}

void check_ca(Document& document, const std::string& name, const CaSettings& ca) {
    const std::string key = "ca." + name;
    check_ca_type(document, key, ca);
    check_usages(document, key + ".extended_key_usage", ca.extended_key_usage);
    check_url(document, key + ".crl_urls", ca.crl_urls);
    check_url(document, key + ".ca_issuers_urls", ca.ca_issuers_urls);
    if (ca.crl_refresh_hours >= ca.crl_validity_hours) {
        document.refuse(key + ".crl_refresh_hours", "a CRL would expire before it is made again",
                        "write less than crl_validity_hours (" + std::to_string(ca.crl_validity_hours) + ")");
    }
    for (const auto& [ra_name, ra] : document.settings.ra) {
        for (const KeyPairSettings* pair : {&ra.agent, &ra.encryption}) {
            if (ca.issuer.key.empty() || pair->key != ca.issuer.key) continue;
            document.refuse(key + ".key", "[ra." + ra_name + "] uses the CA's key", "make keys of its own for the RA");
        }
    }
}

}  // namespace

void check_authorities(Document& document) {
    for (const auto& [name, ra] : document.settings.ra) check_ra(document, name, ra);
    for (const auto& [name, ca] : document.settings.ca) check_ca(document, name, ca);
    check_kerberos_identities(document);
}

void check_templates(Document& document) {
    for (const auto& [name, rules] : document.settings.templates) {
        const std::string key = "template." + name;
        check_usages(document, key + ".extended_key_usage", rules.extended_key_usage);
        for (const std::string& usage : rules.extended_key_usage) {
            const bool all_mighty = usage == request_agent || usage == any_usage ||
                                    equals_ignoring_case(usage, "anyExtendedKeyUsage") ||
                                    equals_ignoring_case(usage, "certificateRequestAgent");
            if (!all_mighty) continue;
            document.refuse(key + ".extended_key_usage",
                            "with " + printable(usage, 60) + " a device could enroll for anybody",
                            "name the usages the devices need, e.g. \"clientAuth\"");
        }
        if (rules.rsa_bits_min > rules.rsa_bits_max) {
            document.refuse(key + ".rsa_bits_max", "it is less than rsa_bits_min",
                            "write at least " + std::to_string(rules.rsa_bits_min));
        }
        if (document.written(key + ".key_algorithms") && rules.key_algorithms.empty()) {
            document.refuse(key + ".key_algorithms", "this list is empty: no request could pass",
                            "write key_algorithms = [\"rsa\"]");
        }
        if (rules.allow_empty_subject && rules.san_types.empty()) {
            document.refuse(key + ".allow_empty_subject",
                            "an empty subject needs a subject alternative name, and san_types allows none",
                            "allow a type in san_types");
        }
        if (!rules.renewal_allowed && (rules.renewal_allow_expired || rules.renewal_window_days != 0)) {
            document.refuse(key + ".renewal_allowed", "renewal is off, yet its conditions are set",
                            "take the other renewal_ keys out");
        }
        if (rules.renewal_window_days > rules.validity_days) {
            document.refuse(key + ".renewal_window_days", "the window is longer than the certificate's life",
                            "write at most " + std::to_string(rules.validity_days));
        }
        if (!rules.signer_key_must_match) {
            document.warn(key + ".signer_key_must_match", "whoever holds a challenge may enroll keys of others",
                          "keep this for profiles of proxying clients");
        }
        if (rules.security_identifier_uri) {
            document.warn(key + ".security_identifier_uri",
                          "a request may name the Active Directory account its certificate stands for",
                          "bind challenges to their names, or hold requests for approval");
        }
    }
}

}  // namespace countersign::config
