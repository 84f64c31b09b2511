// Holds: one at a time.
#pragma once

#include "store_contract.hpp"

namespace countersign::store {

TEST_P(StoreContract, AnAttemptIsHeldByOneAtATime) {
    auto& holds = database_->holds();
    auto first = holds.take("attempt-1");
    ASSERT_TRUE(first) << describe(first.error());
    ASSERT_TRUE(*first);
    const auto second = holds.take("attempt-1");
    ASSERT_TRUE(second);
    EXPECT_FALSE(*second);
    first->reset();
    const auto third = holds.take("attempt-1");
    ASSERT_TRUE(third);
    EXPECT_TRUE(*third);
}

TEST_P(StoreContract, AttemptsAreHeldApart) {
    auto& holds = database_->holds();
    const auto one = holds.take("attempt-1");
    const auto other = holds.take("attempt-2");
    ASSERT_TRUE(one && other);
    EXPECT_TRUE(*one);
    EXPECT_TRUE(*other);
}

TEST_P(StoreContract, OfManyThreadsOneHolds) {
    constexpr unsigned kThreads = 8;
    std::atomic<unsigned> held{0};
    std::atomic<unsigned> failed{0};
    std::atomic<unsigned> asked{0};
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < kThreads; ++t) {
        threads.emplace_back([&] {
            const auto hold = database_->holds().take("attempt-1");
            if (!hold)
                ++failed;
            else if (*hold)
                ++held;
            // Nobody lets go before everybody has asked.
            ++asked;
            while (asked < kThreads) std::this_thread::yield();
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(held, 1U);
    EXPECT_EQ(failed, 0U);
}

}  // namespace countersign::store
