// One receiver: what is due, what came of it, how long until the next try, and when it is given up.
#include "outbox_fixture.hpp"

namespace countersign::notify {
namespace {

using namespace std::chrono_literals;
using store::NotificationState;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

class DelivererTest : public OutboxTest {
protected:
    Deliverer::Round round(std::size_t limit = 10) {
        return deliverer_.deliver_due(limit, [] { return false; });
    }
    void refuse(const Error& error) {
        receiver_->answer = [error](const Letter&) { return Result<void>(error); };
    }
    void take() {
        receiver_->answer = [](const Letter&) { return Result<void>(); };
    }

    Deliverer deliverer_{"mdm", receiver_, DeliveryRules{}, counts_, parts()};
};

TEST_F(DelivererTest, ALetterHoldsTheRecordsAndIsDeliveredOnce) {
    issue(1);
    EXPECT_EQ(round().tried, 1u);
    ASSERT_THAT(receiver_->letters(), SizeIs(1));
    const auto letter = receiver_->letters()[0];
    ASSERT_TRUE(letter.attempt);
    ASSERT_TRUE(letter.certificate);
    EXPECT_EQ(letter.attempt->id, test::hex_id(1));
    EXPECT_EQ(letter.certificate->serial, test::sample_certificate(1).serial);
    EXPECT_EQ(round().tried, 0u);
    EXPECT_THAT(in_state(NotificationState::delivered), SizeIs(1));
    EXPECT_EQ(counts_->delivered, 1u);
    EXPECT_EQ(counts_->failed, 0u);
}

TEST_F(DelivererTest, ARefusalPausesThatLetterAlone) {
    issue(1);
    issue(2);
    const auto refused = outbox().due("mdm", clock_.now(), 10).value()[0].id;
    receiver_->answer = [&](const Letter& letter) -> Result<void> {
        if (letter.notification.id == refused) return fail::denied("HTTP 500");
        return {};
    };
    const auto first = round();
    EXPECT_EQ(first.tried, 2u);
    EXPECT_EQ(first.rest.count(), 0);
    EXPECT_THAT(in_state(NotificationState::delivered), SizeIs(1));
    const auto waiting = outbox().find(refused).value();
    EXPECT_EQ(waiting.state, NotificationState::waiting);
    EXPECT_EQ(waiting.tries, 1);
    EXPECT_THAT(waiting.problem, HasSubstr("HTTP 500"));
    EXPECT_GE(waiting.next_try, clock_.now() + 10s);
    EXPECT_LE(waiting.next_try, clock_.now() + 12500ms);
    EXPECT_EQ(round().tried, 0u);
}

TEST_F(DelivererTest, PausesDoubleUpToAnHour) {
    issue(1);
    refuse(fail::denied("no"));
    auto expected = 10'000ms;
    for (int i = 0; i < 12; ++i) {
        ASSERT_EQ(round().tried, 1u) << i;
        const auto pause = in_state(NotificationState::waiting).at(0).next_try - clock_.now();
        EXPECT_GE(pause, expected) << i;
        EXPECT_LE(pause, expected + expected / 4) << i;
        expected = std::min<std::chrono::milliseconds>(2 * expected, 1h);
        clock_.advance(pause);
    }
}

TEST_F(DelivererTest, AReceiverThatIsAwayCostsOneTryAtATime) {
    for (unsigned i = 1; i <= 5; ++i) issue(i);
    refuse(fail::unavailable("connection refused"));
    auto expected = 1'000ms;
    for (int i = 0; i < 5; ++i) {
        const auto away = round();
        EXPECT_EQ(away.tried, 1u);
        EXPECT_EQ(away.rest, expected);
        EXPECT_FALSE(away.more);
        expected *= 2;
    }
    EXPECT_EQ(counts_->failed, 5u);
    take();
    clock_.advance(1min);
    const auto back = round();
    EXPECT_EQ(back.tried, 5u);
    EXPECT_EQ(back.rest.count(), 0);
    EXPECT_THAT(in_state(NotificationState::delivered), SizeIs(5));
    EXPECT_THAT(log_, ElementsAre(HasSubstr("is away"), HasSubstr("is back")));
}

TEST_F(DelivererTest, ATimeOutMayHaveArrivedAndIsTriedAgainUnderTheSameId) {
    issue(1);
    refuse(fail::outcome_unknown("no answer"));
    EXPECT_EQ(round().tried, 1u);
    take();
    clock_.advance(1min);
    EXPECT_EQ(round().tried, 1u);
    ASSERT_THAT(receiver_->letters(), SizeIs(2));
    EXPECT_EQ(receiver_->letters()[0].notification.id, receiver_->letters()[1].notification.id);
}

TEST_F(DelivererTest, WhatNobodyTakesForDaysIsDeadAndCanBeRetried) {
    issue(1);
    refuse(fail::denied("HTTP 400"));
    round();
    clock_.advance(71h);
    round();
    EXPECT_THAT(in_state(NotificationState::dead), SizeIs(0));
    clock_.advance(2h);
    round();
    const auto dead = in_state(NotificationState::dead);
    ASSERT_THAT(dead, SizeIs(1));
    EXPECT_THAT(dead[0].problem, HasSubstr("HTTP 400"));
    EXPECT_EQ(counts_->died, 1u);
    EXPECT_THAT(log_, ElementsAre(HasSubstr("is given up")));
    clock_.advance(24h);
    EXPECT_EQ(round().tried, 0u);
    ASSERT_TRUE(outbox().retry(dead[0].id, clock_.now()));
    EXPECT_EQ(round().tried, 1u);
    EXPECT_EQ(outbox().find(dead[0].id).value().state, NotificationState::waiting) << "it has days again";
    take();
    clock_.advance(1h);
    round();
    EXPECT_EQ(outbox().find(dead[0].id).value().state, NotificationState::delivered);
}

TEST_F(DelivererTest, AFullRoundSaysThatThereMayBeMore) {
    for (unsigned i = 1; i <= 3; ++i) issue(i);
    EXPECT_TRUE(round(2).more);
    EXPECT_FALSE(round(2).more);
}

TEST_F(DelivererTest, StoppingLeavesTheRestForLater) {
    for (unsigned i = 1; i <= 3; ++i) issue(i);
    int asked = 0;
    deliverer_.deliver_due(10, [&] { return ++asked > 1; });
    EXPECT_THAT(in_state(NotificationState::delivered), SizeIs(1));
    EXPECT_THAT(in_state(NotificationState::waiting), SizeIs(2));
}

TEST_F(DelivererTest, AStoreThatIsAwayLosesNothing) {
    issue(1);
    database_->close();
    EXPECT_EQ(round().tried, 0u);
    EXPECT_THAT(receiver_->letters(), SizeIs(0));
}

}  // namespace
}  // namespace countersign::notify
