#include "countersign/admin/desk.hpp"

#include "countersign/admin/records.hpp"
#include "countersign/challenge/one_time.hpp"
#include "countersign/store/database.hpp"
#include "counting_random.hpp"
#include "fixed_clock.hpp"
#include "memory_sink.hpp"
#include "scratch_directory.hpp"
#include "scripted_hook.hpp"
#include "store_samples.hpp"

#include <gmock/gmock.h>

namespace countersign::admin {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class DeskTest : public testing::Test {
protected:
    void SetUp() override {
        store::DatabaseOptions options;
        options.url = "sqlite:" + (directory_ / "test.db").string();
        ASSERT_TRUE(store::Database::migrate(options));
        database_ = store::Database::open(options).value();
        ProfileDesk one_time;
        one_time.hook = with_hook();
        one_time.mode = "one-time";
        challenge::OneTimeOptions issuing;
        issuing.profile = "default";
        issuing.max_outstanding = 5;
        one_time.issuer = std::make_shared<challenge::OneTimePasswords>(issuing, Secret(std::string(32, 'p')),
                                                                        database_->challenges(), random_);
        one_time.templates = {"device", "router"};
        ProfileDesk single;
        single.mode = "single-password";
        desk_ = std::make_unique<Desk>(
            DeskParts{database_->challenges(), database_->transactions(), database_->issued(), events_, clock_},
            std::map<std::string, ProfileDesk>{{"default", one_time}, {"old", single}});
    }

    Result<challenge::MintedChallenge> mint(const Actor& actor, const std::string& wanted = {}) {
        MintRequest request{"default", {}, std::nullopt};
        request.binding.template_name = wanted;
        return desk_->mint(request, actor);
    }
    // The hook of the profile default; null unless a test wants one.
    virtual std::shared_ptr<hook::Hook> with_hook() { return nullptr; }
    std::string template_of(const std::string& id) {
        return database_->challenges().find_by_id(id).value().value().template_name;
    }
    std::size_t outstanding() { return database_->challenges().count_outstanding("default", clock_.now()).value(); }
    std::string held_request() {
        auto attempt = test::sample_attempt(1);
        attempt.state = store::AttemptState::held;
        EXPECT_TRUE(database_->transactions().record_intent(attempt));
        return attempt.id;
    }

    test::ScratchDirectory directory_;
    test::FixedClock clock_{test::at_minute(0)};
    test::CountingRandom random_;
    test::MemoryEvents events_;
    std::unique_ptr<store::Database> database_;
    std::unique_ptr<Desk> desk_;
    Actor alice_{"alice", "api"};
};

TEST_F(DeskTest, MintingIsRecordedWithWhoAndHow) {
    const auto minted = mint(alice_);
    ASSERT_TRUE(minted);
    EXPECT_THAT(events_.ids(), ElementsAre("challenge.minted"));
    EXPECT_EQ(events_.last("by"), "alice");
    EXPECT_EQ(events_.last("through"), "api");
    EXPECT_EQ(events_.last("challenge"), minted->id);
}

TEST_F(DeskTest, WhatCannotBeRecordedIsNotHandedOut) {
    events_.away = true;
    EXPECT_EQ(mint(alice_).error().kind, ErrorKind::unavailable);
    EXPECT_EQ(outstanding(), 0u) << "nor does it fill the cache";
    const auto id = held_request();
    EXPECT_FALSE(desk_->approve(id, alice_));
    EXPECT_FALSE(desk_->deny(id, "no", alice_));
    EXPECT_EQ(database_->transactions().find(id)->state, store::AttemptState::held);
    ASSERT_TRUE(database_->issued().insert(test::sample_certificate(1)));
    const auto serial = test::sample_certificate(1).serial;
    EXPECT_FALSE(desk_->revoke_certificate(serial, "", 1, false, alice_));
    EXPECT_FALSE(desk_->certificate(serial, "")->revoked);
    events_.away = false;
    const auto minted = mint(alice_);
    ASSERT_TRUE(minted);
    events_.away = true;
    EXPECT_FALSE(desk_->revoke_challenge(minted->id, alice_));
    EXPECT_EQ(database_->challenges().find_by_id(minted->id).value()->state, store::ChallengeState::outstanding);
}

class HookedDesk : public DeskTest {
protected:
    std::shared_ptr<hook::Hook> with_hook() override {
        auto owned = std::make_unique<test::ScriptedCarrier>();
        carrier_ = owned.get();
        return std::make_shared<hook::Hook>(
            hook::HookOptions{.name = "compliance", .calls = {hook::Call::generate}, .failures_to_open = 100},
            std::move(owned), clock_, random_);
    }
    store::Challenge stored(const std::string& id) { return database_->challenges().find_by_id(id).value().value(); }

