#include "countersign/app/lifecycle.hpp"

#include "audit_seal.hpp"
#include "caretaker.hpp"
#include "countersign/app/wire.hpp"
#include "countersign/async/worker_pool.hpp"
#include "countersign/audit/catalogue.hpp"
#include "countersign/crypto/library.hpp"
#include "countersign/crypto/memory.hpp"
#include "countersign/http/server.hpp"
#include "descriptors.hpp"
#include "monitoring.hpp"
#include "notifications.hpp"
#include "operations_log.hpp"
#include "process_memory.hpp"
#include "revocation_watch.hpp"

#include <spdlog/spdlog.h>
#include <systemd/sd-daemon.h>
#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <map>
#include <thread>

namespace countersign::app {
namespace {

using namespace std::chrono_literals;

// The signals the main thread waits for; blocked everywhere else, so that no system call of a worker is disturbed.
sigset_t awaited_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
    return set;
}

template <class T>
T or_throw(Result<T> result) {
    if (!result) throw StartupError(result.error());
    return *std::move(result);
}

class Daemon {
public:
    explicit Daemon(const DaemonOptions& options)
        : config_(options.config),
          settings_(load_and_prepare(options.config)),
          audit_trail_(or_throw(open_audit(settings_, clock_,
                                           [this](audit::Severity severity, const std::string& line) {
                                               log_audit_line(severity, line);
                                               events_->note(line);
                                           }))),
          audit_(std::make_unique<audit::CountingSink>(std::move(audit_trail_.sink))),
          database_(or_throw(open_store_as_daemon(settings_, options.crash_point))),
          keys_(open_key_source(settings_)),
          seal_(or_throw(AuditSeal::make(settings_.audit, *keys_, audit_trail_.file, clock_))),
          submissions_(make_submissions(settings_)),
          enrollment_({database_->transactions(), database_->issued(), database_->holds(), *audit_, clock_, random_,
                       options.crash_point, settings_.server.failures_per_client}),
          wiring_(assemble_or_throw(settings_, nullptr)),
          admin_(admin_surfaces_of(settings_, wiring_.hooks)),
          hook_workers_(hook_workers(settings_)),
          workers_(worker_count(settings_.server) + hook_workers_, settings_.server.queue),
          surfaces_(settings_),
          revocation_watch_(*audit_),
          caretaker_({database_->issued(), *audit_, *keys_, clock_, random_, options.crash_point}, database_->outbox()),
          post_office_({database_->outbox(), database_->transactions(), database_->issued(), database_->holds(), clock_,
                        random_, [](const std::string& line) { spdlog::warn("{}", line); }}),
          metrics_(std::make_shared<admin::Metrics>(metrics_sources(options.version))) {
        set_log_level(settings_.log.level);
    }

    int run() {
        record(audit::event::daemon_started);
        seal_.seal();
        follow_up_once();
        start_serving();
        post_office_.serve(receivers_in_force());
        std::jthread follower([this](const std::stop_token& stop) { follow(stop); });
        std::jthread caretaker([this](const std::stop_token& stop) { take_care(stop); });
        std::jthread revoker([this](const std::stop_token& stop) { fetch_revocations(stop); });
        std::jthread lists([this](const std::stop_token& stop) { watch_revocation_lists(stop); });
        wait_for_the_end();
        sd_notify(0, "STOPPING=1");
        spdlog::info("draining: {} connections open", server_->open_connections());
        server_->drain(settings_.server.drain_timeout);
        follower.request_stop();
        caretaker.request_stop();
        revoker.request_stop();
        lists.request_stop();
        follower.join();
        caretaker.join();
        revoker.join();
        lists.join();
        workers_.drain();
        submissions_->drain();
        follow_up_once();  // what CAs have answered meanwhile
        post_office_.stop();
        record(audit::event::daemon_stopped);
        seal_.seal();
        server_.reset();
        keys_->close();
        database_->close();
        spdlog::info("stopped");
        return 0;
    }

private:
    static config::Settings load_and_prepare(const std::filesystem::path& config) {
        auto settings = load_or_throw(config, [](const std::string& text) { spdlog::warn("{}", text); });
        prepare_process(settings);
        return settings;
    }

