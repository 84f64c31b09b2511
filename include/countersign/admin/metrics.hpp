// What the daemon counts for Prometheus.
//
// Counting is cheap and may happen on I/O threads; text() reads the store, blocking, by indexes alone, on a reader's
// connection: no enrollment waits for it. Safe on many threads. Borrows what MetricsSources names, which outlives it.
#pragma once

#include "countersign/audit/sinks.hpp"
#include "countersign/core/clock.hpp"
#include "countersign/store/challenges.hpp"
#include "countersign/store/transactions.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace countersign::admin {

// How the renewal of an RA's certificates stands.
struct RenewalState {
    std::string ra;
    Time next{};  // when the daemon renews, or tries again
    bool automatic = true;
    bool under_way = false;
    bool tried = false;   // there was an outcome, which is:
    bool success = false;
    Time at{};
};

// How telling a receiver of notifications goes.
struct NotificationTraffic {
    std::string receiver{};
    std::size_t waiting = 0;
    double oldest = 0;  // seconds that the oldest has waited
    std::size_t dead = 0;
    std::uint64_t delivered = 0;  // since the daemon started, like the next two
    std::uint64_t failed = 0;     // tries
    std::uint64_t died = 0;
};

struct MetricsSources {
    store::Challenges& challenges;
    store::Transactions& transactions;
    const audit::CountingSink& audit;
    const Clock& clock;
    std::function<std::size_t()> open_connections;
    std::function<std::size_t()> queued_jobs;
    std::string version;
    std::function<std::vector<RenewalState>()> renewals{};  // may be empty
    std::function<std::vector<NotificationTraffic>()> notifications{};  // may be empty
};

// Where a request went. A fixed set: labels from the wire would let strangers fill the memory.
enum class Surface { scep, crl, password_page, api, console, monitoring, other };
std::string_view name(Surface surface);

struct ExpiringCertificate {
    std::string kind;  // "agent", "encryption", "ca"
    std::string name;  // of the profile or CA
    std::string subject;
    Time not_after{};
};

// How the traffic with a CA somewhere else goes.
struct CaTraffic {
    std::string name;
    bool circuit_open = false;
    std::size_t on_their_way = 0;
    std::size_t queued = 0;
    std::map<std::string, std::uint64_t> answers{};  // by kind of answer
    double seconds = 0;
};

// How the traffic with a policy hook goes.
struct HookTraffic {
    std::string name;
    bool circuit_open = false;
    std::size_t under_way = 0;
    std::map<std::pair<std::string, std::string>, std::uint64_t> answers{};  // by call and what came of it
    double seconds = 0;
};

// How it stands with the revocation lists of a CA somewhere else.
struct RevocationTraffic {
    struct List {
        std::string key;  // of the CA that signed it
        Time this_update{};
        Time next_update{};
        std::size_t entries = 0;
    };
    std::string name;
    bool current = false;
    std::uint64_t failures = 0;
    std::vector<List> lists{};
};

// What changes with a reload.
struct MetricsSubjects {
    std::vector<std::string> profiles;  // whose outstanding challenges are counted
    std::vector<ExpiringCertificate> certificates;
    std::vector<ExpiringCertificate> watched{};  // `name` is that of the RA or CA
    std::function<std::vector<CaTraffic>()> cas{};  // empty: none
    std::function<std::vector<HookTraffic>()> hooks{};  // likewise
    std::function<std::vector<RevocationTraffic>()> revocations{};  // likewise
};

class Metrics {
public:
    explicit Metrics(MetricsSources sources);
    ~Metrics();

    void count_request(Surface surface, int status, std::chrono::microseconds took);
    // The text format 0.0.4. What the store cannot tell now is left out, and countersign_store_up is 0.
    std::string text(const MetricsSubjects& subjects) const;

private:
    struct Traffic;
    MetricsSources sources_;
    Time started_;
    std::unique_ptr<Traffic> traffic_;
};

}  // namespace countersign::admin