    test::ScriptedCarrier* carrier_ = nullptr;
};

TEST_F(HookedDesk, AHookBindsWhatWasLeftOpen) {
    carrier_->says({{"decision", "approve"},
                    {"challenge",
                     {{"subject", "CN=device-7"},
                      {"subject_alt_names", {"dns:a.example"}},
                      {"template", "router"},
                      {"valid_minutes", 5}}}});
    const auto minted = mint(alice_);
    ASSERT_TRUE(minted) << minted.error().detail;
    EXPECT_EQ(stored(minted->id).subject, "CN=device-7");
    EXPECT_THAT(stored(minted->id).sans, ElementsAre("dns:a.example"));
    EXPECT_EQ(stored(minted->id).template_name, "router");
    EXPECT_EQ(stored(minted->id).expires - clock_.now(), std::chrono::minutes{5});
    const auto question = carrier_->questions("generate").at(0);
    EXPECT_EQ(question.at("by"), "alice");
    EXPECT_EQ(question.at("challenge").at("valid_minutes"), 60);
    EXPECT_EQ(events_.last("subject"), "CN=device-7");
}

TEST_F(HookedDesk, AHookThatAgreesChangesNothing) {
    const auto minted = mint(alice_, "device");
    ASSERT_TRUE(minted);
    EXPECT_EQ(stored(minted->id).template_name, "device");
    EXPECT_EQ(stored(minted->id).subject, "");
    EXPECT_EQ(stored(minted->id).expires - clock_.now(), std::chrono::minutes{60});
}

TEST_F(HookedDesk, NothingIsMintedAgainstOrWithoutAHook) {
    carrier_->says({{"decision", "deny"}, {"reason", "enough for today"}});
    auto minted = mint(alice_);
    ASSERT_FALSE(minted);
    EXPECT_EQ(minted.error().kind, ErrorKind::denied);
    EXPECT_THAT(minted.error().detail, HasSubstr("enough for today"));
    EXPECT_THAT(events_.ids(), ElementsAre("challenge.withheld"));
    EXPECT_EQ(events_.last("by"), "alice");
    EXPECT_EQ(events_.last("hook"), "compliance");
    carrier_->fails(fail::outcome_unknown("time-out"));
    EXPECT_EQ(mint(alice_).error().kind, ErrorKind::unavailable);
    EXPECT_EQ(events_.ids().back(), "hook.failed");
    carrier_->says_text("<html>");
    EXPECT_EQ(mint(alice_).error().kind, ErrorKind::unavailable);
    EXPECT_EQ(outstanding(), 0U);
}

TEST_F(HookedDesk, AHookIsBoundByTheSameLimitsAsWhoAsks) {
    // A template the profile does not use, one the actor may not have, another than was asked for, a longer life.
    carrier_->says({{"decision", "approve"}, {"challenge", {{"template", "administrator"}}}});
    EXPECT_EQ(mint(alice_).error().kind, ErrorKind::not_found);
    const Actor limited{"bob", "page", 0, {"device"}};
    carrier_->says({{"decision", "approve"}, {"challenge", {{"template", "router"}}}});
    EXPECT_FALSE(mint(limited));
    EXPECT_FALSE(mint(alice_, "device"));
    carrier_->says({{"decision", "approve"}, {"challenge", {{"valid_minutes", 61}}}});
    EXPECT_FALSE(mint(alice_));
    carrier_->says({{"decision", "approve"}, {"challenge", {{"subject", "no name"}}}});
    EXPECT_EQ(mint(alice_).error().kind, ErrorKind::malformed);
    EXPECT_EQ(outstanding(), 0U);
}

TEST_F(DeskTest, ProfilesThatMintNothingAndThatDoNotExistSaySo) {
    EXPECT_EQ(desk_->mint({"old", {}, std::nullopt}, alice_).error().kind, ErrorKind::denied);
    EXPECT_EQ(desk_->mint({"nowhere", {}, std::nullopt}, alice_).error().kind, ErrorKind::not_found);
    EXPECT_THAT(events_.ids(), IsEmpty());
}

TEST_F(DeskTest, AnActorsOwnLimitHoldsBesideTheProfiles) {
    const Actor limited{"bob", "page", 2};
    EXPECT_TRUE(mint(limited));
    EXPECT_TRUE(mint(limited));
    const auto third = mint(limited);
    ASSERT_FALSE(third);
    EXPECT_EQ(third.error().kind, ErrorKind::throttled);
    EXPECT_THAT(third.error().detail, HasSubstr("bob"));
    EXPECT_TRUE(mint(alice_));
    EXPECT_TRUE(mint(alice_));
    EXPECT_TRUE(mint(alice_));
    EXPECT_EQ(mint(alice_).error().kind, ErrorKind::throttled) << "the profile's own five";
    EXPECT_EQ(outstanding(), 5u);
    clock_.advance(std::chrono::minutes{61});
    EXPECT_TRUE(mint(limited)) << "expired ones do not count";
}

TEST_F(DeskTest, ATemplateMustBeOneTheProfileUses) {
    EXPECT_EQ(template_of(mint(alice_, "router")->id), "router");
    EXPECT_EQ(mint(alice_, "printer").error().kind, ErrorKind::not_found);
}

TEST_F(DeskTest, AnActorLimitedToTemplatesGetsChallengesForThoseAlone) {
    Actor routers{"net", "api"};
    routers.templates = {"router", "unused"};
    EXPECT_EQ(template_of(mint(routers)->id), "router") << "the only one of theirs the profile uses";
    EXPECT_EQ(mint(routers, "device").error().kind, ErrorKind::denied);
    routers.templates = {"device", "router"};
    EXPECT_EQ(template_of(mint(routers)->id), "") << "all the profile uses: nothing to restrict";
    routers.templates = {"printer"};
    EXPECT_EQ(mint(routers).error().kind, ErrorKind::denied);
}

TEST_F(DeskTest, DecidesAboutHeldRequestsOnce) {
    const auto id = held_request();
    ASSERT_TRUE(desk_->approve(id, alice_));
    EXPECT_EQ(database_->transactions().find(id)->state, store::AttemptState::approved);
    EXPECT_EQ(desk_->approve(id, alice_).error().kind, ErrorKind::conflict);
    EXPECT_EQ(desk_->deny(id, "late", alice_).error().kind, ErrorKind::conflict);
    EXPECT_EQ(desk_->approve("0", alice_).error().kind, ErrorKind::not_found);
    EXPECT_THAT(events_.ids(), ElementsAre("request.approved"));
}

TEST_F(DeskTest, ResolvesWhatTheCaCannotTell) {
    using Finding = Resolution::Finding;
    const auto unknown = [&](int number) {
        auto attempt = test::sample_attempt(number);
        attempt.created = attempt.updated = clock_.now();
        EXPECT_TRUE(database_->transactions().record_intent(attempt));
        return attempt.id;
    };
    const auto state = [&](const std::string& id) { return database_->transactions().find(id)->state; };
    const std::vector ids{unknown(1), unknown(2), unknown(3)};
    EXPECT_EQ(desk_->resolve(ids[0], {Finding::not_there}, alice_).error().kind, ErrorKind::conflict)
        << "the daemon may still be at it";
    clock_.advance(std::chrono::minutes{5});
    ASSERT_TRUE(desk_->resolve(ids[0], {Finding::not_there}, alice_));
    EXPECT_EQ(state(ids[0]), store::AttemptState::approved);
    ASSERT_TRUE(desk_->resolve(ids[1], {Finding::there, "4711"}, alice_));
    EXPECT_EQ(state(ids[1]), store::AttemptState::pending);
    EXPECT_EQ(database_->transactions().find(ids[1])->ca_handle, "4711");
    ASSERT_TRUE(desk_->resolve(ids[2], {Finding::failed, "lost"}, alice_));
    EXPECT_EQ(state(ids[2]), store::AttemptState::failed);
    EXPECT_THAT(events_.ids(), ElementsAre("request.resolved", "request.resolved", "request.resolved"));
    for (const auto& id : ids)
        EXPECT_EQ(desk_->resolve(id, {Finding::not_there}, alice_).error().kind, ErrorKind::conflict);
    EXPECT_EQ(desk_->resolve("0", {Finding::not_there}, alice_).error().kind, ErrorKind::not_found);
}

TEST_F(DeskTest, ResolvesWhatTheCaHeldAndLost) {
    using Finding = Resolution::Finding;
    const auto pending = [&](int number) {
        auto attempt = test::sample_attempt(number);
        attempt.created = attempt.updated = clock_.now();
        EXPECT_TRUE(database_->transactions().record_intent(attempt));
        EXPECT_TRUE(database_->transactions().record_pending(attempt.id, "forgotten there", clock_.now()));
        return attempt.id;
    };
    const std::vector ids{pending(1), pending(2), pending(3)};
    EXPECT_EQ(desk_->resolve(ids[0], {Finding::failed, "lost"}, alice_).error().kind, ErrorKind::conflict)
        << "it is young";
    clock_.advance(std::chrono::minutes{5});
    ASSERT_TRUE(desk_->resolve(ids[0], {Finding::there, "certificate:AAAA"}, alice_));
    EXPECT_EQ(database_->transactions().find(ids[0])->ca_handle, "certificate:AAAA");
    EXPECT_EQ(database_->transactions().find(ids[0])->state, store::AttemptState::pending);
    ASSERT_TRUE(desk_->resolve(ids[1], {Finding::failed, "lost"}, alice_));
    EXPECT_EQ(database_->transactions().find(ids[1])->state, store::AttemptState::failed);
    EXPECT_THAT(database_->transactions().find(ids[1])->reason, HasSubstr("lost (alice)"));
    const auto again = desk_->resolve(ids[2], {Finding::not_there}, alice_);
    EXPECT_EQ(again.error().kind, ErrorKind::conflict);
    EXPECT_THAT(again.error().detail, HasSubstr("second certificate"));
    EXPECT_EQ(database_->transactions().find(ids[2])->ca_handle, "forgotten there") << "nothing changed";
    EXPECT_EQ(desk_->resolve(ids[1], {Finding::there, "x"}, alice_).error().kind, ErrorKind::conflict) << "final";
    EXPECT_THAT(events_.ids(), ElementsAre("request.resolved", "request.resolved"));
}

TEST_F(DeskTest, NothingIsResolvedThatCannotBeRecorded) {
    auto attempt = test::sample_attempt(1);
    attempt.created = attempt.updated = clock_.now();
    ASSERT_TRUE(database_->transactions().record_intent(attempt));
    ASSERT_TRUE(database_->transactions().record_pending(attempt.id, "h", clock_.now()));
    clock_.advance(std::chrono::minutes{6});
    events_.away = true;
    EXPECT_FALSE(desk_->resolve(attempt.id, {Resolution::Finding::failed, "lost"}, alice_));
    EXPECT_EQ(database_->transactions().find(attempt.id)->state, store::AttemptState::pending);
}

TEST_F(DeskTest, SaysWhenTheCaMustBeToldByPeople) {
    Result<RevokedWhere> answer = RevokedWhere::here_alone;
    DeskParts parts{database_->challenges(), database_->transactions(), database_->issued(), events_, clock_};
    parts.revoke_at_ca = [&](const auto&, const auto&, int, Time) { return answer; };
    Desk desk(parts, {});
    const auto revoke = [&](int number) {
        EXPECT_TRUE(database_->issued().insert(test::sample_certificate(number)));
        return desk.revoke_certificate(test::sample_certificate(number).serial, "", 1, false, alice_);
    };
    EXPECT_TRUE(revoke(1)->left_to_people);
    answer = RevokedWhere::at_the_ca;
    EXPECT_FALSE(revoke(2)->left_to_people);
    answer = fail::conflict("revoked there already");
    const auto known = revoke(3);
    ASSERT_TRUE(known);
    EXPECT_FALSE(known->left_to_people);
    answer = fail::unavailable("away");
    EXPECT_FALSE(revoke(4));
    EXPECT_FALSE(desk.certificate(test::sample_certificate(4).serial, "")->revoked);
}

TEST_F(DeskTest, RevokesByAnySpellingOfTheSerialAndGuardsTheRaAndTheCa) {
    auto certificate = test::sample_certificate(1);
    ASSERT_TRUE(database_->issued().insert(certificate));
    auto ra = test::sample_certificate(2);
    ra.kind = "ra";
    ASSERT_TRUE(database_->issued().insert(ra));
    auto ca = test::sample_certificate(3);
    ca.kind = "ca";
    ASSERT_TRUE(database_->issued().insert(ca));
    const auto revoked = desk_->revoke_certificate(certificate.serial, "", 1, false, alice_);
    ASSERT_TRUE(revoked);
    EXPECT_EQ(state_of(*revoked, clock_.now()), "revoked");
    EXPECT_EQ(events_.last("reason"), "keyCompromise");
    EXPECT_EQ(desk_->revoke_certificate(certificate.serial, "", 1, false, alice_).error().kind, ErrorKind::conflict);
    EXPECT_EQ(desk_->revoke_certificate("00ff", "", 1, false, alice_).error().kind, ErrorKind::not_found);
    EXPECT_EQ(desk_->revoke_certificate(ra.serial, "", 1, false, alice_).error().kind, ErrorKind::denied);
    EXPECT_TRUE(desk_->revoke_certificate(ra.serial, "", 1, true, alice_));
    EXPECT_EQ(desk_->revoke_certificate(ca.serial, "", 1, true, alice_).error().kind, ErrorKind::denied);
}

TEST_F(DeskTest, ASerialOfSeveralCasWantsItsCa) {
    auto here = test::sample_certificate(1);
    auto there = here;
    there.ca = "other";
    ASSERT_TRUE(database_->issued().insert(here));
    ASSERT_TRUE(database_->issued().insert(there));
    EXPECT_EQ(desk_->certificate(here.serial, "").error().kind, ErrorKind::conflict);
    EXPECT_EQ(desk_->certificate(here.serial, "other")->ca, "other");
    EXPECT_EQ(desk_->certificate(here.serial, "third").error().kind, ErrorKind::not_found);
}

TEST(Records, RevocationReasonsHaveTheirNumbersOfRfc5280) {
    EXPECT_EQ(revocation_reasons().at("keyCompromise"), 1);
    EXPECT_EQ(revocation_reasons().at("privilegeWithdrawn"), 9);
    EXPECT_EQ(revocation_reason_name(4), "superseded");
    EXPECT_EQ(revocation_reason_name(6), "6") << "certificateHold is not offered";
    EXPECT_EQ(attempt_state_from("held"), store::AttemptState::held);
    EXPECT_EQ(attempt_state_from("help"), std::nullopt);
}

}  // namespace
}  // namespace countersign::admin
