#include "ra_settings.hpp"

namespace countersign::app {

ra::RenewalRules renewal_rules(const config::RaSettings& ra) {
    ra::RenewalRules rules;
    rules.automatic = ra.renew == "automatic";
    rules.renew_at_percent = ra.renew_at_percent;
    rules.new_key = ra.renew_key == "new";
    rules.life = std::chrono::days{ra.certificate_days};
    rules.overlap = std::chrono::days{ra.overlap_days};
    rules.templates = {{ra::Role::agent, ra.agent.template_name}, {ra::Role::encryption, ra.encryption.template_name}};
    return rules;
}

std::filesystem::path key_directory(const config::Settings& settings, const config::RaSettings& ra) {
    const auto relative = ra.directory.lexically_relative(settings.directory);
    const bool below = !relative.empty() && *relative.begin() != "..";
    return below ? relative : ra.directory;
}

std::string renewing_ca(const config::Settings& settings, const std::string& ra_name) {
    if (const auto& named = settings.ra.at(ra_name).ca; !named.empty()) return named;
    for (const auto& [name, profile] : settings.profiles) {
        if (profile.ra == ra_name) return profile.ca;
    }
    return {};
}

}  // namespace countersign::app
