// countersign ra status|renew
#include "../files.hpp"
#include "../ra_settings.hpp"
#include "command.hpp"
#include "command_line.hpp"
#include "countersign/core/text.hpp"
#include "countersign/ra/renewer.hpp"

#include <algorithm>

namespace countersign::app {
namespace {

using Json = nlohmann::ordered_json;

struct RaOptions : CommonOptions {
    std::string ra;
    std::string profile;
    std::string role = "both";
    bool new_key = false;
    bool same_key = false;
    bool even_expired = false;
};

struct Row {
    Json json;
    std::vector<std::string> cells;
    bool needs_action = false;
};

// A token's URI without what says where its PIN is.
std::string shown_key(const std::string& uri) {
    return printable(uri.substr(0, uri.find('?')), 200);
}

Json base_of(const ra::Identity& identity) {
    const auto& certificate = identity.certificate;
    return {{"subject", printable(certificate.subject().text())},
            {"issuer", printable(certificate.issuer().text())},
            {"serial", certificate.serial_hex()},
            {"sha256", certificate.fingerprint_sha256()},
            {"key", shown_key(identity.key)},
            {"not_before", to_rfc3339(certificate.not_before())},
            {"not_after", to_rfc3339(certificate.not_after())}};
}

struct Standing {
    std::string state;
    bool needs_action = false;
};

// What an operator wants to know first: is it over, is somebody at it, must I do something?
Standing standing(const ra::Succession& succession, const ra::RenewalRules& rules, ra::Role role,
                  const crypto::Certificate& certificate, Time now) {
    if (certificate.not_after() < now) return {"expired", true};
    if (certificate.not_before() > now) return {"not valid yet", true};
    const auto& rollover = succession.rollover;
    const bool renewing = rollover && std::ranges::any_of(rollover->renewals, [&](const ra::Renewal& one) {
                              return one.role == role && !one.issued;
                          });
    if (renewing && !rollover->trouble.empty()) return {"renewal failing", true};
    if (renewing) return {"renewing", false};
    if (now < ra::due_at(certificate, rules.renew_at_percent)) return {"ok", false};
    return rules.automatic ? Standing{"due", false} : Standing{"due, renew it by hand", true};
}

Row row_of(const std::string& ra_name, ra::Role role, const ra::Identity& identity, const ra::Succession& succession,
           const ra::RenewalRules& rules, Time now) {
    const auto& certificate = identity.certificate;
    const auto [state, needs_action] = standing(succession, rules, role, certificate, now);
    const auto days = std::chrono::floor<std::chrono::days>(certificate.not_after() - now).count();
    const auto& rollover = succession.rollover;
    const auto due = ra::due_at(certificate, rules.renew_at_percent);
    const std::string next = rollover ? to_rfc3339(rollover->next_try) : rules.automatic ? to_rfc3339(due) : "by hand";
    Row row;
    row.needs_action = needs_action;
    row.json = {{"ra", ra_name}, {"role", ra::name(role)}, {"state", state}, {"needs_action", needs_action}};
    row.json.update(base_of(identity));
    row.json["days_left"] = days;
    row.json["renewal_due"] = to_rfc3339(due);
    row.json["next_renewal"] = next;
    if (rollover && !rollover->trouble.empty()) row.json["trouble"] = rollover->trouble;
    row.cells = {ra_name,
                 std::string(ra::name(role)),
                 state,
                 std::to_string(days),
                 to_rfc3339(certificate.not_after()),
                 next,
                 certificate.serial_hex(),
                 shown_key(identity.key)};
    return row;
}

void add_overlap_rows(std::vector<Row>& rows, const std::string& ra_name, const ra::Succession& succession,
                      const ra::RenewalRules& rules, Time now) {
    for (const auto& retired : ra::overlapping(succession, rules.overlap, now)) {
        for (const auto& [role, identity] : retired.identities) {
            const auto heir = succession.heirs.find(role);
            if (heir != succession.heirs.end() && heir->second.identity == identity) continue;
            const auto until = to_rfc3339(retired.at + rules.overlap);
            Row row;
            row.json = {{"ra", ra_name}, {"role", ra::name(role)}, {"state", "overlap"}, {"needs_action", false}};
            row.json.update(base_of(identity));
            row.json["until"] = until;
            row.cells = {ra_name,
                         std::string(ra::name(role)),
                         "overlap until " + until,
                         "-",
                         to_rfc3339(identity.certificate.not_after()),
                         "-",
                         identity.certificate.serial_hex(),
                         shown_key(identity.key)};
            rows.push_back(std::move(row));
        }
    }
}

ra::Identity configured(const config::KeyPairSettings& pair) {
    const auto text = or_throw(read_file(pair.certificate));
    auto certificate = crypto::Certificate::from_pem(text);
    if (!certificate) throw StartupError(within(pair.certificate.string(), certificate.error()));
    return {pair.key, *std::move(certificate)};
}

// Asks no key and no CA: it must work when they do not.
int ra_status(const RaOptions& options, Console& console) {
    const auto settings = load_or_throw(options.config, [](const std::string&) {});
    const Time now = console.clock.now();
    std::vector<Row> rows;
    for (const auto& [name, ra] : settings.ra) {
        if (!options.ra.empty() && options.ra != name) continue;
        const auto succession = or_throw(ra::SuccessionFile(ra.directory, name).read());
        const auto rules = renewal_rules(ra);
        for (const auto& [role, pair] :
             {std::pair{ra::Role::agent, &ra.agent}, {ra::Role::encryption, &ra.encryption}}) {
            const auto identity = ra::in_force(succession, role, configured(*pair));
            rows.push_back(row_of(name, role, identity, succession, rules, now));
        }
        add_overlap_rows(rows, name, succession, rules, now);
    }
    const bool needs_action = std::ranges::any_of(rows, &Row::needs_action);
    if (options.json) {
        auto list = Json::array();
        for (const auto& row : rows) list.push_back(row.json);
        print_json(console, {{"needs_action", needs_action}, {"certificates", list}});
        return needs_action ? exit_refused : exit_done;
    }
    std::vector<std::vector<std::string>> cells;
    for (const auto& row : rows) cells.push_back(row.cells);
    print_table(console, {"RA", "ROLE", "STATE", "DAYS", "EXPIRES", "NEXT RENEWAL", "SERIAL", "KEY"}, cells);
    for (const auto& row : rows) {
        if (row.json.contains("trouble"))
            console.err << row.json["ra"].get<std::string>() << ": " << row.json["trouble"].get<std::string>() << "\n";
    }
    return needs_action ? exit_refused : exit_done;
}

std::string choose_ra(const config::Settings& settings, const RaOptions& options) {
    if (!options.profile.empty()) return settings.profiles.at(choose_profile(settings, options.profile)).ra;
    if (settings.ra.contains(options.ra)) return options.ra;
    if (options.ra.empty() && settings.ra.contains("default")) return "default";
    if (options.ra.empty() && settings.ra.size() == 1) return settings.ra.begin()->first;
    std::vector<std::string> names;
    for (const auto& [name, ra] : settings.ra) names.push_back(name);
    throw StartupError(fail::not_found("say --ra with one of: " + join(names, ", ")));
}

std::shared_ptr<const ra::RaInService> ra_or_throw(const Wiring& wiring, const std::string& name) {
    std::string problems;
    for (const auto& finding : wiring.findings) {
        if (finding.level == config::FindingLevel::error)
            problems += (problems.empty() ? "" : "\n") + config::describe(finding);
    }
    const auto found = wiring.ras.find(name);
    if (found != wiring.ras.end()) return found->second;
    if (problems.empty())
        problems = "no profile uses ra." + name + ", so no CA renews it; name one in ra." + name + ".ca";
    throw StartupError(fail::malformed(problems));
}

std::string_view word(ra::RenewalStep step) {
    using enum ra::RenewalStep;
    switch (step) {
        case installed: return "renewed";
        case pending: return "pending";
        case failed: return "failed";
        case outdated: return "changed meanwhile";
        case nothing_due:
        case not_yet:
        case overlap_over: break;
    }
    return "nothing done";
}

int ra_renew(const RaOptions& options, Console& console) {
    const auto instance = open_instance(options, console);
    const auto name = choose_ra(instance.settings, options);
    const auto wiring = assemble(
        instance.settings, {*instance.database, console.clock, console.random, *instance.keys, options.even_expired});
    const auto service = ra_or_throw(wiring, name);
    ra::RenewalWish wish;
    if (options.role != "encryption") wish.roles.insert(ra::Role::agent);
    if (options.role != "agent") wish.roles.insert(ra::Role::encryption);
    wish.new_key = options.new_key || (!options.same_key && service->rules.new_key);
    wish.who = operator_name();
    ra::Renewer renewer(
        {instance.database->issued(), *instance.audit, *instance.keys, console.clock, console.random, {}});
    const auto report = or_throw(renewer.advance(*service, wish));
    instance.keys->close();
    const bool done = report.step == ra::RenewalStep::installed || report.step == ra::RenewalStep::pending;
    if (options.json) {
        print_json(console, {{"ra", name}, {"outcome", word(report.step)}, {"detail", report.detail}});
    } else {
        console.out << "ra " << name << ": " << word(report.step)
                    << (report.detail.empty() ? "" : ": " + printable(report.detail, 1000)) << "\n";
        if (report.step == ra::RenewalStep::installed)
            console.out << "A running daemon takes the new certificates over by itself within seconds.\n";
        if (report.step == ra::RenewalStep::pending || report.step == ra::RenewalStep::failed)
            console.out << "The daemon goes on with it; or run this command again.\n";
    }
    return done ? exit_done : exit_refused;
}

}  // namespace

void add_ra_commands(CLI::App& app, Chosen& chosen, Console& console) {
    auto* group = app.add_subcommand("ra", "The RA's own certificates: how they stand, and renewing them");
    group->require_subcommand(1);
    const auto options = std::make_shared<RaOptions>();

    auto* status = group->add_subcommand(
        "status", "Say how every RA certificate stands; exit 1 when one has expired or needs somebody");
    add_common_options(*status, *options);
    status->add_option("--ra", options->ra, "This one alone")->type_name("NAME");
    status->callback(
        [&chosen, &console, options] { chosen = [options, &console] { return ra_status(*options, console); }; });

    auto* renew = group->add_subcommand("renew", "Have the CA renew RA certificates now, and put them in force");
    add_common_options(*renew, *options);
    auto* ra = renew->add_option("--ra", options->ra, "Which RA; else \"default\", or the only one")->type_name("NAME");
    renew->add_option("--profile", options->profile, "The RA of this profile")->type_name("NAME")->excludes(ra);
    renew->add_option("--role", options->role, "agent, encryption or both (default)")
        ->check(CLI::IsMember({"agent", "encryption", "both"}));
    auto* fresh = renew->add_flag("--new-key", options->new_key, "For new keys, whatever ra.NAME.renew_key says");
    renew->add_flag("--same-key", options->same_key, "For the present keys")->excludes(fresh);
    renew->add_flag("--even-expired", options->even_expired,
                    "Have the embedded CA renew although the agent certificate that asks has expired");
    renew->callback(
        [&chosen, &console, options] { chosen = [options, &console] { return ra_renew(*options, console); }; });
}

}  // namespace countersign::app
