#include "command.hpp"
#include "command_line.hpp"
#include "countersign/core/text.hpp"
#include "probe.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

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

void write_new_file(const fs::path& path, std::string_view content, mode_t mode) {
    const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (descriptor < 0)
        throw StartupError(fail::unavailable(path.string() + ": cannot be made: " + std::strerror(errno)));
    const ssize_t written = ::write(descriptor, content.data(), content.size());
    const bool whole = ::close(descriptor) == 0 && written == static_cast<ssize_t>(content.size());
    if (!whole) throw StartupError(fail::unavailable(path.string() + ": cannot be written"));
}

// Before anything is asked of the server: a one-time challenge must not be spent on a certificate that cannot be kept.
void prepare_out(const fs::path& out) {
    if (out.empty()) return;
    std::error_code error;
    if (::mkdir(out.c_str(), 0700) != 0 && errno != EEXIST) {
        throw StartupError(fail::unavailable(out.string() + ": cannot be made: " + std::strerror(errno)));
    }
    for (const char* name : {"certificate.pem", "key.pem", "ca.pem"}) {
        if (!fs::exists(fs::symlink_status(out / name, error))) continue;
        throw StartupError(
            fail::conflict((out / name).string() + ": this exists and nothing is overwritten; name another --out"));
    }
}

nlohmann::ordered_json write_out(const Probe& probe, const fs::path& out) {
    std::string authorities;
    for (const auto& authority : probe.authorities()) authorities += authority.pem();
    write_new_file(out / "key.pem", probe.private_key_pem().reveal_text(), 0600);
    write_new_file(out / "certificate.pem", probe.certificate()->pem(), 0644);
    write_new_file(out / "ca.pem", authorities, 0644);
    return {{"certificate", (out / "certificate.pem").string()},
            {"key", (out / "key.pem").string()},
            {"ca", (out / "ca.pem").string()}};
}

nlohmann::ordered_json described(const crypto::Certificate& certificate) {
    auto names = nlohmann::ordered_json::array();
    for (const auto& one : certificate.subject_alt_names()) names.push_back(crypto::to_text(one));
    return {{"subject", certificate.subject().text()},
            {"issuer", certificate.issuer().text()},
            {"serial", certificate.serial_hex()},
            {"sans", names},
            {"not_before", to_rfc3339(certificate.not_before())},
            {"not_after", to_rfc3339(certificate.not_after())},
            {"certificate_sha256", certificate.fingerprint_sha256()}};
}

void print_steps(const Probe& probe, Console& console) {
    std::size_t width = 0;
    for (const auto& step : probe.steps()) width = std::max(width, step.name.size());
    for (const auto& step : probe.steps()) {
        console.out << name(step.outcome) << "  " << step.name << std::string(width - step.name.size() + 2, ' ')
                    << step.detail << "\n";
        if (!step.remedy.empty()) console.out << std::string(width + 8, ' ') << "-> " << step.remedy << "\n";
    }
}

void print_report(const ProbeArguments& arguments, const Probe& probe, bool passed, const nlohmann::ordered_json& files,
                  Console& console) {
    if (!arguments.json) {
        print_steps(probe, console);
        for (const auto& [what, file] : files.items()) console.out << what << ": " << file.get<std::string>() << "\n";
        return;
    }
    auto steps = nlohmann::ordered_json::array();
    for (const auto& step : probe.steps()) {
        steps.push_back(
            {{"step", step.name}, {"outcome", name(step.outcome)}, {"detail", step.detail}, {"remedy", step.remedy}});
    }
    nlohmann::ordered_json report{{"url", arguments.url}, {"passed", passed}, {"steps", steps}};
    if (probe.certificate()) report["certificate"] = described(*probe.certificate());
    if (!files.is_null()) report["files"] = files;
    print_json(console, report);
}

int run_probe(const ProbeArguments& arguments, Console& console) {
    prepare_out(arguments.out);
    ProbeOptions options;
    options.url = arguments.url;
    options.admin_url = arguments.admin_url;
    options.admin_user = arguments.user;
    options.subject = arguments.subject;
    options.sans = arguments.sans;
    options.polls = arguments.polls;
    options.poll_interval = std::chrono::seconds{arguments.poll_seconds};
    if (!arguments.challenge.empty()) options.challenge = Secret(arguments.challenge);
    if (!arguments.challenge_file.empty()) options.challenge = first_line_of(arguments.challenge_file);
    if (!arguments.password_file.empty()) options.admin_password = first_line_of(arguments.password_file);
    net::HttpClientOptions client_options;
    client_options.ca_file = arguments.ca_file;
    client_options.total_timeout = std::chrono::seconds{arguments.timeout_seconds};
    const auto client = net::make_http_client(client_options);

    Probe probe(std::move(options), *client, console);
    const bool passed = probe.run();
    // A certificate with a blemish is kept all the same: it was issued, and its challenge is gone.
    nlohmann::ordered_json files;
    if (probe.certificate() && !arguments.out.empty()) files = write_out(probe, arguments.out);
    print_report(arguments, probe, passed, files, console);
    if (!passed)
        console.err << "countersign: " << probe.steps().back().name << ": " << probe.steps().back().detail << "\n";
    return passed ? exit_done : exit_refused;
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
    command->add_option("--out", options->out, "Where certificate.pem, key.pem and ca.pem go")->type_name("DIR");
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
    command->add_flag("--json", options->json, "Print JSON");
    command->callback(
        [&chosen, &console, options] { chosen = [options, &console] { return run_probe(*options, console); }; });
}

}  // namespace countersign::app
