#include "template_settings.hpp"

namespace countersign::app {

Result<policy::Template> to_template(const config::TemplateSettings& settings) {
    policy::Template result;
    result.name = settings.name;
    if (!settings.key_usage.empty()) {
        TRY(result.key_usage, crypto::key_usage_from_names(settings.key_usage));
    }
    for (const auto& name : settings.extended_key_usage) {
        TRY(auto oid, crypto::extended_key_usage_from_name(name));
        result.extended_key_usage.push_back(std::move(oid));
    }
    result.validity = std::chrono::days{settings.validity_days};
    result.backdate = std::chrono::minutes{settings.backdate_minutes};
    result.key = {settings.key_algorithms, settings.rsa_bits_min, settings.rsa_bits_max, nullptr};
    result.names.subject_attributes = settings.subject_attributes;
    result.names.subject_patterns = settings.subject_patterns;
    result.names.allow_empty_subject = settings.allow_empty_subject;
    result.names.san_types = settings.san_types;
    result.names.san_patterns = settings.san_patterns;
    result.names.allow_wildcard_dns = settings.allow_wildcard_dns;
    result.names.security_identifier_uri = settings.security_identifier_uri;
    result.names.max_sans = settings.max_sans;
    result.renewal.allowed = settings.renewal_allowed;
    result.renewal.window = std::chrono::days{settings.renewal_window_days};
    result.renewal.allow_expired = settings.renewal_allow_expired;
    result.renewal.allow_same_key = settings.renewal_allow_same_key;
    result.renewal.require_same_subject = settings.renewal_require_same_subject;
    result.hold_for_approval = settings.hold_for_approval;
    result.signer_key_must_match = settings.signer_key_must_match;
    result.strict_extensions = settings.strict_extensions;
    return result;
}

std::map<std::string, std::string> ca_template_names(const config::Settings& settings) {
    std::map<std::string, std::string> names;
    for (const auto& [name, rules] : settings.templates) names[name] = rules.ca_name.empty() ? name : rules.ca_name;
    return names;
}

Result<scep::AcceptedAlgorithms> to_accepted(const config::ProfileSettings& settings) {
    scep::AcceptedAlgorithms accepted;
    accepted.ciphers.clear();
    accepted.digests.clear();
    for (const auto& name : settings.ciphers) {
        TRY(const auto cipher, crypto::cipher_from_name(name));
        accepted.ciphers.insert(cipher);
    }
    for (const auto& name : settings.digests) {
        TRY(const auto digest, crypto::digest_from_name(name));
        accepted.digests.insert(digest);
    }
    return accepted;
}

}  // namespace countersign::app
