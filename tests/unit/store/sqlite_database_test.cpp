// What is SQLite's own: opening, migrating, refusing, sharing commits, and plans that use the indexes.
#include "countersign/core/text.hpp"
#include "sqlite_fixture.hpp"
#include "store/connection.hpp"
#include "store/rows.hpp"
#include "store/writer.hpp"
#include "store_samples.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <thread>

namespace countersign::store {
namespace {

using test::at_minute;
using test::open_sqlite;
using test::sample_attempt;
using test::sample_challenge;
using test::ScratchDirectory;
using test::sqlite_options;
using testing::HasSubstr;

class SqliteDatabase : public testing::Test {
protected:
    void run_sql(const std::string& text) {
        Connection connection(Engine::from_url(options_.url, 1000).value(), Use::write);
        connection.script(text);
    }
    ErrorKind kind_of_open() {
        const auto database = Database::open(options_);
        if (database) {
            ADD_FAILURE() << "it opened";
            return ErrorKind::internal;
        }
        detail_ = database.error().detail;
        return database.error().kind;
    }

    ScratchDirectory directory_;
    DatabaseOptions options_ = sqlite_options(directory_);
    std::string detail_;
};

TEST_F(SqliteDatabase, AMissingDatabaseIsNotMadeByOpening) {
    EXPECT_EQ(kind_of_open(), ErrorKind::unavailable);
    EXPECT_THAT(detail_, HasSubstr("countersign store migrate"));
    EXPECT_FALSE(std::filesystem::exists(directory_ / "test.db"));
}

TEST_F(SqliteDatabase, MigratingMakesItAndIsHarmlessTwice) {
    const auto first = Database::migrate(options_);
    ASSERT_TRUE(first) << describe(first.error());
    EXPECT_EQ(first->found, 0);
    EXPECT_GE(first->wanted, 1);
    const auto second = Database::migrate(options_);
    ASSERT_TRUE(second);
    EXPECT_EQ(second->found, second->wanted);
    const auto status = Database::status(options_);
    ASSERT_TRUE(status);
    EXPECT_EQ(status->found, status->wanted);
    EXPECT_TRUE(Database::open(options_));
}

TEST_F(SqliteDatabase, ItsFilesAreForItsOwnerAlone) {
    const mode_t before = ::umask(0);
    const auto database = open_sqlite(options_);
    ASSERT_TRUE(database->challenges().insert(sample_challenge(1), 10));
    ::umask(before);
    for (const char* name : {"test.db", "test.db-wal", "test.db-shm"}) {
        struct stat status {};
        ASSERT_EQ(::stat((directory_ / name).c_str(), &status), 0) << name;
        EXPECT_EQ(status.st_mode & 0777, 0600u) << name;
    }
}

TEST_F(SqliteDatabase, AnEmptyOneWantsMigrating) {
    std::ofstream(directory_ / "test.db").close();
    EXPECT_EQ(kind_of_open(), ErrorKind::expired);
    EXPECT_THAT(detail_, HasSubstr("countersign store migrate"));
}

TEST_F(SqliteDatabase, AnOlderOneWantsMigrating) {
    open_sqlite(options_);
    run_sql("UPDATE schema_version SET version = 0");
    EXPECT_EQ(kind_of_open(), ErrorKind::expired);
}

TEST_F(SqliteDatabase, ANewerOneIsRefused) {
    open_sqlite(options_);
    run_sql("UPDATE schema_version SET version = 1000");
    EXPECT_EQ(kind_of_open(), ErrorKind::conflict);
    EXPECT_THAT(detail_, HasSubstr("newer program"));
    const auto migrated = Database::migrate(options_);
    ASSERT_FALSE(migrated);
    EXPECT_EQ(migrated.error().kind, ErrorKind::conflict);
}

TEST_F(SqliteDatabase, AStrangersDatabaseIsLeftAlone) {
    std::ofstream(directory_ / "test.db").close();
    run_sql("CREATE TABLE bookmarks (url TEXT)");
    EXPECT_EQ(kind_of_open(), ErrorKind::conflict);
    const auto migrated = Database::migrate(options_);
    ASSERT_FALSE(migrated);
    EXPECT_EQ(migrated.error().kind, ErrorKind::conflict);
}

TEST_F(SqliteDatabase, AFileThatIsNoDatabaseIsRefused) {
    std::ofstream(directory_ / "test.db") << std::string(4096, 'x');
    EXPECT_EQ(kind_of_open(), ErrorKind::unavailable);
    EXPECT_THAT(detail_, HasSubstr("test.db"));
    EXPECT_FALSE(Database::migrate(options_));
}

TEST_F(SqliteDatabase, ADirectoryIsNoDatabase) {
    std::filesystem::create_directory(directory_ / "test.db");
    EXPECT_EQ(kind_of_open(), ErrorKind::unavailable);
}

TEST_F(SqliteDatabase, OnlyAbsoluteSqliteUrlsAreUnderstood) {
    for (const char* url : {"", "sqlite:", "sqlite:relative.db", "postgresql://user:pw@host/db", "/plain/path",
                            "sqlite:/with\"quote", "sqlite:/with\nnewline"}) {
        options_.url = url;
        EXPECT_EQ(kind_of_open(), ErrorKind::malformed) << url;
        EXPECT_EQ(detail_.find("pw"), std::string::npos) << "a password in an error";
    }
}

TEST_F(SqliteDatabase, PathsWithSpacesAndEqualsSignsWork) {
    options_.url = "sqlite:" + (directory_ / "a = b 'c.db").string();
    const auto database = open_sqlite(options_);
    ASSERT_TRUE(database);
    EXPECT_TRUE(database->probe());
    EXPECT_TRUE(std::filesystem::exists(directory_ / "a = b 'c.db"));
}

TEST_F(SqliteDatabase, AFailedMigrationStepLeavesNothing) {
    open_sqlite(options_);
    // Step 1 meets its own tables: it fails, and the version stays what it was.
    run_sql("UPDATE schema_version SET version = 0");
    EXPECT_FALSE(Database::migrate(options_));
    EXPECT_EQ(Database::status(options_)->found, 0);
}

TEST_F(SqliteDatabase, ItStandsOnDurableCommitsAndForeignKeys) {
    open_sqlite(options_);
    Connection connection(Engine::from_url(options_.url, 1000).value(), Use::write);
    constexpr Sql journal{"PRAGMA journal_mode", "", "t"};
    constexpr Sql synchronous{"PRAGMA synchronous", "", "t"};
    constexpr Sql foreign{"PRAGMA foreign_keys", "", "t"};
    const auto value = [&](const Sql& sql) {
        std::string text;
        connection.run(sql, {}, [&](const Row& row) { text = row.text(0); });
        return text;
    };
    EXPECT_EQ(value(journal), "wal");
    EXPECT_EQ(value(synchronous), "2");
    EXPECT_EQ(value(foreign), "1");
}

TEST_F(SqliteDatabase, ClosedMeansUnavailable) {
    const auto database = open_sqlite(options_);
    EXPECT_TRUE(database->probe());
    database->close();
    database->close();
    EXPECT_EQ(database->probe().error().kind, ErrorKind::unavailable);
    EXPECT_EQ(database->challenges().insert(sample_challenge(1), 10).error().kind, ErrorKind::unavailable);
    EXPECT_EQ(database->challenges().find("mac-1").error().kind, ErrorKind::unavailable);
}

TEST_F(SqliteDatabase, ABusyDatabaseIsUnavailableAndThenWorks) {
    options_.busy_timeout_ms = 50;
    const auto database = open_sqlite(options_);
    {
        Connection other(Engine::from_url(options_.url, 1000).value(), Use::write);
        other.script("BEGIN IMMEDIATE");
        const auto refused = database->challenges().insert(sample_challenge(1), 10);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().kind, ErrorKind::unavailable);
        EXPECT_TRUE(database->challenges().find("mac-1")) << "readers do not wait for writers";
        other.script("ROLLBACK");
    }
    EXPECT_TRUE(database->challenges().insert(sample_challenge(1), 10));
}

// The library would quote the statement with every value in it.
TEST_F(SqliteDatabase, ErrorsDoNotQuoteTheValues) {
    const auto database = open_sqlite(options_);
    ASSERT_TRUE(database->challenges().insert(sample_challenge(1), 10));
    const auto twice = database->challenges().insert(sample_challenge(1), 10);
    ASSERT_FALSE(twice);
    EXPECT_EQ(twice.error().detail.find(sample_challenge(1).mac), std::string::npos) << twice.error().detail;
    EXPECT_EQ(twice.error().detail.find("INSERT"), std::string::npos) << twice.error().detail;
}

TEST_F(SqliteDatabase, PurgingManyTakesSeveralCommits) {
    int commits = 0;
    options_.crash_point = [&](std::string_view name) {
        commits += name == "store.after_commit.challenge_purge" ? 1 : 0;
    };
    const auto database = open_sqlite(options_);
    run_sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)"
        " INSERT INTO challenges SELECT 'm' || i, i, 'default', '', '', '', '', 0, 1, 'consumed', 0, '', 0 FROM n");
    ASSERT_TRUE(database->challenges().insert(sample_challenge(1), 10));
    EXPECT_EQ(*database->challenges().purge(at_minute(0)), 2500u);
    EXPECT_EQ(commits, 4) << "three batches of the final ones, one of the expired";
    EXPECT_TRUE(database->challenges().find("mac-1")->has_value());
}

