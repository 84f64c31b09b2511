// The guard before a backend: it keeps the backend's promises, and its own about patience, outages and crowds.
#include "countersign/ca/guard.hpp"
#include "local_world.hpp"
#include "scripted_backend.hpp"

#include <gmock/gmock.h>

#include <condition_variable>
#include <mutex>

namespace countersign::ca::test {
namespace {

using namespace std::chrono_literals;
using countersign::test::ScriptedBackend;
using ::testing::HasSubstr;

// A gate that a scripted CA waits at.
class Gate {
public:
    void open() {
        const std::lock_guard lock(mutex_);
        open_ = true;
        changed_.notify_all();
    }
    void pass() {
        std::unique_lock lock(mutex_);
        ++waiting_;
        changed_.notify_all();
        changed_.wait(lock, [this] { return open_; });
    }
    void wait_for(int many) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return waiting_ >= many; });
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool open_ = false;
    int waiting_ = 0;
};

class GuardTest : public ::testing::Test {
protected:
    explicit GuardTest(GuardOptions options = {.name = "far", .at_once = 2, .queue = 1, .failures_to_open = 3})
        : options_(std::move(options)) {
        backend_ = std::make_shared<ScriptedBackend>(world_.backend());
        guard_ = std::make_unique<Guard>(options_, backend_, submissions_, world_.clock);
    }
    ~GuardTest() override { gate_.open(); }

    Result<Outcome> submit(const std::string& key, std::chrono::milliseconds patience = 1h) {
        return guard_->submit_within(world_.request(Countersigned::properly, "device-1"), key, patience);
    }
    // What became of a request, once it is done.
    Result<std::optional<Outcome>> settled(const std::string& key) {
        for (;;) {
            auto found = guard_->reconcile(key, world_.clock.now());
            if (found || found.error().kind != ErrorKind::outcome_unknown) return found;
            std::this_thread::yield();
        }
    }
    void be_slow() {
        backend_->on_submit = [this](const auto& request, const auto& key) {
            gate_.pass();
            return world_.backend().submit(request, key);
        };
    }
    static Result<Outcome> refused_connection() { return fail::unavailable("connection refused"); }
    void be_away() {
        backend_->on_submit = [](const auto&, const auto&) { return refused_connection(); };
    }

    LocalWorld world_;
    Gate gate_;
    GuardOptions options_;
    std::shared_ptr<ScriptedBackend> backend_;
    std::shared_ptr<Submissions> submissions_ = std::make_shared<Submissions>(4);
    std::unique_ptr<Guard> guard_;
};

TEST_F(GuardTest, ASlowCaCostsTheCallerItsPatienceAndNoMore) {
    be_slow();
    const auto outcome = submit("key-1", 1ms);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().kind, ErrorKind::outcome_unknown);
    const auto meanwhile = guard_->reconcile("key-1", world_.clock.now());
    ASSERT_FALSE(meanwhile) << "it is on its way: neither there nor not there";
    EXPECT_EQ(meanwhile.error().kind, ErrorKind::outcome_unknown);

    gate_.wait_for(1);
    ASSERT_FALSE(submit("key-1", 1ms));
    gate_.open();
    const auto found = settled("key-1");
    ASSERT_TRUE(found && *found);
    EXPECT_TRUE(std::holds_alternative<Issued>(**found));
    EXPECT_EQ(backend_->submitted, 1) << "asked again while on its way, it is one request";
}

TEST_F(GuardTest, WhatTurnedOutUnavailableMayBeSubmittedAgain) {
    be_away();
    ASSERT_FALSE(submit("key-1"));
    const auto nothing = guard_->reconcile("key-1", world_.clock.now());
    ASSERT_TRUE(nothing) << describe(nothing.error());
    EXPECT_FALSE(*nothing);
}

TEST_F(GuardTest, ALostAnswerIsTheBackendsToFind) {
    backend_->on_submit = [](const auto&, const auto&) -> Result<Outcome> { return fail::outcome_unknown("reset"); };
    backend_->on_reconcile = [](const auto&) -> Result<std::optional<Outcome>> {
        return fail::outcome_unknown("this CA cannot be asked");
    };
    EXPECT_EQ(submit("key-1").error().kind, ErrorKind::outcome_unknown);
    EXPECT_EQ(guard_->reconcile("key-1", world_.clock.now()).error().detail, "this CA cannot be asked");
}

