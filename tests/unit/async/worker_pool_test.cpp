#include "countersign/async/worker_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <stdexcept>
#include <thread>
#include <vector>

namespace countersign::async {
namespace {

// A job that waits until it is let go, so that tests decide when a worker is busy.
struct Gate {
    std::promise<void> entered;
    std::promise<void> opened;
    std::shared_future<void> open{opened.get_future()};
    auto job() {
        return [this] {
            entered.set_value();
            open.wait();
        };
    }
};

TEST(WorkerPool, RunsEveryJobItTookOnce) {
    std::atomic<int> ran{0};
    int taken = 0;
    {
        WorkerPool pool(3, 1000);
        for (int i = 0; i < 500; ++i) taken += pool.try_post([&ran] { ++ran; }) ? 1 : 0;
    }
    EXPECT_EQ(taken, 500);
    EXPECT_EQ(ran, 500);
}

TEST(WorkerPool, RefusesWhatIsBeyondRunningAndQueue) {
    Gate gate;
    WorkerPool pool(1, 2);
    ASSERT_TRUE(pool.try_post(gate.job()));
    gate.entered.get_future().wait();
    EXPECT_TRUE(pool.try_post([] {}));
    EXPECT_TRUE(pool.try_post([] {}));
    EXPECT_EQ(pool.queued(), 2U);
    EXPECT_FALSE(pool.try_post([] { FAIL() << "a refused job ran"; }));
    gate.opened.set_value();
    pool.drain();
    EXPECT_EQ(pool.queued(), 0U);
}

TEST(WorkerPool, AQueueOfNoneStillLetsAFreeWorkerWork) {
    Gate gate;
    WorkerPool pool(1, 0);
    ASSERT_TRUE(pool.try_post(gate.job()));
    gate.entered.get_future().wait();
    EXPECT_FALSE(pool.try_post([] {}));
    gate.opened.set_value();
    pool.drain();
}

TEST(WorkerPool, DrainFinishesWhatWasTakenAndTakesNoMore) {
    Gate gate;
    std::atomic<int> ran{0};
    WorkerPool pool(1, 10);
    ASSERT_TRUE(pool.try_post(gate.job()));
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(pool.try_post([&ran] { ++ran; }));
    gate.opened.set_value();
    pool.drain();
    EXPECT_EQ(ran, 5);
    EXPECT_FALSE(pool.try_post([] {}));
    pool.drain();
}

TEST(WorkerPool, NeverTakesMoreThanItsBoundFromManyThreads) {
    Gate gate;
    std::atomic<int> ran{0};
    std::atomic<int> taken{0};
    WorkerPool pool(1, 16);
    ASSERT_TRUE(pool.try_post(gate.job()));
    gate.entered.get_future().wait();
    std::vector<std::thread> posters;
    for (int i = 0; i < 8; ++i) {
        posters.emplace_back([&] {
            for (int j = 0; j < 100; ++j) taken += pool.try_post([&ran] { ++ran; }) ? 1 : 0;
        });
    }
    for (auto& poster : posters) poster.join();
    EXPECT_EQ(taken, 16);
    gate.opened.set_value();
    pool.drain();
    EXPECT_EQ(ran, 16);
}

TEST(WorkerPoolDeathTest, AJobThatThrowsEndsTheProgram) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(
        {
            WorkerPool pool(1, 1);
            pool.try_post([] { throw std::runtime_error("a bug"); });
            pool.drain();
        },
        "");
}

}  // namespace
}  // namespace countersign::async