    admin::MetricsSources metrics_sources(const std::string& version) {
        return {database_->challenges(),
                database_->transactions(),
                *audit_,
                clock_,
                [this] { return server_ ? server_->open_connections() : 0; },
                [this] { return workers_.queued(); },
                version,
                [this] { return caretaker_.renewals(); },
                [this] { return notification_traffic(database_->outbox(), post_office_, clock_); }};
    }

    http::ServerOptions server_options(const config::Settings& settings) {
        http::ServerOptions options;
        for (const auto& listener : settings.listeners) {
            http::ListenerOptions entry{listener.address, listener.serves, listener.trusted_proxies, std::nullopt};
            if (listener.tls) {
                const bool another_way = listener.offers("certificate") && listener.sign_in.size() > 1;
                entry.tls = {listener.tls->certificate.string(), listener.tls->key.string(),
                             listener.tls->client_ca.string(), another_way};
            }
            options.listeners.push_back(std::move(entry));
        }
        const auto& server = settings.server;
        options.limits.request_line_octets = server.max_request_line_octets;
        options.limits.header_octets = server.max_request_line_octets + 16 * 1024;
        options.limits.body_octets = server.max_body_octets;
        options.limits.header_deadline = server.header_timeout;
        options.limits.body_deadline = server.body_timeout;
        options.limits.idle_deadline = server.idle_timeout;
        options.limits.answer_deadline = server.answer_timeout;
        options.limits.connections = server.max_connections;
        options.limits.connections_per_client = server.max_connections_per_client;
        options.io_threads = server.io_threads;
        options.access_log = [this, logs = settings.log.requests](const http::Request& request, int status,
                                                                  std::size_t octets, std::chrono::microseconds took) {
            metrics_->count_request(surfaces_.of(request.path), status, took);
            if (logs) log_request(request, status, octets, took);
        };
        return options;
    }

    SharedParts shared_parts(std::shared_ptr<const Hooks> hooks) {
        return {*database_, clock_, random_, *keys_, false, submissions_, std::move(hooks), audit_.get()};
    }

    AdminSurfaces admin_surfaces_of(const config::Settings& settings, std::shared_ptr<const Hooks> hooks) {
        auto surfaces = or_throw(make_admin_surfaces(settings, shared_parts(std::move(hooks)), *audit_));
        surfaces.events = events_;
        return surfaces;
    }

    // `hooks`: null has them opened anew.
    Wiring assemble_or_throw(const config::Settings& settings, std::shared_ptr<const Hooks> hooks) {
        auto wiring = assemble(settings, shared_parts(std::move(hooks)));
        std::string problems;
        for (const auto& finding : wiring.findings) {
            if (finding.level == config::FindingLevel::warning) {
                spdlog::warn("{}", config::describe(finding));
            } else {
                problems += (problems.empty() ? "" : "\n") + config::describe(finding);
            }
        }
        if (!problems.empty()) throw StartupError(fail::malformed(problems));
        return wiring;
    }

    void start_serving() {
        if (const auto missing = raise_descriptor_limit(settings_.server.max_connections); !missing.empty())
            spdlog::warn("{}", missing);
        server_ = or_throw(http::Server::bind(
            server_options(settings_),
            make_router(settings_, wiring_, admin_, enrollment_, shared_parts(wiring_.hooks), metrics_), workers_));
        server_->start();
        for (const auto& address : server_->addresses()) spdlog::info("listening on {}", address);
        sd_notify(0, "READY=1");
    }