TEST_F(SqliteDatabase, ADamagedRowIsAnErrorAndNotARecord) {
    const auto database = open_sqlite(options_);
    ASSERT_TRUE(database->transactions().record_intent(sample_attempt(1)));
    run_sql("UPDATE attempts SET csr = '!!!'");
    EXPECT_EQ(database->transactions().find(sample_attempt(1).id).error().kind, ErrorKind::internal);
    run_sql("UPDATE attempts SET csr = ''");
    EXPECT_TRUE(database->transactions().find(sample_attempt(1).id)) << "the reader did not recover";
}

// While one commit is held up, the writes that arrive meanwhile gather and share the next.
TEST_F(SqliteDatabase, WritesThatWaitShareOneCommit) {
    constexpr unsigned kCallers = 8;
    std::mutex mutex;
    std::condition_variable changed;
    bool first_is_in_commit = false;
    bool go_on = false;
    std::vector<std::string> points;
    options_.crash_point = [&](std::string_view name) {
        std::unique_lock lock(mutex);
        points.emplace_back(name);
        if (points.size() > 1) return;
        first_is_in_commit = true;
        changed.notify_all();
        changed.wait(lock, [&] { return go_on; });
    };
    const auto database = open_sqlite(options_);
    std::vector<std::thread> threads;
    threads.emplace_back([&] { EXPECT_TRUE(database->challenges().insert(sample_challenge(0), 100)); });
    {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return first_is_in_commit; });
    }
    std::atomic<unsigned> queued{0};
    for (unsigned i = 1; i <= kCallers; ++i) {
        threads.emplace_back([&, i] {
            ++queued;
            EXPECT_TRUE(database->challenges().insert(sample_challenge(i), 100));
        });
    }
    while (queued < kCallers) std::this_thread::yield();
    // A caller that has announced itself may not have queued yet; those few then come in a later commit.
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    {
        const std::lock_guard lock(mutex);
        go_on = true;
    }
    changed.notify_all();
    for (std::thread& thread : threads) thread.join();
    ASSERT_EQ(points.size(), 2 * (kCallers + 1));
    EXPECT_EQ(points[0], "store.before_commit.challenge_insert");
    EXPECT_EQ(points[1], "store.after_commit.challenge_insert");
    EXPECT_EQ(points[2], "store.before_commit.challenge_insert");
    EXPECT_EQ(points[3], "store.before_commit.challenge_insert") << "every waiting write made a commit of its own";
}

