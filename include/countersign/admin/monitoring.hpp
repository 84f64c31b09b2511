// What monitoring asks: is it alive (/healthz), can it do its work (/readyz), how is it doing (/metrics).
//
// Details are for auditors who sign in and for clients on this machine that no proxy stands before. Immutable once
// built, but for Readiness's memory of its last answer; safe on many threads; never throws. Shares SignIn and Metrics,
// borrows clock and random.
#pragma once

#include "countersign/admin/metrics.hpp"
#include "countersign/admin/sign_in.hpp"
#include "countersign/core/random.hpp"
#include "countersign/net/endpoint.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace countersign::admin {

struct MonitoringParts {
    std::shared_ptr<SignIn> sign_in;
    const Clock& clock;
    Random& random;
    std::function<void(const std::string&)> log;  // one line for each refusal
};

// A client on a loopback address of this machine that speaks for itself. A peer on a Unix socket counts as a proxy.
bool is_local(const net::Request& request);

class Health final : public net::Endpoint {
public:
    std::string_view serves() const override { return "admin"; }
    std::optional<net::Response> answer_at_once(const net::Request& request) override;
    net::Response answer(const net::Request& request) override;
};

struct ReadinessCheck {
    std::string name;                      // "store", "ca default", "agent of profile default"
    std::function<Result<void>()> passes;  // may block
    std::function<std::string()> warning{};  // what will make it fail if nobody looks; empty: nothing
};

// Checks at most every few seconds, however often it is asked; while one request checks, others get the answer before.
class Readiness final : public net::Endpoint {
public:
    Readiness(MonitoringParts parts, std::vector<ReadinessCheck> checks)
        : parts_(std::move(parts)), checks_(std::move(checks)) {}

    std::string_view serves() const override { return "admin"; }
    std::optional<net::Response> answer_at_once(const net::Request& request) override;
    net::Response answer(const net::Request& request) override;

    struct Finding {
        std::string name;
        std::string problem;  // empty: none
        std::string warning{};  // likewise
    };
    struct Findings {
        std::vector<Finding> all;
        bool ready = false;
        Time at{};
    };
    // At most a few seconds old. Never null; may block.
    std::shared_ptr<const Findings> findings();

private:
    MonitoringParts parts_;
    std::vector<ReadinessCheck> checks_;
    std::mutex checking_;
    std::mutex mutex_;
    std::shared_ptr<const Findings> last_;
};

class MetricsPage final : public net::Endpoint {
public:
    MetricsPage(MonitoringParts parts, std::shared_ptr<const Metrics> metrics, MetricsSubjects subjects)
        : parts_(std::move(parts)), metrics_(std::move(metrics)), subjects_(std::move(subjects)) {}

    std::string_view serves() const override { return "admin"; }
    std::optional<net::Response> answer_at_once(const net::Request& request) override;
    net::Response answer(const net::Request& request) override;

private:
    MonitoringParts parts_;
    std::shared_ptr<const Metrics> metrics_;
    MetricsSubjects subjects_;
};

}  // namespace countersign::admin
