// Several processes on one SQLite file: the daemon, its rival, and the command line.
#include "child_process.hpp"
#include "sqlite_fixture.hpp"
#include "store/connection.hpp"
#include "store_samples.hpp"

#include <atomic>
#include <thread>

namespace countersign::store {
namespace {

using test::at_minute;
using test::ChildProcess;
using test::open_sqlite;
using test::sample_attempt;
using test::sample_challenge;
using test::ScratchDirectory;
using test::sqlite_options;

// Design invariant 4: one-time means once, across processes.
TEST(StoreProcesses, APasswordIsReservedByOneOfManyProcesses) {
    constexpr unsigned kProcesses = 4;
    constexpr unsigned kThreads = 4;
    constexpr unsigned kChallenges = 25;
    const ScratchDirectory directory;
    {
        const auto database = open_sqlite(directory);
        ASSERT_TRUE(database);
        for (unsigned i = 0; i < kChallenges; ++i)
            ASSERT_TRUE(database->challenges().insert(sample_challenge(i), 1000));
    }
    const auto race = [&](unsigned process, const ChildProcess::Link& link) {
        const auto database = Database::open(sqlite_options(directory));
        if (!database) return 1;
        link.report("ready");
        link.wait_for_start();
        std::atomic<int> strange{0};
        std::vector<std::thread> threads;
        for (unsigned thread = 0; thread < kThreads; ++thread) {
            threads.emplace_back([&, thread] {
                for (unsigned i = 0; i < kChallenges; ++i) {
                    const Attempt attempt =
                        sample_attempt((process * kThreads + thread) * kChallenges + i, "mac-" + std::to_string(i));
                    const auto recorded = (*database)->transactions().record_intent(attempt);
                    if (recorded)
                        link.report("won " + attempt.challenge_mac);
                    else if (recorded.error().kind != ErrorKind::denied)
                        ++strange;
                }
            });
        }
        for (std::thread& thread : threads) thread.join();
        return strange == 0 ? 0 : 2;
    };
    std::vector<std::unique_ptr<ChildProcess>> children;
    for (unsigned p = 0; p < kProcesses; ++p) {
        children.push_back(
            std::make_unique<ChildProcess>([&, p](const ChildProcess::Link& link) { return race(p, link); }));
    }
    for (const auto& child : children) ASSERT_EQ(child->next_line(), "ready");
    for (const auto& child : children) child->start();
    unsigned won = 0;
    for (const auto& child : children) {
        while (!child->next_line().empty()) ++won;
        EXPECT_TRUE(test::ended_well(child->wait()));
    }
    EXPECT_EQ(won, kChallenges);
}

TEST(StoreProcesses, OneDaemonPerDatabase) {
    const ScratchDirectory directory;
    DatabaseOptions options = sqlite_options(directory);
    open_sqlite(options);
    options.as_daemon = true;
    ChildProcess first([&](const ChildProcess::Link& link) {
        const auto database = Database::open(options);
        link.report(database ? "up" : describe(database.error()));
        link.wait_for_start();
        return 0;
    });
    ASSERT_EQ(first.next_line(), "up");
    const auto second = Database::open(options);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, ErrorKind::conflict);
    EXPECT_NE(second.error().detail.find("another daemon"), std::string::npos) << second.error().detail;
    first.kill();
    first.wait();
    EXPECT_TRUE(Database::open(options)) << "the lock outlived its process";
}

TEST(StoreProcesses, ClosingFreesTheDaemonsLock) {
    const ScratchDirectory directory;
    DatabaseOptions options = sqlite_options(directory);
    open_sqlite(options);
    options.as_daemon = true;
    const auto first = Database::open(options);
    ASSERT_TRUE(first);
    EXPECT_FALSE(Database::open(options));
    (*first)->close();
    EXPECT_TRUE(Database::open(options));
}

TEST(StoreProcesses, AnotherNameForTheDatabaseIsNoWayAroundTheLock) {
    const ScratchDirectory directory;
    DatabaseOptions options = sqlite_options(directory);
    open_sqlite(options);
    options.as_daemon = true;
    const auto first = Database::open(options);
    ASSERT_TRUE(first);
    std::filesystem::create_symlink(directory / "test.db", directory / "alias.db");
    options.url = "sqlite:" + (directory / "alias.db").string();
    const auto second = Database::open(options);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, ErrorKind::conflict);
}

TEST(StoreProcesses, NothingIsMigratedUnderARunningDaemon) {
    const ScratchDirectory directory;
    DatabaseOptions options = sqlite_options(directory);
    open_sqlite(options);
    options.as_daemon = true;
    const auto daemon = Database::open(options);
    ASSERT_TRUE(daemon);
    EXPECT_TRUE(Database::migrate(options)) << "there is nothing to do";
    Connection(Engine::from_url(options.url, 1000).value(), Use::write)
        .script("UPDATE schema_version SET version = 0");
    const auto refused = Database::migrate(options);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::conflict);
}

// `countersign challenge new` while the daemon runs.
TEST(StoreProcesses, TheCommandLineMintsWhileTheDaemonRuns) {
    const ScratchDirectory directory;
    DatabaseOptions options = sqlite_options(directory);
    open_sqlite(options);
    ChildProcess command([&](const ChildProcess::Link& link) {
        link.wait_for_start();
        const auto database = Database::open(options);
        if (!database) return 1;
        for (unsigned i = 0; i < 50; ++i) {
            if (!(*database)->challenges().insert(sample_challenge(i), 1000)) return 2;
            link.report(sample_challenge(i).mac);
        }
        return 0;
    });
    options.as_daemon = true;
    const auto daemon = Database::open(options);
    ASSERT_TRUE(daemon) << describe(daemon.error());
    EXPECT_FALSE((*daemon)->challenges().find("mac-0")->has_value());
    command.start();
    unsigned number = 1000;
    for (std::string mac = command.next_line(); !mac.empty(); mac = command.next_line()) {
        const auto found = (*daemon)->challenges().find(mac);
        ASSERT_TRUE(found) << describe(found.error());
        EXPECT_TRUE(found->has_value()) << "the daemon does not see " << mac;
        const auto recorded = (*daemon)->transactions().record_intent(sample_attempt(number++, mac));
        EXPECT_TRUE(recorded) << describe(recorded.error());
    }
    EXPECT_TRUE(test::ended_well(command.wait()));
    EXPECT_EQ(number, 1050u);
    EXPECT_EQ(*(*daemon)->challenges().count_outstanding("default", at_minute(1)), 0u);
}

TEST(StoreProcesses, ARevocationElsewhereChangesTheVersionHere) {
    const ScratchDirectory directory;
    open_sqlite(directory);
    ChildProcess command([&](const ChildProcess::Link& link) {
        link.wait_for_start();
        const auto database = Database::open(sqlite_options(directory));
        if (!database) return 1;
        return (*database)->issued().revoke("local", test::sample_certificate(1).serial, 1, at_minute(1)) ? 0 : 2;
    });
    const auto daemon = Database::open(sqlite_options(directory));
    ASSERT_TRUE(daemon);
    ASSERT_TRUE((*daemon)->issued().insert(test::sample_certificate(1)));
    const auto before = *(*daemon)->issued().revocation_version("local");
    command.start();
    ASSERT_TRUE(test::ended_well(command.wait()));
    EXPECT_NE(before, *(*daemon)->issued().revocation_version("local"));
}

}  // namespace
}  // namespace countersign::store