    void wait_for_the_end() {
        const auto signals = awaited_signals();
        std::uint64_t watchdog_us = 0;
        sd_watchdog_enabled(0, &watchdog_us);
        const timespec patience{1, 0};
        for (;;) {
            const int signal = sigtimedwait(&signals, nullptr, &patience);
            if (watchdog_us != 0) sd_notify(0, "WATCHDOG=1");
            if (signal == SIGHUP) reload();
            if (caretaker_.wants_adoption()) adopt();
            if (signal == SIGTERM || signal == SIGINT) return;
        }
    }

    // Profiles, RA and CA certificates, templates and TLS certificates; the listeners' addresses, the store and the
    // audit file stay as they are until a restart. On any error everything stays.
    void reload() {
        sd_notify(0, "RELOADING=1");
        try {
            auto settings = load_or_throw(config_, [](const std::string& text) { spdlog::warn("{}", text); });
            auto wiring = assemble_or_throw(settings, nullptr);
            auto admin = admin_surfaces_of(settings, wiring.hooks);
            if (hook_workers(settings) > hook_workers_) {
                spdlog::warn("policy hooks may occupy {} workers, {} are there for them: restart to have more",
                             hook_workers(settings), hook_workers_);
            }
            put_in_force(settings, std::move(wiring), admin);
            {
                const std::lock_guard lock(wiring_mutex_);
                admin_ = std::move(admin);
            }
            surfaces_.learn(settings);
            if (const auto tls = server_->reload_tls(); !tls)
                spdlog::error("TLS certificates stay as they were: {}", tls.error().detail);
            set_log_level(settings.log.level);
            spdlog::info("reloaded {}; listeners, store and audit file change with a restart only", config_.string());
            sd_notify(0, "READY=1\nSTATUS=serving");
        } catch (const std::exception& error) {
            spdlog::error("not reloaded, everything stays as it was, removed accounts too: {}", error.what());
            sd_notify(0, "READY=1\nSTATUS=the last reload failed, everything is as before it; see the log");
        }
    }

    // Requests in flight finish with what they began with.
    void put_in_force(const config::Settings& settings, Wiring wiring, const AdminSurfaces& admin) {
        auto router = make_router(settings, wiring, admin, enrollment_, shared_parts(wiring.hooks), metrics_);
        {
            const std::lock_guard lock(wiring_mutex_);
            wiring_ = std::move(wiring);
        }
        database_->outbox().subscribe(subscriptions_of(settings));
        server_->swap_router(std::move(router));
        post_office_.serve(receivers_in_force());
        const std::lock_guard lock(wiring_mutex_);
        if (&settings != &in_force_) in_force_ = settings;
    }

    // RA certificates were renewed, by us or by `countersign ra renew`, or an overlap ended: the settings stay, the
    // certificates are read anew.
    void adopt() {
        try {
            put_in_force(in_force_, assemble_or_throw(in_force_, wiring_.hooks), admin_);
            spdlog::info("the RA's certificates in force have changed; GetCACert shows the new ones");
        } catch (const std::exception& error) {
            spdlog::error("the RA's renewed certificates cannot be put in force, the old ones stay: {}", error.what());
            caretaker_.adoption_failed();
        }
    }

    // Hooks that have not said yet who they are. Whoever needs one asks it too; here it is found out before, and told
    // when it changes.
    void introduce(const Hooks& hooks) {
        for (const auto& [name, hook] : hooks) {
            const auto known = hook->introduction();
            const auto who = known ? Result<hook::Introduction>(*known) : hook->initialize();
            const auto before = hook_answers_.find(name);
            if (before != hook_answers_.end() && before->second == who.has_value()) continue;
            hook_answers_[name] = who.has_value();
            if (who) {
                spdlog::info("policy hook {} answers: {} {}", name, who->name, who->release);
            } else {
                spdlog::warn("policy hook {} ({}) does not answer, what it must be asked does not happen: {}", name,
                             hook->describe(), who.error().detail);
            }
        }
    }

