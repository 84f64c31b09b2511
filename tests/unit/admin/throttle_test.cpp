#include "countersign/admin/throttle.hpp"

#include "fixed_clock.hpp"

#include <gtest/gtest.h>
#include <thread>

namespace countersign::admin {
namespace {

using namespace std::chrono_literals;

class ThrottleTest : public testing::Test {
protected:
    std::chrono::milliseconds wait(std::string_view source, std::string_view account) {
        return throttle_.wait_for(source, account, clock_.now());
    }
    void fail(int times, std::string_view source, std::string_view account) {
        for (int i = 0; i < times; ++i) throttle_.failed(source, account, clock_.now());
    }

    test::FixedClock clock_;
    ThrottleLimits limits_{};
    Throttle throttle_{limits_};
};

TEST_F(ThrottleTest, AFewMistakesCostNothing) {
    fail(4, "192.0.2.1", "alice");
    EXPECT_EQ(wait("192.0.2.1", "alice"), 0ms);
}

TEST_F(ThrottleTest, TheWaitDoublesUpToABound) {
    fail(5, "192.0.2.1", "alice");
    EXPECT_EQ(wait("192.0.2.1", "alice"), 1s);
    fail(1, "192.0.2.1", "ALICE");
    EXPECT_EQ(wait("192.0.2.1", "Alice"), 2s) << "an account's name is one in any letter case";
    fail(100, "192.0.2.1", "alice");
    EXPECT_EQ(wait("192.0.2.1", "alice"), 60s);
    clock_.advance(59s);
    EXPECT_EQ(wait("192.0.2.1", "alice"), 1s);
    clock_.advance(1s);
    EXPECT_EQ(wait("192.0.2.1", "alice"), 0ms) << "nobody is locked out for good";
}

TEST_F(ThrottleTest, OthersAreNotConcerned) {
    fail(20, "192.0.2.1", "alice");
    EXPECT_EQ(wait("192.0.2.2", "alice"), 0ms);
    EXPECT_EQ(wait("192.0.2.1", "bob"), 0ms);
}

TEST_F(ThrottleTest, ASourceThatTriesManyAccountsIsSlowedDown) {
    for (int i = 0; i < 29; ++i) fail(1, "192.0.2.1", "user" + std::to_string(i));
    EXPECT_EQ(wait("192.0.2.1", "another"), 0ms);
    fail(1, "192.0.2.1", "user30");
    EXPECT_EQ(wait("192.0.2.1", "another"), 1s);
    EXPECT_EQ(wait("192.0.2.2", "another"), 0ms);
}

TEST_F(ThrottleTest, AnAccountTriedFromManyPlacesSlowsThosePlacesDownAndNotItsOwner) {
    for (int i = 0; i < 5000; ++i) fail(1, "192.0.2." + std::to_string(i), "alice");
    EXPECT_EQ(wait("192.0.2.4999", "alice"), 5s);
    EXPECT_EQ(wait("198.51.100.1", "alice"), 0ms) << "has not failed";
    EXPECT_EQ(wait("192.0.2.4999", "bob"), 0ms);
}

TEST_F(ThrottleTest, UnknownAccountsCountForTheSourceAlone) {
    fail(200, "192.0.2.1", "");
    EXPECT_EQ(wait("192.0.2.1", ""), 60s);
    EXPECT_EQ(wait("192.0.2.2", ""), 0ms);
}

TEST_F(ThrottleTest, SuccessForgivesThePairAndNotTheSource) {
    fail(29, "192.0.2.1", "alice");
    throttle_.succeeded("192.0.2.1", "alice");
    EXPECT_EQ(wait("192.0.2.1", "alice"), 0ms);
    fail(1, "192.0.2.1", "bob");
    EXPECT_EQ(wait("192.0.2.1", "bob"), 1s);
}

TEST_F(ThrottleTest, SilenceIsForgotten) {
    fail(29, "192.0.2.1", "alice");
    clock_.advance(31min);
    fail(1, "192.0.2.1", "alice");
    EXPECT_EQ(wait("192.0.2.1", "alice"), 0ms);
}

TEST_F(ThrottleTest, AClockThatWasSetBackLocksNobodyOut) {
    fail(20, "192.0.2.1", "alice");
    clock_.advance(-24h);
    EXPECT_EQ(wait("192.0.2.1", "alice"), 0ms);
}

TEST(Throttle, IsBoundedAndDropsTheQuietFirst) {
    test::FixedClock clock;
    ThrottleLimits limits;
    limits.entries = 30;
    Throttle throttle(limits);
    for (int i = 0; i < 10; ++i) throttle.failed("attacker", "alice", clock.now());
    for (int i = 0; i < 1000; ++i) {
        throttle.failed("source" + std::to_string(i), "user" + std::to_string(i), clock.now());
        throttle.failed("attacker", "alice", clock.now());
    }
    EXPECT_LE(throttle.entries(), 30u);
    EXPECT_GT(throttle.wait_for("attacker", "alice", clock.now()), 0ms) << "who is busy is remembered";
    EXPECT_EQ(throttle.wait_for("source1", "user1", clock.now()), 0ms);
}

TEST(Throttle, IsSafeOnManyThreads) {
    test::FixedClock clock;
    Throttle throttle(ThrottleLimits{});
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < 500; ++i) {
                throttle.failed("s" + std::to_string(t), "a", clock.now());
                throttle.wait_for("s0", "a", clock.now());
                throttle.succeeded("s1", "a");
            }
        });
    }
    for (auto& thread : threads) thread.join();
    throttle.failed("elsewhere", "a", clock.now());
    EXPECT_EQ(throttle.wait_for("elsewhere", "a", clock.now()), 5s);
}

}  // namespace
}  // namespace countersign::admin
