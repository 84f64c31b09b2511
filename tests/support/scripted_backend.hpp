// A CA whose answers the test decides, around a real local CA for the certificates. Safe on many threads.
#pragma once

#include "countersign/ca/backend.hpp"

#include <atomic>
#include <functional>

namespace countersign::test {

class ScriptedBackend final : public ca::Backend {
public:
    using Submit = std::function<Result<ca::Outcome>(const ca::CountersignedRequest&, const std::string&)>;
    using Poll = std::function<Result<ca::Outcome>(const std::string&)>;
    using Reconcile = std::function<Result<std::optional<ca::Outcome>>(const std::string&)>;

    explicit ScriptedBackend(ca::Backend& real) : real_(real) {}

    Submit on_submit;  // empty: the real CA answers
    Poll on_poll;
    Reconcile on_reconcile;
    std::atomic<int> submitted{0};
    bool shown_requests = false;  // as a CA that is somewhere else would be
    std::atomic<Time> reconciled_as_of{};  // what the last reconcile was told

    Result<ca::Outcome> submit(const ca::CountersignedRequest& request, const std::string& key) override {
        ++submitted;
        return on_submit ? on_submit(request, key) : real_.submit(request, key);
    }
    Result<ca::Outcome> poll(const std::string& handle) override {
        return on_poll ? on_poll(handle) : real_.poll(handle);
    }
    Result<std::optional<ca::Outcome>> reconcile(const std::string& key, Time asked) override {
        reconciled_as_of = asked;
        return on_reconcile ? on_reconcile(key) : real_.reconcile(key, asked);
    }
    std::vector<crypto::Certificate> chain() const override { return real_.chain(); }
    Result<void> probe() override { return real_.probe(); }
    ca::Revoker* revoker() override { return real_.revoker(); }
    std::string describe() const override { return "scripted"; }
    bool sees_request() const override { return shown_requests; }

private:
    ca::Backend& real_;
};

}  // namespace countersign::test
