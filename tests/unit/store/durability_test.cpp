// Commits reach the disk before anybody is answered: counted and sabotaged at fsync itself.
#include "sync_fault.hpp"

#include "sqlite_fixture.hpp"
#include "store_samples.hpp"

#include <thread>

namespace countersign::store {
namespace {

using test::at_minute;
using test::sample_attempt;
using test::sample_challenge;

class StoreDurability : public testing::Test {
protected:
    void SetUp() override {
        database_ = test::open_sqlite(directory_);
        ASSERT_TRUE(database_);
        // The first write makes the log, which costs more.
        ASSERT_TRUE(database_->challenges().insert(sample_challenge(0), 1000));
        sync_.count_from_zero();
    }

    test::ScratchDirectory directory_;
    test::SyncFault& sync_ = test::SyncFault::of_this_program();
    std::unique_ptr<Database> database_;
};

TEST_F(StoreDurability, EveryLoneWriteIsSyncedOnce) {
    for (unsigned i = 1; i <= 5; ++i) ASSERT_TRUE(database_->challenges().insert(sample_challenge(i), 1000));
    EXPECT_EQ(sync_.count(), 5);
}

TEST_F(StoreDurability, ARefusedWriteCostsNoSync) {
    EXPECT_FALSE(database_->challenges().insert(sample_challenge(1), 0));
    EXPECT_EQ(sync_.count(), 0);
}

TEST_F(StoreDurability, ReadingCostsNoSync) {
    ASSERT_TRUE(database_->challenges().find("mac-0"));
    EXPECT_EQ(sync_.count(), 0);
}

TEST_F(StoreDurability, NobodyIsAnsweredBeforeTheSync) {
    sync_.hold();
    std::atomic<bool> answered{false};
    std::thread caller([&] { answered = database_->challenges().insert(sample_challenge(1), 1000).has_value(); });
    sync_.wait_until_held();
    EXPECT_FALSE(answered);
    sync_.let_go();
    caller.join();
    EXPECT_TRUE(answered);
}

TEST_F(StoreDurability, AFailedSyncLeavesTheOutcomeUnknownAndTheStoreUsable) {
    sync_.fail_next(1);
    const auto recorded = database_->transactions().record_intent(sample_attempt(1, "mac-0"));
    ASSERT_FALSE(recorded);
    EXPECT_EQ(recorded.error().kind, ErrorKind::outcome_unknown) << describe(recorded.error());
    // Whatever became of it, the attempt and its challenge agree.
    const bool present = database_->transactions().find(sample_attempt(1).id).has_value();
    const auto challenge = database_->challenges().find("mac-0");
    ASSERT_TRUE(challenge && *challenge);
    EXPECT_EQ((*challenge)->state, present ? ChallengeState::reserved : ChallengeState::outstanding);
    EXPECT_TRUE(database_->challenges().insert(sample_challenge(2), 1000));
    database_->close();
    const auto again = test::open_sqlite(directory_);
    EXPECT_EQ(again->transactions().find(sample_attempt(1).id).has_value(), present) << "it changed its mind";
    EXPECT_TRUE((*again->challenges().find("mac-2")).has_value());
}

TEST_F(StoreDurability, ItsHealthIsBadFromAFailedWriteUntilOneSucceeds) {
    EXPECT_TRUE(database_->probe());
    EXPECT_EQ(sync_.count(), 0) << "health costs a healthy disk nothing";
    sync_.fail_next(3);
    EXPECT_FALSE(database_->challenges().insert(sample_challenge(1), 1000));
    EXPECT_FALSE(database_->probe());
    EXPECT_FALSE(database_->probe());
    EXPECT_TRUE(database_->probe());
    sync_.count_from_zero();
    EXPECT_TRUE(database_->probe());
    EXPECT_EQ(sync_.count(), 0);
}

}  // namespace
}  // namespace countersign::store
