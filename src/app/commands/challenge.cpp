#include "command.hpp"
#include "command_line.hpp"
#include "countersign/audit/catalogue.hpp"
#include "countersign/core/text.hpp"

#include <set>

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

audit::Event event_of(std::string_view id) {
    return audit::Event(id, audit::severity_of(id));
}

// A challenge for a template the profile does not use could never be redeemed.
void refuse_foreign_template(const config::ProfileSettings& profile, const std::string& asked) {
    const std::set<std::string> used{profile.template_signature, profile.template_encryption,
                                     profile.template_general_purpose};
    if (asked.empty() || used.contains(asked)) return;
    throw StartupError(fail::not_found("profile " + profile.name + " does not use template " + printable(asked, 60) +
                                       "; it uses: " + join({used.begin(), used.end()}, ", ")));
}

int challenge_new(const ChallengeOptions& options, Console& console) {
    OpenInstance instance = open_instance(options, console);
    const std::string profile = choose_profile(instance.settings, options.profile);
    refuse_foreign_template(instance.settings.profiles.at(profile), options.binding.template_name);
    const std::unique_ptr<challenge::Issuer> issuer =
        or_throw(make_issuer(instance.settings, profile, *instance.database, console.random));
    std::optional<std::chrono::minutes> valid;
    if (options.valid_minutes != 0) valid = std::chrono::minutes{options.valid_minutes};
    const std::string who = operator_name();
    const auto minted = or_throw(issuer->issue(options.binding, valid, who, console.clock.now()));
    // Unrecorded, it must not be handed out: the password stays unknown to everybody and expires.
    or_throw(instance.audit->record(event_of(audit::event::challenge_minted)
                                        .with("profile", profile)
                                        .with("challenge", minted.id)
                                        .with("by", who)
                                        .with("through", "command line")
                                        .with("subject", printable(options.binding.subject))
                                        .with("expires", to_rfc3339(minted.expires))));
    if (options.json) {
        print_json(console, {{"challenge", minted.value.reveal_text()},
                             {"id", minted.id},
                             {"profile", profile},
                             {"expires", to_rfc3339(minted.expires)}});
    } else {
        console.out << minted.value.reveal_text() << "\n";
    }
    return exit_done;
}

std::string shown_state(const store::Challenge& challenge, Time now) {
    const bool expired = challenge.state == store::ChallengeState::outstanding && challenge.expires <= now;
    return expired ? "expired" : std::string(name(challenge.state));
}

int challenge_list(const ChallengeOptions& options, Console& console) {
    OpenInstance instance = open_instance(options, console);
    if (!options.profile.empty()) choose_profile(instance.settings, options.profile);
    const Time now = console.clock.now();
    const auto found =
        or_throw(instance.database->challenges().list(options.profile, !options.all, now, options.limit));
    if (options.json) {
        auto list = nlohmann::ordered_json::array();
        for (const store::Challenge& one : found) {
            list.push_back({{"id", one.id},
                            {"profile", one.profile},
                            {"state", shown_state(one, now)},
                            {"created", to_rfc3339(one.created)},
                            {"expires", to_rfc3339(one.expires)},
                            {"created_by", one.created_by},
                            {"subject", one.subject},
                            {"sans", one.sans},
                            {"template", one.template_name},
                            {"refusals", one.refusals},
                            {"request", one.attempt}});
        }
        print_json(console, list);
        return exit_done;
    }
    std::vector<std::vector<std::string>> rows;
    for (const store::Challenge& one : found) {
        rows.push_back({one.id, printable(one.profile), shown_state(one, now), to_rfc3339(one.expires),
                        printable(one.created_by), one.subject.empty() ? "any" : printable(one.subject)});
    }
    print_table(console, {"ID", "PROFILE", "STATE", "EXPIRES", "BY", "SUBJECT"}, rows);
    return exit_done;
}

int challenge_revoke(const ChallengeOptions& options, Console& console) {
    OpenInstance instance = open_instance(options, console);
    const Time now = console.clock.now();
    if (!or_throw(instance.database->challenges().find_by_id(options.id))) {
        throw StartupError(fail::not_found("there is no challenge " + printable(options.id)));
    }
    or_throw(instance.audit->record(event_of(audit::event::challenge_revoked)
                                        .with("challenge", printable(options.id))
                                        .with("by", operator_name())
                                        .with("through", "command line")));
    or_throw(instance.database->challenges().revoke(options.id, now));
    if (options.json) print_json(console, {{"id", options.id}, {"state", "revoked"}});
    return exit_done;
}

}  // namespace

void add_challenge_commands(CLI::App& app, Chosen& chosen, Console& console) {
    auto* group = app.add_subcommand("challenge", "Make, list and revoke one-time passwords");
    group->require_subcommand(1);
    const auto options = std::make_shared<ChallengeOptions>();

    auto* make = group->add_subcommand("new", "Print a fresh challenge");
    add_common_options(*make, *options);
    make->add_option("--profile", options->profile, "The profile it is for")->type_name("NAME");
    make->add_option("--subject", options->binding.subject, "The subject the request must have (RFC 4514)")
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
}

}  // namespace countersign::app
