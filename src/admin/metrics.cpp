#include "countersign/admin/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <algorithm>
#include <array>

namespace countersign::admin {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr std::array surfaces{Surface::scep,    Surface::crl,        Surface::password_page, Surface::api,
                              Surface::console, Surface::monitoring, Surface::other};
constexpr std::size_t status_classes = 5;  // 1xx to 5xx

// States an attempt passes through. The final ones grow for ever: for these there are the audit's counters.
constexpr std::array passing_states{store::AttemptState::intent, store::AttemptState::held,
                                    store::AttemptState::approved, store::AttemptState::pending};

const prometheus::Histogram::BucketBoundaries durations{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                                        0.25,  0.5,    1,     2.5,  5,     10,   30};

using Labels = std::vector<ClientMetric::Label>;

class Family {
public:
    Family(std::string name, std::string help, MetricType type) {
        family_.name = std::move(name);
        family_.help = std::move(help);
        family_.type = type;
    }
    Family& add(double value, Labels labels = {}) {
        ClientMetric metric;
        metric.label = std::move(labels);
        if (family_.type == MetricType::Counter)
            metric.counter.value = value;
        else
            metric.gauge.value = value;
        family_.metric.push_back(std::move(metric));
        return *this;
    }
    MetricFamily take() { return std::move(family_); }

private:
    MetricFamily family_;
};

double seconds(Time time) {
    return static_cast<double>(to_milliseconds(time)) / 1000.0;
}

MetricFamily gauge(std::string name, std::string help, std::size_t value) {
    return Family(std::move(name), std::move(help), MetricType::Gauge).add(static_cast<double>(value)).take();
}

MetricFamily audit_events(const audit::CountingSink& audit) {
    Family family("countersign_audit_events_total", "Audit events recorded since the daemon started.",
                  MetricType::Counter);
    for (const auto& one : audit.counts()) {
        family.add(static_cast<double>(one.recorded),
                   {{"event", std::string(one.id)}, {"severity", std::string(audit::name(one.severity))}});
    }
    return family.take();
}

MetricFamily expiries(const std::vector<ExpiringCertificate>& certificates) {
    Family family("countersign_certificate_expiry_timestamp_seconds",
                  "When a certificate the daemon works with expires, in seconds since 1970 UTC.", MetricType::Gauge);
    for (const auto& one : certificates)
        family.add(seconds(one.not_after), {{"kind", one.kind}, {"name", one.name}, {"subject", one.subject}});
    return family.take();
}

MetricFamily seconds_left(const std::vector<ExpiringCertificate>& certificates, Time now) {
    Family family("countersign_certificate_seconds_left",
                  "Seconds until a certificate in force of an RA (kind agent, encryption) or CA (kind ca) expires; "
                  "negative afterwards.",
                  MetricType::Gauge);
    for (const auto& one : certificates) {
        family.add(std::chrono::duration<double>(one.not_after - now).count(),
                   {{"kind", one.kind}, {"name", one.name}, {"subject", one.subject}});
    }
    return family.take();
}

std::vector<MetricFamily> renewals(const std::vector<RenewalState>& states) {
    Family next("countersign_ra_renewal_next_timestamp_seconds",
                "When the daemon renews an RA's certificates, or tries again; absent where renewal is manual.",
                MetricType::Gauge);
    Family under_way("countersign_ra_renewal_under_way", "Whether a renewal has begun and is not finished.",
                     MetricType::Gauge);
    Family success("countersign_ra_renewal_last_success",
                   "Whether the last try to renew succeeded (1) or failed (0); absent before the first.",
                   MetricType::Gauge);
    Family at("countersign_ra_renewal_last_timestamp_seconds", "When that was.", MetricType::Gauge);
    for (const auto& one : states) {
        const Labels labels{{"ra", one.ra}};
        if (one.automatic || one.under_way) next.add(seconds(one.next), labels);
        under_way.add(one.under_way ? 1 : 0, labels);
        if (!one.tried) continue;
        success.add(one.success ? 1 : 0, labels);
        at.add(seconds(one.at), labels);
    }
    return {next.take(), under_way.take(), success.take(), at.take()};
}

void add_ca_traffic(const MetricsSubjects& subjects, std::vector<MetricFamily>& families) {
    const auto all = subjects.cas ? subjects.cas() : std::vector<CaTraffic>();
    if (all.empty()) return;
    Family up("countersign_ca_circuit_closed", "0 while a CA that failed too often is left alone.", MetricType::Gauge);
    Family on_their_way("countersign_ca_requests_in_flight", "Questions a CA is being asked.", MetricType::Gauge);
    Family queued("countersign_ca_queue_depth", "Requests that wait for their turn at a CA.", MetricType::Gauge);
    Family answers("countersign_ca_answers_total", "What CAs answered, or how it failed.", MetricType::Counter);
    Family waited("countersign_ca_seconds_total", "Time spent waiting for CAs.", MetricType::Counter);
    for (const auto& one : all) {
        up.add(one.circuit_open ? 0 : 1, {{"ca", one.name}});
        on_their_way.add(static_cast<double>(one.on_their_way), {{"ca", one.name}});
        queued.add(static_cast<double>(one.queued), {{"ca", one.name}});
        waited.add(one.seconds, {{"ca", one.name}});
        for (const auto& [answer, count] : one.answers)
            answers.add(static_cast<double>(count), {{"ca", one.name}, {"answer", answer}});
    }
    for (auto* family : {&up, &on_their_way, &queued, &answers, &waited}) families.push_back(family->take());
}

std::vector<MetricFamily> notifications(const std::vector<NotificationTraffic>& receivers) {
    Family waiting("countersign_notifications_waiting", "Notifications that a receiver has not taken yet.",
                   MetricType::Gauge);
    Family oldest("countersign_notifications_oldest_seconds", "For how long the oldest of them has waited.",
                  MetricType::Gauge);
    Family dead("countersign_notifications_dead", "Notifications that were given up and that nobody looked into.",
                MetricType::Gauge);
    Family delivered("countersign_notifications_delivered_total", "Notifications taken by a receiver.",
                     MetricType::Counter);
    Family failed("countersign_notifications_failed_total", "Tries to deliver a notification that failed.",
                  MetricType::Counter);
    Family died("countersign_notifications_given_up_total", "Notifications given up.", MetricType::Counter);
    for (const auto& one : receivers) {
        const Labels labels{{"receiver", one.receiver}};
        waiting.add(static_cast<double>(one.waiting), labels);
        oldest.add(one.oldest, labels);
        dead.add(static_cast<double>(one.dead), labels);
        delivered.add(static_cast<double>(one.delivered), labels);
        failed.add(static_cast<double>(one.failed), labels);
        died.add(static_cast<double>(one.died), labels);
    }
    return {waiting.take(), oldest.take(), dead.take(), delivered.take(), failed.take(), died.take()};
}

void add_hook_traffic(const MetricsSubjects& subjects, std::vector<MetricFamily>& families) {
    const auto all = subjects.hooks ? subjects.hooks() : std::vector<HookTraffic>();
    if (all.empty()) return;
    Family up("countersign_hook_circuit_closed", "0 while a policy hook that failed too often is left alone.",
              MetricType::Gauge);
    Family under_way("countersign_hook_requests_in_flight", "Questions to a policy hook, those that wait among them.",
                     MetricType::Gauge);
    Family answers("countersign_hook_answers_total", "What policy hooks answered, by call, or how it failed.",
                   MetricType::Counter);
    Family waited("countersign_hook_seconds_total", "Time spent waiting for policy hooks.", MetricType::Counter);
    for (const auto& one : all) {
        up.add(one.circuit_open ? 0 : 1, {{"hook", one.name}});
        under_way.add(static_cast<double>(one.under_way), {{"hook", one.name}});
        waited.add(one.seconds, {{"hook", one.name}});
        for (const auto& [answer, count] : one.answers) {
            answers.add(static_cast<double>(count),
                        {{"hook", one.name}, {"call", answer.first}, {"answer", answer.second}});
        }
    }
    for (auto* family : {&up, &under_way, &answers, &waited}) families.push_back(family->take());
}

void add_revocations(const MetricsSubjects& subjects, Time now, std::vector<MetricFamily>& families) {
    const auto all = subjects.revocations ? subjects.revocations() : std::vector<RevocationTraffic>();
    if (all.empty()) return;
    Family current("countersign_crl_current", "Whether every revocation list a CA must have is held and current.",
                   MetricType::Gauge);
    Family failures("countersign_crl_failures_total", "Rounds of fetching revocation lists that had a problem.",
                    MetricType::Counter);
    Family age("countersign_crl_age_seconds", "How long ago a CA made the revocation list that is held.",
               MetricType::Gauge);
    Family left("countersign_crl_seconds_left", "How much longer it counts; negative: it does not any more.",
                MetricType::Gauge);
    Family entries("countersign_crl_entries", "How many certificates are on it.", MetricType::Gauge);
    for (const auto& one : all) {
        current.add(one.current ? 1 : 0, {{"ca", one.name}});
        failures.add(static_cast<double>(one.failures), {{"ca", one.name}});
        for (std::size_t i = 0; i < one.lists.size(); ++i) {
            const auto& list = one.lists[i];
            const Labels labels{{"ca", one.name}, {"key", list.key}, {"list", std::to_string(i)}};
            age.add(std::chrono::duration<double>(now - list.this_update).count(), labels);
            left.add(std::chrono::duration<double>(list.next_update - now).count(), labels);
            entries.add(static_cast<double>(list.entries), labels);
        }
    }
    for (auto* family : {&current, &failures, &age, &left, &entries}) families.push_back(family->take());
}

}  // namespace

