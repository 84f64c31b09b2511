// kill -9 at every crash point of the store, and at random ones: what was answered stays, what was not committed never
// was, and a one-time password is spent once or not at all (design invariant 4).
#include "child_process.hpp"
#include "sqlite_fixture.hpp"
#include "store_samples.hpp"

#include <atomic>
#include <set>
#include <thread>

namespace countersign::store {
namespace {

using test::at_minute;
using test::ChildProcess;
using test::open_sqlite;
using test::sample_attempt;
using test::sample_certificate;
using test::sample_challenge;
using test::ScratchDirectory;
using test::sqlite_options;

const std::string kMac = "mac-1";
const std::string kAttempt = sample_attempt(1).id;

// What a crash at a named point leaves: brought about by `prepare`, then `act` dies in the child.
struct CrashCase {
    std::string kind;
    std::function<void(Database&)> prepare;
    std::function<void(Database&)> act;
    // Whether act's effect is there.
    std::function<bool(Database&)> happened;
};

void challenge_exists(Database& database) {
    ASSERT_TRUE(database.challenges().insert(sample_challenge(1), 10));
}
void intent_exists(Database& database) {
    challenge_exists(database);
    ASSERT_TRUE(database.transactions().record_intent(sample_attempt(1, kMac)));
}
void held_exists(Database& database) {
    challenge_exists(database);
    Attempt attempt = sample_attempt(1, kMac);
    attempt.state = AttemptState::held;
    ASSERT_TRUE(database.transactions().record_intent(attempt));
}
void certificate_exists(Database& database) {
    ASSERT_TRUE(database.issued().insert(sample_certificate(1)));
}

std::optional<Challenge> challenge_in(Database& database) {
    return database.challenges().find(kMac).value();
}
bool challenge_is(Database& database, ChallengeState state) {
    const auto challenge = challenge_in(database);
    return challenge && challenge->state == state;
}
bool attempt_is(Database& database, AttemptState state) {
    const auto attempt = database.transactions().find(kAttempt);
    return attempt && attempt->state == state;
}

// `before` and `after` must each be the whole truth; anything between is a torn commit.
std::function<bool(Database&)> either(std::function<bool(Database&)> before, std::function<bool(Database&)> after) {
    return [before, after](Database& database) {
        const bool is_before = before(database);
        const bool is_after = after(database);
        EXPECT_NE(is_before, is_after) << "a torn commit";
        return is_after;
    };
}

std::vector<CrashCase> attempt_cases() {
    const auto intended = [](Database& d) {
        return attempt_is(d, AttemptState::intent) && challenge_is(d, ChallengeState::reserved);
    };
    const auto held = [](Database& d) {
        return attempt_is(d, AttemptState::held) && challenge_is(d, ChallengeState::reserved);
    };
    const auto nothing = [](Database& d) {
        return !d.transactions().find(kAttempt) && challenge_is(d, ChallengeState::outstanding);
    };
    const auto no_certificate = [](Database& d) { return d.issued().list({})->empty(); };
    return {
        {"intent", challenge_exists, [](Database& d) { (void)d.transactions().record_intent(sample_attempt(1, kMac)); },
         either(nothing, intended)},
        {"issued", intent_exists,
         [](Database& d) { (void)d.transactions().record_issued(kAttempt, sample_certificate(1), at_minute(1)); },
         either([=](Database& d) { return intended(d) && no_certificate(d); },
                [=](Database& d) {
                    return attempt_is(d, AttemptState::issued) && challenge_is(d, ChallengeState::consumed) &&
                           !no_certificate(d);
                })},
        {"pending", intent_exists,
         [](Database& d) { (void)d.transactions().record_pending(kAttempt, "h", at_minute(1)); },
         either(intended,
                [](Database& d) {
                    return attempt_is(d, AttemptState::pending) && challenge_is(d, ChallengeState::consumed);
                })},
        {"failed", intent_exists,
         [](Database& d) { (void)d.transactions().record_failed(kAttempt, "", ChallengeFate::release, at_minute(1)); },
         either(intended,
                [](Database& d) {
                    return attempt_is(d, AttemptState::failed) && challenge_is(d, ChallengeState::outstanding);
                })},
        {"failed", intent_exists,
         [](Database& d) { (void)d.transactions().record_failed(kAttempt, "", ChallengeFate::consume, at_minute(1)); },
         either(intended,
                [](Database& d) {
                    return attempt_is(d, AttemptState::failed) && challenge_is(d, ChallengeState::consumed);
                })},
        {"approve", held_exists, [](Database& d) { (void)d.transactions().approve(kAttempt, "o", at_minute(1)); },
         either(held,
                [](Database& d) {
                    return attempt_is(d, AttemptState::approved) && challenge_is(d, ChallengeState::reserved);
                })},
        {"deny", held_exists, [](Database& d) { (void)d.transactions().deny(kAttempt, "o", "", at_minute(1)); },
         either(held,
                [](Database& d) {
                    return attempt_is(d, AttemptState::failed) && challenge_is(d, ChallengeState::consumed);
                })},
    };
}

// What is told happened, and what happened is told: never one without the other.
std::vector<CrashCase> notification_cases() {
    const auto subscribe = [](Database& d) {
        d.outbox().subscribe({{"mdm", {NotificationEvent::issued, NotificationEvent::revoked}}});
    };
    const auto told = [](Database& d) { return !d.outbox().due("mdm", at_minute(9), 10)->empty(); };
    const std::string serial = sample_certificate(1).serial;
    return {
        {"issued", intent_exists,
         [=](Database& d) {
             subscribe(d);
             (void)d.transactions().record_issued(kAttempt, sample_certificate(1), at_minute(1));
         },
         either([=](Database& d) { return attempt_is(d, AttemptState::intent) && !told(d); },
                [=](Database& d) { return attempt_is(d, AttemptState::issued) && told(d); })},
        {"certificate_revoke", certificate_exists,
         [=](Database& d) {
             subscribe(d);
             (void)d.issued().revoke("local", serial, 1, at_minute(1));
         },
         [=](Database& d) {
             const bool revoked = (*d.issued().find("local", serial))->revoked.has_value();
             EXPECT_EQ(told(d), revoked) << "a torn commit";
             return revoked;
         }},
    };
}

std::vector<CrashCase> other_cases() {
    const std::string serial = sample_certificate(1).serial;
    return {
        {"challenge_insert", [](Database&) {},
         [](Database& d) { (void)d.challenges().insert(sample_challenge(1), 10); },
         [](Database& d) { return challenge_is(d, ChallengeState::outstanding); }},
        {"challenge_revoke", challenge_exists,
         [](Database& d) { (void)d.challenges().revoke(sample_challenge(1).id, at_minute(1)); },
         [](Database& d) { return challenge_is(d, ChallengeState::revoked); }},
        {"challenge_refusal", challenge_exists,
         [](Database& d) { (void)d.challenges().count_refusal(kMac, 1, at_minute(1)); },
         [](Database& d) { return challenge_is(d, ChallengeState::burnt); }},
        {"challenge_purge", challenge_exists, [](Database& d) { (void)d.challenges().purge(at_minute(100)); },
         [](Database& d) { return !challenge_in(d); }},
        {"certificate_insert", [](Database&) {}, [](Database& d) { (void)d.issued().insert(sample_certificate(1)); },
         [=](Database& d) { return d.issued().find("local", serial)->has_value(); }},
        {"certificate_revoke", certificate_exists,
         [=](Database& d) { (void)d.issued().revoke("local", serial, 1, at_minute(1)); },
         [=](Database& d) {
             const bool revoked = (*d.issued().find("local", serial))->revoked.has_value();
             EXPECT_EQ(*d.issued().revocation_version("local"), revoked ? 1u : 0u) << "a torn commit";
             return revoked;
         }},
        {"crl_number", [](Database&) {}, [](Database& d) { (void)d.issued().next_crl_number("local"); },
         [](Database& d) { return *d.issued().next_crl_number("local") == 2; }},
    };
}

void run_case(const CrashCase& test_case, bool after_commit) {
    const std::string point = (after_commit ? "store.after_commit." : "store.before_commit.") + test_case.kind;
    SCOPED_TRACE(point);
    const ScratchDirectory directory;
    {
        const auto database = open_sqlite(directory);
        ASSERT_TRUE(database);
        test_case.prepare(*database);
    }
    ChildProcess child([&](const ChildProcess::Link&) {
        DatabaseOptions options = sqlite_options(directory);
        options.as_daemon = true;
        options.crash_point = [&](std::string_view name) {
            if (name == point) ::kill(::getpid(), SIGKILL);
        };
        const auto database = Database::open(options);
        if (!database) return 1;
        test_case.act(**database);
        return 2;
    });
    ASSERT_TRUE(test::died_of_kill(child.wait()));
    DatabaseOptions options = sqlite_options(directory);
    options.as_daemon = true;
    const auto database = Database::open(options);
    ASSERT_TRUE(database) << "the dead daemon's lock was not freed: " << describe(database.error());
    EXPECT_EQ(test_case.happened(**database), after_commit);
}

TEST(StoreCrash, NothingHappenedBeforeTheCommit) {
    for (const CrashCase& test_case : attempt_cases()) run_case(test_case, false);
    for (const CrashCase& test_case : other_cases()) run_case(test_case, false);
    for (const CrashCase& test_case : notification_cases()) run_case(test_case, false);
}

TEST(StoreCrash, EverythingHappenedAfterTheCommit) {
    for (const CrashCase& test_case : attempt_cases()) run_case(test_case, true);
    for (const CrashCase& test_case : other_cases()) run_case(test_case, true);
    for (const CrashCase& test_case : notification_cases()) run_case(test_case, true);
}

// A password reserved by an attempt that died is not lost: whoever finishes the attempt frees or spends it.
TEST(StoreCrash, AReservationSurvivesItsProcessAndCanBeSettledByTheNext) {
    for (const ChallengeFate fate : {ChallengeFate::release, ChallengeFate::consume}) {
        const ScratchDirectory directory;
        challenge_exists(*open_sqlite(directory));
        ChildProcess child([&](const ChildProcess::Link&) {
            const auto database = Database::open(sqlite_options(directory));
            if (!database || !(*database)->transactions().record_intent(sample_attempt(1, kMac))) return 1;
            ::kill(::getpid(), SIGKILL);
            return 2;
        });
        ASSERT_TRUE(test::died_of_kill(child.wait()));
        const auto database = open_sqlite(directory);
        ASSERT_TRUE(database);
        EXPECT_FALSE(database->transactions().record_intent(sample_attempt(2, kMac))) << "spent twice";
        const auto interrupted = database->transactions().in_state(AttemptState::intent, 10);
        ASSERT_TRUE(interrupted);
        ASSERT_EQ(interrupted->size(), 1u);
        ASSERT_TRUE(database->transactions().record_failed(interrupted->front().id, "interrupted", fate, at_minute(1)));
        EXPECT_EQ(database->transactions().record_intent(sample_attempt(2, kMac)).has_value(),
                  fate == ChallengeFate::release);
    }
}

// Threads of the child race for passwords and report every answer; it is killed in the middle, again and again.
struct Storm {
    static constexpr unsigned kThreads = 8;
    static constexpr unsigned kPerThread = 200;
    static constexpr unsigned kChallenges = 100;