TEST_F(SqliteDatabase, AFullDiskFailsTheWritersAndSparesTheData) {
    const auto database = open_sqlite(options_);
    ASSERT_TRUE(database->challenges().insert(sample_challenge(1), 10));
    database->close();
    Writer writer(Engine::from_url(options_.url, 1000).value(), options_);
    // SQLite's own limit stands in for the disk's.
    ASSERT_TRUE(writer.run("test", [](Connection& connection) -> Result<void> {
        connection.script("PRAGMA max_page_count = 1");
        return {};
    }));
    const auto full = writer.run("test", [](Connection& connection) -> Result<void> {
        connection.script("CREATE TABLE big (x BLOB)");
        connection.script("INSERT INTO big VALUES (zeroblob(10000000))");
        return {};
    });
    ASSERT_FALSE(full);
    EXPECT_EQ(full.error().kind, ErrorKind::unavailable) << describe(full.error());
    EXPECT_TRUE(writer.run("test", [](Connection& connection) -> Result<void> {
        connection.script("PRAGMA max_page_count = 1000000");
        connection.script("UPDATE challenges SET refusals = 7");
        return {};
    }));
    writer.close();
    const auto again = open_sqlite(options_);
    EXPECT_EQ((*again->challenges().find("mac-1"))->refusals, 7);
}