TEST_F(GuardTest, ARefusalFoundLaterIsARejection) {
    backend_->on_submit = [](const auto&, const auto&) -> Result<Outcome> { return fail::denied("not for you"); };
    ASSERT_FALSE(submit("key-1"));
    const auto found = guard_->reconcile("key-1", world_.clock.now());
    ASSERT_TRUE(found && *found);
    EXPECT_EQ(std::get<Rejected>(**found).reason, "not for you");
}

TEST_F(GuardTest, TheCircuitOpensAfterFailuresInARowAndOneTrialClosesIt) {
    be_away();
    for (int i = 0; i < 3; ++i) ASSERT_FALSE(submit("key-" + std::to_string(i)));
    EXPECT_EQ(backend_->submitted, 3);
    EXPECT_FALSE(guard_->accepting());
    const auto refused = submit("key-4");
    EXPECT_THAT(refused.error().detail, HasSubstr("connection refused"));
    EXPECT_EQ(refused.error().kind, ErrorKind::unavailable);
    EXPECT_EQ(backend_->submitted, 3) << "not even asked";
    EXPECT_FALSE(guard_->probe());
    EXPECT_FALSE(guard_->poll("handle"));
    EXPECT_TRUE(guard_->traffic()->circuit_open);

    world_.clock.advance(options_.pause);
    EXPECT_TRUE(guard_->accepting());
    ASSERT_FALSE(submit("key-5"));
    EXPECT_EQ(backend_->submitted, 4);
    world_.clock.advance(options_.pause);
    EXPECT_FALSE(guard_->accepting()) << "the pause doubles";
    world_.clock.advance(options_.pause);
    backend_->on_submit = nullptr;
    EXPECT_TRUE(submit("key-6"));
    EXPECT_FALSE(guard_->traffic()->circuit_open);
    EXPECT_TRUE(guard_->probe());
}

TEST_F(GuardTest, ABackendThatThrowsHasFailedAndTheNextTrialComes) {
    backend_->on_submit = [](const auto&, const auto&) -> Result<Outcome> { throw std::runtime_error("a bug"); };
    for (int i = 0; i < 3; ++i) {
        const auto failed = submit("key-" + std::to_string(i));
        EXPECT_EQ(failed.error().kind, ErrorKind::outcome_unknown) << "it may have acted";
    }
    EXPECT_TRUE(guard_->traffic()->circuit_open);
    EXPECT_EQ(guard_->traffic()->on_their_way, 0U);
    EXPECT_EQ(guard_->traffic()->last_problem, "a bug");
    world_.clock.advance(options_.pause);
    ASSERT_FALSE(submit("key-3")) << "the trial throws too";
    world_.clock.advance(2 * options_.pause);
    EXPECT_TRUE(guard_->accepting()) << "another is tried";
    backend_->on_submit = nullptr;
    EXPECT_TRUE(submit("key-4"));
    EXPECT_FALSE(guard_->traffic()->circuit_open);
}

TEST_F(GuardTest, SaysOfItsBackendWhetherItSeesTheRequest) {
    EXPECT_FALSE(guard_->sees_request());
    backend_->shown_requests = true;
    EXPECT_TRUE(guard_->sees_request());
    EXPECT_FALSE(world_.backend().sees_request()) << "the embedded CA issues the plan";
}

TEST_F(GuardTest, AClockSetBackDoesNotKeepTheCircuitOpen) {
    be_away();
    for (int i = 0; i < 3; ++i) ASSERT_FALSE(submit("key-" + std::to_string(i)));
    world_.clock.advance(-24h);
    EXPECT_TRUE(guard_->accepting());
}

TEST_F(GuardTest, RejectionsDoNotOpenTheCircuit) {
    backend_->on_submit = [](const auto&, const auto&) -> Result<Outcome> { return Outcome(Rejected{"no"}); };
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(submit("key-" + std::to_string(i)));
    EXPECT_TRUE(guard_->accepting());
    EXPECT_EQ(guard_->traffic()->answers.at("rejected"), 10U);
}

TEST_F(GuardTest, ACrowdBeyondTheQueueIsUnavailable) {
    be_slow();
    for (int i = 0; i < 3; ++i) ASSERT_FALSE(submit("key-" + std::to_string(i), 0ms));
    gate_.wait_for(2);
    EXPECT_FALSE(guard_->accepting());
    const auto refused = submit("key-3", 0ms);
    EXPECT_EQ(refused.error().kind, ErrorKind::unavailable);
    EXPECT_EQ(guard_->traffic()->queued, 1U);
    EXPECT_EQ(guard_->traffic()->on_their_way, 2U);
}

