#include "command.hpp"
#include "command_line.hpp"
#include "countersign/admin/records.hpp"
#include "countersign/core/text.hpp"
#include "countersign/crypto/encoding.hpp"

namespace countersign::app {
namespace {

struct CertificateOptions : CommonOptions {
    store::IssuedFilter filter;
    std::string serial;
    std::string ca;
    int reason = 0;
    bool pem = false;
    bool force = false;
};

int certificate_list(CertificateOptions options, Console& console) {
    OpenInstance instance = open_instance(options, console);
    const Time now = options.filter.now = console.clock.now();
    const auto found = or_throw(instance.database->issued().list(options.filter));
    if (options.json) {
        auto list = nlohmann::ordered_json::array();
        for (const auto& one : found) list.push_back(admin::to_json(one, now));
        print_json(console, list);
        return exit_done;
    }
    std::vector<std::vector<std::string>> rows;
    for (const auto& one : found) {
        rows.push_back({one.serial, one.kind, printable(one.profile.empty() ? "-" : one.profile),
                        admin::state_of(one, now), to_rfc3339(one.not_after), printable(one.subject)});
    }
    print_table(console, {"SERIAL", "KIND", "PROFILE", "STATE", "NOT AFTER", "SUBJECT"}, rows);
    return exit_done;
}

int certificate_show(const CertificateOptions& options, Console& console) {
    OpenInstance instance = open_instance(options, console);
    const auto one = or_throw(open_desk(instance, console)->certificate(options.serial, options.ca));
    const std::string pem = crypto::to_pem("CERTIFICATE", one.der);
    auto json = admin::to_json(one, console.clock.now());
    if (options.json) {
        json["pem"] = pem;
        print_json(console, json);
    } else if (options.pem) {
        console.out << pem;
    } else {
        for (const auto& [key, value] : json.items()) {
            const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
            if (!text.empty()) console.out << key << ": " << printable(text, 2000) << "\n";
        }
        console.out << pem;
    }
    return exit_done;
}

int certificate_revoke(const CertificateOptions& options, Console& console) {
    OpenInstance instance = open_instance(options, console);
    const auto one = or_throw(open_desk(instance, console)
                                  ->revoke_certificate(options.serial, options.ca, options.reason, options.force,
                                                       {operator_name(), "command line"}));
    if (options.json) {
        print_json(console, {{"serial", one.serial},
                             {"ca", one.ca},
                             {"state", "revoked"},
                             {"at_the_ca", !one.left_to_people},
                             {"revoked", to_rfc3339(*one.revoked)},
                             {"reason", admin::revocation_reason_name(options.reason)}});
    } else {
        console.out << "revoked " << one.serial << " (" << printable(one.subject) << ")\n";
        if (one.left_to_people)
            console.out << "in our records alone: CA " << one.ca
                        << " takes no revocations from us. Revoke it there too; "
                        << "until then it is valid to everybody who asks that CA\n";
    }
    return exit_done;
}

}  // namespace

void add_certificate_commands(CLI::App& app, Chosen& chosen, Console& console) {
    auto* group = app.add_subcommand("certificate", "List, show and revoke issued certificates");
    group->require_subcommand(1);
    const auto options = std::make_shared<CertificateOptions>();

    auto* list = group->add_subcommand("list", "List certificates, newest first");
    add_common_options(*list, *options);
    list->add_option("--profile", options->filter.profile, "Issued through this profile")->type_name("NAME");
    list->add_option("--subject", options->filter.subject_contains, "With this text in the subject")->type_name("TEXT");
    list->add_flag("--valid", options->filter.only_valid, "Neither revoked nor expired");
    list->add_option("--limit", options->filter.limit, "At most so many")->check(CLI::Range(1, 1000000));
    list->callback(
        [&chosen, &console, options] { chosen = [options, &console] { return certificate_list(*options, console); }; });

    const auto add_serial = [&](CLI::App* command) {
        command->add_option("SERIAL", options->serial, "Hexadecimal, with or without colons")->required();
        command->add_option("--ca", options->ca, "Issued by this CA")->type_name("NAME");
    };
    auto* show = group->add_subcommand("show", "Show one certificate");
    add_common_options(*show, *options);
    add_serial(show);
    show->add_flag("--pem", options->pem, "The PEM alone");
    show->callback(
        [&chosen, &console, options] { chosen = [options, &console] { return certificate_show(*options, console); }; });

    auto* revoke = group->add_subcommand(
        "revoke", "Revoke one certificate; a running daemon publishes a new CRL on the next request for it");
    add_common_options(*revoke, *options);
    add_serial(revoke);
    revoke->add_flag("--force", options->force, "Even a certificate of the RA itself");
    revoke->add_option("--reason", options->reason, "Why (RFC 5280)")
        ->transform(CLI::CheckedTransformer(admin::revocation_reasons()))
        ->type_name("REASON");
    revoke->callback([&chosen, &console, options] {
        chosen = [options, &console] { return certificate_revoke(*options, console); };
    });
}

}  // namespace countersign::app
