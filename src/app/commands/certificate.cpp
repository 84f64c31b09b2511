#include "command.hpp"
#include "command_line.hpp"
#include "countersign/audit/catalogue.hpp"
#include "countersign/core/text.hpp"
#include "countersign/crypto/encoding.hpp"

#include <algorithm>
#include <map>

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

// RFC 5280 5.3.1, those that make sense for an end entity.
const std::map<std::string, int>& revocation_reasons() {
    static const std::map<std::string, int> reasons{
        {"unspecified", 0}, {"keyCompromise", 1},        {"affiliationChanged", 3},
        {"superseded", 4},  {"cessationOfOperation", 5}, {"privilegeWithdrawn", 9},
    };
    return reasons;
}

std::string reason_name(int reason) {
    for (const auto& [text, number] : revocation_reasons()) {
        if (number == reason) return text;
    }
    return std::to_string(reason);
}

std::string state_of(const store::IssuedCertificate& one, Time now) {
    if (one.revoked) return "revoked";
    if (one.not_after < now) return "expired";
    return "valid";
}

nlohmann::ordered_json to_json(const store::IssuedCertificate& one, Time now) {
    nlohmann::ordered_json json{{"serial", one.serial},
                                {"ca", one.ca},
                                {"profile", one.profile},
                                {"kind", one.kind},
                                {"state", state_of(one, now)},
                                {"subject", one.subject},
                                {"sans", one.sans},
                                {"template", one.template_name},
                                {"not_before", to_rfc3339(one.not_before)},
                                {"not_after", to_rfc3339(one.not_after)},
                                {"public_key_sha256", one.public_key},
                                {"certificate_sha256", one.fingerprint},
                                {"request", one.attempt}};
    if (one.revoked) {
        json["revoked"] = to_rfc3339(*one.revoked);
        json["reason"] = reason_name(one.revocation_reason);
    }
    return json;
}

// The one certificate that serial (and CA, if given) names.
store::IssuedCertificate find_one(store::Issued& issued, const CertificateOptions& options) {
    auto found = or_throw(issued.find_by_serial(options.serial));
    std::erase_if(found, [&](const auto& one) { return !options.ca.empty() && one.ca != options.ca; });
    if (found.empty())
        throw StartupError(fail::not_found("no certificate has serial " + printable(options.serial, 60)));
    if (found.size() > 1) {
        throw StartupError(
            fail::conflict("several CAs issued serial " + printable(options.serial, 60) + "; say which with --ca"));
    }
    return found.front();
}

int certificate_list(CertificateOptions options, Console& console) {
    OpenInstance instance = open_instance(options, console);
    const Time now = options.filter.now = console.clock.now();
    const auto found = or_throw(instance.database->issued().list(options.filter));
    if (options.json) {
        auto list = nlohmann::ordered_json::array();
        for (const auto& one : found) list.push_back(to_json(one, now));
        print_json(console, list);
        return exit_done;
    }
    std::vector<std::vector<std::string>> rows;
    for (const auto& one : found) {
        rows.push_back({one.serial, one.kind, printable(one.profile.empty() ? "-" : one.profile), state_of(one, now),
                        to_rfc3339(one.not_after), printable(one.subject)});
    }
    print_table(console, {"SERIAL", "KIND", "PROFILE", "STATE", "NOT AFTER", "SUBJECT"}, rows);
    return exit_done;
}

int certificate_show(const CertificateOptions& options, Console& console) {
    OpenInstance instance = open_instance(options, console);
    const auto one = find_one(instance.database->issued(), options);
    const std::string pem = crypto::to_pem("CERTIFICATE", one.der);
    nlohmann::ordered_json json = to_json(one, console.clock.now());
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
    const auto one = find_one(instance.database->issued(), options);
    if (one.kind == "ca") {
        throw StartupError(fail::denied(
            "this is the CA itself: its own CRL cannot revoke it; make a new instance and tell those who trust it"));
    }
    if (one.kind == "ra" && !options.force) {
        throw StartupError(fail::denied(
            "this is a certificate of the RA itself: once it is revoked, nothing is issued any more. Give the "
            "RA another one first, or say --force"));
    }
    const Time now = console.clock.now();
    if (one.revoked) throw StartupError(fail::conflict("certificate " + one.serial + " is revoked already"));
    or_throw(instance.audit->record(
        audit::Event(audit::event::certificate_revoked, audit::severity_of(audit::event::certificate_revoked))
            .with("ca", one.ca)
            .with("serial", one.serial)
            .with("subject", printable(one.subject))
            .with("reason", reason_name(options.reason))
            .with("by", operator_name())
            .with("through", "command line")));
    or_throw(instance.database->issued().revoke(one.ca, one.serial, options.reason, now));
    if (options.json) {
        print_json(console, {{"serial", one.serial},
                             {"ca", one.ca},
                             {"state", "revoked"},
                             {"revoked", to_rfc3339(now)},
                             {"reason", reason_name(options.reason)}});
    } else {
        console.out << "revoked " << one.serial << " (" << printable(one.subject) << ")\n";
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
        ->transform(CLI::CheckedTransformer(revocation_reasons()))
        ->type_name("REASON");
    revoke->callback([&chosen, &console, options] {
        chosen = [options, &console] { return certificate_revoke(*options, console); };
    });
}

}  // namespace countersign::app
