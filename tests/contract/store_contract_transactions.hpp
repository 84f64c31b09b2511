// The contract of store::Transactions.
#pragma once

#include "store_contract.hpp"

#include <atomic>

namespace countersign::store {

using test::at_minute;
using test::sample_attempt;
using test::sample_certificate;
using test::sample_challenge;

TEST_P(StoreContract, AnAttemptComesBackAsItWasRecorded) {
    Attempt attempt = sample_attempt(1);
    attempt.state = AttemptState::held;
    attempt.reason = "new device";
    insert_intent(attempt);
    const auto found = transactions().find(attempt.id);
    ASSERT_TRUE(succeeds(found));
    EXPECT_EQ(found->id, attempt.id);
    EXPECT_EQ(found->key, attempt.key);
    EXPECT_EQ(found->kind, attempt.kind);
    EXPECT_EQ(found->request_digest, attempt.request_digest);
    EXPECT_EQ(found->csr, attempt.csr);
    EXPECT_EQ(found->plan, attempt.plan);
    EXPECT_EQ(found->template_name, attempt.template_name);
    EXPECT_EQ(found->subject, attempt.subject);
    EXPECT_EQ(found->client, attempt.client);
    EXPECT_EQ(found->state, AttemptState::held);
    EXPECT_EQ(found->reason, attempt.reason);
    EXPECT_EQ(found->created, attempt.created);
    EXPECT_EQ(found->updated, attempt.updated);
    EXPECT_EQ(found->challenge_mac, "");
    EXPECT_EQ(found->ca_handle, "");
    EXPECT_EQ(found->certificate_serial, "");
}

TEST_P(StoreContract, TextIsNeverTakenForSql) {
    Attempt attempt = sample_attempt(1);
    attempt.subject = "CN='; DROP TABLE attempts; --\xc3\xa4\"";
    attempt.key.transaction_id = "%_' OR 1=1 --";
    insert_intent(attempt);
    EXPECT_EQ(transactions().find(attempt.id)->subject, attempt.subject);
    EXPECT_FALSE(transactions().latest({attempt.key.profile, attempt.key.signer_key, "%"})->has_value());
    EXPECT_EQ((*transactions().latest(attempt.key))->id, attempt.id);
}

TEST_P(StoreContract, LargeValuesSurvive) {
    Attempt attempt = sample_attempt(1);
    attempt.csr = Bytes(64 * 1024, 0xa5);
    attempt.plan = std::string(200 * 1024, 'x');
    insert_intent(attempt);
    EXPECT_EQ(transactions().find(attempt.id)->csr, attempt.csr);
    EXPECT_EQ(transactions().find(attempt.id)->plan, attempt.plan);
}

TEST_P(StoreContract, AnUnknownAttemptIsNotFound) {
    EXPECT_TRUE(fails_as(transactions().find("nothing"), ErrorKind::not_found));
    EXPECT_TRUE(fails_as(transactions().record_failed("nothing", "", ChallengeFate::release, at_minute(1)),
                         ErrorKind::not_found));
    EXPECT_TRUE(fails_as(transactions().record_pending("nothing", "h", at_minute(1)), ErrorKind::not_found));
    EXPECT_TRUE(
        fails_as(transactions().record_issued("nothing", sample_certificate(1), at_minute(1)), ErrorKind::not_found));
    EXPECT_TRUE(fails_as(transactions().approve("nothing", "eve", at_minute(1)), ErrorKind::not_found));
    EXPECT_TRUE(fails_as(transactions().deny("nothing", "eve", "", at_minute(1)), ErrorKind::not_found));
    EXPECT_TRUE(succeeds(transactions().latest({"default", "f", "t"})));
    EXPECT_FALSE(transactions().latest({"default", "f", "t"})->has_value());
}

TEST_P(StoreContract, LatestIsTheNewestUnderThatKeyAlone) {
    Attempt first = sample_attempt(1);
    insert_intent(first);
    ASSERT_TRUE(succeeds(transactions().record_failed(first.id, "no", ChallengeFate::release, at_minute(1))));
    Attempt second = sample_attempt(2);
    second.key = first.key;
    insert_intent(second);
    Attempt elsewhere = sample_attempt(3);
    elsewhere.key = first.key;
    elsewhere.key.signer_key = std::string(64, '0');
    insert_intent(elsewhere);
    EXPECT_EQ((*transactions().latest(first.key))->id, second.id);
    EXPECT_EQ((*transactions().latest(elsewhere.key))->id, elsewhere.id);
}

TEST_P(StoreContract, OneAttemptInFlightPerTransaction) {
    const Attempt first = sample_attempt(1);
    insert_intent(first);
    Attempt second = sample_attempt(2, "mac-1");
    second.key = first.key;
    insert_challenge(sample_challenge(1));
    EXPECT_TRUE(fails_as(transactions().record_intent(second), ErrorKind::conflict));
    EXPECT_EQ(state_of("mac-1"), ChallengeState::outstanding) << "a refused attempt reserved its challenge";
    ASSERT_TRUE(succeeds(transactions().record_pending(first.id, "handle", at_minute(1))));
    EXPECT_TRUE(fails_as(transactions().record_intent(second), ErrorKind::conflict));
    ASSERT_TRUE(succeeds(transactions().record_issued(first.id, sample_certificate(1), at_minute(2))));
    EXPECT_TRUE(succeeds(transactions().record_intent(second)));
}

TEST_P(StoreContract, AnIdIsGivenOnce) {
    insert_intent(sample_attempt(1));
    Attempt again = sample_attempt(2);
    again.id = sample_attempt(1).id;
    EXPECT_TRUE(fails_as(transactions().record_intent(again), ErrorKind::conflict));
}

TEST_P(StoreContract, AnAttemptCannotBeBornFinished) {
    for (const AttemptState state :
         {AttemptState::approved, AttemptState::pending, AttemptState::issued, AttemptState::failed}) {
        Attempt attempt = sample_attempt(1);
        attempt.state = state;
        EXPECT_TRUE(fails_as(transactions().record_intent(attempt), ErrorKind::internal)) << name(state);
    }
}

TEST_P(StoreContract, AnIntentReservesItsChallenge) {
    insert_challenge(sample_challenge(1));
    insert_intent(sample_attempt(1, "mac-1"));
    const auto challenge = challenges().find("mac-1");
    EXPECT_EQ((*challenge)->state, ChallengeState::reserved);
    EXPECT_EQ((*challenge)->attempt, sample_attempt(1).id);
}

TEST_P(StoreContract, AChallengeThatIsNotToBeHadDeniesTheIntent) {
    insert_challenge(sample_challenge(1));
    insert_intent(sample_attempt(1, "mac-1"));
    EXPECT_TRUE(fails_as(transactions().record_intent(sample_attempt(2, "mac-1")), ErrorKind::denied));
    EXPECT_TRUE(fails_as(transactions().find(sample_attempt(2).id), ErrorKind::not_found)) << "something was written";
    EXPECT_TRUE(fails_as(transactions().record_intent(sample_attempt(3, "unknown")), ErrorKind::denied));
    insert_challenge(sample_challenge(4));
    ASSERT_TRUE(succeeds(challenges().revoke(sample_challenge(4).id, at_minute(1))));
    EXPECT_TRUE(fails_as(transactions().record_intent(sample_attempt(4, "mac-4")), ErrorKind::denied));
}

TEST_P(StoreContract, AChallengeOfAnotherProfileIsNotReserved) {
    insert_challenge(sample_challenge(1));
    Attempt attempt = sample_attempt(1, "mac-1");
    attempt.key.profile = "other";
    EXPECT_TRUE(fails_as(transactions().record_intent(attempt), ErrorKind::denied));
    EXPECT_EQ(state_of("mac-1"), ChallengeState::outstanding);
}

TEST_P(StoreContract, ExpiryIsCheckedWhenTheChallengeIsReserved) {
    const Challenge challenge = sample_challenge(1);
    insert_challenge(challenge);
    Attempt late = sample_attempt(1, "mac-1");
    late.created = challenge.expires;
    EXPECT_TRUE(fails_as(transactions().record_intent(late), ErrorKind::denied));
    Attempt just_in_time = sample_attempt(2, "mac-1");
    just_in_time.created = challenge.expires - std::chrono::milliseconds(1);
    EXPECT_TRUE(succeeds(transactions().record_intent(just_in_time)));
}

TEST_P(StoreContract, IssuingConsumesTheChallengeAndRecordsTheCertificate) {
    insert_challenge(sample_challenge(1));
    const Attempt attempt = sample_attempt(1, "mac-1");
    insert_intent(attempt);
    ASSERT_TRUE(succeeds(transactions().record_issued(attempt.id, sample_certificate(1), at_minute(1))));
    EXPECT_EQ(attempt_state(attempt.id), AttemptState::issued);
    EXPECT_EQ(transactions().find(attempt.id)->certificate_serial, sample_certificate(1).serial);
    EXPECT_EQ(transactions().find(attempt.id)->updated, at_minute(1));
    EXPECT_EQ(state_of("mac-1"), ChallengeState::consumed);
    const auto certificate = issued().find("local", sample_certificate(1).serial);
    ASSERT_TRUE(succeeds(certificate));
    ASSERT_TRUE(certificate->has_value());
    EXPECT_EQ((*certificate)->attempt, attempt.id);
    EXPECT_TRUE(fails_as(transactions().record_intent(sample_attempt(2, "mac-1")), ErrorKind::denied));
}

TEST_P(StoreContract, AFinishedAttemptStaysFinished) {
    const Attempt done = sample_attempt(1);
    insert_intent(done);
    ASSERT_TRUE(succeeds(transactions().record_issued(done.id, sample_certificate(1), at_minute(1))));
    const Attempt failed = sample_attempt(2);
    insert_intent(failed);
    ASSERT_TRUE(succeeds(transactions().record_failed(failed.id, "no", ChallengeFate::release, at_minute(1))));
    for (const std::string& id : {done.id, failed.id}) {
        EXPECT_TRUE(
            fails_as(transactions().record_issued(id, sample_certificate(2), at_minute(2)), ErrorKind::conflict));
        EXPECT_TRUE(fails_as(transactions().record_pending(id, "handle", at_minute(2)), ErrorKind::conflict));
        EXPECT_TRUE(fails_as(transactions().record_failed(id, "again", ChallengeFate::consume, at_minute(2)),
                             ErrorKind::conflict));
        EXPECT_TRUE(fails_as(transactions().approve(id, "eve", at_minute(2)), ErrorKind::conflict));
        EXPECT_TRUE(fails_as(transactions().deny(id, "eve", "", at_minute(2)), ErrorKind::conflict));
    }
    EXPECT_FALSE(issued().find("local", sample_certificate(2).serial)->has_value());
    EXPECT_EQ(attempt_state(done.id), AttemptState::issued);
    EXPECT_EQ(transactions().find(failed.id)->reason, "no");
}

TEST_P(StoreContract, ADuplicateSerialLeavesEverythingAsItWas) {
    insert_challenge(sample_challenge(1));
    ASSERT_TRUE(succeeds(issued().insert(sample_certificate(1))));
    const Attempt attempt = sample_attempt(1, "mac-1");
    insert_intent(attempt);
    EXPECT_TRUE(
        fails_as(transactions().record_issued(attempt.id, sample_certificate(1), at_minute(1)), ErrorKind::conflict));
    EXPECT_EQ(attempt_state(attempt.id), AttemptState::intent);
    EXPECT_EQ(state_of("mac-1"), ChallengeState::reserved);
}

TEST_P(StoreContract, WaitingAndSubmittingAlternateAndKeepTheChallenge) {
    insert_challenge(sample_challenge(1));
    const Attempt attempt = sample_attempt(1, "mac-1");
    insert_intent(attempt);
    EXPECT_TRUE(fails_as(transactions().record_submitting(attempt.id, at_minute(1)), ErrorKind::conflict));
    ASSERT_TRUE(succeeds(transactions().record_waiting(attempt.id, "the CA is away", at_minute(1))));
    EXPECT_EQ(attempt_state(attempt.id), AttemptState::approved);
    EXPECT_EQ(transactions().find(attempt.id)->reason, "the CA is away");
    EXPECT_TRUE(fails_as(transactions().record_waiting(attempt.id, "", at_minute(2)), ErrorKind::conflict));
    EXPECT_EQ(state_of("mac-1"), ChallengeState::reserved);
    ASSERT_TRUE(succeeds(transactions().record_submitting(attempt.id, at_minute(2))));
    EXPECT_EQ(attempt_state(attempt.id), AttemptState::intent);
    EXPECT_EQ(transactions().find(attempt.id)->updated, at_minute(2));
    ASSERT_TRUE(succeeds(transactions().record_issued(attempt.id, sample_certificate(1), at_minute(3))));
    EXPECT_TRUE(fails_as(transactions().record_waiting(attempt.id, "", at_minute(4)), ErrorKind::conflict));
    EXPECT_TRUE(fails_as(transactions().record_submitting(attempt.id, at_minute(4)), ErrorKind::conflict));
    EXPECT_TRUE(fails_as(transactions().record_waiting("0", "", at_minute(4)), ErrorKind::not_found));
    EXPECT_EQ(state_of("mac-1"), ChallengeState::consumed);
}

TEST_P(StoreContract, PendingCountsAsConsumedWhateverComesAfter) {
    insert_challenge(sample_challenge(1));
    const Attempt attempt = sample_attempt(1, "mac-1");
    insert_intent(attempt);
    ASSERT_TRUE(succeeds(transactions().record_pending(attempt.id, "handle-7", at_minute(1))));
    EXPECT_EQ(transactions().find(attempt.id)->ca_handle, "handle-7");
    EXPECT_EQ(state_of("mac-1"), ChallengeState::consumed);
    ASSERT_TRUE(
        succeeds(transactions().record_failed(attempt.id, "the CA said no", ChallengeFate::release, at_minute(2))));
    EXPECT_EQ(state_of("mac-1"), ChallengeState::consumed);
}

TEST_P(StoreContract, AFailureReleasesTheChallengeForAnotherAttempt) {
    insert_challenge(sample_challenge(1));
    insert_intent(sample_attempt(1, "mac-1"));
    ASSERT_TRUE(succeeds(
        transactions().record_failed(sample_attempt(1).id, "the CA is away", ChallengeFate::release, at_minute(1))));
    EXPECT_EQ(state_of("mac-1"), ChallengeState::outstanding);
    EXPECT_EQ((*challenges().find("mac-1"))->attempt, "");
    EXPECT_TRUE(succeeds(transactions().record_intent(sample_attempt(2, "mac-1"))));
}

TEST_P(StoreContract, AFailureMayConsumeTheChallenge) {
    insert_challenge(sample_challenge(1));
    insert_intent(sample_attempt(1, "mac-1"));
    ASSERT_TRUE(
        succeeds(transactions().record_failed(sample_attempt(1).id, "rejected", ChallengeFate::consume, at_minute(1))));
    EXPECT_EQ(state_of("mac-1"), ChallengeState::consumed);
    EXPECT_TRUE(fails_as(transactions().record_intent(sample_attempt(2, "mac-1")), ErrorKind::denied));
}

TEST_P(StoreContract, ALateFailureDoesNotFreeAChallengeThatMovedOn) {
    insert_challenge(sample_challenge(1));
    insert_intent(sample_attempt(1, "mac-1"));
    ASSERT_TRUE(succeeds(transactions().record_failed(sample_attempt(1).id, "", ChallengeFate::release, at_minute(1))));
    insert_intent(sample_attempt(2, "mac-1"));
    EXPECT_TRUE(fails_as(transactions().record_failed(sample_attempt(1).id, "", ChallengeFate::release, at_minute(2)),
                         ErrorKind::conflict));
    EXPECT_EQ((*challenges().find("mac-1"))->attempt, sample_attempt(2).id);
    EXPECT_EQ(state_of("mac-1"), ChallengeState::reserved);
}

TEST_P(StoreContract, AHeldAttemptWaitsForAnOfficer) {
    insert_challenge(sample_challenge(1));
    Attempt attempt = sample_attempt(1, "mac-1");
    attempt.state = AttemptState::held;
    insert_intent(attempt);
    EXPECT_EQ(state_of("mac-1"), ChallengeState::reserved);
    EXPECT_TRUE(
        fails_as(transactions().record_issued(attempt.id, sample_certificate(1), at_minute(1)), ErrorKind::conflict));
    EXPECT_TRUE(fails_as(transactions().record_pending(attempt.id, "handle", at_minute(1)), ErrorKind::conflict));
    ASSERT_TRUE(succeeds(transactions().approve(attempt.id, "olivia", at_minute(2))));
    EXPECT_EQ(attempt_state(attempt.id), AttemptState::approved);
    EXPECT_TRUE(fails_as(transactions().approve(attempt.id, "olivia", at_minute(3)), ErrorKind::conflict));
    EXPECT_TRUE(fails_as(transactions().deny(attempt.id, "olivia", "", at_minute(3)), ErrorKind::conflict));
    ASSERT_TRUE(succeeds(transactions().record_issued(attempt.id, sample_certificate(1), at_minute(4))));
    EXPECT_EQ(state_of("mac-1"), ChallengeState::consumed);
}

TEST_P(StoreContract, DenyingConsumesTheChallenge) {
    insert_challenge(sample_challenge(1));
    Attempt attempt = sample_attempt(1, "mac-1");
    attempt.state = AttemptState::held;
    insert_intent(attempt);
    ASSERT_TRUE(succeeds(transactions().deny(attempt.id, "olivia", "unknown device", at_minute(2))));
    EXPECT_EQ(attempt_state(attempt.id), AttemptState::failed);
    EXPECT_NE(transactions().find(attempt.id)->reason.find("unknown device"), std::string::npos);
    EXPECT_NE(transactions().find(attempt.id)->reason.find("olivia"), std::string::npos);
    EXPECT_EQ(state_of("mac-1"), ChallengeState::consumed);
}

TEST_P(StoreContract, OnlyAHeldAttemptCanBeApproved) {
    insert_intent(sample_attempt(1));
    EXPECT_TRUE(fails_as(transactions().approve(sample_attempt(1).id, "olivia", at_minute(1)), ErrorKind::conflict));
    EXPECT_TRUE(fails_as(transactions().deny(sample_attempt(1).id, "olivia", "", at_minute(1)), ErrorKind::conflict));
    EXPECT_EQ(attempt_state(sample_attempt(1).id), AttemptState::intent);
}

TEST_P(StoreContract, AttemptsAreListedByStateOldestFirstAndRecentNewestFirst) {
    for (unsigned i = 1; i <= 4; ++i) insert_intent(sample_attempt(i));
    ASSERT_TRUE(succeeds(transactions().record_pending(sample_attempt(2).id, "h", at_minute(1))));
    const auto intents = transactions().in_state(AttemptState::intent, 2);
    ASSERT_TRUE(succeeds(intents));
    ASSERT_EQ(intents->size(), 2u);
    EXPECT_EQ(intents->at(0).id, sample_attempt(1).id);
    EXPECT_EQ(intents->at(1).id, sample_attempt(3).id);
    EXPECT_EQ(transactions().in_state(AttemptState::pending, 10)->size(), 1u);
    EXPECT_TRUE(transactions().in_state(AttemptState::issued, 10)->empty());
    const auto newest = transactions().recent(3);
    ASSERT_EQ(newest->size(), 3u);
    EXPECT_EQ(newest->at(0).id, sample_attempt(4).id);
    EXPECT_EQ(newest->at(2).id, sample_attempt(2).id);
}

TEST_P(StoreContract, AttemptsAreListedByProfileAndStateNewestFirst) {
    for (unsigned i = 1; i <= 6; ++i) {
        Attempt attempt = sample_attempt(i);
        attempt.key.profile = i % 3 == 0 ? "default-2" : i % 3 == 1 ? "default" : "other";
        if (i > 3) attempt.state = AttemptState::held;
        insert_intent(attempt);
    }
    const auto numbers = [&](const AttemptFilter& filter) {
        std::vector<std::string> ids;
        for (const auto& one : transactions().list(filter).value()) ids.push_back(one.id);
        return ids;
    };
    const auto ids = [](std::initializer_list<unsigned> wanted) {
        std::vector<std::string> list;
        for (const unsigned number : wanted) list.push_back(sample_attempt(number).id);
        return list;
    };
    EXPECT_EQ(numbers({}), ids({6, 5, 4, 3, 2, 1}));
    EXPECT_EQ(numbers({std::nullopt, {}, 2}), ids({6, 5}));
    EXPECT_EQ(numbers({std::nullopt, {"default"}}), ids({4, 1})) << "default-2 is another profile";
    EXPECT_EQ(numbers({std::nullopt, {"other", "default-2"}, 3}), ids({6, 5, 3}));
    EXPECT_EQ(numbers({AttemptState::held, {}}), ids({6, 5, 4}));
    EXPECT_EQ(numbers({AttemptState::held, {"other"}}), ids({5}));
    EXPECT_EQ(numbers({AttemptState::issued, {}}), ids({}));
    EXPECT_EQ(numbers({std::nullopt, {"ther", "o"}}), ids({})) << "a part of a name is no name";
}

TEST_P(StoreContract, AttemptsAreCountedByState) {
    for (unsigned i = 1; i <= 3; ++i) insert_intent(sample_attempt(i));
    ASSERT_TRUE(succeeds(transactions().record_pending(sample_attempt(1).id, "h", at_minute(1))));
    EXPECT_EQ(*transactions().count(AttemptState::intent), 2u);
    EXPECT_EQ(*transactions().count(AttemptState::pending), 1u);
    EXPECT_EQ(*transactions().count(AttemptState::held), 0u);
}

// Design invariant 4: one-time means once, under 64 threads.
TEST_P(StoreContract, OneOfManyThreadsReservesAChallenge) {
    constexpr unsigned kThreads = 64;
    constexpr unsigned kRounds = 10;
    for (unsigned round = 0; round < kRounds; ++round) {
        const Challenge challenge = sample_challenge(round);
        insert_challenge(challenge);
        std::atomic<unsigned> won{0};
        std::atomic<unsigned> denied{0};
        on_threads(kThreads, [&](unsigned i) {
            const auto recorded = transactions().record_intent(sample_attempt(1000 * (round + 1) + i, challenge.mac));
            if (recorded)
                ++won;
            else if (recorded.error().kind == ErrorKind::denied)
                ++denied;
        });
        EXPECT_EQ(won, 1u);
        EXPECT_EQ(denied, kThreads - 1);
    }
}

TEST_P(StoreContract, OneOfManyThreadsOpensATransaction) {
    constexpr unsigned kThreads = 32;
    std::atomic<unsigned> won{0};
    std::atomic<unsigned> conflicts{0};
    on_threads(kThreads, [&](unsigned i) {
        Attempt attempt = sample_attempt(i);
        attempt.key.transaction_id = "the same";
        const auto recorded = transactions().record_intent(attempt);
        if (recorded)
            ++won;
        else if (recorded.error().kind == ErrorKind::conflict)
            ++conflicts;
    });
    EXPECT_EQ(won, 1u);
    EXPECT_EQ(conflicts, kThreads - 1);
}

// One caller's failure must not disturb those who share its commit.
TEST_P(StoreContract, ConcurrentCallersGetTheirOwnAnswers) {
    constexpr unsigned kThreads = 32;
    std::atomic<unsigned> wrong{0};
    on_threads(kThreads, [&](unsigned i) {
        for (unsigned k = 0; k < 10; ++k) {
            const bool bad = (i + k) % 3 == 0;
            const auto recorded = transactions().record_intent(sample_attempt(i * 100 + k, bad ? "unknown" : ""));
            if (recorded.has_value() == bad) ++wrong;
            const bool present = transactions().find(sample_attempt(i * 100 + k).id).has_value();
            if (present == bad) ++wrong;
        }
    });
    EXPECT_EQ(wrong, 0u);
}

}  // namespace countersign::store