TEST_F(SqliteDatabase, AnExceptionInOneCallersWorkIsHisAlone) {
    open_sqlite(options_);
    Writer writer(Engine::from_url(options_.url, 1000).value(), options_);
    const auto thrown = writer.run("test", [](Connection& connection) -> Result<void> {
        connection.script("UPDATE schema_version SET version = 77");
        throw std::logic_error("a bug");
    });
    ASSERT_FALSE(thrown);
    EXPECT_EQ(thrown.error().kind, ErrorKind::internal);
    EXPECT_EQ(Database::status(options_)->found, Database::status(options_)->wanted) << "not undone";
    EXPECT_TRUE(writer.run("test", [](Connection&) -> Result<void> { return {}; }));
}

// The whole transaction lost under the callers' feet: everybody hears of it, and the writer goes on.
TEST_F(SqliteDatabase, ALostTransactionIsNobodysSuccess) {
    open_sqlite(options_);
    Writer writer(Engine::from_url(options_.url, 1000).value(), options_);
    const auto lost = writer.run("test", [](Connection& connection) -> Result<void> {
        connection.script("UPDATE schema_version SET version = 77");
        connection.script("ROLLBACK");
        return {};
    });
    ASSERT_FALSE(lost);
    EXPECT_EQ(lost.error().kind, ErrorKind::unavailable);
    EXPECT_EQ(Database::status(options_)->found, Database::status(options_)->wanted);
    EXPECT_TRUE(writer.run("test", [](Connection&) -> Result<void> { return {}; }));
}

// A commit that fails although the work went well must never be reported as done.
TEST_F(SqliteDatabase, AFailedCommitIsNotASuccess) {
    open_sqlite(options_);
    Writer writer(Engine::from_url(options_.url, 1000).value(), options_);
    const auto failed = writer.run("test", [](Connection& connection) -> Result<void> {
        // A deferred constraint is checked by COMMIT itself.
        connection.script("PRAGMA defer_foreign_keys = ON");
        connection.script(
            "INSERT INTO certificates (serial, ca, profile, attempt, kind, subject, sans, template, public_key, "
            "fingerprint,"
            " not_before, not_after, der) VALUES ('01', 'x', '', 'no such attempt', '', '', '', '', '', '', 0, 0, '')");
        return {};
    });
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().kind, ErrorKind::outcome_unknown);
    EXPECT_TRUE(writer.run("test", [](Connection&) -> Result<void> { return {}; })) << "the writer did not recover";
    EXPECT_FALSE(open_sqlite(options_)->issued().find("x", "01")->has_value());
}

TEST_F(SqliteDatabase, TransactionIdsMayHoldAnyOctets) {
    const auto database = open_sqlite(options_);
    Attempt attempt = sample_attempt(1);
    attempt.key.transaction_id = std::string("a\0b\xff\x01", 5);
    ASSERT_TRUE(database->transactions().record_intent(attempt));
    const auto found = database->transactions().latest(attempt.key);
    ASSERT_TRUE(found->has_value());
    EXPECT_EQ((*found)->key, attempt.key);
    Attempt shorter = sample_attempt(2);
    shorter.key.transaction_id = "a";
    EXPECT_FALSE(database->transactions().latest(shorter.key)->has_value());
}

}  // namespace
}  // namespace countersign::store
