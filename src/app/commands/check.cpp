#include "command.hpp"
#include "command_line.hpp"
#include "countersign/admin/password_hash.hpp"
#include "countersign/config/reference.hpp"
#include "countersign/core/text.hpp"
#include "countersign/store/copy.hpp"

#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>

namespace countersign::app {
namespace {

std::string_view level_name(config::FindingLevel level) {
    switch (level) {
        case config::FindingLevel::note: return "note";
        case config::FindingLevel::warning: return "warning";
        case config::FindingLevel::error: break;
    }
    return "error";
}

int check(const CommonOptions& options, Console& console) {
    const auto findings = check_everything(options.config);
    const auto is_error = [](const auto& finding) { return finding.level == config::FindingLevel::error; };
    const bool refused = std::ranges::any_of(findings, is_error);
    const bool would_start =
        std::ranges::none_of(findings, [&](const auto& finding) { return is_error(finding) && finding.at_start; });
    if (options.json) {
        auto list = nlohmann::ordered_json::array();
        for (const auto& finding : findings) {
            list.push_back({{"level", level_name(finding.level)},
                            {"file", finding.place.file},
                            {"line", finding.place.line},
                            {"key", finding.place.key},
                            {"problem", finding.problem},
                            {"remedy", finding.remedy}});
        }
        print_json(console, {{"would_start", would_start}, {"findings", list}});
        return refused ? exit_refused : exit_done;
    }
    for (const auto& finding : findings) console.err << config::describe(finding) << "\n";
    console.out << options.config.string()
                << (would_start ? ": the daemon would start" : ": the daemon would not start")
                << (would_start && refused ? ", but not to any good: see the errors" : "") << "\n";
    return refused ? exit_refused : exit_done;
}

struct ExplainOptions {
    std::string key;
    bool json = false;
    bool markdown = false;
};

int explain(const ExplainOptions& options, Console& console) {
    if (options.markdown) {
        console.out << config::reference_markdown();
        return exit_done;
    }
    const auto entries = options.key.empty() ? config::reference() : or_throw(config::reference_for(options.key));
    if (!options.json) {
        console.out << config::to_text(entries);
        return exit_done;
    }
    auto list = nlohmann::ordered_json::array();
    for (const auto& entry : entries) {
        list.push_back({{"key", entry.key},
                        {"type", entry.type},
                        {"required", entry.required},
                        {"default", entry.fallback},
                        {"unit", entry.unit},
                        {"choices", entry.choices},
                        {"secret", entry.secret},
                        {"meaning", entry.meaning}});
    }
    print_json(console, list);
    return exit_done;
}

// Switches the terminal's echo off while it lives; does nothing when standard input is no terminal.
class SilentTerminal {
public:
    explicit SilentTerminal(const std::istream& in) {
        silent_ = &in == &std::cin && ::isatty(STDIN_FILENO) == 1 && ::tcgetattr(STDIN_FILENO, &before_) == 0;
        if (!silent_) return;
        termios changed = before_;
        changed.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &changed);
    }
    ~SilentTerminal() {
        if (silent_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    }
    SilentTerminal(const SilentTerminal&) = delete;
    SilentTerminal& operator=(const SilentTerminal&) = delete;
    bool silent() const { return silent_; }

private:
    bool silent_ = false;
    termios before_{};
};

Secret read_line(Console& console) {
    std::string line;
    std::getline(console.in, line);
    if (line.ends_with('\r')) line.pop_back();
    Secret secret(line);
    wipe_memory(line.data(), line.size());
    return secret;
}

int hash_password(Console& console) {
    const SilentTerminal terminal(console.in);
    if (terminal.silent()) console.err << "Password: " << std::flush;
    const Secret password = read_line(console);
    if (terminal.silent()) {
        console.err << "\nAgain: " << std::flush;
        const Secret again = read_line(console);
        console.err << "\n";
        if (!again.equals(password.reveal())) throw StartupError(fail::malformed("the two passwords differ"));
    }
    console.out << or_throw(admin::hash_password(password, console.random)) << "\n";
    return exit_done;
}

int store_migrate(const CommonOptions& options, Console& console, bool change) {
    const auto settings = load_or_throw(options.config, [](const std::string&) {});
    store::DatabaseOptions store_options;
    store_options.url = settings.store.url;
    const auto found =
        or_throw(change ? store::Database::migrate(store_options) : store::Database::status(store_options));
    const bool current = change || found.found == found.wanted;
    if (options.json) {
        print_json(console, {{"found", found.found}, {"wanted", found.wanted}, {"current", current}});
    } else if (change) {
        console.out << "schema " << found.found << " -> " << found.wanted << "\n";
    } else {
        console.out << "schema " << found.found << ", wanted " << found.wanted << "\n";
    }
    return current ? exit_done : exit_refused;
}

struct CopyCommand {
    CommonOptions common;
    std::string to;
};

int store_copy(const CopyCommand& command, Console& console) {
    const auto settings = load_or_throw(command.common.config, [](const std::string&) {});
    store::CopyOptions options;
    options.from = settings.store.url;
    options.to = command.to;
    const bool watched = !command.common.json && ::isatty(STDERR_FILENO) == 1;
    if (watched)
        options.progress = [&console](const std::string& table, std::int64_t rows) {
            console.err << "\r\033[K" << table << ": " << rows << " rows" << std::flush;
        };
    const auto copied = store::copy_store(options);
    if (watched) console.err << "\r\033[K";
    const auto rows = or_throw(copied);
    if (command.common.json) {
        print_json(console, {{"from", options.from}, {"to", options.to}, {"rows", rows}});
        return exit_done;
    }
    for (const auto& [table, count] : rows) console.out << table << ": " << count << "\n";
    console.out << "Now write\n\n[store]\nurl = \"" << options.to << "\"\n\ninto " << command.common.config.string()
                << " and start the daemon. Never start one on " << options.from
                << " again: one-time passwords would be good twice.\n";
    return exit_done;
}

}  // namespace

void add_check_commands(CLI::App& app, Chosen& chosen, Console& console) {
    const auto common = std::make_shared<CommonOptions>();
    auto* checked = app.add_subcommand("check", "Check everything start-up checks, without starting");
    add_common_options(*checked, *common);
    checked->callback([&chosen, &console, common] { chosen = [common, &console] { return check(*common, console); }; });

    const auto explained = std::make_shared<ExplainOptions>();
    auto* group = app.add_subcommand("config", "The configuration: explain it, or make it from that of NDES");
    group->require_subcommand(1);
    auto* command = group->add_subcommand("explain", "Explain every key, a table, or one key");
    command->add_option("KEY", explained->key, "Like profile.NAME.challenge.mode");
    auto* json = command->add_flag("--json", explained->json, "Print JSON");
    command->add_flag("--markdown", explained->markdown, "Print docs/configuration.md")->excludes(json);
    command->callback(
        [&chosen, &console, explained] { chosen = [explained, &console] { return explain(*explained, console); }; });
    add_import_command(*group, chosen, console);

    auto* hash =
        app.add_subcommand("hash-password", "Read a password from standard input, print its hash for [account.NAME]");
    hash->callback([&chosen, &console] { chosen = [&console] { return hash_password(console); }; });

    auto* store_group = app.add_subcommand("store", "The database");
    store_group->require_subcommand(1);
    auto* migrate =
        store_group->add_subcommand("migrate", "Bring the schema up to date, creating the database if need be");
    add_common_options(*migrate, *common);
    migrate->callback(
        [&chosen, &console, common] { chosen = [common, &console] { return store_migrate(*common, console, true); }; });
    const auto copying = std::make_shared<CopyCommand>();
    auto* copy = store_group->add_subcommand(
        "copy", "Copy the records of a SQLite store whose daemon is stopped into another database");
    add_common_options(*copy, copying->common);
    copy->add_option("--to", copying->to, "URL of the database, as store.url has it; created or empty")->required();
    copy->callback(
        [&chosen, &console, copying] { chosen = [copying, &console] { return store_copy(*copying, console); }; });
    auto* status = store_group->add_subcommand("status", "Say whether the schema is up to date");
    add_common_options(*status, *common);
    status->callback([&chosen, &console, common] {
        chosen = [common, &console] { return store_migrate(*common, console, false); };
    });
}

}  // namespace countersign::app
