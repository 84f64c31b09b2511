#include "command.hpp"
#include "command_line.hpp"
#include "countersign/admin/records.hpp"
#include "countersign/core/text.hpp"

namespace countersign::app {
namespace {

struct NotificationOptions : CommonOptions {
    std::string receiver;
    std::string state;
    std::size_t limit = 100;
    std::string id;
    bool all = false;
};

int notification_list(const NotificationOptions& options, Console& console) {
    OpenInstance instance = open_instance(options, console);
    const auto found = or_throw(instance.database->outbox().list(
        {options.receiver, admin::notification_state_from(options.state), options.limit}));
    if (options.json) {
        auto list = nlohmann::ordered_json::array();
        for (const auto& one : found) list.push_back(admin::to_json(one));
        print_json(console, list);
        return exit_done;
    }
    std::vector<std::vector<std::string>> rows;
    for (const auto& one : found) {
        rows.push_back({one.id, printable(one.receiver), std::string(name(one.event)), std::string(name(one.state)),
                        to_rfc3339(one.occurred), std::to_string(one.tries), printable(one.problem)});
    }
    print_table(console, {"ID", "RECEIVER", "EVENT", "STATE", "OCCURRED", "TRIES", "PROBLEM"}, rows);
    return exit_done;
}

// Those that were named: one, or all that are dead.
std::vector<std::string> ids_asked_for(const OpenInstance& instance, const NotificationOptions& options) {
    if (!options.all) return {options.id};
    constexpr std::size_t most = 1'000'000;
    std::vector<std::string> ids;
    for (const auto& one :
         or_throw(instance.database->outbox().list({options.receiver, store::NotificationState::dead, most}))) {
        ids.push_back(one.id);
    }
    return ids;
}

int decide(const NotificationOptions& options, Console& console, bool again) {
    OpenInstance instance = open_instance(options, console);
    const auto desk = open_desk(instance, console);
    const admin::Actor who{operator_name(), "command line"};
    const auto ids = ids_asked_for(instance, options);
    for (const auto& id : ids) or_throw(again ? desk->retry_notification(id, who) : desk->drop_notification(id, who));
    if (options.json) {
        print_json(console, {{"ids", ids}, {"state", again ? "waiting" : "dropped"}});
    } else {
        console.out << (again ? "to be delivered again: " : "dropped: ") << ids.size() << "\n";
    }
    return exit_done;
}

}  // namespace

void add_notification_commands(CLI::App& app, Chosen& chosen, Console& console) {
    auto* group = app.add_subcommand("notification", "List, retry and drop what receivers are to be told");
    group->require_subcommand(1);
    const auto options = std::make_shared<NotificationOptions>();

    auto* list = group->add_subcommand("list", "List notifications, newest first");
    add_common_options(*list, *options);
    list->add_option("--receiver", options->receiver, "For this receiver alone")->type_name("NAME");
    list->add_option("--state", options->state, "In this state alone")
        ->check(CLI::IsMember({"waiting", "delivered", "dead"}));
    list->add_option("--limit", options->limit, "At most so many")->check(CLI::Range(1, 1000000));
    list->callback([&chosen, &console, options] {
        chosen = [options, &console] { return notification_list(*options, console); };
    });

    const auto add_decision = [&](const char* word, const char* meaning, bool again) {
        auto* command = group->add_subcommand(word, meaning);
        add_common_options(*command, *options);
        auto* which = command->add_option_group("WHICH");
        which->add_option("ID", options->id, "As `notification list` shows it");
        which->add_flag("--all-dead", options->all, "All that are dead");
        which->require_option(1);
        command->add_option("--receiver", options->receiver, "With --all-dead: of this receiver alone")
            ->type_name("NAME");
        command->callback([&chosen, &console, options, again] {
            chosen = [options, &console, again] { return decide(*options, console, again); };
        });
    };
    add_decision("retry", "Deliver one again that is dead or waits; a running daemon does so within seconds", true);
    add_decision("drop", "Never deliver one that is dead or waits", false);
}

}  // namespace countersign::app
