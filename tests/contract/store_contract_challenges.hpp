// The contract of store::Challenges.
#pragma once

#include "store_contract.hpp"

#include <atomic>

namespace countersign::store {

using test::at_minute;
using test::sample_attempt;
using test::sample_challenge;

TEST_P(StoreContract, AChallengeComesBackAsItWasInserted) {
    Challenge challenge = sample_challenge(1);
    challenge.sans = {"dns:a.example", "dirname:CN=a\\0Ab", "upn:line\nbreak", ""};
    insert_challenge(challenge);
    const auto found = challenges().find(challenge.mac);
    ASSERT_TRUE(succeeds(found));
    ASSERT_TRUE(found->has_value());
    const Challenge& back = **found;
    EXPECT_EQ(back.mac, challenge.mac);
    EXPECT_EQ(back.id, challenge.id);
    EXPECT_EQ(back.profile, challenge.profile);
    EXPECT_EQ(back.subject, challenge.subject);
    EXPECT_EQ(back.sans, challenge.sans);
    EXPECT_EQ(back.template_name, challenge.template_name);
    EXPECT_EQ(back.created_by, challenge.created_by);
    EXPECT_EQ(back.created, challenge.created);
    EXPECT_EQ(back.expires, challenge.expires);
    EXPECT_EQ(back.state, ChallengeState::outstanding);
    EXPECT_EQ(back.refusals, 0);
    EXPECT_EQ(back.attempt, "");
    EXPECT_FALSE(challenges().find("unknown")->has_value());
    EXPECT_EQ((*challenges().find_by_id(challenge.id))->mac, challenge.mac);
    EXPECT_FALSE(challenges().find_by_id("unknown")->has_value());
}

TEST_P(StoreContract, AMacOrIdIsGivenOnce) {
    insert_challenge(sample_challenge(1));
    Challenge same_mac = sample_challenge(2);
    same_mac.mac = "mac-1";
    EXPECT_TRUE(fails_as(challenges().insert(same_mac, 1000), ErrorKind::conflict));
    Challenge same_id = sample_challenge(3);
    same_id.id = sample_challenge(1).id;
    EXPECT_TRUE(fails_as(challenges().insert(same_id, 1000), ErrorKind::conflict));
}

TEST_P(StoreContract, OutstandingChallengesAreLimitedPerProfile) {
    ASSERT_TRUE(succeeds(challenges().insert(sample_challenge(1), 2)));
    ASSERT_TRUE(succeeds(challenges().insert(sample_challenge(2), 2)));
    EXPECT_TRUE(fails_as(challenges().insert(sample_challenge(3), 2), ErrorKind::throttled));
    Challenge elsewhere = sample_challenge(4);
    elsewhere.profile = "other";
    EXPECT_TRUE(succeeds(challenges().insert(elsewhere, 2)));
    EXPECT_EQ(*challenges().count_outstanding("default", at_minute(0)), 2u);
    EXPECT_EQ(*challenges().count_outstanding("other", at_minute(0)), 1u);
    EXPECT_EQ(*challenges().count_outstanding("nowhere", at_minute(0)), 0u);
}

TEST_P(StoreContract, WhatIsExpiredReservedOrFinalIsNotOutstanding) {
    for (unsigned i = 1; i <= 4; ++i) insert_challenge(sample_challenge(i));
    insert_intent(sample_attempt(1, "mac-1"));
    ASSERT_TRUE(succeeds(challenges().revoke(sample_challenge(2).id, at_minute(1))));
    EXPECT_EQ(*challenges().count_outstanding("default", at_minute(1)), 2u);
    EXPECT_EQ(*challenges().count_outstanding("default", at_minute(60)), 0u);
    Challenge later = sample_challenge(5);
    later.created = at_minute(60);
    later.expires = at_minute(120);
    EXPECT_TRUE(succeeds(challenges().insert(later, 1))) << "expired challenges still count";
}

TEST_P(StoreContract, TheLimitHoldsUnderManyThreads) {
    std::atomic<unsigned> inserted{0};
    std::atomic<unsigned> throttled{0};
    on_threads(32, [&](unsigned i) {
        const auto result = challenges().insert(sample_challenge(i), 10);
        if (result)
            ++inserted;
        else if (result.error().kind == ErrorKind::throttled)
            ++throttled;
    });
    EXPECT_EQ(inserted, 10u);
    EXPECT_EQ(throttled, 22u);
}

TEST_P(StoreContract, ChallengesAreListedNewestFirst) {
    for (unsigned i = 1; i <= 4; ++i) {
        Challenge challenge = sample_challenge(i);
        challenge.created = at_minute(static_cast<int>(i));
        challenge.profile = i == 4 ? "other" : "default";
        insert_challenge(challenge);
    }
    ASSERT_TRUE(succeeds(challenges().revoke(sample_challenge(3).id, at_minute(5))));
    const auto macs = [](const Result<std::vector<Challenge>>& list) {
        std::vector<std::string> found;
        for (const Challenge& challenge : *list) found.push_back(challenge.mac);
        return found;
    };
    using Macs = std::vector<std::string>;
    EXPECT_EQ(macs(challenges().list("", false, at_minute(5), 10)), (Macs{"mac-4", "mac-3", "mac-2", "mac-1"}));
    EXPECT_EQ(macs(challenges().list("default", false, at_minute(5), 10)), (Macs{"mac-3", "mac-2", "mac-1"}));
    EXPECT_EQ(macs(challenges().list("default", true, at_minute(5), 10)), (Macs{"mac-2", "mac-1"}));
    EXPECT_EQ(macs(challenges().list("", true, at_minute(5), 2)), (Macs{"mac-4", "mac-2"}));
    EXPECT_TRUE(challenges().list("", true, at_minute(60), 10)->empty());
}

TEST_P(StoreContract, ARevokedChallengeIsGoneForGood) {
    insert_challenge(sample_challenge(1));
    ASSERT_TRUE(succeeds(challenges().revoke(sample_challenge(1).id, at_minute(1))));
    EXPECT_EQ(state_of("mac-1"), ChallengeState::revoked);
    EXPECT_TRUE(fails_as(challenges().revoke(sample_challenge(1).id, at_minute(1)), ErrorKind::conflict));
    EXPECT_TRUE(fails_as(challenges().revoke("unknown", at_minute(1)), ErrorKind::not_found));
    EXPECT_TRUE(fails_as(transactions().record_intent(sample_attempt(1, "mac-1")), ErrorKind::denied));
}

TEST_P(StoreContract, AReservedChallengeCannotBeRevoked) {
    insert_challenge(sample_challenge(1));
    insert_intent(sample_attempt(1, "mac-1"));
    EXPECT_TRUE(fails_as(challenges().revoke(sample_challenge(1).id, at_minute(1)), ErrorKind::conflict));
    EXPECT_EQ(state_of("mac-1"), ChallengeState::reserved);
}

TEST_P(StoreContract, RefusalsBurnAChallengeAtTheLimit) {
    insert_challenge(sample_challenge(1));
    EXPECT_EQ(*challenges().count_refusal("mac-1", 3, at_minute(1)), ChallengeState::outstanding);
    EXPECT_EQ(*challenges().count_refusal("mac-1", 3, at_minute(1)), ChallengeState::outstanding);
    EXPECT_EQ((*challenges().find("mac-1"))->refusals, 2);
    EXPECT_EQ(*challenges().count_refusal("mac-1", 3, at_minute(1)), ChallengeState::burnt);
    EXPECT_EQ(*challenges().count_refusal("mac-1", 3, at_minute(1)), ChallengeState::burnt);
    EXPECT_EQ((*challenges().find("mac-1"))->refusals, 3);
    EXPECT_TRUE(fails_as(transactions().record_intent(sample_attempt(1, "mac-1")), ErrorKind::denied));
    EXPECT_TRUE(fails_as(challenges().count_refusal("unknown", 3, at_minute(1)), ErrorKind::not_found));
}

TEST_P(StoreContract, ARefusalDoesNotTakeAReservedChallengeFromItsAttempt) {
    insert_challenge(sample_challenge(1));
    insert_intent(sample_attempt(1, "mac-1"));
    EXPECT_EQ(*challenges().count_refusal("mac-1", 1, at_minute(1)), ChallengeState::reserved);
    ASSERT_TRUE(succeeds(transactions().record_failed(sample_attempt(1).id, "", ChallengeFate::release, at_minute(2))));
    EXPECT_EQ(state_of("mac-1"), ChallengeState::outstanding);
    EXPECT_EQ(*challenges().count_refusal("mac-1", 1, at_minute(3)), ChallengeState::burnt);
}

TEST_P(StoreContract, PurgingForgetsWhatIsFinalOrExpiredAndOldEnough) {
    for (unsigned i = 1; i <= 4; ++i) insert_challenge(sample_challenge(i));
    Challenge young = sample_challenge(5);
    young.expires = at_minute(600);
    insert_challenge(young);
    insert_intent(sample_attempt(1, "mac-1"));
    insert_intent(sample_attempt(2, "mac-2"));
    ASSERT_TRUE(
        succeeds(transactions().record_failed(sample_attempt(2).id, "", ChallengeFate::consume, at_minute(10))));
    ASSERT_TRUE(succeeds(challenges().revoke(sample_challenge(3).id, at_minute(200))));
    EXPECT_EQ(*challenges().purge(at_minute(5)), 0u);
    EXPECT_EQ(*challenges().purge(at_minute(100)), 2u) << "the consumed one and the expired one";
    EXPECT_FALSE(challenges().find("mac-2")->has_value());
    EXPECT_FALSE(challenges().find("mac-4")->has_value());
    EXPECT_EQ(state_of("mac-1"), ChallengeState::reserved) << "an attempt still needs it";
    EXPECT_EQ(state_of("mac-3"), ChallengeState::revoked);
    EXPECT_EQ(state_of("mac-5"), ChallengeState::outstanding);
}

}  // namespace countersign::store
