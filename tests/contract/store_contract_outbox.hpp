// Notifications: written in the commit of what they tell of, kept until delivered, dropped or dead.
#pragma once

#include "store_contract.hpp"

namespace countersign::store {

inline Subscription everything(const std::string& receiver) {
    return {receiver,
            {NotificationEvent::issued, NotificationEvent::failed, NotificationEvent::pending, NotificationEvent::held,
             NotificationEvent::revoked, NotificationEvent::expiring}};
}

inline std::vector<Notification> waiting_for(Outbox& outbox, const std::string& receiver, int minute = 100) {
    return outbox.due(receiver, test::at_minute(minute), 100).value();
}

TEST_P(StoreContract, ANotificationIsWrittenForEachWhoSubscribed) {
    auto& outbox = database_->outbox();
    insert_intent(test::sample_attempt(1));
    outbox.subscribe({everything("mdm"), everything("siem")});
    ASSERT_TRUE(transactions().record_issued(test::hex_id(1), test::sample_certificate(1), test::at_minute(1)));
    const auto mdm = waiting_for(outbox, "mdm");
    const auto siem = waiting_for(outbox, "siem");
    ASSERT_EQ(mdm.size(), 1u);
    ASSERT_EQ(siem.size(), 1u);
    EXPECT_NE(mdm[0].id, siem[0].id);
    EXPECT_EQ(mdm[0].id.size(), 32u);
    EXPECT_EQ(mdm[0].event, NotificationEvent::issued);
    EXPECT_EQ(mdm[0].profile, "default");
    EXPECT_EQ(mdm[0].attempt, test::hex_id(1));
    EXPECT_EQ(mdm[0].ca, "local");
    EXPECT_EQ(mdm[0].serial, test::sample_certificate(1).serial);
    EXPECT_EQ(mdm[0].occurred, test::at_minute(1));
    EXPECT_EQ(mdm[0].tries, 0);
    EXPECT_TRUE(waiting_for(outbox, "nobody").empty());
    EXPECT_TRUE(waiting_for(outbox, "mdm", 0).empty()) << "it is not due before it happened";
}

TEST_P(StoreContract, WithoutSubscribersNothingIsWritten) {
    insert_intent(test::sample_attempt(1));
    ASSERT_TRUE(transactions().record_issued(test::hex_id(1), test::sample_certificate(1), test::at_minute(1)));
    EXPECT_TRUE(database_->outbox().list({}).value().empty());
}

TEST_P(StoreContract, AChangeThatDoesNotHappenIsNotTold) {
    auto& outbox = database_->outbox();
    outbox.subscribe({everything("mdm")});
    EXPECT_FALSE(transactions().record_issued(test::hex_id(1), test::sample_certificate(1), test::at_minute(1)));
    insert_intent(test::sample_attempt(1));
    ASSERT_TRUE(issued().insert(test::sample_certificate(1)));
    EXPECT_FALSE(transactions().record_issued(test::hex_id(1), test::sample_certificate(1), test::at_minute(1)));
    EXPECT_FALSE(issued().revoke("local", "00", 1, test::at_minute(1)));
    EXPECT_TRUE(outbox.list({}).value().empty());
}

TEST_P(StoreContract, EachKindOfChangeIsTold) {
    auto& outbox = database_->outbox();
    outbox.subscribe({everything("mdm")});
    Attempt held = test::sample_attempt(1);
    held.state = AttemptState::held;
    insert_intent(held);
    ASSERT_TRUE(transactions().deny(held.id, "officer", "no", test::at_minute(1)));
    insert_intent(test::sample_attempt(2));
    ASSERT_TRUE(transactions().record_pending(test::hex_id(2), "7", test::at_minute(2)));
    ASSERT_TRUE(transactions().record_pending(test::hex_id(2), "8", test::at_minute(3)));
    ASSERT_TRUE(transactions().record_issued(test::hex_id(2), test::sample_certificate(2), test::at_minute(4)));
    ASSERT_TRUE(issued().revoke("local", test::sample_certificate(2).serial, 1, test::at_minute(5)));
    ASSERT_TRUE(outbox.announce({NotificationEvent::expiring, "ca local 60", "", "", "{}", test::at_minute(6)}));
    ASSERT_TRUE(outbox.announce({NotificationEvent::expiring, "ca local 60", "", "", "{}", test::at_minute(7)}));
    std::vector<std::string> told;
    for (const auto& one : waiting_for(outbox, "mdm")) told.emplace_back(name(one.event));
    EXPECT_EQ(told, (std::vector<std::string>{"held", "failed", "pending", "issued", "revoked", "expiring"}));
    const auto revoked = waiting_for(outbox, "mdm")[4];
    EXPECT_EQ(revoked.attempt, test::hex_id(2));
    EXPECT_EQ(revoked.profile, "default");
}

TEST_P(StoreContract, SubscriptionsChooseByEventProfileChallengeAndFinality) {
    auto& outbox = database_->outbox();
    Subscription other_profile = everything("other-profile");
    other_profile.profiles = {"other"};
    Subscription this_profile = everything("this-profile");
    this_profile.profiles = {"default", "other"};
    Subscription intune = everything("intune");
    intune.challenge_kind = "intune";
    Subscription final_only = everything("final");
    final_only.final_failures_only = true;
    outbox.subscribe({other_profile, this_profile, intune, final_only, {"issued-only", {NotificationEvent::issued}}});
    Attempt one = test::sample_attempt(1);
    one.challenge_kind = "one-time";
    insert_intent(one);
    ASSERT_TRUE(transactions().record_failed(one.id, "the CA is away", ChallengeFate::release, test::at_minute(1)));
    EXPECT_TRUE(waiting_for(outbox, "other-profile").empty());
    ASSERT_EQ(waiting_for(outbox, "this-profile").size(), 1u);
    EXPECT_EQ(waiting_for(outbox, "this-profile")[0].detail, R"({"final":false})");
    EXPECT_TRUE(waiting_for(outbox, "intune").empty());
    EXPECT_TRUE(waiting_for(outbox, "final").empty());
    EXPECT_TRUE(waiting_for(outbox, "issued-only").empty());
    Attempt two = test::sample_attempt(2);
    two.challenge_kind = "intune";
    insert_intent(two);
    EXPECT_EQ(transactions().find(two.id).value().challenge_kind, "intune");
    ASSERT_TRUE(transactions().record_failed(two.id, "refused", ChallengeFate::consume, test::at_minute(1)));
    EXPECT_EQ(waiting_for(outbox, "intune").size(), 1u);
    EXPECT_EQ(waiting_for(outbox, "final").size(), 1u);
    outbox.subscribe({});
    insert_intent(test::sample_attempt(3));
    ASSERT_TRUE(transactions().record_failed(test::hex_id(3), "", ChallengeFate::consume, test::at_minute(1)));
    EXPECT_EQ(waiting_for(outbox, "final").size(), 1u);
}

TEST_P(StoreContract, AnOutcomeIsRecordedAndDeliveredOnesStayDelivered) {
    auto& outbox = database_->outbox();
    outbox.subscribe({everything("mdm")});
    ASSERT_TRUE(outbox.announce({NotificationEvent::expiring, "a", "", "", "{}", test::at_minute(1)}));
    ASSERT_TRUE(outbox.announce({NotificationEvent::expiring, "b", "", "", "{}", test::at_minute(2)}));
    const auto found = waiting_for(outbox, "mdm");
    ASSERT_EQ(found.size(), 2u);
    ASSERT_TRUE(outbox.record({{found[0].id, NotificationState::delivered, test::at_minute(3), ""},
                               {found[1].id, NotificationState::waiting, test::at_minute(30), "refused"},
                               {"unknown", NotificationState::delivered, test::at_minute(3), ""}},
                              test::at_minute(3)));
    EXPECT_TRUE(waiting_for(outbox, "mdm", 29).empty());
    const auto later = waiting_for(outbox, "mdm", 30);
    ASSERT_EQ(later.size(), 1u);
    EXPECT_EQ(later[0].id, found[1].id);
    EXPECT_EQ(later[0].tries, 1);
    EXPECT_EQ(later[0].problem, "refused");
    EXPECT_EQ(later[0].since, test::at_minute(2));
    ASSERT_TRUE(
        outbox.record({{found[0].id, NotificationState::waiting, test::at_minute(4), "late"}}, test::at_minute(4)));
    EXPECT_EQ(outbox.find(found[0].id).value().state, NotificationState::delivered);
    EXPECT_TRUE(fails_as(outbox.retry(found[0].id, test::at_minute(5)), ErrorKind::conflict));
    EXPECT_TRUE(fails_as(outbox.drop(found[0].id), ErrorKind::conflict));
    EXPECT_TRUE(fails_as(outbox.find("unknown"), ErrorKind::not_found));
}

TEST_P(StoreContract, TheDeadAreCountedRetriedAndDropped) {
    auto& outbox = database_->outbox();
    for (const char* subject : {"a", "b"})
        ASSERT_TRUE(outbox.announce({NotificationEvent::answer, subject, "mdm", "", "{}", test::at_minute(1)}));
    EXPECT_TRUE(waiting_for(outbox, "other").empty());
    const auto found = waiting_for(outbox, "mdm");
    ASSERT_EQ(found.size(), 2u);
    ASSERT_TRUE(
        outbox.record({{found[0].id, NotificationState::dead, test::at_minute(2), "gone"}}, test::at_minute(2)));
    auto figures = outbox.figures().value();
    ASSERT_EQ(figures.size(), 1u);
    EXPECT_EQ(figures[0].receiver, "mdm");
    EXPECT_EQ(figures[0].waiting, 1u);
    EXPECT_EQ(figures[0].oldest, test::at_minute(1));
    EXPECT_EQ(figures[0].dead, 1u);
    EXPECT_EQ(outbox.list({"mdm", NotificationState::dead}).value().size(), 1u);
    EXPECT_EQ(outbox.list({"", std::nullopt}).value().size(), 2u);
    EXPECT_TRUE(outbox.list({"other", std::nullopt}).value().empty());
    ASSERT_TRUE(outbox.retry(found[0].id, test::at_minute(50)));
    EXPECT_EQ(outbox.find(found[0].id).value().since, test::at_minute(50));
    EXPECT_EQ(outbox.find(found[0].id).value().occurred, test::at_minute(1));
    ASSERT_TRUE(outbox.drop(found[0].id));
    ASSERT_TRUE(outbox.drop(found[1].id));
    EXPECT_TRUE(fails_as(outbox.drop(found[1].id), ErrorKind::not_found));
    EXPECT_TRUE(fails_as(outbox.retry(found[1].id, test::at_minute(51)), ErrorKind::not_found));
    EXPECT_TRUE(outbox.figures().value().empty());
}

TEST_P(StoreContract, AnAnswerAskedForAgainIsDeliveredAgain) {
    auto& outbox = database_->outbox();
    Announcement answer{
        NotificationEvent::answer, "revocation 1", "intune", "", R"({"n":1})", test::at_minute(1), true};
    ASSERT_TRUE(outbox.announce(answer));
    const auto id = waiting_for(outbox, "intune").at(0).id;
    ASSERT_TRUE(outbox.record({{id, NotificationState::delivered, test::at_minute(2), ""}}, test::at_minute(2)));
    answer.again = false;
    ASSERT_TRUE(outbox.announce(answer));
    EXPECT_TRUE(waiting_for(outbox, "intune").empty());
    answer.again = true;
    answer.detail = R"({"n":2})";
    ASSERT_TRUE(outbox.announce(answer));
    const auto again = waiting_for(outbox, "intune");
    ASSERT_EQ(again.size(), 1u);
    EXPECT_EQ(again[0].id, id);
    EXPECT_EQ(again[0].detail, R"({"n":2})");
    EXPECT_EQ(again[0].tries, 0);
}

TEST_P(StoreContract, WhatIsDeliveredDeadOrUnclaimedIsForgottenInTime) {
    auto& outbox = database_->outbox();
    for (const char* receiver : {"gone", "mdm", "md"})
        ASSERT_TRUE(outbox.announce({NotificationEvent::answer, "a", receiver, "", "{}", test::at_minute(1)}));
    EXPECT_EQ(outbox.bury_unclaimed({"mdm"}, test::at_minute(1), test::at_minute(9)).value(), 0u);
    EXPECT_EQ(outbox.bury_unclaimed({"mdm", "other"}, test::at_minute(2), test::at_minute(9)).value(), 2u);
    EXPECT_EQ(waiting_for(outbox, "mdm").size(), 1u);
    EXPECT_TRUE(waiting_for(outbox, "md").empty());
    const auto id = waiting_for(outbox, "mdm")[0].id;
    ASSERT_TRUE(outbox.record({{id, NotificationState::delivered, test::at_minute(3), ""}}, test::at_minute(3)));
    EXPECT_EQ(outbox.purge(test::at_minute(3), test::at_minute(9)).value(), 0u);
    EXPECT_EQ(outbox.purge(test::at_minute(4), test::at_minute(9)).value(), 1u);
    EXPECT_EQ(outbox.purge(test::at_minute(4), test::at_minute(10)).value(), 2u);
    EXPECT_TRUE(outbox.list({}).value().empty());
}

}  // namespace countersign::store
