#include "command.hpp"
#include "command_line.hpp"
#include "countersign/audit/verification.hpp"
#include "countersign/core/text.hpp"
#include "countersign/crypto/encoding.hpp"

#include <fstream>

namespace countersign::app {
namespace {

struct AuditOptions {
    std::vector<std::filesystem::path> files;
    std::filesystem::path config;
    std::filesystem::path key;
    std::vector<std::string> expected;
    bool json = false;
};

crypto::PublicKey read_public_key(const std::filesystem::path& file) {
    std::ifstream stream(file);
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    const auto blocks = crypto::from_pem(text, "PUBLIC KEY");
    if (!stream || !blocks || blocks->size() != 1)
        throw StartupError(fail::malformed("--key " + file.string() + ": one PUBLIC KEY in PEM is needed"));
    return or_throw(crypto::PublicKey::from_spki(blocks->front()));
}

// What the command line leaves open comes from the configuration.
audit::VerificationOptions complete(AuditOptions& options) {
    audit::VerificationOptions verification;
    if (!options.config.empty()) {
        const auto settings = load_or_throw(options.config, [](const std::string&) {});
        if (options.files.empty() && !settings.audit.file.empty()) options.files.push_back(settings.audit.file);
        if (options.key.empty() && !settings.audit.key.empty())
            verification.key = or_throw(open_key_source(settings)->open(settings.audit.key))->public_key();
    }
    if (!options.key.empty()) verification.key = read_public_key(options.key);
    if (options.files.empty())
        throw StartupError(fail::malformed("which files? Name them, or a --config whose [audit] file is set"));
    for (const auto& text : options.expected) {
        auto head = audit::ChainHead::from_text(text);
        if (!head) throw StartupError(within("--expect", head.error()));
        verification.expected.push_back(*std::move(head));
    }
    return verification;
}

nlohmann::ordered_json to_json(const std::vector<audit::Finding>& findings) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& one : findings) {
        list.push_back({{"file", one.file.string()}, {"line", one.line}, {"what", one.what}});
    }
    return list;
}

void print(std::ostream& out, const std::vector<audit::Finding>& findings) {
    for (const auto& one : findings) {
        out << (one.file.empty() ? "" : one.file.string() + ":");
        out << (one.line == 0 ? "" : std::to_string(one.line) + ":") << (one.file.empty() ? "" : " ") << one.what
            << "\n";
    }
}

int audit_verify(AuditOptions options, Console& console) {
    const auto verification = complete(options);
    const auto result = or_throw(audit::verify(options.files, verification));
    const bool sound = result.findings.empty();
    if (options.json) {
        print_json(console, {{"sound", sound},
                             {"lines", result.lines},
                             {"last", result.head.text()},
                             {"sealed", result.sealed ? nlohmann::ordered_json(result.sealed->text()) : nullptr},
                             {"findings", to_json(result.findings)},
                             {"notes", to_json(result.notes)}});
        return sound ? exit_done : exit_refused;
    }
    print(console.out, result.findings);
    print(console.out, result.notes);
    console.out << result.lines << " lines, the last is " << result.head.text() << "\n";
    if (!verification.key) {
        console.out << "checkpoints were not checked: no audit key is configured or given\n";
    } else {
        console.out << "sealed by a checkpoint: "
                    << (result.sealed ? "up to number " + std::to_string(result.sealed->seq) : "nothing") << "\n";
    }
    console.out << (sound ? "nothing was changed\n" : "the audit was CHANGED\n");
    return sound ? exit_done : exit_refused;
}

}  // namespace

void add_audit_commands(CLI::App& app, Chosen& chosen, Console& console) {
    auto* group = app.add_subcommand("audit", "Check the audit trail");
    group->require_subcommand(1);
    const auto options = std::make_shared<AuditOptions>();
    auto* verify = group->add_subcommand(
        "verify", "Find changed, missing, added and moved lines; exit 0 when there are none, else 1");
    verify->add_option("FILE", options->files, "From the oldest to the newest; else the file of the configuration");
    verify->add_option("--config", options->config, "Where the audit file and key are configured")->type_name("FILE");
    verify->add_option("--key", options->key, "Public key (PEM) that checkpoints are signed with")->type_name("FILE");
    verify
        ->add_option("--expect", options->expected,
                     "A line that must be there, as a checkpoint in the operations log names it")
        ->type_name("NUMBER:HASH");
    verify->add_flag("--json", options->json, "Print JSON");
    verify->callback(
        [&chosen, &console, options] { chosen = [options, &console] { return audit_verify(*options, console); }; });
}

}  // namespace countersign::app
