#include "countersign/ca/guard.hpp"

#include "countersign/core/breaker.hpp"
#include "countersign/core/text.hpp"

#include <exception>
#include <mutex>
#include <unordered_map>

namespace countersign::ca {

namespace {

// Longer than any backend's own time-out: who calls submit() waits for the CA.
constexpr std::chrono::hours as_long_as_it_takes{1};
constexpr std::size_t handles_remembered = 10'000;

std::string answer_name(const Result<Outcome>& result) {
    if (!result) return std::string(name(result.error().kind));
    if (std::holds_alternative<Issued>(*result)) return "issued";
    return std::holds_alternative<Pending>(*result) ? "pending" : "rejected";
}

bool refuses(ErrorKind kind) {
    return kind == ErrorKind::malformed || kind == ErrorKind::denied || kind == ErrorKind::unauthenticated;
}

}  // namespace

struct Guard::State {
    State(GuardOptions o, std::shared_ptr<Backend> b, const Clock& c)
        : options(std::move(o)),
          backend(std::move(b)),
          clock(c),
          breaker(options.failures_to_open, options.pause, options.longest_pause) {}

    Submissions::Lane lane() const { return {options.name, options.at_once, options.queue}; }
    Error circuit_open() const {
        return fail::unavailable("no request goes to CA " + options.name +
                                 " for a while, it failed too often: " + breaker.problem());
    }

    // One question to the CA, through the breaker and the figures. A handle or key the CA does not know is an answer.
    template <class Question>
    auto ask(bool may_have_acted, const Question& question) -> decltype(question()) {
        if (!breaker.admit(clock.now())) return circuit_open();
        {
            const std::lock_guard lock(mutex);
            ++traffic.on_their_way;
        }
        const auto begun = std::chrono::steady_clock::now();
        const auto answered = [&] {
            try {
                return question();
            } catch (const std::exception& exception) {
                // Out of memory, say. The circuit must not wait for an answer that never comes.
                conclude(begun, exception.what());
                throw;
            }
        };
        auto answer = answered();
        const bool failed = !answer && (answer.error().kind == ErrorKind::unavailable ||
                                        (may_have_acted && answer.error().kind == ErrorKind::outcome_unknown));
        conclude(begun, failed ? answer.error().detail.c_str() : nullptr);
        return answer;
    }
    // `problem`: null when there is none.
    void conclude(std::chrono::steady_clock::time_point begun, const char* problem) {
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
        if (problem != nullptr) {
            breaker.failed(clock.now(), problem);
        } else {
            breaker.succeeded();
        }
        const std::lock_guard lock(mutex);
        --traffic.on_their_way;
        traffic.seconds += took.count();
        if (problem != nullptr) traffic.last_problem = problem;
    }
    void count(const Result<Outcome>& result) {
        const std::lock_guard lock(mutex);
        ++traffic.answers[answer_name(result)];
    }

    // Pending by memory when the CA was asked a moment ago.
    bool asked_lately(const std::string& handle, Time now) {
        const std::lock_guard lock(mutex);
        const auto asked = polls.find(handle);
        if (asked != polls.end() && now >= asked->second && now - asked->second < options.poll_interval) return true;
        if (polls.size() >= handles_remembered) polls.clear();
        polls[handle] = now;
        return false;
    }
    void forget_poll(const std::string& handle) {
        const std::lock_guard lock(mutex);
        polls.erase(handle);
    }

