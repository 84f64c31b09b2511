// From settings to running parts: the one place that names adapters.
//
// Every cross-check of settings, keys, certificates and chains happens in assemble(), before a socket opens, and
// reports all it finds. A Wiring owns the backends and profiles it made; it borrows the SharedParts, which outlive it
// and every Wiring made after it (a reload assembles a second one and lets the first go when its last request has been
// answered).
#pragma once

#include "countersign/admin/desk.hpp"
#include "countersign/admin/metrics.hpp"
#include "countersign/admin/recent_events.hpp"
#include "countersign/admin/sign_in.hpp"
#include "countersign/audit/sinks.hpp"
#include "countersign/ca/backend.hpp"
#include "countersign/ca/revocation_lists.hpp"
#include "countersign/ca/submissions.hpp"
#include "countersign/challenge/verifier.hpp"
#include "countersign/config/load.hpp"
#include "countersign/core/clock.hpp"
#include "countersign/core/random.hpp"
#include "countersign/hook/hook.hpp"
#include "countersign/http/router.hpp"
#include "countersign/keys/key.hpp"
#include "countersign/notify/post_office.hpp"
#include "countersign/ra/enrollment.hpp"
#include "countersign/ra/followup.hpp"
#include "countersign/ra/renewer.hpp"
#include "countersign/store/database.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace countersign::app {

// Loads a configuration or throws StartupError with every finding in words, one a line; warnings go to `warn`.
config::Settings load_or_throw(const std::filesystem::path& file, const std::function<void(const std::string&)>& warn);

// What only the process as a whole can be told, through its environment. Once, right after loading, before there is a
// second thread.
void prepare_process(const config::Settings& settings);

// The parts that commands need one by one. Errors name the file, the key and the remedy.

Result<std::unique_ptr<store::Database>> open_store(const config::Settings& settings);
// With the lock that lets one daemon at a time work on it; conflict when another holds it.
Result<std::unique_ptr<store::Database>> open_store_as_daemon(const config::Settings& settings,
                                                              store::CrashPoint crash_point);
// At least `least_octets` from a file that only its owner can read.
Result<Secret> read_secret_file(const std::filesystem::path& file, std::size_t least_octets, std::string_view what);
// Where audit events go.
struct AuditTrail {
    std::unique_ptr<audit::Sink> sink;
    audit::JsonLinesSink* file = nullptr;  // of the sink's; null when no file is configured
};
// The audit file and syslog socket that are configured; each line goes to `also` too.
Result<AuditTrail> open_audit(const config::Settings& settings, const Clock& clock,
                              std::function<void(audit::Severity, const std::string&)> also = {});
// denied: the profile's challenge mode cannot mint. not_found: no such profile.
Result<std::unique_ptr<challenge::Issuer>> make_issuer(const config::Settings& settings, const std::string& profile,
                                                       store::Database& database, Random& random);

// Every kind of key URI a configuration may name. One per process: tokens count logins and sessions, and a reload must
// find those it has. Opening it touches no token.
std::unique_ptr<keys::KeySource> open_key_source(const config::Settings& settings);
unsigned worker_count(const config::ServerSettings& server);
// Half the workers may wait for CAs; the others go on answering.
std::shared_ptr<ca::Submissions> make_submissions(const config::Settings& settings);

// The policy hooks of the configuration, by name: one object each, whose circuit breaker all who ask share.
using Hooks = std::map<std::string, std::shared_ptr<hook::Hook>>;
// How many workers may be waiting for hooks at a time: the daemon has so many more.
unsigned hook_workers(const config::Settings& settings);

struct SharedParts {
    store::Database& database;
    const Clock& clock;
    Random& random;
    keys::KeySource& keys;
    bool renews_after_expiry = false;  // ca::LocalCaOptions
    // What is on its way to CAs, kept over a reload. Null: an Assembly makes one of its own.
    std::shared_ptr<ca::Submissions> submissions{};
    // Null: opened anew from the settings.
    std::shared_ptr<const Hooks> hooks{};
    // Whose health /readyz tells. Null: nobody's.
    audit::CountingSink* audit = nullptr;
};

struct IntuneTenant;  // src/app/notifications.hpp

struct Wiring {
    std::map<std::string, std::shared_ptr<ca::Backend>> backends;
    std::map<std::string, std::shared_ptr<ca::RevocationLists>> revocations;  // by CA: those that name any
    ra::Profiles profiles;
    std::map<std::string, std::shared_ptr<const ra::RaInService>> ras;  // those a profile uses
    std::vector<notify::ReceiverSettings> receivers;  // of notifications
    std::map<std::string, std::shared_ptr<const IntuneTenant>> tenants;  // those a profile uses
    std::shared_ptr<const Hooks> hooks = std::make_shared<const Hooks>();
    std::vector<config::Finding> findings;  // with an error among them nothing here may serve

    bool usable() const;
};

Wiring assemble(const config::Settings& settings, const SharedParts& parts);

// One hook of the configuration by itself. malformed, denied, not_found: what it names is not usable.
Result<std::shared_ptr<hook::Hook>> open_hook(const config::Settings& settings, const std::string& name,
                                              const SharedParts& parts);

// One CA of the configuration by itself. not_found: there is none of that name.
Result<std::shared_ptr<ca::Backend>> open_ca(const config::Settings& settings, const std::string& name,
                                             const SharedParts& parts);

// What administrators use, and who may: shared by the admin endpoints of one router.
struct AdminSurfaces {
    std::shared_ptr<admin::Desk> desk;
    std::shared_ptr<admin::SignIn> sign_in;
    std::shared_ptr<admin::RecentEvents> events = std::make_shared<admin::RecentEvents>();
};

// The desk alone, for commands.
Result<std::shared_ptr<admin::Desk>> make_desk(const config::Settings& settings, const SharedParts& parts,
                                               audit::Sink& audit);
// Errors name the key and the remedy.
Result<AdminSurfaces> make_admin_surfaces(const config::Settings& settings, const SharedParts& parts,
                                          audit::Sink& audit);

// What is wrong with the ways to sign in that the listeners offer; nullopt: nothing.
std::optional<config::Finding> check_sign_in(const config::Settings& settings, const SharedParts& parts);

// Which path goes where. Throws StartupError on overlapping paths.
std::shared_ptr<const http::Router> make_router(const config::Settings& settings, const Wiring& wiring,
                                                const AdminSurfaces& admin, ra::Enrollment& enrollment,
                                                const SharedParts& parts,
                                                const std::shared_ptr<const admin::Metrics>& metrics);

// Everything that start-up checks, without starting: configuration findings, then keys, certificates, chains, store
// schema. Empty but for warnings: it would start.
std::vector<config::Finding> check_everything(const std::filesystem::path& file);

}  // namespace countersign::app
