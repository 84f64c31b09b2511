#include "monitoring.hpp"

#include "countersign/admin/api.hpp"
#include "countersign/admin/console.hpp"
#include "countersign/admin/monitoring.hpp"
#include "countersign/core/text.hpp"

#include <spdlog/spdlog.h>

namespace countersign::app {
namespace {

using admin::Surface;

void log_refusal(const std::string& line) {
    spdlog::info("{}", line);
}

admin::ReadinessCheck validity(std::string name, const crypto::Certificate& certificate, const Clock& clock) {
    return {
        std::move(name),
        [certificate, &clock]() -> Result<void> {
            if (certificate.valid_at(clock.now())) return {};
            return fail::expired("the certificate is valid from " + to_rfc3339(certificate.not_before()) + " to " +
                                 to_rfc3339(certificate.not_after()));
        },
        [certificate, &clock]() -> std::string {
            const auto days =
                ra::threshold_passed({{}, {}, {}, {}, certificate.not_before(), certificate.not_after()}, clock.now());
            if (!days || *days == 0) return {};
            return "it expires in less than " + std::to_string(*days) + " days: " + to_rfc3339(certificate.not_after());
        }};
}

// Whether the last try to renew failed: nothing is broken yet, and will be.
admin::ReadinessCheck renewal(const std::shared_ptr<const ra::RaInService>& service) {
    return {"renewal of ra " + service->name, [] { return Result<void>(); },
            [service]() -> std::string {
                const auto succession = ra::SuccessionFile(service->directory, service->name).read();
                if (!succession) return succession.error().detail;
                if (!succession->last || succession->last->success) return {};
                return "the last try failed: " + succession->last->detail;
            }};
}

// Never a reason to take this server out of service: another has no other list, and enrollments do not need it.
admin::ReadinessCheck revocation_lists(const std::shared_ptr<const ca::RevocationLists>& lists) {
    return {"revocation lists of ca " + lists->name(), [] { return Result<void>(); },
            [lists]() -> std::string {
                const auto standing = lists->standing();
                if (standing.current) return standing.problem;
                return "none is current" + (standing.problem.empty() ? "" : ": " + standing.problem);
            }};
}

std::vector<admin::ReadinessCheck> checks_of(const Wiring& wiring, const SharedParts& parts) {
    std::vector<admin::ReadinessCheck> checks;
    checks.push_back({"store", [&database = parts.database] { return database.probe(); }});
    if (parts.audit != nullptr) checks.push_back({"audit", [audit = parts.audit] { return audit->probe(); }});
    checks.push_back({"keys", [&keys = parts.keys] { return keys.probe(); }});
    for (const auto& [name, backend] : wiring.backends)
        checks.push_back({"ca " + name, [backend = backend] { return backend->probe(); }});
    for (const auto& [name, lists] : wiring.revocations) checks.push_back(revocation_lists(lists));
    for (const auto& [name, hook] : *wiring.hooks) {
        checks.push_back({"hook " + name, [hook = hook]() -> Result<void> {
                              CHECK(hook->initialize());
                              return {};
                          }});
    }
    for (const auto& [name, profile] : wiring.profiles) {
        checks.push_back(validity("agent of profile " + name, profile->agent->identity().certificate, parts.clock));
        checks.push_back(
            validity("encryption of profile " + name, profile->decryption_keys.front().certificate, parts.clock));
    }
    for (const auto& [name, service] : wiring.ras) checks.push_back(renewal(service));
    return checks;
}

admin::MetricsSubjects subjects_of(const config::Settings& settings, const Wiring& wiring) {
    admin::MetricsSubjects subjects;
    const auto add = [&](std::string kind, const std::string& name, const crypto::Certificate& certificate) {
        subjects.certificates.push_back(
            {std::move(kind), name, printable(certificate.subject().text()), certificate.not_after()});
    };
    for (const auto& [name, profile] : wiring.profiles) {
        if (settings.profiles.at(name).challenge.accepts("one-time")) subjects.profiles.push_back(name);
        add("agent", name, profile->agent->identity().certificate);
        add("encryption", name, profile->decryption_keys.front().certificate);
    }
    for (const auto& [name, backend] : wiring.backends) {
        for (const auto& certificate : backend->chain()) add("ca", name, certificate);
    }
    for (const auto& one : watched_certificates(wiring))
        subjects.watched.push_back({one.kind, one.name, printable(one.subject), one.not_after});
    subjects.cas = [backends = wiring.backends] {
        std::vector<admin::CaTraffic> all;
        for (const auto& [name, backend] : backends) {
            const auto traffic = backend->traffic();
            if (!traffic) continue;
            all.push_back({name, traffic->circuit_open, traffic->on_their_way, traffic->queued, traffic->answers,
                           traffic->seconds});
        }
        return all;
    };
    subjects.hooks = [hooks = wiring.hooks] {
        std::vector<admin::HookTraffic> all;
        for (const auto& [name, hook] : *hooks) {
            auto traffic = hook->traffic();
            all.push_back({name, traffic.circuit_open, traffic.under_way, std::move(traffic.answers), traffic.seconds});
        }
        return all;
    };
    subjects.revocations = [revocations = wiring.revocations] {
        std::vector<admin::RevocationTraffic> all;
        for (const auto& [name, lists] : revocations) {
            const auto standing = lists->standing();
            admin::RevocationTraffic traffic{name, standing.current, standing.failures};
            for (const auto& one : standing.lists)
                traffic.lists.push_back({one.key, one.this_update, one.next_update, one.entries});
            all.push_back(std::move(traffic));
        }
        return all;
    };
    return subjects;
}

}  // namespace

std::vector<ra::WatchedCertificate> watched_certificates(const Wiring& wiring) {
    std::vector<ra::WatchedCertificate> watched;
    const auto add = [&](std::string kind, const std::string& name, const crypto::Certificate& certificate) {
        watched.push_back({std::move(kind), name, certificate.subject().text(), certificate.serial_hex(),
                           certificate.not_before(), certificate.not_after()});
    };
    for (const auto& [name, service] : wiring.ras) {
        for (const auto& [role, identity] : service->identities)
            add(std::string(ra::name(role)), name, identity.certificate);
    }
    for (const auto& [name, backend] : wiring.backends) {
        for (const auto& certificate : backend->chain()) add("ca", name, certificate);
    }
    return watched;
}

void add_api(http::Router& router, const AdminSurfaces& admin, const SharedParts& parts) {
    const auto api =
        std::make_shared<admin::Api>(admin::ApiParts{admin.desk, admin.sign_in, parts.random, log_refusal});
    router.add(admin::Api::root, api);
    router.add_below(admin::Api::root, api);
}

void add_monitoring(http::Router& router, const config::Settings& settings, const Wiring& wiring,
                    const AdminSurfaces& admin, const SharedParts& parts,
                    const std::shared_ptr<const admin::Metrics>& metrics) {
    const admin::MonitoringParts monitoring{admin.sign_in, parts.clock, parts.random, log_refusal};
    router.add("/healthz", std::make_shared<admin::Health>());
    const auto readiness = std::make_shared<admin::Readiness>(monitoring, checks_of(wiring, parts));
    const auto subjects = subjects_of(settings, wiring);
    router.add("/readyz", readiness);
    router.add("/metrics", std::make_shared<admin::MetricsPage>(monitoring, metrics, subjects));
    const auto console = std::make_shared<admin::Console>(admin::ConsoleParts{admin.desk, admin.sign_in, readiness,
                                                                              admin.events, subjects.certificates,
                                                                              parts.clock, parts.random, log_refusal});
    router.add(admin::Console::root, console);
    router.add_below(admin::Console::root, console);
}

void SurfaceMap::learn(const config::Settings& settings) {
    Paths paths{{"/healthz", Surface::monitoring}, {"/readyz", Surface::monitoring}, {"/metrics", Surface::monitoring}};
    for (const auto& [name, profile] : settings.profiles) {
        for (const auto& path : profile.paths) paths.emplace(to_lower(path), Surface::scep);
        for (const auto& path : profile.admin_paths) paths.emplace(to_lower(path), Surface::password_page);
    }
    for (const auto& [name, ca] : settings.ca) {
        if (!ca.crl_path.empty()) paths.emplace(to_lower(ca.crl_path), Surface::crl);
    }
    const std::lock_guard lock(mutex_);
    paths_ = std::move(paths);
}

// The router's forms of a path differ in letter case, a slash at the end, and a file below or left out.
Surface SurfaceMap::of(const std::string& path) const {
    std::string lower = to_lower(path);
    const auto lies_below = [&](std::string_view root) {
        return lower == root || lower.starts_with(std::string(root) + "/");
    };
    if (lies_below(admin::Api::root)) return Surface::api;
    if (lies_below(admin::Console::root)) return Surface::console;
    if (lower.size() > 1 && lower.ends_with('/')) lower.pop_back();
    const std::lock_guard lock(mutex_);
    if (const auto exact = paths_.find(lower); exact != paths_.end()) return exact->second;
    const auto slash = lower.rfind('/');
    const auto above = slash == std::string::npos ? paths_.end() : paths_.find(lower.substr(0, slash));
    if (above != paths_.end() && above->second != Surface::monitoring) return above->second;
    // "/certsrv/mscep" for ".../mscep/mscep.dll".
    const auto below = paths_.lower_bound(lower + "/");
    const bool directory = below != paths_.end() && below->first.starts_with(lower + "/") &&
                           below->first.ends_with(".dll") && below->first.rfind('/') == lower.size();
    return directory ? below->second : Surface::other;
}

}  // namespace countersign::app
