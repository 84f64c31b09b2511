// Design invariant 4: one-time means once, under 64 threads, across processes, across kill -9: from the typed password
// to the recorded certificate.
#include "child_process.hpp"
#include "one_time_fixture.hpp"

#include <atomic>
#include <cstdlib>
#include <thread>

namespace countersign::challenge {
namespace {

using test::at_minute;
using test::ChildProcess;
using test::sample_attempt;
using test::sample_certificate;

using Once = OneTimeTest;

// COUNTERSIGN_RACES says how many passwords are raced for.
unsigned races() {
    const char* wanted = std::getenv("COUNTERSIGN_RACES");
    return wanted == nullptr ? 10 : static_cast<unsigned>(std::stoul(wanted));
}

TEST_F(Once, OneOfManyThreadsSpendsAPassword) {
    constexpr unsigned kThreads = 64;
    auto passwords = passwords_of("default");
    for (unsigned round = 0; round < races(); ++round) {
        const std::string value = minted(passwords);
        std::atomic<unsigned> won{0};
        std::atomic<unsigned> refused{0};
        std::vector<std::thread> threads;
        for (unsigned i = 0; i < kThreads; ++i) {
            threads.emplace_back([&, i] {
                const auto claim = passwords.reserve(facts_with(i % 2 == 0 ? value : " " + value));
                const unsigned number = round * kThreads + i;
                if (!claim) {
                    if (claim.error().kind == ErrorKind::conflict) ++refused;
                    return;
                }
                const auto intended = intend(number, *claim);
                if (!intended) {
                    if (intended.error().kind == ErrorKind::denied) ++refused;
                    return;
                }
                ++won;
                EXPECT_TRUE(database_->transactions().record_issued(sample_attempt(number).id,
                                                                    sample_certificate(number), at_minute(2)));
            });
        }
        for (std::thread& thread : threads) thread.join();
        EXPECT_EQ(won, 1u);
        EXPECT_EQ(refused, kThreads - 1);
        EXPECT_EQ(database_->transactions().in_state(store::AttemptState::issued, races() + 1)->size(), round + 1);
    }
}

// `countersign challenge new` in one process, the daemon in another.
TEST_F(Once, WhatTheCommandLineMintsTheDaemonAcceptsOnce) {
    database_.reset();
    ChildProcess command([&](const ChildProcess::Link& link) {
        link.wait_for_start();
        database_ = open();
        auto passwords = passwords_of("default");
        for (int i = 0; i < 10; ++i) link.report(minted(passwords));
        return 0;
    });
    database_ = open();
    auto passwords = passwords_of("default");
    command.start();
    unsigned number = 0;
    for (std::string value = command.next_line(); !value.empty(); value = command.next_line()) {
        const auto claim = passwords.reserve(facts_with(value));
        ASSERT_TRUE(claim) << describe(claim.error());
        EXPECT_TRUE(intend(++number, *claim));
        EXPECT_TRUE(refused_as(passwords.reserve(facts_with(value)), ErrorKind::conflict));
    }
    EXPECT_EQ(number, 10u);
    EXPECT_TRUE(test::ended_well(command.wait()));
}

// Killed at each point of an enrollment; the next process must find the password unspent, spent, or reserved by an
// attempt that it can settle: never free for a second certificate, never lost without one.
TEST_F(Once, AKillAtAnyPointNeitherSpendsTwiceNorLoses) {
    struct Expectation {
        const char* point;
        bool free;  // another attempt may have it at once
        bool certified;
    };
    const Expectation expectations[] = {
        {"store.before_commit.challenge_insert", false, false},
        {"store.after_commit.challenge_insert", true, false},
        {"store.before_commit.intent", true, false},
        {"store.after_commit.intent", false, false},
        {"store.before_commit.issued", false, false},
        {"store.after_commit.issued", false, true},
    };
    unsigned number = 0;
    for (const Expectation& expected : expectations) {
        SCOPED_TRACE(expected.point);
        ++number;
        database_.reset();
        std::string value;
        const unsigned attempt_number = number;
        ChildProcess child([&](const ChildProcess::Link& link) {
            // The password is told before it is stored, so that the parent knows it whatever the point.
            class TellingRandom final : public Random {
            public:
                explicit TellingRandom(const ChildProcess::Link& to, std::uint64_t seed) : link_(to), random_(seed) {}
                void fill(std::span<std::uint8_t> out) override {
                    random_.fill(out);
                    link_.report(upper_hex(out));
                }

            private:
                const ChildProcess::Link& link_;
                test::CountingRandom random_;
            } telling(link, attempt_number * 1000);
            store::DatabaseOptions options;
            options.url = "sqlite:" + (directory_ / "test.db").string();
            options.crash_point = [&](std::string_view name) {
                if (name == expected.point) ::kill(::getpid(), SIGKILL);
            };
            database_ = *store::Database::open(options);
            OneTimePasswords passwords(options_for("default"), test_pepper(), database_->challenges(), telling);
            const auto claim = passwords.reserve(facts_with(minted(passwords)));
            if (!claim || !intend(attempt_number, *claim)) return 1;
            (void)database_->transactions().record_issued(sample_attempt(attempt_number).id,
                                                          sample_certificate(attempt_number), at_minute(2));
            return 2;
        });
        value = child.next_line();
        ASSERT_EQ(value.size(), 16u);
        ASSERT_TRUE(test::died_of_kill(child.wait()));
        database_ = open();
        auto passwords = passwords_of("default");
        const auto claim = passwords.reserve(facts_with(value));
        EXPECT_EQ(claim.has_value(), expected.free);
        EXPECT_EQ((*database_->issued().find("local", sample_certificate(attempt_number).serial)).has_value(),
                  expected.certified);
        const auto interrupted = database_->transactions().in_state(store::AttemptState::intent, 10);
        ASSERT_TRUE(interrupted);
        for (const store::Attempt& attempt : *interrupted) {
            ASSERT_TRUE(database_->transactions().record_failed(attempt.id, "interrupted",
                                                                store::ChallengeFate::release, at_minute(3)));
            EXPECT_TRUE(passwords.reserve(facts_with(value))) << "lost when only reserved";
        }
        if (expected.certified) {
            EXPECT_TRUE(refused_as(passwords.reserve(facts_with(value)), ErrorKind::conflict));
        }
    }
}

}  // namespace
}  // namespace countersign::challenge
