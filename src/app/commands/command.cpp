#include "command.hpp"

#include "countersign/core/text.hpp"

namespace countersign::app {

OpenInstance open_instance(const CommonOptions& options, Console& console) {
    OpenInstance instance;
    instance.settings = load_or_throw(options.config, [](const std::string&) {});
    instance.database = or_throw(open_store(instance.settings));
    instance.audit = or_throw(open_audit(instance.settings, console.clock)).sink;
    instance.keys = open_key_source(instance.settings);
    return instance;
}

std::shared_ptr<admin::Desk> open_desk(const OpenInstance& instance, Console& console) {
    return or_throw(make_desk(instance.settings, {*instance.database, console.clock, console.random, *instance.keys},
                              *instance.audit));
}

std::string choose_profile(const config::Settings& settings, const std::string& asked) {
    if (settings.profiles.contains(asked)) return asked;
    if (asked.empty() && settings.profiles.contains("default")) return "default";
    if (asked.empty() && settings.profiles.size() == 1) return settings.profiles.begin()->first;
    std::vector<std::string> names;
    for (const auto& [name, profile] : settings.profiles) names.push_back(name);
    throw StartupError(
        fail::not_found((asked.empty() ? "there are several profiles" : "there is no profile " + printable(asked, 60)) +
                        "; say --profile with one of: " + join(names, ", ")));
}

}  // namespace countersign::app
