// Stands before every backend whose CA is somewhere else: bounded concurrency and queue, a circuit breaker, patience
// that ends before the CA's does, and figures for monitoring.
//
// The promises of ca::Backend hold for whatever is behind it that keeps them. submit() waits as long as the CA takes;
// submit_within() does not: the request goes on, and reconcile() tells what came of it. Safe on many threads. Shares
// the backend and the submissions, borrows the clock.
#pragma once

#include "countersign/ca/backend.hpp"
#include "countersign/ca/submissions.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace countersign::ca {

struct GuardOptions {
    std::string name{};                                 // the CA's in the configuration
    std::size_t at_once = 8;                            // requests the CA gets at a time
    std::size_t queue = 1000;                           // those waiting for their turn; more are refused
    unsigned failures_to_open = 5;                      // in a row
    std::chrono::milliseconds pause{10'000};            // after which one request tries again; doubles up to
    std::chrono::milliseconds longest_pause{120'000};   // this
    std::chrono::milliseconds poll_interval{30'000};    // a pending request is asked about no more often
    std::chrono::milliseconds longest_queued{120'000};  // after which one is not sent any more, but told unavailable
};

class Guard final : public Backend, public Patient {
public:
    Guard(GuardOptions options, std::shared_ptr<Backend> backend, std::shared_ptr<Submissions> submissions,
          const Clock& clock);
    ~Guard() override;

    Result<Outcome> submit(const CountersignedRequest& request, const std::string& idempotency_key) override;
    Result<Outcome> submit_within(const CountersignedRequest& request, const std::string& idempotency_key,
                                  std::chrono::milliseconds patience,
                                  std::shared_ptr<void> until_answered = {}) override;
    bool accepting() const override;
    Result<Outcome> poll(const std::string& handle) override;
    Result<std::optional<Outcome>> reconcile(const std::string& idempotency_key, Time asked) override;
    std::vector<crypto::Certificate> chain() const override;
    // unavailable without asking while the circuit is open.
    Result<void> probe() override;
    Revoker* revoker() override;
    Patient* patient() override { return this; }
    std::optional<Traffic> traffic() const override;
    std::string describe() const override;
    bool sees_request() const override;

private:
    struct State;
    std::shared_ptr<State> state_;  // shared with the work under way, which may outlive a reload
    std::shared_ptr<Submissions> submissions_;
};

}  // namespace countersign::ca