TEST_F(GuardTest, MoreWaitersThanAllowedAreAnsweredAtOnce) {
    const auto nobody = std::make_shared<Submissions>(0);
    Guard guard(options_, backend_, nobody, world_.clock);
    be_slow();
    const auto outcome = guard.submit_within(world_.request(Countersigned::properly, "device-1"), "key-1", 1h);
    EXPECT_EQ(outcome.error().kind, ErrorKind::outcome_unknown);
    gate_.open();
}

TEST_F(GuardTest, AReloadLosesNothing) {
    be_slow();
    ASSERT_FALSE(submit("key-1", 0ms));
    gate_.wait_for(1);
    guard_ = std::make_unique<Guard>(options_, backend_, submissions_, world_.clock);
    EXPECT_EQ(guard_->reconcile("key-1", world_.clock.now()).error().kind, ErrorKind::outcome_unknown) << "still known";
    gate_.open();
    EXPECT_TRUE(*settled("key-1"));
    EXPECT_EQ(backend_->submitted, 1);
}

TEST_F(GuardTest, StoppingFinishesWhatIsAskedAndRefusesWhatWaits) {
    be_slow();
    for (int i = 0; i < 3; ++i) ASSERT_FALSE(submit("key-" + std::to_string(i), 0ms));
    gate_.wait_for(2);
    std::thread stopping([&] { submissions_->drain(); });
    const auto nothing_to_do = []() -> Result<Outcome> { return fail::unavailable("a test"); };
    while (submissions_->begin({"another", 1, 1000}, "late", nothing_to_do)) std::this_thread::yield();
    gate_.open();
    stopping.join();
    EXPECT_EQ(backend_->submitted, 2);
    int issued = 0;
    int nothing = 0;
    for (int i = 0; i < 3; ++i) {
        const auto found = guard_->reconcile("key-" + std::to_string(i), world_.clock.now());
        ASSERT_TRUE(found);
        ++(*found ? issued : nothing);
    }
    EXPECT_EQ(issued, 2);
    EXPECT_EQ(nothing, 1);
}

TEST_F(GuardTest, WhatWaitedTooLongForItsTurnIsNotSentAnyMore) {
    be_slow();
    EXPECT_EQ(submit("key-1", 0ms).error().kind, ErrorKind::outcome_unknown);
    EXPECT_EQ(submit("key-2", 0ms).error().kind, ErrorKind::outcome_unknown);
    gate_.wait_for(2);
    EXPECT_EQ(submit("key-3", 0ms).error().kind, ErrorKind::outcome_unknown);
    world_.clock.advance(options_.longest_queued + 1ms);
    gate_.open();
    EXPECT_TRUE(*settled("key-1")) << "it was with the CA";
    const auto late = settled("key-3");
    ASSERT_TRUE(late) << describe(late.error());
    EXPECT_FALSE(*late) << "certainly not submitted";
    EXPECT_EQ(backend_->submitted, 2);
}

TEST_F(GuardTest, TheBackendIsToldWhenTheRequestMayHaveBeenSentAtTheLatest) {
    const auto asked = world_.clock.now() - 1h;
    EXPECT_TRUE(guard_->reconcile("key-1", asked));
    EXPECT_EQ(backend_->reconciled_as_of.load(), asked + options_.longest_queued);
}

TEST_F(GuardTest, AHeldRequestIsAskedAboutNowAndThen) {
    int asked = 0;
    backend_->on_poll = [&](const std::string& handle) -> Result<Outcome> {
        ++asked;
        return Outcome(Pending{handle});
    };
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(std::holds_alternative<Pending>(*guard_->poll("7")));
    EXPECT_EQ(asked, 1);
    EXPECT_TRUE(guard_->poll("8"));
    EXPECT_EQ(asked, 2);
    world_.clock.advance(options_.poll_interval);
    EXPECT_TRUE(guard_->poll("7"));
    EXPECT_EQ(asked, 3);
}

// The local CA again, from behind a guard.
class GuardedWorld : public LocalWorld {
public:
    GuardedWorld() {
        const std::shared_ptr<Backend> near(std::shared_ptr<void>(), ca.get());
        guard_ =
            std::make_unique<Guard>(GuardOptions{.name = "default", .failures_to_open = 1000, .poll_interval = 0ms},
                                    near, std::make_shared<Submissions>(16), clock);
    }
    Backend& backend() { return *guard_; }

private:
    std::unique_ptr<Guard> guard_;
};

}  // namespace
}  // namespace countersign::ca::test

namespace countersign::contract {
INSTANTIATE_TYPED_TEST_SUITE_P(Guarded, CaBackendContract, ca::test::GuardedWorld);
}  // namespace countersign::contract
