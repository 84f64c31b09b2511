#include "command.hpp"
#include "command_line.hpp"
#include "countersign/admin/records.hpp"
#include "countersign/core/text.hpp"

namespace countersign::app {
namespace {

struct ChallengeOptions : CommonOptions {
    std::string profile;
    challenge::Binding binding;
    std::uint32_t valid_minutes = 0;
    bool all = false;
    std::size_t limit = 1000;
    std::string id;
};

int challenge_new(const ChallengeOptions& options, Console& console) {
    OpenInstance instance = open_instance(options, console);
    const auto desk = open_desk(instance, console);
    admin::MintRequest request{choose_profile(instance.settings, options.profile), options.binding, std::nullopt};
    if (options.valid_minutes != 0) request.valid = std::chrono::minutes{options.valid_minutes};
    const auto minted = or_throw(desk->mint(request, {operator_name(), "command line"}));
    if (options.json) {
        print_json(console, {{"challenge", minted.value.reveal_text()},
                             {"id", minted.id},
                             {"profile", request.profile},
                             {"expires", to_rfc3339(minted.expires)}});
    } else {
        console.out << minted.value.reveal_text() << "\n";
    }
    return exit_done;
}

int challenge_list(const ChallengeOptions& options, Console& console) {
    OpenInstance instance = open_instance(options, console);
    if (!options.profile.empty()) choose_profile(instance.settings, options.profile);
    const Time now = console.clock.now();
    const auto found =
        or_throw(instance.database->challenges().list(options.profile, !options.all, now, options.limit));
    if (options.json) {
        auto list = nlohmann::ordered_json::array();
        for (const store::Challenge& one : found) list.push_back(admin::to_json(one, now));
        print_json(console, list);
        return exit_done;
    }
    std::vector<std::vector<std::string>> rows;
    for (const store::Challenge& one : found) {
        rows.push_back({one.id, printable(one.profile), admin::state_of(one, now), to_rfc3339(one.expires),
                        printable(one.created_by), one.subject.empty() ? "any" : printable(one.subject)});
    }
    print_table(console, {"ID", "PROFILE", "STATE", "EXPIRES", "BY", "SUBJECT"}, rows);
    return exit_done;
}

int challenge_revoke(const ChallengeOptions& options, Console& console) {
    OpenInstance instance = open_instance(options, console);
    or_throw(open_desk(instance, console)->revoke_challenge(options.id, {operator_name(), "command line"}));
    if (options.json) print_json(console, {{"id", options.id}, {"state", "revoked"}});
    return exit_done;
}

}  // namespace

void add_challenge_commands(CLI::App& app, Chosen& chosen, Console& console) {
    auto* group =
        app.add_subcommand("challenge", "Make, list and revoke one-time passwords; mint and judge signed challenges");
    group->require_subcommand(1);
    const auto options = std::make_shared<ChallengeOptions>();

    auto* make = group->add_subcommand("new", "Print a fresh challenge");
    add_common_options(*make, *options);
    make->add_option("--profile", options->profile, "The profile it is for")->type_name("NAME");
    make->add_option("--subject", options->binding.subject,
                     "The subject the request must have (RFC 4514); then no alternative names but those of --san")
        ->type_name("DN");
    make->add_option("--san", options->binding.sans, "A name the request must have, like dns:host.example; repeatable")
        ->type_name("TYPE:NAME")
        ->allow_extra_args(false);
    make->add_option("--template", options->binding.template_name, "The template it is for")->type_name("NAME");
    make->add_option("--valid", options->valid_minutes, "How long it is good; else what the profile says")
        ->check(CLI::Range(1, 43200))
        ->type_name("MINUTES");
    make->callback(
        [&chosen, &console, options] { chosen = [options, &console] { return challenge_new(*options, console); }; });

    auto* list = group->add_subcommand("list", "List challenges, newest first");
    add_common_options(*list, *options);
    list->add_option("--profile", options->profile, "Of this profile alone")->type_name("NAME");
    list->add_flag("--all", options->all, "Used, revoked and expired ones too");
    list->add_option("--limit", options->limit, "At most so many")->check(CLI::Range(1, 1000000));
    list->callback(
        [&chosen, &console, options] { chosen = [options, &console] { return challenge_list(*options, console); }; });

    auto* revoke = group->add_subcommand("revoke", "Make an outstanding challenge useless");
    add_common_options(*revoke, *options);
    revoke->add_option("ID", options->id, "As `challenge list` shows it")->required();
    revoke->callback(
        [&chosen, &console, options] { chosen = [options, &console] { return challenge_revoke(*options, console); }; });

    add_signed_challenge_commands(*group, chosen, console);
}

}  // namespace countersign::app
