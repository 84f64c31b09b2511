#include "command_line.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <algorithm>
#include <exception>

namespace countersign::app {
namespace {

int run_chosen(const Chosen& chosen, Console& console) {
    try {
        const int code = chosen();
        console.out.flush();
        if (console.out) return code;
        console.err << "countersign: standard output cannot be written\n";
    } catch (const StartupError& error) {
        console.err << "countersign: " << error.what() << "\n";
    } catch (const std::exception& error) {
        console.err << "countersign: failed: " << error.what() << "\n";
    }
    return exit_refused;
}

}  // namespace

int run_command_line(const std::vector<std::string>& arguments, const std::string& version, Console& console) {
    CLI::App app("The administrator's side of Countersign, a SCEP/NDES-compatible registration authority.",
                 "countersign");
    app.set_version_flag("--version", "countersign " + version, "Print the version and exit");
    app.set_help_flag("--help,-h", "Print this help and exit");
    app.require_subcommand(1);
    Chosen chosen;
    add_init_command(app, chosen, console);
    add_challenge_commands(app, chosen, console);
    add_profile_commands(app, chosen, console);
    add_certificate_commands(app, chosen, console);
    add_request_commands(app, chosen, console);
    add_notification_commands(app, chosen, console);
    add_check_commands(app, chosen, console);
    add_key_commands(app, chosen, console);
    add_audit_commands(app, chosen, console);
    add_ra_commands(app, chosen, console);
    add_probe_command(app, chosen, console);
    try {
        // CLI11 takes them from the back.
        app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    } catch (const CLI::ParseError& error) {
        return app.exit(error, console.out, console.err) == 0 ? exit_done : exit_usage;
    }
    return run_chosen(chosen, console);
}

}  // namespace countersign::app
