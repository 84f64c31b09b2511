// What only a server has: several nodes at once, transactions that cross, connections that break, settings of somebody
// else.
#include "server.hpp"
#include "store/readers.hpp"
#include "store_samples.hpp"

#include <atomic>
#include <thread>

namespace countersign::store {
namespace {

using test::at_minute;
using test::open_postgresql;
using test::postgresql_options;
using test::postgresql_server;
using test::sample_attempt;
using test::sample_challenge;

// Design invariant 4: one-time means once, across nodes.
TEST(PostgresqlNodes, APasswordIsReservedByOneOfManyNodes) {
    constexpr unsigned kNodes = 3;
    constexpr unsigned kThreads = 3;
    constexpr unsigned kChallenges = 20;
    const auto url = postgresql_server().fresh_url();
    std::vector<std::unique_ptr<Database>> nodes;
    for (unsigned n = 0; n < kNodes; ++n) nodes.push_back(open_postgresql(url));
    for (unsigned i = 0; i < kChallenges; ++i) {
        ASSERT_TRUE(nodes[i % kNodes]->challenges().insert(sample_challenge(i), 1000));
    }
    std::atomic<unsigned> won{0};
    std::atomic<unsigned> strange{0};
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < kNodes * kThreads; ++t) {
        threads.emplace_back([&, t] {
            for (unsigned i = 0; i < kChallenges; ++i) {
                const auto attempt = sample_attempt(t * kChallenges + i, "mac-" + std::to_string(i));
                const auto recorded = nodes[t % kNodes]->transactions().record_intent(attempt);
                if (recorded)
                    ++won;
                else if (recorded.error().kind != ErrorKind::denied)
                    ++strange;
            }
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(won, kChallenges);
    EXPECT_EQ(strange, 0U) << "transactions that cross are done again, not reported";
}

// A commit that is on its way to the disk or to a standby undoes whatever crosses it, as often as that is tried again.
TEST(PostgresqlNodes, CommitsThatTakeTheirTimeCostNobodyAnAnswer) {
    const auto url = postgresql_server().fresh_url();
    open_postgresql(url);
    const auto slow = url + "%20-ccommit_delay%3D30000%20-ccommit_siblings%3D0";
    constexpr unsigned kNodes = 3;
    constexpr unsigned kEach = 15;
    std::vector<std::unique_ptr<Database>> nodes;
    for (unsigned n = 0; n < kNodes; ++n) nodes.push_back(open_postgresql(slow));
    std::vector<std::thread> threads;
    std::atomic<unsigned> done{0};
    for (unsigned n = 0; n < kNodes; ++n) {
        threads.emplace_back([&, n] {
            for (unsigned i = 0; i < kEach; ++i) {
                const auto inserted = nodes[n]->challenges().insert(sample_challenge(n * kEach + i), 1000);
                EXPECT_TRUE(inserted) << describe(inserted.error());
                if (inserted) ++done;
            }
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(done, kNodes * kEach);
}

TEST(PostgresqlNodes, AnAttemptIsFinishedByOneOfTwoNodes) {
    const auto url = postgresql_server().fresh_url();
    const auto one = open_postgresql(url);
    const auto other = open_postgresql(url);
    constexpr unsigned kAttempts = 30;
    std::atomic<unsigned> first{0};
    std::atomic<unsigned> late{0};
    for (unsigned i = 0; i < kAttempts; ++i) {
        const auto attempt = sample_attempt(i);
        ASSERT_TRUE(one->transactions().record_intent(attempt));
        const auto finish = [&](Database& node) {
            const auto done = node.transactions().record_failed(attempt.id, "no", ChallengeFate::consume, at_minute(1));
            if (done)
                ++first;
            else if (done.error().kind == ErrorKind::conflict)
                ++late;
        };
        std::thread rival([&] { finish(*other); });
        finish(*one);
        rival.join();
    }
    EXPECT_EQ(first, kAttempts);
    EXPECT_EQ(late, kAttempts);
}

TEST(PostgresqlNodes, TheLimitOfOutstandingPasswordsHoldsAcrossNodes) {
    const auto url = postgresql_server().fresh_url();
    const auto one = open_postgresql(url);
    const auto other = open_postgresql(url);
    constexpr std::size_t kLimit = 5;
    std::atomic<unsigned> inserted{0};
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < 4; ++t) {
        threads.emplace_back([&, t] {
            for (unsigned i = 0; i < kLimit; ++i) {
                auto& node = t % 2 == 0 ? *one : *other;
                if (node.challenges().insert(sample_challenge(t * 100 + i), kLimit)) ++inserted;
            }
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(inserted, kLimit);
}

TEST(PostgresqlNodes, ManyMayMigrateAtOnce) {
    const auto url = postgresql_server().fresh_url();
    std::atomic<unsigned> done{0};
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
            const auto migrated = Database::migrate(postgresql_options(url));
            EXPECT_TRUE(migrated) << describe(migrated.error());
            if (migrated) ++done;
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(done, 4U);
    const auto status = Database::status(postgresql_options(url));
    ASSERT_TRUE(status);
    EXPECT_EQ(status->found, status->wanted);
}

// An index of a large table takes longer than any statement of a node may.
TEST(PostgresqlNodes, AStepOfTheSchemaMayTakeItsTime) {
    auto& server = postgresql_server();
    auto options = postgresql_options(server.fresh_url());
    options.busy_timeout_ms = 200;
    const auto schema = options.url.substr(options.url.rfind("3D") + 2);
    server.query("CREATE FUNCTION slow_" + schema +
                 "() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN IF current_schema() = ''" + schema +
                 "'' THEN PERFORM pg_sleep(0.5); END IF; END'");
    server.query("CREATE EVENT TRIGGER slow ON ddl_command_end WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION slow_" +
                 schema + "()");
    const auto migrated = Database::migrate(options);
    server.query("DROP EVENT TRIGGER slow");
    ASSERT_TRUE(migrated) << describe(migrated.error());
    EXPECT_EQ(Database::status(options)->found, migrated->wanted);
}

TEST(PostgresqlNodes, AnAttemptIsHeldByOneOfTwoNodes) {
    const auto url = postgresql_server().fresh_url();
    const auto one = open_postgresql(url);
    auto other = open_postgresql(url);
    auto held = other->holds().take("shared-1");
    ASSERT_TRUE(held && *held);
    const auto refused = one->holds().take("shared-1");
    ASSERT_TRUE(refused);
    EXPECT_FALSE(*refused);
    held->reset();
    const auto taken = one->holds().take("shared-1");
    ASSERT_TRUE(taken);
    EXPECT_TRUE(*taken);
}

TEST(PostgresqlNodes, ANodeThatLosesItsConnectionsLosesItsHolds) {
    auto& server = postgresql_server();
    const auto url = server.fresh_url();
    const auto one = open_postgresql(url);
    auto held = one->holds().take("shared-2");
    ASSERT_TRUE(held && *held);
    server.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'countersign'");
    const auto other = open_postgresql(url);
    const auto taken = other->holds().take("shared-2");
    ASSERT_TRUE(taken);
    EXPECT_TRUE(*taken) << "the dead node's hold is gone";
    // Letting go of what is lost does not let go of what the other has.
    held->reset();
    const auto again = one->holds().take("shared-2");
    ASSERT_TRUE(again) << describe(again.error());
    EXPECT_FALSE(*again);
}

TEST(PostgresqlServer, IsUsedAgainAfterItWasAway) {
    auto& server = postgresql_server();
    const auto database = open_postgresql(server.fresh_url());
    ASSERT_TRUE(database->challenges().insert(sample_challenge(1), 1000));
    server.stop("immediate");
    const auto away = database->challenges().insert(sample_challenge(2), 1000);
    ASSERT_FALSE(away);
    EXPECT_EQ(away.error().kind, ErrorKind::unavailable) << describe(away.error());
    // More often than there are connections: that they break is one thing, that no new ones are to be had another.
    for (int i = 0; i < 10; ++i) {
        const auto found = database->challenges().find(sample_challenge(1).mac);
        ASSERT_FALSE(found);
        EXPECT_EQ(found.error().kind, ErrorKind::unavailable) << describe(found.error());
    }
    EXPECT_FALSE(database->probe());
    server.start();
    EXPECT_TRUE(database->challenges().insert(sample_challenge(3), 1000));
    // Each reading connection notices once; four of them, and then all is well.
    for (int i = 0; i < 4 && !database->probe(); ++i) {
    }
    const auto first = database->challenges().find(sample_challenge(1).mac);
    ASSERT_TRUE(first) << describe(first.error());
    EXPECT_TRUE(first->has_value()) << "what was committed survives";
    const auto second = database->challenges().find(sample_challenge(2).mac);
    ASSERT_TRUE(second);
    EXPECT_FALSE(second->has_value()) << "what was refused did not happen";
}

TEST(PostgresqlServer, OneReaderLearnsThatTheConnectionsAreGone) {
    auto& server = postgresql_server();
    const auto url = server.fresh_url();
    open_postgresql(url);
    const auto engine = Engine::from_url(url, 10000);
    ASSERT_TRUE(engine);
    Readers readers(*engine, 3);
    const auto ask = [](Connection& connection) { connection.script("SELECT 1"); };
    server.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'countersign'");
    EXPECT_EQ(readers.run(ask).error().kind, ErrorKind::unavailable);
    // All three at once, so that each is another.
    Result<void> second, third;
    const auto first = readers.run([&](Connection& one) {
        ask(one);
        second = readers.run([&](Connection& other) {
            ask(other);
            third = readers.run(ask);
        });
    });
    EXPECT_TRUE(first) << describe(first.error());
    EXPECT_TRUE(second) << describe(second.error());
    EXPECT_TRUE(third) << describe(third.error());
}

TEST(PostgresqlServer, MustCommitDurably) {
    auto& server = postgresql_server();
    const auto url = server.fresh_url();
    open_postgresql(url);
    const auto careless = Database::open(postgresql_options(url + "%20-csynchronous_commit%3Doff"));
    ASSERT_FALSE(careless);
    EXPECT_EQ(careless.error().kind, ErrorKind::unavailable);
    EXPECT_NE(careless.error().detail.find("synchronous_commit"), std::string::npos) << careless.error().detail;
}

TEST(PostgresqlServer, WithTablesOfAnotherProgramIsRefused) {
    auto& server = postgresql_server();
    const auto url = server.fresh_url();
    const auto schema = url.substr(url.rfind("3D") + 2);
    server.query("CREATE TABLE " + schema + ".other (a int)");
    const auto migrated = Database::migrate(postgresql_options(url));
    ASSERT_FALSE(migrated);
    EXPECT_EQ(migrated.error().kind, ErrorKind::conflict);
}

TEST(PostgresqlServer, WithANewerOrOlderSchemaIsRefused) {
    auto& server = postgresql_server();
    const auto url = server.fresh_url();
    const auto schema = url.substr(url.rfind("3D") + 2);
    const auto empty = Database::open(postgresql_options(url));
    ASSERT_FALSE(empty);
    EXPECT_EQ(empty.error().kind, ErrorKind::expired);
    open_postgresql(url);
    server.query("UPDATE " + schema + ".schema_version SET version = 9999");
    const auto newer = Database::open(postgresql_options(url));
    ASSERT_FALSE(newer);
    EXPECT_EQ(newer.error().kind, ErrorKind::conflict);
}

TEST(PostgresqlUrl, IsRefusedWithAPasswordInIt) {
    for (const std::string url : {"postgresql://user:secret@host/db", "postgresql://host/db?password=secret"}) {
        const auto opened = Database::open(postgresql_options(url));
        ASSERT_FALSE(opened);
        EXPECT_EQ(opened.error().kind, ErrorKind::malformed);
        EXPECT_EQ(opened.error().detail.find("secret"), std::string::npos);
        EXPECT_NE(opened.error().detail.find("passfile"), std::string::npos);
    }
}

TEST(PostgresqlUrl, IsRefusedWhenLibpqCannotReadIt) {
    const auto opened = Database::open(postgresql_options("postgresql://host/db?nonsense=1"));
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().kind, ErrorKind::malformed);
}

TEST(PostgresqlUrl, WithoutAServerBehindItSaysWhere) {
    const auto opened = Database::open(postgresql_options("postgresql://countersign@/db?host=/nonexistent"));
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().kind, ErrorKind::unavailable);
    EXPECT_NE(opened.error().detail.find("/nonexistent"), std::string::npos) << opened.error().detail;
}

}  // namespace
}  // namespace countersign::store