std::string_view name(Surface surface) {
    switch (surface) {
        case Surface::scep: return "scep";
        case Surface::crl: return "crl";
        case Surface::password_page: return "password_page";
        case Surface::api: return "api";
        case Surface::console: return "console";
        case Surface::monitoring: return "monitoring";
        case Surface::other: break;
    }
    return "other";
}

// Every counter exists from the start, so that counting never allocates and rates begin at zero.
struct Metrics::Traffic {
    Traffic() {
        auto& requests = prometheus::BuildCounter()
                             .Name("countersign_http_requests_total")
                             .Help("HTTP requests answered.")
                             .Register(registry);
        auto& took = prometheus::BuildHistogram()
                         .Name("countersign_http_request_duration_seconds")
                         .Help("From the end of a request's head to the end of its answer.")
                         .Register(registry);
        for (const auto surface : surfaces) {
            const auto at = static_cast<std::size_t>(surface);
            const std::string surface_name(name(surface));
            for (std::size_t i = 0; i < status_classes; ++i) {
                by_class[at][i] = &requests.Add({{"surface", surface_name}, {"status", std::to_string(i + 1) + "xx"}});
            }
            by_surface[at] = &took.Add({{"surface", surface_name}}, durations);
        }
    }
    prometheus::Registry registry;
    std::array<std::array<prometheus::Counter*, status_classes>, surfaces.size()> by_class{};
    std::array<prometheus::Histogram*, surfaces.size()> by_surface{};
};

