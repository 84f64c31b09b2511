#include "countersign/hook/turnstile.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

namespace countersign::hook {
namespace {

using namespace std::chrono_literals;

TEST(Turnstile, LetsSoManyInAndNoMore) {
    Turnstile turnstile(2, 0);
    auto first = turnstile.enter(0ms);
    std::optional<Result<Turnstile::Turn>> second(turnstile.enter(0ms));
    ASSERT_TRUE(first && *second);
    EXPECT_EQ(turnstile.present(), 2U);
    const auto third = turnstile.enter(1h);  // nobody may wait: at once
    ASSERT_FALSE(third);
    EXPECT_EQ(third.error().kind, ErrorKind::unavailable);
    second.reset();
    EXPECT_EQ(turnstile.present(), 1U);
    EXPECT_TRUE(turnstile.enter(0ms));
}

TEST(Turnstile, WhoWaitsTooLongGoes) {
    Turnstile turnstile(1, 1);
    const auto inside = turnstile.enter(0ms);
    ASSERT_TRUE(inside);
    EXPECT_FALSE(turnstile.enter(1ms));
    EXPECT_EQ(turnstile.present(), 1U);
}

TEST(Turnstile, TurnsComeToThoseWhoWait) {
    Turnstile turnstile(3, 64);
    std::atomic<int> inside{0};
    std::atomic<int> most{0};
    std::atomic<int> served{0};
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 32; ++i) {
            threads.emplace_back([&] {
                const auto turn = turnstile.enter(1h);
                if (!turn) return;
                const int now = ++inside;
                for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
                }
                std::this_thread::yield();
                --inside;
                ++served;
            });
        }
    }
    EXPECT_EQ(served, 32);
    EXPECT_LE(most, 3);
    EXPECT_EQ(turnstile.present(), 0U);
}

}  // namespace
}  // namespace countersign::hook
