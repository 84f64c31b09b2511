// What the subcommands' registrations share: the --config option, --json, and the parts opened from a configuration.
#pragma once

#include "console.hpp"
#include "countersign/app/wire.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <filesystem>
#include <memory>

namespace countersign::app {

struct CommonOptions {
    std::filesystem::path config;
    bool json = false;
};

inline void add_common_options(CLI::App& command, CommonOptions& options) {
    command.add_option("--config", options.config, "The configuration file")->required()->type_name("FILE");
    command.add_flag("--json", options.json, "Print JSON");
}

// Settings, database, audit and keys of an instance, opened for one command. The daemon may be running on the same
// store.
struct OpenInstance {
    config::Settings settings;
    std::unique_ptr<store::Database> database;
    std::unique_ptr<audit::Sink> audit;
    std::unique_ptr<keys::KeySource> keys;  // touches no token before a key is opened
};
// StartupError with every finding; warnings are the daemon's to repeat and stay unsaid here.
OpenInstance open_instance(const CommonOptions& options, Console& console);

// What this command does is done at the desk. StartupError as open_instance.
std::shared_ptr<admin::Desk> open_desk(const OpenInstance& instance, Console& console);

// The profile asked for; "default", or the only one, when none was. StartupError names those that exist.
std::string choose_profile(const config::Settings& settings, const std::string& asked);

}  // namespace countersign::app