    static int play(const ScratchDirectory& directory, unsigned round, const ChildProcess::Link& parent) {
        const auto database = Database::open(sqlite_options(directory));
        if (!database) return 1;
        std::vector<std::thread> threads;
        for (unsigned thread = 0; thread < kThreads; ++thread) {
            threads.emplace_back([&, thread] {
                for (unsigned i = 0; i < kPerThread; ++i) {
                    const unsigned number = (round * kThreads + thread) * kPerThread + i;
                    const Attempt attempt =
                        sample_attempt(number, "mac-" + std::to_string((thread * 7 + i) % kChallenges));
                    if (!(*database)->transactions().record_intent(attempt)) continue;
                    parent.report(attempt.id + " " + attempt.challenge_mac);
                }
            });
        }
        for (std::thread& thread : threads) thread.join();
        return 0;
    }
};

TEST(StoreCrash, WhatWasAnsweredBeforeARandomKillIsThereAndWasAnsweredOnce) {
    const ScratchDirectory directory;
    {
        const auto database = open_sqlite(directory);
        ASSERT_TRUE(database);
        for (unsigned i = 0; i < Storm::kChallenges; ++i) {
            ASSERT_TRUE(database->challenges().insert(sample_challenge(i), 1000));
        }
    }
    std::set<std::string> spent;
    for (unsigned round = 0; round < 8; ++round) {
        ChildProcess child([&](const ChildProcess::Link& link) { return Storm::play(directory, round, link); });
        std::vector<std::string> answered;
        for (unsigned i = 0; i < 1 + round * 2; ++i) {
            if (std::string line = child.next_line(); !line.empty()) answered.push_back(std::move(line));
        }
        child.kill();
        for (std::string line = child.next_line(); !line.empty(); line = child.next_line()) answered.push_back(line);
        child.wait();
        const auto database = open_sqlite(directory);
        ASSERT_TRUE(database);
        for (const std::string& line : answered) {
            const std::string id = line.substr(0, 32);
            const std::string mac = line.substr(33);
            EXPECT_TRUE(spent.insert(mac).second) << mac << " was reserved twice";
            const auto attempt = database->transactions().find(id);
            ASSERT_TRUE(attempt) << "answered and lost: " << id;
            EXPECT_EQ((*database->challenges().find(mac))->attempt, id);
        }
        // Committed but not yet answered when it died: those are spent too.
        for (const Attempt& attempt : *database->transactions().in_state(AttemptState::intent, 10000)) {
            spent.insert(attempt.challenge_mac);
        }
        EXPECT_EQ(spent.size() + *database->challenges().count_outstanding("default", at_minute(1)),
                  Storm::kChallenges);
    }
    EXPECT_FALSE(spent.empty());
}

}  // namespace
}  // namespace countersign::store
