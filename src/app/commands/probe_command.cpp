#include "command.hpp"
#include "command_line.hpp"
#include "countersign/core/text.hpp"
#include "probe/report.hpp"

#include <fstream>

namespace countersign::app {
namespace {

namespace fs = std::filesystem;

struct ProbeArguments {
    std::string url;
    std::string challenge;
    fs::path challenge_file;
    std::string admin_url;
    std::string user;
    fs::path password_file;
    std::string subject;
    std::vector<std::string> sans;
    fs::path out;
    std::string ca_file;
    unsigned polls = 12;
    unsigned poll_seconds = 5;
    unsigned timeout_seconds = 30;
    bool enroll_once = false;
    bool reusable = false;
    bool json = false;
};

Secret first_line_of(const fs::path& file) {
    std::ifstream stream(file);
    std::string line;
    if (!std::getline(stream, line))
        throw StartupError(fail::not_found(file.string() + ": no line can be read from this file"));
    Secret secret(trim(line));
    wipe_memory(line.data(), line.size());
    if (secret.empty()) throw StartupError(fail::malformed(file.string() + ": the first line is empty"));
    return secret;
}

int run_probe(const ProbeArguments& arguments, Console& console) {
    if (!arguments.out.empty()) prepare_probe_files(arguments.out);
    ProbeOptions options;
    options.url = arguments.url;
    options.admin_url = arguments.admin_url;
    options.admin_user = arguments.user;
    options.subject = arguments.subject;
    options.sans = arguments.sans;
    options.polls = arguments.polls;
    options.enroll_once = arguments.enroll_once;
    options.reusable = arguments.reusable;
    options.poll_interval = std::chrono::seconds{arguments.poll_seconds};
    if (!arguments.challenge.empty()) options.challenge = Secret(arguments.challenge);
    if (!arguments.challenge_file.empty()) options.challenge = first_line_of(arguments.challenge_file);
    if (!arguments.password_file.empty()) options.admin_password = first_line_of(arguments.password_file);
    net::HttpClientOptions client_options;
    client_options.ca_file = arguments.ca_file;
    client_options.total_timeout = std::chrono::seconds{arguments.timeout_seconds};
    const auto client = net::make_http_client(client_options);

    Probe probe(std::move(options), *client, console);
    ProbeOutcome outcome{arguments.url, probe.run(), {}};
    // A certificate with a blemish is kept all the same: it was issued, and its challenge is gone.
    if (probe.certificate() && !arguments.out.empty())
        outcome.files = write_probe_files(probe, arguments.out, console.random);
    print_probe_report(probe, outcome, arguments.json, console);
    if (outcome.passed) return exit_done;
    for (const ProbeStep& step : probe.steps()) {
        if (step.outcome == StepOutcome::fail)
            console.err << "countersign: " << step.name << ": " << step.detail << "\n";
    }
    return exit_refused;
}

}  // namespace

void add_probe_command(CLI::App& app, Chosen& chosen, Console& console) {
    const auto options = std::make_shared<ProbeArguments>();
    auto* command = app.add_subcommand("probe", "Test any SCEP or NDES server from outside, as a device would");
    command->add_option("URL", options->url, "Like http://ndes.example.com/certsrv/mscep/mscep.dll")->required();
    auto* challenge = command->add_option("--challenge", options->challenge, "The challenge to enroll with");
    auto* challenge_file =
        command->add_option("--challenge-file", options->challenge_file, "A file with it")->check(CLI::ExistingFile);
    auto* admin = command->add_option("--admin-url", options->admin_url,
                                      "The page to fetch a challenge from (NDES: .../certsrv/mscep_admin)");
    challenge->excludes(challenge_file)->excludes(admin);
    challenge_file->excludes(admin);
    auto* user = command->add_option("--user", options->user, "User name there")->needs(admin)->type_name("NAME");
    command->add_option("--password-file", options->password_file, "File with that user's password")
        ->needs(user)
        ->check(CLI::ExistingFile);
    command->add_option("--subject", options->subject, "Subject to ask for (RFC 4514)")->type_name("DN");
    command->add_option("--san", options->sans, "Name to ask for, like dns:host.example; repeatable")
        ->type_name("TYPE:NAME")
        ->allow_extra_args(false);
    command->add_option("--out", options->out, "Where key.pem, certificate.pem, ca.pem and certificate.p12 go")
        ->type_name("DIR");
    command->add_option("--ca-file", options->ca_file, "PEM certificates to trust for https; else the system's")
        ->check(CLI::ExistingFile);
    command->add_option("--polls", options->polls, "How often to ask when the request is pending")
        ->capture_default_str();
    command->add_option("--poll-seconds", options->poll_seconds, "How long to wait before each")
        ->check(CLI::Range(0, 3600))
        ->capture_default_str();
    command->add_option("--timeout", options->timeout_seconds, "Seconds for each HTTP request")
        ->check(CLI::Range(1, 3600))
        ->capture_default_str();
    command->add_flag("--enroll-once", options->enroll_once,
                      "Stop after the first certificate: no second use, no renewal");
    command->add_flag("--reusable", options->reusable, "The challenge may be used again: do not call that a failure");
    command->add_flag("--json", options->json, "Print JSON");
    command->callback(
        [&chosen, &console, options] { chosen = [options, &console] { return run_probe(*options, console); }; });
}

}  // namespace countersign::app