    void take_care(const std::stop_token& stop) {
        std::mutex mutex;
        std::condition_variable_any wake;
        std::unique_lock lock(mutex);
        do {
            Wiring wiring;
            {
                const std::lock_guard wiring_lock(wiring_mutex_);
                wiring.ras = wiring_.ras;
                wiring.backends = wiring_.backends;
                wiring.hooks = wiring_.hooks;
            }
            survive("looking after certificates", [&] {
                introduce(*wiring.hooks);
                caretaker_.look_after(wiring);
            });
        } while (!wake.wait_for(lock, stop, 2s, [] { return false; }) && !stop.stop_requested());
    }

    void follow(const std::stop_token& stop) {
        std::mutex mutex;
        std::condition_variable_any wake;
        std::unique_lock lock(mutex);
        auto next_purge = std::chrono::steady_clock::now();
        while (!wake.wait_for(lock, stop, 2s, [] { return false; }) && !stop.stop_requested()) {
            survive("following up", [this] { follow_up_once(); });
            survive("sealing the audit file", [this] { seal_.seal_if_due(); });
            if (std::chrono::steady_clock::now() < next_purge) continue;
            next_purge = std::chrono::steady_clock::now() + 1h;
            survive("tidying the store", [this] { tidy_store(); });
        }
    }

    void tidy_store() {
        const auto before = clock_.now() - std::chrono::days{30};
        const auto purged = database_->challenges().purge(before);
        if (!purged) spdlog::warn("old challenges were not purged: {}", purged.error().detail);
        const auto forgotten = database_->used_challenges().purge(before);
        if (!forgotten) spdlog::warn("used challenges were not purged: {}", forgotten.error().detail);
        tidy_outbox();
    }

    // One round of what is done for ever. A round that fails, for lack of memory above all, is not the last.
    static void survive(const char* what, const std::function<void()>& round) noexcept {
        try {
            round();
        } catch (const std::exception& exception) {
            spdlog::error("{}: {}", what, exception.what());
        }
    }

    std::vector<notify::ReceiverSettings> receivers_in_force() {
        const std::lock_guard lock(wiring_mutex_);
        return wiring_.receivers;
    }

    // What waits for a receiver that is not configured any more can still be delivered if it comes back soon.
    void tidy_outbox() {
        auto& outbox = database_->outbox();
        const Time now = clock_.now();
        const auto buried = outbox.bury_unclaimed(post_office_.receivers(), now - std::chrono::days{3}, now);
        if (!buried) spdlog::warn("unclaimed notifications stay: {}", buried.error().detail);
        const auto purged = outbox.purge(now - std::chrono::days{7}, now - std::chrono::days{90});
        if (!purged) spdlog::warn("old notifications were not purged: {}", purged.error().detail);
    }

    void watch_revocation_lists(const std::stop_token& stop) {
        std::mutex mutex;
        std::condition_variable_any wake;
        std::unique_lock lock(mutex);
        do {
            std::map<std::string, std::shared_ptr<ca::RevocationLists>> revocations;
            {
                const std::lock_guard wiring_lock(wiring_mutex_);
                revocations = wiring_.revocations;
            }
            for (const auto& [name, lists] : revocations) {
                if (stop.stop_requested()) return;
                survive("fetching revocation lists", [&] { revocation_watch_.look(*lists); });
            }
        } while (!wake.wait_for(lock, stop, 1s, [] { return false; }) && !stop.stop_requested());
    }

    void fetch_revocations(const std::stop_token& stop) {
        std::mutex mutex;
        std::condition_variable_any wake;
        std::unique_lock lock(mutex);
        std::map<std::string, std::chrono::steady_clock::time_point> next;  // by tenant
        do {
            std::map<std::string, std::shared_ptr<const IntuneTenant>> tenants;
            {
                const std::lock_guard wiring_lock(wiring_mutex_);
                tenants = wiring_.tenants;
            }
            for (const auto& [name, tenant] : tenants) {
                const auto interval = std::chrono::minutes{tenant->settings.revocation_minutes};
                const auto now = std::chrono::steady_clock::now();
                if (interval.count() == 0 || now < next[name] || stop.stop_requested()) continue;
                next[name] = now + interval;
                fetch_revocations_of(name, *tenant);
            }
        } while (!wake.wait_for(lock, stop, 2s, [] { return false; }) && !stop.stop_requested());
    }

