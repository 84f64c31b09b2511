// Cost stays flat as the store grows only if no statement of an enrollment walks through a table. SQLite itself counts,
// for the very statements the program runs, how many rows it stepped over in full scans.
#include "sqlite_fixture.hpp"
#include "store/sql_challenges.hpp"
#include "store/sql_issued.hpp"
#include "store/sql_outbox.hpp"
#include "store/sql_transactions.hpp"
#include "store_samples.hpp"

#include <soci/sqlite3/soci-sqlite3.h>
#include <map>

namespace countersign::store {
namespace {

using test::at_minute;
using test::sample_attempt;
using test::sample_certificate;
using test::sample_challenge;

// Steps of full scans by statement text.
std::map<std::string, int> full_scan_steps(Connection& connection) {
    std::map<std::string, int> steps;
    auto* handle = static_cast<soci::sqlite3_session_backend*>(connection.session().get_backend())->conn_;
    for (auto* statement = sqlite_api::sqlite3_next_stmt(handle, nullptr); statement != nullptr;
         statement = sqlite_api::sqlite3_next_stmt(handle, statement)) {
        steps[sqlite_api::sqlite3_sql(statement)] =
            sqlite_api::sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_FULLSCAN_STEP, 0);
    }
    return steps;
}

class StorePlans : public testing::Test {
protected:
    void SetUp() override {
        test::open_sqlite(options_);
        const auto engine = Engine::from_url(options_.url, 1000).value();
        writer_ = std::make_unique<Writer>(engine, options_);
        readers_ = std::make_unique<Readers>(engine, 1);
        transactions_ = std::make_unique<SqlTransactions>(*writer_, *readers_, subscribers_, RequestSeal(nullptr));
        challenges_ = std::make_unique<SqlChallenges>(*writer_, *readers_);
        issued_ = std::make_unique<SqlIssued>(*writer_, *readers_, subscribers_);
        outbox_ = std::make_unique<SqlOutbox>(*writer_, *readers_, subscribers_);
        outbox_->subscribe({{"mdm",
                             {NotificationEvent::issued, NotificationEvent::failed, NotificationEvent::pending,
                              NotificationEvent::held, NotificationEvent::revoked}}});
        for (unsigned i = 0; i < 50; ++i) live_through(i);
    }

    // Everything that happens to one device, each seam's every call on the way.
    void live_through(unsigned i) {
        Challenge challenge = sample_challenge(i);
        Attempt attempt = sample_attempt(i, challenge.mac);
        if (i % 5 == 0) attempt.state = AttemptState::held;
        ASSERT_TRUE(challenges_->insert(challenge, 1000));
        ASSERT_TRUE(challenges_->find(challenge.mac));
        ASSERT_TRUE(challenges_->count_refusal(challenge.mac, 3, at_minute(0)));
        ASSERT_TRUE(challenges_->count_outstanding("default", at_minute(0)));
        ASSERT_TRUE(transactions_->latest(attempt.key));
        ASSERT_TRUE(transactions_->record_intent(attempt));
        EXPECT_FALSE(transactions_->record_intent(sample_attempt(1000 + i, challenge.mac)));
        EXPECT_FALSE(challenges_->revoke(challenge.id, at_minute(0)));
        if (i % 5 == 0) {
            ASSERT_TRUE(transactions_->approve(attempt.id, "o", at_minute(1)));
        }
        if (i % 5 == 1) {
            ASSERT_TRUE(transactions_->record_failed(attempt.id, "", ChallengeFate::release, at_minute(1)));
            return;
        }
        if (i % 5 == 2) {
            ASSERT_TRUE(transactions_->record_pending(attempt.id, "h", at_minute(1)));
        }
        ASSERT_TRUE(transactions_->find(attempt.id));
        ASSERT_TRUE(transactions_->in_state(AttemptState::intent, 10));
        ASSERT_TRUE(transactions_->count(AttemptState::intent));
        ASSERT_TRUE(transactions_->record_issued(attempt.id, sample_certificate(i), at_minute(1)));
        ASSERT_TRUE(issued_->find("local", sample_certificate(i).serial));
        ASSERT_TRUE(issued_->find_by_serial(sample_certificate(i).serial));
        ASSERT_TRUE(issued_->revocation_version("local"));
        ASSERT_TRUE(issued_->next_crl_number("local"));
        if (i % 10 == 3) {
            ASSERT_TRUE(issued_->revoke("local", sample_certificate(i).serial, 1, at_minute(2)));
            ASSERT_TRUE(issued_->revoked("local", at_minute(3)));
        }
        deliver();
    }

    // The first is delivered, the others wait.
    void deliver() {
        const auto due = outbox_->due("mdm", at_minute(9), 100).value();
        ASSERT_FALSE(due.empty());
        ASSERT_TRUE(outbox_->record({{due[0].id, NotificationState::delivered, at_minute(9), ""}}, at_minute(9)));
        ASSERT_TRUE(outbox_->find(due[0].id));
        EXPECT_FALSE(outbox_->retry(due[0].id, at_minute(9)));
        EXPECT_FALSE(outbox_->drop(due[0].id));
    }

    test::ScratchDirectory directory_;
    DatabaseOptions options_ = test::sqlite_options(directory_);
    Subscribers subscribers_;
    std::unique_ptr<Writer> writer_;
    std::unique_ptr<Readers> readers_;
    std::unique_ptr<SqlTransactions> transactions_;
    std::unique_ptr<SqlChallenges> challenges_;
    std::unique_ptr<SqlIssued> issued_;
    std::unique_ptr<SqlOutbox> outbox_;
};

TEST_F(StorePlans, NoStatementOfAnEnrollmentScansATable) {
    std::map<std::string, int> steps;
    ASSERT_TRUE(writer_->run("test", [&](Connection& connection) -> Result<void> {
        steps = full_scan_steps(connection);
        return {};
    }));
    ASSERT_TRUE(readers_->run([&](Connection& connection) { steps.merge(full_scan_steps(connection)); }));
    EXPECT_GE(steps.size(), 20u) << "the statements were not found";
    for (const auto& [text, count] : steps) EXPECT_EQ(count, 0) << text;
}

// The measure itself must be able to tell.
TEST_F(StorePlans, AScanIsSeen) {
    IssuedFilter filter;
    filter.subject_contains = "nobody";
    ASSERT_TRUE(issued_->list(filter));
    int most = 0;
    ASSERT_TRUE(readers_->run([&](Connection& connection) {
        for (const auto& [text, count] : full_scan_steps(connection)) most = std::max(most, count);
    }));
    EXPECT_GT(most, 10);
}

}  // namespace
}  // namespace countersign::store
