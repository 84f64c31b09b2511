#include "command.hpp"
#include "command_line.hpp"
#include "countersign/config/load.hpp"
#include "countersign/core/text.hpp"
#include "files.hpp"
#include "migration/ndes_settings.hpp"

#include <algorithm>

namespace countersign::app {
namespace {

struct ImportOptions {
    std::filesystem::path file;
    std::filesystem::path out;
    bool json = false;
};

nlohmann::ordered_json to_json(const NdesImport& import) {
    auto settings = nlohmann::ordered_json::array();
    for (const ImportedSetting& one : import.settings) {
        settings.push_back({{"setting", one.setting},
                            {"found", one.found},
                            {"outcome", name(one.fate)},
                            {"became", one.became},
                            {"to_do", one.to_do}});
    }
    return {{"settings", settings}, {"configuration", import.configuration}};
}

void print_settings(const NdesImport& import, std::ostream& out) {
    std::size_t setting_width = 7, found_width = 5, fate_width = 7;
    for (const ImportedSetting& one : import.settings) {
        setting_width = std::max(setting_width, one.setting.size());
        found_width = std::min<std::size_t>(std::max(found_width, one.found.size()), 40);
        fate_width = std::max(fate_width, name(one.fate).size());
    }
    const auto cell = [&](std::string_view text, std::size_t width) {
        out << text << std::string(std::max(width, text.size()) - text.size() + 2, ' ');
    };
    const auto line = [&](std::string_view setting, std::string_view found, std::string_view fate,
                          std::string_view became) {
        cell(setting, setting_width);
        cell(found, found_width);
        cell(fate, fate_width);
        out << became << "\n";
    };
    line("SETTING", "FOUND", "OUTCOME", "WHAT BECAME OF IT, AND -> WHAT TO DO");
    for (const ImportedSetting& one : import.settings) {
        line(one.setting, one.found, name(one.fate), one.became);
        if (!one.to_do.empty())
            out << std::string(setting_width + found_width + fate_width + 6, ' ') << "-> " << one.to_do << "\n";
    }
}

// What the loader says of the file just written; keys and certificates are looked for by `check` alone.
std::vector<config::Finding> written_and_loaded(const std::filesystem::path& out, const std::string& configuration) {
    or_throw(write_new_file(out, configuration, 0600));
    auto loaded = config::load(out);
    if (loaded.settings) return loaded.findings;
    std::string problems = "the configuration just written does not load";
    for (const auto& finding : loaded.findings) problems += "\n" + config::describe(finding);
    throw StartupError(fail::internal(problems));
}

int import_ndes(const ImportOptions& options, Console& console) {
    const std::string octets = or_throw(read_file(options.file));
    auto keys = parse_registry_export(as_bytes(octets));
    if (!keys) throw StartupError(within(options.file.string(), keys.error()));
    auto import = import_ndes_settings(*keys);
    if (!import) throw StartupError(within(options.file.string(), import.error()));
    std::vector<config::Finding> findings;
    if (!options.out.empty()) findings = written_and_loaded(options.out, import->configuration);
    if (options.json) {
        auto report = to_json(*import);
        if (!options.out.empty()) report["out"] = options.out.string();
        print_json(console, report);
        return exit_done;
    }
    // The configuration alone on standard output can be redirected into a file.
    print_settings(*import, options.out.empty() ? console.err : console.out);
    if (options.out.empty()) {
        console.out << import->configuration;
        return exit_done;
    }
    for (const auto& finding : findings) console.err << config::describe(finding) << "\n";
    console.out << "\n"
                << options.out.string()
                << ": written. Next: make the keys and certificates it names (`countersign init DIR` makes "
                << "all of them), put it\nbeside them as countersign.toml, and run: countersign check --config FILE\n";
    return exit_done;
}

}  // namespace

void add_import_command(CLI::App& config_group, Chosen& chosen, Console& console) {
    const auto options = std::make_shared<ImportOptions>();
    auto* command = config_group.add_subcommand(
        "import-ndes", "Make a configuration from the registry of an NDES server, and say what became of each setting");
    command
        ->add_option("FILE", options->file,
                     "Made on the NDES server: reg export HKLM\\SOFTWARE\\Microsoft\\Cryptography\\MSCEP FILE.reg")
        ->required();
    command->add_option("--out", options->out, "Where the configuration goes; must not exist. Absent: standard output")
        ->type_name("FILE");
    command->add_flag("--json", options->json, "Print JSON");
    command->callback(
        [&chosen, &console, options] { chosen = [options, &console] { return import_ndes(*options, console); }; });
}

}  // namespace countersign::app
