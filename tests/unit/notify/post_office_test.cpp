// Receivers beside each other, exchanged and stopped.
#include "outbox_fixture.hpp"

#include <atomic>
#include <latch>

namespace countersign::notify {
namespace {

using namespace std::chrono_literals;
using store::NotificationState;
using testing::ElementsAre;
using testing::SizeIs;

class PostOfficeTest : public OutboxTest {
protected:
    void wait_for(const std::function<bool()>& condition) {
        for (int i = 0; i < 3000 && !condition(); ++i) std::this_thread::sleep_for(10ms);
        EXPECT_TRUE(condition());
    }
    bool delivered(std::size_t count) { return in_state(NotificationState::delivered).size() == count; }

    PostOffice office_{parts(), 5ms};
};

TEST_F(PostOfficeTest, DeliversAndCounts) {
    office_.serve({{"mdm", receiver_}});
    issue(1);
    wait_for([&] { return delivered(1); });
    issue(2);
    wait_for([&] { return delivered(2); });
    const auto traffic = office_.traffic();
    ASSERT_THAT(traffic, SizeIs(1));
    EXPECT_EQ(traffic[0].name, "mdm");
    EXPECT_EQ(traffic[0].delivered, 2u);
    EXPECT_THAT(office_.receivers(), ElementsAre("mdm"));
}

TEST_F(PostOfficeTest, ASlowReceiverKeepsNobodyElseWaiting) {
    outbox().subscribe({{"slow", {store::NotificationEvent::issued}}, {"mdm", {store::NotificationEvent::issued}}});
    auto slow = std::make_shared<ScriptedReceiver>();
    std::latch finish(1);
    slow->answer = [&](const Letter&) {
        finish.wait();
        return Result<void>();
    };
    issue(1);
    issue(2);
    office_.serve({{"slow", slow}, {"mdm", receiver_}});
    wait_for([&] { return receiver_->letters().size() == 2; });
    finish.count_down();
    wait_for([&] { return delivered(4); });
}

TEST_F(PostOfficeTest, AReceiverIsExchangedWithoutTwoAtATime) {
    std::atomic<int> inside{0};
    std::atomic<bool> together{false};
    const auto answer = [&](const Letter&) {
        if (++inside > 1) together = true;
        std::this_thread::sleep_for(20ms);
        --inside;
        return Result<void>();
    };
    receiver_->answer = answer;
    for (unsigned i = 1; i <= 10; ++i) issue(i);
    office_.serve({{"mdm", receiver_}});
    for (int i = 0; i < 3; ++i) {
        auto next = std::make_shared<ScriptedReceiver>();
        next->answer = answer;
        office_.serve({{"mdm", next}});
        std::this_thread::sleep_for(10ms);
    }
    wait_for([&] { return delivered(10); });
    EXPECT_FALSE(together);
}

TEST_F(PostOfficeTest, OneThatIsRemovedGetsNothingMore) {
    office_.serve({{"mdm", receiver_}});
    issue(1);
    wait_for([&] { return delivered(1); });
    office_.serve({});
    office_.stop();
    issue(2);
    EXPECT_THAT(in_state(NotificationState::waiting), SizeIs(1));
    EXPECT_THAT(office_.traffic(), SizeIs(0));
    office_.serve({{"mdm", receiver_}});
    EXPECT_THAT(receiver_->letters(), SizeIs(1)) << "it was stopped for good";
}

TEST_F(PostOfficeTest, AReceiverThatThrowsIsContained) {
    receiver_->answer = [](const Letter&) -> Result<void> { throw std::logic_error("a bug"); };
    issue(1);
    office_.serve({{"mdm", receiver_}});
    wait_for([&] {
        const std::lock_guard lock(mutex_);
        return !log_.empty();
    });
    office_.stop();
    EXPECT_THAT(in_state(NotificationState::waiting), SizeIs(1));
}

}  // namespace
}  // namespace countersign::notify
