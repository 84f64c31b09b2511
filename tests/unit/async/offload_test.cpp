#include "countersign/async/offload.hpp"

#include <gtest/gtest.h>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>

#include <atomic>
#include <future>
#include <string>
#include <thread>
#include <vector>

namespace countersign::async {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;

template <class Job>
asio::awaitable<void> run_offload(WorkerPool& pool, Job job, std::chrono::milliseconds deadline,
                                  Offloaded<std::invoke_result_t<Job&>>& outcome, std::thread::id& resumed_on) {
    outcome = co_await offload(pool, job, deadline);
    resumed_on = std::this_thread::get_id();
}

TEST(Offload, BringsTheValueBackToTheCoroutinesThread) {
    WorkerPool pool(2, 4);
    asio::io_context context;
    Offloaded<std::string> outcome;
    std::thread::id resumed_on;
    std::thread::id worked_on;
    const auto job = [&worked_on] {
        worked_on = std::this_thread::get_id();
        return std::string("done");
    };
    asio::co_spawn(context, run_offload(pool, job, 60s, outcome, resumed_on), asio::detached);
    context.run();
    ASSERT_TRUE(outcome.value.has_value());
    EXPECT_EQ(*outcome.value, "done");
    EXPECT_EQ(resumed_on, std::this_thread::get_id());
    EXPECT_NE(worked_on, std::this_thread::get_id());
}

TEST(Offload, SaysWhenTheQueueIsFull) {
    WorkerPool pool(1, 0);
    std::promise<void> open;
    const auto opened = open.get_future().share();
    std::promise<void> entered;
    ASSERT_TRUE(pool.try_post([&entered, opened] {
        entered.set_value();
        opened.wait();
    }));
    entered.get_future().wait();

    asio::io_context context;
    Offloaded<int> outcome;
    std::thread::id resumed_on;
    asio::co_spawn(context,
                   run_offload(
                       pool, [] { return 1; }, 60s, outcome, resumed_on),
                   asio::detached);
    context.run();
    EXPECT_FALSE(outcome.value.has_value());
    EXPECT_EQ(outcome.failure, OffloadFailure::queue_full);
    open.set_value();
}

TEST(Offload, ADeadlineAbandonsTheJobWhichGoesOnToItsEnd) {
    std::promise<void> open;
    const auto opened = open.get_future().share();
    const auto finished = std::make_shared<std::atomic<bool>>(false);
    WorkerPool pool(1, 1);
    {
        asio::io_context context;
        Offloaded<int> outcome;
        std::thread::id resumed_on;
        const auto job = [opened, finished] {
            opened.wait();
            *finished = true;
            return 7;
        };
        asio::co_spawn(context, run_offload(pool, job, 5ms, outcome, resumed_on), asio::detached);
        context.run();
        EXPECT_FALSE(outcome.value.has_value());
        EXPECT_EQ(outcome.failure, OffloadFailure::deadline_passed);
        EXPECT_FALSE(*finished);
    }
    open.set_value();  // the io_context is gone: the worker must not look for it
    pool.drain();
    EXPECT_TRUE(*finished);
}

TEST(Offload, ADestroyedCoroutineIsNotLookedFor) {
    std::promise<void> open;
    const auto opened = open.get_future().share();
    WorkerPool pool(1, 1);
    {
        asio::io_context context;
        Offloaded<int> outcome;
        std::thread::id resumed_on;
        const auto job = [opened] {
            opened.wait();
            return 7;
        };
        asio::co_spawn(context, run_offload(pool, job, 60s, outcome, resumed_on), asio::detached);
        context.poll();
        EXPECT_FALSE(outcome.value.has_value());
    }
    open.set_value();
    pool.drain();
}

TEST(Offload, CancellingTheCoroutineAbandonsTheJob) {
    std::promise<void> open;
    const auto opened = open.get_future().share();
    WorkerPool pool(1, 1);
    asio::io_context context;
    asio::cancellation_signal cancel;
    Offloaded<int> outcome;
    std::thread::id resumed_on;
    const auto job = [opened] {
        opened.wait();
        return 7;
    };
    asio::co_spawn(context, run_offload(pool, job, 60s, outcome, resumed_on),
                   asio::bind_cancellation_slot(cancel.slot(), asio::detached));
    asio::post(context, [&cancel] { cancel.emit(asio::cancellation_type::terminal); });
    context.run();
    EXPECT_FALSE(outcome.value.has_value());
    open.set_value();
}

asio::awaitable<void> add_many(WorkerPool& pool, int rounds, std::atomic<int>& sum) {
    for (int i = 0; i < rounds; ++i) {
        const auto job = [i] { return i; };
        const auto outcome = co_await offload(pool, job, 60s);
        if (outcome.value) sum += *outcome.value;
    }
}

TEST(Offload, ManyCoroutinesOnManyThreadsEachGetTheirOwnValue) {
    WorkerPool pool(4, 1000);
    asio::io_context context;
    std::atomic<int> sum{0};
    for (int i = 0; i < 20; ++i) {
        asio::co_spawn(asio::make_strand(context), add_many(pool, 50, sum), asio::detached);
    }
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) threads.emplace_back([&context] { context.run(); });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(sum, 20 * 49 * 50 / 2);
}

}  // namespace
}  // namespace countersign::async
