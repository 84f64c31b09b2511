// Challenges of single use, known only by having been used.
#pragma once

#include "store_contract.hpp"

namespace countersign::store {

inline Attempt with_single_use(unsigned number, const std::string& mac) {
    Attempt attempt = test::sample_attempt(number, mac);
    attempt.single_use = SingleUse{mac, "mdm", "enrollment-1", test::at_minute(60)};
    return attempt;
}

TEST_P(StoreContract, ASingleUseIsReservedConsumedAndNeverGivenAgain) {
    auto& used = database_->used_challenges();
    EXPECT_FALSE(used.find("signed-1").value());
    insert_intent(with_single_use(1, "signed-1"));
    const auto reserved = used.find("signed-1").value();
    ASSERT_TRUE(reserved);
    EXPECT_FALSE(reserved->consumed);
    EXPECT_EQ(reserved->attempt, test::hex_id(1));
    EXPECT_EQ(reserved->challenge.issuer, "mdm");
    EXPECT_EQ(reserved->challenge.id, "enrollment-1");
    EXPECT_EQ(reserved->challenge.expires, test::at_minute(60));
    const auto second = transactions().record_intent(with_single_use(2, "signed-1"));
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, ErrorKind::denied);
    EXPECT_FALSE(transactions().find(test::hex_id(2))) << "nothing is written of it";

    ASSERT_TRUE(transactions().record_issued(test::hex_id(1), test::sample_certificate(1), test::at_minute(1)));
    EXPECT_TRUE(used.find("signed-1").value()->consumed);
    EXPECT_FALSE(transactions().record_intent(with_single_use(3, "signed-1")));
    insert_intent(with_single_use(4, "signed-2"));
}

TEST_P(StoreContract, ASingleUseComesBackOnlyWhenReleased) {
    auto& used = database_->used_challenges();
    insert_intent(with_single_use(1, "signed-1"));
    ASSERT_TRUE(
        transactions().record_failed(test::hex_id(1), "the CA is away", ChallengeFate::release, test::at_minute(1)));
    EXPECT_FALSE(used.find("signed-1").value());
    insert_intent(with_single_use(2, "signed-1"));
    ASSERT_TRUE(transactions().record_failed(test::hex_id(2), "refused", ChallengeFate::consume, test::at_minute(2)));
    EXPECT_TRUE(used.find("signed-1").value()->consumed);
    EXPECT_FALSE(transactions().record_intent(with_single_use(3, "signed-1")));

    insert_intent(with_single_use(4, "signed-2"));
    ASSERT_TRUE(transactions().record_pending(test::hex_id(4), "42", test::at_minute(2)));
    EXPECT_TRUE(used.find("signed-2").value()->consumed);
    ASSERT_TRUE(transactions().record_failed(test::hex_id(4), "late", ChallengeFate::release, test::at_minute(3)));
    EXPECT_TRUE(used.find("signed-2").value()->consumed) << "the CA had it";
}

TEST_P(StoreContract, AnExpiredSingleUseIsNotReservedAndIsForgottenInTime) {
    auto late = with_single_use(1, "signed-1");
    late.created = test::at_minute(60);
    EXPECT_FALSE(transactions().record_intent(late));
    auto contradictory = with_single_use(2, "signed-1");
    contradictory.challenge_mac = "signed-2";
    EXPECT_FALSE(transactions().record_intent(contradictory));
    insert_intent(with_single_use(3, "signed-1"));
    EXPECT_EQ(database_->used_challenges().purge(test::at_minute(60)).value(), 0u);
    EXPECT_EQ(database_->used_challenges().purge(test::at_minute(61)).value(), 1u);
    EXPECT_FALSE(database_->used_challenges().find("signed-1").value());
}

TEST_P(StoreContract, OneOfManyTwinsGetsASingleUse) {
    std::atomic<int> winners{0};
    {
        std::vector<std::jthread> threads;
        for (unsigned i = 0; i < 8; ++i) {
            threads.emplace_back([&, i] {
                if (transactions().record_intent(with_single_use(10 + i, "signed-1"))) ++winners;
            });
        }
    }
    EXPECT_EQ(winners, 1);
}

}  // namespace countersign::store
