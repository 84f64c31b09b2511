// The administrator's command line (design section 11): parses arguments, runs one command, answers with its exit code.
#pragma once

#include "console.hpp"

namespace CLI {
class App;
}

#include <functional>
#include <string>
#include <vector>

namespace countersign::app {

// `arguments` without the program's name. Never throws: 0 done, 1 refused or failed (reason on stderr), 2 usage.
int run_command_line(const std::vector<std::string>& arguments, const std::string& version, Console& console);

// What the parsed command line asks for. Each add_... registers its subcommands, which set this.
using Chosen = std::function<int()>;
void add_init_command(CLI::App& app, Chosen& chosen, Console& console);
void add_challenge_commands(CLI::App& app, Chosen& chosen, Console& console);
// To the group `challenge`.
void add_signed_challenge_commands(CLI::App& group, Chosen& chosen, Console& console);
void add_profile_commands(CLI::App& app, Chosen& chosen, Console& console);
void add_certificate_commands(CLI::App& app, Chosen& chosen, Console& console);
void add_request_commands(CLI::App& app, Chosen& chosen, Console& console);
void add_check_commands(CLI::App& app, Chosen& chosen,
                        Console& console);  // check, config explain, hash-password, store
void add_key_commands(CLI::App& app, Chosen& chosen, Console& console);
void add_ra_commands(CLI::App& app, Chosen& chosen, Console& console);
void add_import_command(CLI::App& config_group, Chosen& chosen, Console& console);
void add_audit_commands(CLI::App& app, Chosen& chosen, Console& console);
void add_notification_commands(CLI::App& app, Chosen& chosen, Console& console);
void add_probe_command(CLI::App& app, Chosen& chosen, Console& console);

}  // namespace countersign::app
