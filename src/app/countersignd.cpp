// The daemon's main: arguments in, exit code out.
#include "countersign/app/lifecycle.hpp"

#include <CLI/CLI.hpp>
#include <iostream>

int main(int argc, char** argv) {
    CLI::App app{
        "countersignd, the Countersign enrollment server. Runs in the foreground and logs to standard error; SIGTERM "
        "finishes what is in flight and stops, SIGHUP reloads the configuration."};
    app.set_version_flag("--version", "countersignd " COUNTERSIGN_VERSION);
    countersign::app::DaemonOptions options;
    options.version = COUNTERSIGN_VERSION;
    app.add_option("--config", options.config, "The configuration file (countersign.toml)")
        ->required()
        ->type_name("FILE");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    try {
        return countersign::app::run_daemon(options);
    } catch (const std::exception& error) {
        std::cerr << "countersignd: " << error.what() << '\n';
        return 1;
    }
}
