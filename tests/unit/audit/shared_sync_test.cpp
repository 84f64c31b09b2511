// One fdatasync for everybody who waits, and a failed one is everybody's failure.
#include "sync_fault.hpp"

#include "countersign/audit/catalogue.hpp"
#include "countersign/audit/sinks.hpp"
#include "countersign/audit/verification.hpp"
#include "fixed_clock.hpp"
#include "scratch_directory.hpp"

#include <gtest/gtest.h>
#include <fstream>
#include <thread>
#include <vector>

namespace countersign::audit {
namespace {

class SharedSync : public testing::Test {
protected:
    void SetUp() override {
        auto sink = JsonLinesSink::open(path_, clock_);
        ASSERT_TRUE(sink);
        sink_ = *std::move(sink);
        sync_.count_from_zero();
    }
    void TearDown() override {
        sync_.let_go();
        for (std::thread& thread : callers_) thread.join();
    }
    // A caller of its own thread; its answer is counted.
    void call_record() {
        callers_.emplace_back([this] { sink_->record(Event(event::daemon_started)) ? ++recorded_ : ++failed_; });
    }
    std::size_t lines() const {
        std::ifstream file(path_);
        std::size_t count = 0;
        for (std::string line; std::getline(file, line);) ++count;
        return count;
    }
    void join() {
        for (std::thread& thread : callers_) thread.join();
        callers_.clear();
    }

    test::ScratchDirectory directory_;
    std::filesystem::path path_ = directory_ / "audit.jsonl";
    test::FixedClock clock_;
    test::SyncFault& sync_ = test::SyncFault::of_this_program();
    std::unique_ptr<JsonLinesSink> sink_;
    std::vector<std::thread> callers_;
    std::atomic<int> recorded_{0};
    std::atomic<int> failed_{0};
};

TEST_F(SharedSync, ThoseWhoWaitShareTheNextOne) {
    sync_.hold();
    call_record();
    sync_.wait_until_held();
    for (int i = 0; i < 10; ++i) call_record();
    while (lines() < 11) std::this_thread::yield();
    EXPECT_EQ(recorded_, 0) << "an answer before its sync";
    sync_.let_go();
    join();
    EXPECT_EQ(recorded_, 11);
    EXPECT_EQ(sync_.count(), 2);
}

TEST_F(SharedSync, EveryEventAloneIsSynced) {
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(sink_->record(Event(event::daemon_started)));
    EXPECT_EQ(sync_.count(), 5);
}

TEST_F(SharedSync, NobodyIsToldItWorkedWhenItFailed) {
    sync_.hold();
    call_record();
    sync_.wait_until_held();
    for (int i = 0; i < 10; ++i) call_record();
    while (lines() < 11) std::this_thread::yield();
    sync_.fail_next(1);
    sync_.let_go();
    join();
    EXPECT_EQ(failed_, 11);
    EXPECT_TRUE(sink_->record(Event(event::daemon_started))) << "it did not recover";
}

// The kernel tells of lost pages once: those of whoever wrote while the failing sync ran may be among them, and their
// own sync would succeed.
TEST_F(SharedSync, WhoeverWroteBeforeAFailureEndedFailsWithItThoughTheNextSyncWouldSucceed) {
    sync_.hold();
    call_record();
    sync_.wait_until_held();
    for (int i = 0; i < 10; ++i) call_record();
    while (lines() < 11) std::this_thread::yield();
    sync_.fail_next(1);
    sync_.let_go();
    join();
    EXPECT_EQ(failed_, 11);
    EXPECT_EQ(recorded_, 0);
}

TEST_F(SharedSync, WhatCouldNotBeMadeDurableIsTakenBackAndTheChainGoesOn) {
    ASSERT_TRUE(sink_->record(Event(event::daemon_started)));
    sync_.fail_next(1);
    EXPECT_FALSE(sink_->record(Event(event::daemon_started)));
    EXPECT_EQ(lines(), 1U);
    ASSERT_TRUE(sink_->record(Event(event::daemon_started)));
    const auto verified = verify({path_}, {});
    ASSERT_TRUE(verified);
    EXPECT_TRUE(verified->findings.empty());
    EXPECT_EQ(verified->head.seq, 2U);
}

TEST_F(SharedSync, LinesOfOthersAreNotTakenBack) {
    const auto other = JsonLinesSink::open(path_, clock_);
    sync_.hold();
    call_record();
    sync_.wait_until_held();
    callers_.emplace_back([&] { (*other)->record(Event(event::challenge_minted)) ? ++recorded_ : ++failed_; });
    while (lines() < 2) std::this_thread::yield();
    sync_.fail_next(2);
    sync_.let_go();
    join();
    EXPECT_EQ(failed_, 2);
    EXPECT_GE(lines(), 1U) << "both lines are gone, though one process cannot know of the other's";
    ASSERT_TRUE(sink_->record(Event(event::daemon_started)));
    const auto verified = verify({path_}, {});
    ASSERT_TRUE(verified);
    EXPECT_TRUE(verified->findings.empty()) << verified->findings.front().what;
}

// A report about the file is not lost with the line it was written with.
TEST_F(SharedSync, AReportThatWasTakenBackIsToldAgain) {
    std::ofstream(path_, std::ios::app) << "a stranger's line\n";
    sync_.fail_next(1);
    EXPECT_FALSE(sink_->record(Event(event::daemon_started)));
    ASSERT_TRUE(sink_->record(Event(event::daemon_started)));
    std::ifstream file(path_);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    EXPECT_NE(text.find("audit.broken"), std::string::npos) << text;
}

TEST_F(SharedSync, WithoutSyncingNothingIsSynced) {
    const auto quick = JsonLinesSink::open(path_, clock_, {false});
    sync_.count_from_zero();
    ASSERT_TRUE((*quick)->record(Event(event::daemon_started)));
    EXPECT_EQ(sync_.count(), 0);
}

}  // namespace
}  // namespace countersign::audit
