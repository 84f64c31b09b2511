#include "report.hpp"

#include "countersign/core/text.hpp"
#include "countersign/crypto/pkcs12.hpp"
#include "files.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace countersign::app {
namespace {

namespace fs = std::filesystem;

constexpr mode_t owner_alone = 0600;

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

nlohmann::ordered_json as_json(const Probe& probe, const ProbeOutcome& outcome) {
    auto steps = nlohmann::ordered_json::array();
    auto faults = nlohmann::ordered_json::array();
    for (const auto& step : probe.steps()) {
        steps.push_back({{"step", step.name},
                         {"outcome", name(step.outcome)},
                         {"fault", step.fault},
                         {"detail", step.detail},
                         {"remedy", step.remedy}});
        if (step.outcome == StepOutcome::fail) faults.push_back(step.fault);
    }
    nlohmann::ordered_json report{
        {"url", outcome.url}, {"passed", outcome.passed}, {"faults", faults}, {"steps", steps}};
    if (probe.certificate()) report["certificate"] = described(*probe.certificate());
    if (!outcome.files.is_null()) report["files"] = outcome.files;
    return report;
}

}  // namespace

void prepare_probe_files(const fs::path& out) {
    if (::mkdir(out.c_str(), 0700) != 0 && errno != EEXIST) {
        throw StartupError(fail::unavailable(out.string() + ": cannot be made: " + std::strerror(errno)));
    }
    for (const char* name : {"certificate.pem", "key.pem", "ca.pem", "certificate.p12", "certificate.p12.password"}) {
        std::error_code error;
        if (!fs::exists(fs::symlink_status(out / name, error))) continue;
        throw StartupError(
            fail::conflict((out / name).string() + ": this exists and nothing is overwritten; name another --out"));
    }
}

nlohmann::ordered_json write_probe_files(const Probe& probe, const fs::path& out, Random& random) {
    std::string authorities;
    for (const auto& authority : probe.authorities()) authorities += authority.pem();
    nlohmann::ordered_json files;
    const auto write = [&](const char* what, const char* file, std::string_view content) {
        or_throw(write_new_file(out / file, content, owner_alone));
        files[what] = (out / file).string();
    };
    // The key first: without it the rest is of no use.
    write("key", "key.pem", probe.private_key_pem().reveal_text());
    write("certificate", "certificate.pem", probe.certificate()->pem());
    write("ca", "ca.pem", authorities);
    const Secret password(lower_hex(random.bytes(16)));
    const Secret bundle = or_throw(crypto::build_pkcs12(probe.private_key_pem(), *probe.certificate(),
                                                        probe.authorities(), password, "countersign probe"));
    write("pkcs12", "certificate.p12", bundle.reveal_text());
    write("pkcs12_password", "certificate.p12.password", password.reveal_text());
    return files;
}

void print_probe_report(const Probe& probe, const ProbeOutcome& outcome, bool json, Console& console) {
    if (json) return print_json(console, as_json(probe, outcome));
    print_steps(probe, console);
    for (const auto& [what, file] : outcome.files.items())
        console.out << what << ": " << file.get<std::string>() << "\n";
}

}  // namespace countersign::app