    void fetch_revocations_of(const std::string& name, const IntuneTenant& tenant) {
        // One node at a time: another that asks finds what is left.
        const auto turn = database_->holds().take("revocations of " + intune_receiver(name));
        if (!turn || !*turn) return;
        intune::Revoke revoke;
        {
            const std::lock_guard lock(wiring_mutex_);
            revoke = revocation_for(in_force_, name, *database_, admin_.desk);
        }
        intune::Revocations revocations(tenant.client, database_->outbox(), intune_receiver(name), std::move(revoke),
                                        clock_);
        try {
            const auto done = revocations.round();
            if (!done) spdlog::warn("revocation requests of intune.{}: {}", name, done.error().detail);
            if (done && *done > 0) spdlog::info("intune.{} asked for {} revocations", name, *done);
        } catch (const std::exception& exception) {
            spdlog::error("revocation requests of intune.{}: {}", name, exception.what());
        }
    }

    void follow_up_once() {
        ra::Profiles profiles;
        {
            const std::lock_guard lock(wiring_mutex_);
            profiles = wiring_.profiles;
        }
        const auto result = ra::follow_up(enrollment_, database_->transactions(), profiles, 1000);
        // An outage is told once, not every round.
        const bool news = result.finished > 0 || result.troubled != last_troubled_;
        last_troubled_ = result.troubled;
        if (news) {
            spdlog::info("follow-up: {} requests looked at, {} finished, {} could not be advanced", result.looked_at,
                         result.finished, result.troubled);
        }
    }

    void record(std::string_view id) {
        const audit::Event event = audit::Event(id, audit::severity_of(id)).with("config", config_.string());
        if (const auto recorded = audit_->record(event); !recorded) throw StartupError(recorded.error());
    }

    std::filesystem::path config_;
    SystemClock clock_;
    SystemRandom random_;
    config::Settings settings_;
    std::shared_ptr<admin::RecentEvents> events_ = std::make_shared<admin::RecentEvents>();
    AuditTrail audit_trail_;
    config::Settings in_force_ = settings_;  // of the last reload that succeeded
    std::unique_ptr<audit::CountingSink> audit_;
    std::unique_ptr<store::Database> database_;
    std::unique_ptr<keys::KeySource> keys_;
    AuditSeal seal_;
    std::shared_ptr<ca::Submissions> submissions_;
    ra::Enrollment enrollment_;
    std::size_t last_troubled_ = 0;             // of the follower alone, once there is one
    std::map<std::string, bool> hook_answers_;  // by name; of the caretaker alone
    std::mutex wiring_mutex_;
    Wiring wiring_;
    AdminSurfaces admin_;
    unsigned hook_workers_;  // of all workers
    async::WorkerPool workers_;
    SurfaceMap surfaces_;
    RevocationWatch revocation_watch_;  // of its thread alone
    Caretaker caretaker_;
    notify::PostOffice post_office_;
    std::shared_ptr<admin::Metrics> metrics_;
    std::unique_ptr<http::Server> server_;
};

}  // namespace

int run_daemon(const DaemonOptions& options) {
    const auto signals = awaited_signals();
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    // First of all: it must come before whatever uses OpenSSL.
    const bool watched = crypto::watch_openssl_memory();
    start_operations_log();
    spdlog::info("countersignd {}, {}", options.version, crypto::library_version().text);
    if (!watched) spdlog::warn("want of memory inside OpenSSL cannot be told from bad input");
    if (const auto undone = guard_process_memory(); !undone.empty()) spdlog::warn("{}", undone);
    return Daemon(options).run();
}

}  // namespace countersign::app