    const GuardOptions options;
    const std::shared_ptr<Backend> backend;
    const Clock& clock;
    Breaker breaker;
    mutable std::mutex mutex;
    Traffic traffic;
    std::unordered_map<std::string, Time> polls;
};

Guard::Guard(GuardOptions options, std::shared_ptr<Backend> backend, std::shared_ptr<Submissions> submissions,
             const Clock& clock)
    : state_(std::make_shared<State>(std::move(options), std::move(backend), clock)),
      submissions_(std::move(submissions)) {}

Guard::~Guard() = default;

Result<Outcome> Guard::submit(const CountersignedRequest& request, const std::string& idempotency_key) {
    return submit_within(request, idempotency_key, as_long_as_it_takes);
}

Result<Outcome> Guard::submit_within(const CountersignedRequest& request, const std::string& idempotency_key,
                                     std::chrono::milliseconds patience, std::shared_ptr<void> until_answered) {
    if (!state_->breaker.would_admit(state_->clock.now())) return state_->circuit_open();
    const std::shared_ptr<const CountersignedRequest> kept(new CountersignedRequest(request));
    const auto work = [state = state_, kept, idempotency_key, until_answered = std::move(until_answered),
                       accepted = state_->clock.now()]() -> Result<Outcome> {
        // reconcile() tells the backend that nothing is sent later than this.
        if (state->clock.now() - accepted > state->options.longest_queued)
            return fail::unavailable("the request waited too long for its turn at CA " + state->options.name);
        auto outcome = state->ask(true, [&] { return state->backend->submit(*kept, idempotency_key); });
        state->count(outcome);
        return outcome;
    };
    if (!submissions_->begin(state_->lane(), idempotency_key, work)) {
        return fail::unavailable("too many requests wait for CA " + state_->options.name);
    }
    auto found = submissions_->wait(state_->options.name, idempotency_key, patience);
    if (found.stage != Submissions::Stage::done) {
        return fail::outcome_unknown("CA " + state_->options.name + " has not answered yet; the request goes on");
    }
    // What certainly did not reach the CA is told once: later it would contradict what another node has done.
    if (!*found.result && found.result->error().kind == ErrorKind::unavailable)
        submissions_->forget(state_->options.name, idempotency_key);
    return *std::move(found.result);
}

bool Guard::accepting() const {
    return state_->breaker.would_admit(state_->clock.now()) && !submissions_->full(state_->lane());
}

Result<Outcome> Guard::poll(const std::string& handle) {
    if (!state_->breaker.would_admit(state_->clock.now())) return state_->circuit_open();
    if (state_->asked_lately(handle, state_->clock.now())) return Outcome(Pending{handle});
    auto outcome = state_->ask(true, [&] { return state_->backend->poll(handle); });
    state_->count(outcome);
    // What may be recorded in vain is asked for again at once; a changed handle begins anew.
    const bool still = outcome && std::holds_alternative<Pending>(*outcome);
    if (!still) state_->forget_poll(handle);
    return outcome;
}

Result<std::optional<Outcome>> Guard::reconcile(const std::string& idempotency_key, Time asked) {
    auto found = submissions_->find(state_->options.name, idempotency_key);
    if (found.stage == Submissions::Stage::on_its_way) {
        return fail::outcome_unknown("CA " + state_->options.name + " has not answered yet; the request goes on");
    }
    if (found.stage == Submissions::Stage::done) {
        auto& result = *found.result;
        if (result) return std::optional<Outcome>(*std::move(result));
        const auto& error = result.error();
        if (refuses(error.kind)) return std::optional<Outcome>(Rejected{printable(error.detail)});
        if (error.kind == ErrorKind::unavailable) {
            submissions_->forget(state_->options.name, idempotency_key);
            return std::optional<Outcome>();
        }
    }
    const auto sent_at_latest = asked + state_->options.longest_queued;
    return state_->ask(false, [&] { return state_->backend->reconcile(idempotency_key, sent_at_latest); });
}

std::vector<crypto::Certificate> Guard::chain() const {
    return state_->backend->chain();
}

Result<void> Guard::probe() {
    if (!state_->breaker.would_admit(state_->clock.now())) return state_->circuit_open();
    return state_->backend->probe();
}

Revoker* Guard::revoker() {
    return state_->backend->revoker();
}

std::optional<Traffic> Guard::traffic() const {
    const std::lock_guard lock(state_->mutex);
    Traffic traffic = state_->traffic;
    traffic.circuit_open = state_->breaker.open();
    traffic.queued = submissions_->queued(state_->options.name);
    return traffic;
}

bool Guard::sees_request() const {
    return state_->backend->sees_request();
}

std::string Guard::describe() const {
    return state_->backend->describe();
}

}  // namespace countersign::ca
