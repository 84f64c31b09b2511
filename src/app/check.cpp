// What start-up checks, for start-up itself and for `countersign check`.
#include "countersign/app/wire.hpp"
#include "countersign/core/random.hpp"
#include "countersign/crypto/library.hpp"

#include <algorithm>

#include "directory_templates.hpp"
#include "notifications.hpp"

namespace countersign::app {

using config::Finding;
using config::FindingLevel;

config::Settings load_or_throw(const std::filesystem::path& file, const std::function<void(const std::string&)>& warn) {
    auto loaded = config::load(file);
    std::string problems;
    for (const auto& finding : loaded.findings) {
        if (finding.level == FindingLevel::warning) {
            if (warn) warn(config::describe(finding));
        } else {
            problems += (problems.empty() ? "" : "\n") + config::describe(finding);
        }
    }
    if (!loaded.settings) throw StartupError(fail::malformed(problems));
    return *std::move(loaded.settings);
}

namespace {

// What can be found out about CAs that are somewhere else. The daemon starts without them.
void check_remote_cas(const config::Settings& settings, const Wiring& wiring, Random& random,
                      std::vector<Finding>& findings) {
    for (const auto& [name, backend] : wiring.backends) {
        const auto& ca = settings.ca.at(name);
        if (ca.local()) continue;
        if (const auto reached = backend->probe(); !reached) {
            findings.push_back({FindingLevel::warning, ca.place, backend->describe() + ": " + reached.error().detail,
                                "clients are told to come again until this is mended"});
        }
        if (const auto lists = wiring.revocations.find(name); lists != wiring.revocations.end()) {
            if (const auto fetched = lists->second->probe(); !fetched) {
                findings.push_back(
                    {FindingLevel::warning, ca.place, "ca." + name + ".crl: " + fetched.error().detail,
                     "once no list counts any more, nothing of this CA is renewed: docs/ca-revocation.md"});
            }
        }
        if (ca.adcs()) check_directory_templates(settings, name, backend->chain().front(), random, findings);
    }
}

void check_hooks(const config::Settings& settings, const Wiring& wiring, std::vector<Finding>& findings) {
    for (const auto& [name, hook] : *wiring.hooks) {
        if (const auto who = hook->initialize(); !who) {
            findings.push_back({FindingLevel::warning, settings.hooks.at(name).place,
                                hook->describe() + ": " + who.error().detail,
                                "what this hook must be asked does not happen until it is mended: "
                                "docs/policy-hooks.md"});
        }
    }
}

void check_library(const std::filesystem::path& file, std::vector<Finding>& findings) {
    const auto objection = crypto::objection_to(crypto::library_version());
    if (!objection) return;
    findings.push_back({FindingLevel::warning, {file.string(), 0, ""}, *objection,
                        "upgrade it (Debian: apt-get install --only-upgrade libssl3) and restart the daemon"});
}

}  // namespace

std::vector<Finding> check_everything(const std::filesystem::path& file) {
    auto loaded = config::load(file);
    auto findings = std::move(loaded.findings);
    if (!loaded.settings) return findings;
    const auto& settings = *loaded.settings;
    prepare_process(settings);
    check_library(file, findings);

    const auto database = open_store(settings);
    if (!database) {
        findings.push_back({FindingLevel::error, settings.store.place, database.error().detail,
                            "see `countersign config explain store`"});
        return findings;
    }
    const SystemClock clock;
    SystemRandom random;
    const auto keys = open_key_source(settings);
    const SharedParts parts{**database, clock, random, *keys};
    auto wiring = assemble(settings, parts);
    std::ranges::move(wiring.findings, std::back_inserter(findings));
    check_remote_cas(settings, wiring, random, findings);
    for (const auto& [name, tenant] : wiring.tenants) {
        const auto reached = tenant->client->probe();
        if (reached) continue;
        findings.push_back({FindingLevel::warning, tenant->settings.place, reached.error().detail,
                            "nobody enrolls with Intune's challenges until this is mended: docs/intune.md"});
    }
    check_hooks(settings, wiring, findings);
    if (auto finding = check_sign_in(settings, parts)) findings.push_back(std::move(*finding));
    return findings;
}

}  // namespace countersign::app
