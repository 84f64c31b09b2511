#include "command.hpp"
#include "command_line.hpp"
#include "countersign/admin/records.hpp"
#include "countersign/core/text.hpp"

#include <array>

namespace countersign::app {
namespace {

struct RequestOptions : CommonOptions {
    std::string state;
    std::size_t limit = 100;
    std::string id;
    std::string officer;
    std::string reason;
    bool not_there = false;
    std::string ca_request;
};

constexpr std::array all_states{store::AttemptState::intent,   store::AttemptState::held,
                                store::AttemptState::approved, store::AttemptState::pending,
                                store::AttemptState::issued,   store::AttemptState::failed};

std::vector<store::Attempt> attempts_asked_for(store::Transactions& transactions, const RequestOptions& options) {
    if (const auto state = admin::attempt_state_from(options.state))
        return or_throw(transactions.in_state(*state, options.limit));
    return or_throw(transactions.recent(options.limit));
}

int request_list(const RequestOptions& options, Console& console) {
    OpenInstance instance = open_instance(options, console);
    const auto found = attempts_asked_for(instance.database->transactions(), options);
    if (options.json) {
        auto list = nlohmann::ordered_json::array();
        for (const auto& one : found) list.push_back(admin::to_json(one));
        print_json(console, list);
        return exit_done;
    }
    std::vector<std::vector<std::string>> rows;
    for (const auto& one : found) {
        rows.push_back({one.id, printable(one.key.profile), std::string(name(one.state)), one.kind,
                        to_rfc3339(one.updated), printable(one.subject), printable(one.reason)});
    }
    print_table(console, {"ID", "PROFILE", "STATE", "KIND", "UPDATED", "SUBJECT", "REASON"}, rows);
    return exit_done;
}

int request_show(const RequestOptions& options, Console& console) {
    OpenInstance instance = open_instance(options, console);
    const auto one = or_throw(instance.database->transactions().find(options.id));
    const auto json = admin::to_json_in_full(one);
    if (options.json) {
        print_json(console, json);
        return exit_done;
    }
    for (const auto& [key, value] : json.items()) {
        if (key == "csr") continue;
        const std::string text = value.is_string()
                                     ? value.get<std::string>()
                                     : value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
        if (!text.empty()) console.out << key << ": " << printable(text, 8000) << "\n";
    }
    console.out << json["csr"].get<std::string>();
    return exit_done;
}

int decide(const RequestOptions& options, Console& console, bool approved) {
    OpenInstance instance = open_instance(options, console);
    const auto desk = open_desk(instance, console);
    const admin::Actor officer{options.officer.empty() ? operator_name() : options.officer, "command line"};
    const auto one =
        or_throw(approved ? desk->approve(options.id, officer) : desk->deny(options.id, options.reason, officer));
    const std::string state = approved ? "approved" : "failed";
    if (options.json) {
        print_json(console, {{"id", one.id}, {"state", state}});
    } else {
        console.out << (approved ? "approved " : "denied ") << one.id << " (" << printable(one.subject) << ")\n";
    }
    return exit_done;
}

int resolve(const RequestOptions& options, Console& console) {
    using Finding = admin::Resolution::Finding;
    OpenInstance instance = open_instance(options, console);
    const auto desk = open_desk(instance, console);
    const admin::Actor officer{options.officer.empty() ? operator_name() : options.officer, "command line"};
    const admin::Resolution resolution = options.not_there ? admin::Resolution{Finding::not_there}
                                         : options.ca_request.empty()
                                             ? admin::Resolution{Finding::failed, options.reason}
                                             : admin::Resolution{Finding::there, options.ca_request};
    const auto one = or_throw(desk->resolve(options.id, resolution, officer));
    const std::string state = options.not_there ? "approved" : options.ca_request.empty() ? "failed" : "pending";
    if (options.json) {
        print_json(console, {{"id", one.id}, {"state", state}});
    } else {
        console.out << "request " << one.id << " (" << printable(one.subject) << ") is " << state << " now\n";
    }
    return exit_done;
}

}  // namespace

void add_request_commands(CLI::App& app, Chosen& chosen, Console& console) {
    auto* group = app.add_subcommand("request", "List, show, approve, deny and resolve enrollment requests");
    group->require_subcommand(1);
    const auto options = std::make_shared<RequestOptions>();

    std::vector<std::string> states;
    for (const auto state : all_states) states.emplace_back(name(state));
    auto* list = group->add_subcommand("list", "List requests, newest first; those in one state oldest first");
    add_common_options(*list, *options);
    list->add_option("--state", options->state, "In this state alone")->check(CLI::IsMember(states));
    list->add_option("--limit", options->limit, "At most so many")->check(CLI::Range(1, 1000000));
    list->callback(
        [&chosen, &console, options] { chosen = [options, &console] { return request_list(*options, console); }; });

    auto* show = group->add_subcommand("show", "Show one request and the certificate it would get");
    add_common_options(*show, *options);
    show->add_option("ID", options->id, "As `request list` shows it")->required();
    show->callback(
        [&chosen, &console, options] { chosen = [options, &console] { return request_show(*options, console); }; });

    auto* approve =
        group->add_subcommand("approve", "Approve a held request; a running daemon submits it within seconds");
    add_common_options(*approve, *options);
    approve->add_option("ID", options->id, "As `request list` shows it")->required();
    approve->add_option("--officer", options->officer, "Who decides; else the login name")->type_name("NAME");
    approve->callback(
        [&chosen, &console, options] { chosen = [options, &console] { return decide(*options, console, true); }; });

    auto* resolved = group->add_subcommand(
        "resolve", "Say what became of a request whose CA cannot tell: state intent or pending, long after it came");
    add_common_options(*resolved, *options);
    resolved->add_option("ID", options->id, "As `request list` shows it")->required();
    auto* finding = resolved->add_option_group("FINDING", "What the CA's own console shows");
    finding->add_flag("--not-there", options->not_there, "It never arrived: submit it again (state intent alone)");
    finding->add_option("--ca-request", options->ca_request, "It is there under this number: fetch it")
        ->type_name("NUMBER");
    finding->add_option("--failed", options->reason, "Give it up, for this reason")->type_name("TEXT");
    finding->require_option(1);
    resolved->add_option("--officer", options->officer, "Who decides; else the login name")->type_name("NAME");
    resolved->callback(
        [&chosen, &console, options] { chosen = [options, &console] { return resolve(*options, console); }; });

    auto* deny = group->add_subcommand("deny", "Deny a held request; its challenge is used up");
    add_common_options(*deny, *options);
    deny->add_option("ID", options->id, "As `request list` shows it")->required();
    deny->add_option("--reason", options->reason, "Why, for the records")->required()->type_name("TEXT");
    deny->add_option("--officer", options->officer, "Who decides; else the login name")->type_name("NAME");
    deny->callback(
        [&chosen, &console, options] { chosen = [options, &console] { return decide(*options, console, false); }; });
}

}  // namespace countersign::app