Metrics::Metrics(MetricsSources sources)
    : sources_(std::move(sources)), started_(sources_.clock.now()), traffic_(std::make_unique<Traffic>()) {}

Metrics::~Metrics() = default;

void Metrics::count_request(Surface surface, int status, std::chrono::microseconds took) {
    const auto at = static_cast<std::size_t>(surface);
    const auto status_class =
        static_cast<std::size_t>(std::clamp(status / 100, 1, static_cast<int>(status_classes)) - 1);
    traffic_->by_class[at][status_class]->Increment();
    traffic_->by_surface[at]->Observe(std::chrono::duration<double>(took).count());
}

std::string Metrics::text(const MetricsSubjects& subjects) const {
    auto families = traffic_->registry.Collect();
    families.push_back(audit_events(sources_.audit));
    families.push_back(
        Family("countersign_audit_failures_total", "Audit events that could not be recorded.", MetricType::Counter)
            .add(static_cast<double>(sources_.audit.failures()))
            .take());
    bool store_up = true;
    Family outstanding("countersign_challenges_outstanding", "One-time passwords that may still be used.",
                       MetricType::Gauge);
    for (const auto& profile : subjects.profiles) {
        const auto count = sources_.challenges.count_outstanding(profile, sources_.clock.now());
        store_up = store_up && count;
        if (count) outstanding.add(static_cast<double>(*count), {{"profile", profile}});
    }
    Family attempts("countersign_attempts", "Enrollment requests on their way, by state.", MetricType::Gauge);
    for (const auto state : passing_states) {
        const auto count = sources_.transactions.count(state);
        store_up = store_up && count;
        if (count) attempts.add(static_cast<double>(*count), {{"state", std::string(store::name(state))}});
    }
    families.push_back(outstanding.take());
    families.push_back(attempts.take());
    families.push_back(gauge("countersign_store_up", "Whether the store answered this scrape.", store_up ? 1 : 0));
    families.push_back(expiries(subjects.certificates));
    families.push_back(seconds_left(subjects.watched, sources_.clock.now()));
    if (sources_.renewals) {
        for (auto& family : renewals(sources_.renewals())) families.push_back(std::move(family));
    }
    if (sources_.notifications) {
        for (auto& family : notifications(sources_.notifications())) families.push_back(std::move(family));
    }
    add_ca_traffic(subjects, families);
    add_hook_traffic(subjects, families);
    add_revocations(subjects, sources_.clock.now(), families);
    families.push_back(gauge("countersign_open_connections", "Open HTTP connections.", sources_.open_connections()));
    families.push_back(
        gauge("countersign_worker_queue_depth", "Requests that wait for a worker.", sources_.queued_jobs()));
    families.push_back(Family("countersign_build_info", "Always 1; the labels say what runs.", MetricType::Gauge)
                           .add(1, {{"version", sources_.version}})
                           .take());
    families.push_back(
        Family("process_start_time_seconds", "When the daemon started, in seconds since 1970 UTC.", MetricType::Gauge)
            .add(seconds(started_))
            .take());
    return prometheus::TextSerializer().Serialize(families);
}

}  // namespace countersign::admin
