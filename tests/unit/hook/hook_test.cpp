// A hook's verdicts, and what stands between it and everybody else: every doubt is "no verdict".
#include "questions.hpp"

#include <gmock/gmock.h>

#include <thread>

namespace countersign::hook::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class HookTest : public testing::Test {
protected:
    HookTest() { make({}); }
    void make(HookOptions options) {
        options.name = "compliance";
        auto owned = std::make_unique<ScriptedCarrier>();
        carrier = owned.get();
        hook = std::make_unique<Hook>(std::move(options), std::move(owned), c.clock, random);
    }
    Result<policy::Decision> verify() { return hook->verify(c.question()); }
    // "allow", "hold REASON", "deny CODE" or the error.
    std::string verdict() {
        const auto decision = verify();
        if (!decision) return describe(decision.error());
        if (std::holds_alternative<policy::Allow>(*decision)) return "allow";
        if (const auto* hold = std::get_if<policy::Hold>(&*decision)) return "hold " + hold->reason;
        const auto& deny = std::get<policy::Deny>(*decision);
        return std::string(deny.blameless ? "blameless " : "") + "deny " + policy::describe(deny.findings);
    }
    std::uint64_t counted(const std::string& call, const std::string& answer) const {
        const auto traffic = hook->traffic();
        const auto found = traffic.answers.find({call, answer});
        return found == traffic.answers.end() ? 0 : found->second;
    }

    Case c;
    countersign::test::CountingRandom random;
    ScriptedCarrier* carrier = nullptr;
    std::unique_ptr<Hook> hook;
};

TEST_F(HookTest, ApprovalLeavesThePlan) {
    const auto decision = verify();
    ASSERT_TRUE(decision) << decision.error().detail;
    const auto& plan = std::get<policy::Allow>(*decision).plan;
    EXPECT_EQ(plan.subject_alt_names, c.plan.subject_alt_names);
    EXPECT_EQ(plan.key_usage, c.plan.key_usage);
    EXPECT_EQ(plan.not_after, c.plan.not_after);
    EXPECT_EQ(counted("verify", "approved"), 1U);
}

TEST_F(HookTest, IsIntroducedOnceAndThenAsked) {
    verify();
    verify();
    EXPECT_EQ(carrier->questions("initialize").size(), 1U);
    EXPECT_EQ(carrier->questions("initialize")[0].at("calls"), HookJson({"verify"}));
    EXPECT_EQ(carrier->questions("verify").size(), 2U);
    EXPECT_EQ(hook->introduction()->name, "Scripted");
}

TEST_F(HookTest, ThatDoesNotAnswerWhatItShallIsNotAsked) {
    make({.calls = {Call::verify, Call::generate}});
    carrier->introduce = [](const HookJson& question) -> Result<std::string> {
        return HookJson{{"version", 1}, {"id", question.at("id")}, {"name", "Half"}, {"calls", {"generate"}}}.dump();
    };
    EXPECT_THAT(verdict(), HasSubstr("unavailable: it is Half and answers generate"));
    EXPECT_TRUE(carrier->questions("verify").empty());
    EXPECT_FALSE(hook->introduction());
    EXPECT_FALSE(hook->initialize());
}

TEST_F(HookTest, InitializeAsksAgainAndForgetsWhoDoesNotAnswer) {
    ASSERT_TRUE(hook->initialize());
    EXPECT_TRUE(hook->introduction());
    carrier->introduce = [](const HookJson&) -> Result<std::string> { return fail::unavailable("gone"); };
    EXPECT_FALSE(hook->initialize());
    EXPECT_FALSE(hook->introduction());
}

TEST_F(HookTest, DenialsHaveTheHooksReason) {
    carrier->says({{"decision", "deny"}, {"reason", "not compliant"}});
    EXPECT_EQ(verdict(), "deny HookDenied: policy hook compliance: not compliant");
    EXPECT_EQ(counted("verify", "denied"), 1U);
    // Whatever else it says.
    carrier->says({{"decision", "deny"}, {"plan", {{"key_usage", {"keyCertSign"}}}}});
    EXPECT_THAT(verdict(), testing::StartsWith("deny HookDenied"));
}

TEST_F(HookTest, HoldsMayNarrowToo) {
    carrier->says({{"decision", "hold"}, {"reason", "new"}, {"plan", {{"subject_alt_names", {"dns:a.example"}}}}});
    const auto decision = verify();
    ASSERT_TRUE(decision);
    const auto& hold = std::get<policy::Hold>(*decision);
    EXPECT_EQ(hold.reason, "policy hook compliance: new");
    EXPECT_EQ(hold.plan.subject_alt_names.size(), 1U);
    EXPECT_EQ(counted("verify", "held"), 1U);
}

TEST_F(HookTest, NarrowsAndSaysWhatIsGone) {
    carrier->says({{"decision", "approve"}, {"plan", {{"extended_key_usage", {"clientAuth"}}}}});
    const auto decision = verify();
    ASSERT_TRUE(decision);
    const auto& allow = std::get<policy::Allow>(*decision);
    EXPECT_THAT(allow.plan.extended_key_usage, ElementsAre(std::string(oid::client_auth)));
    EXPECT_THAT(policy::describe(allow.remarks), HasSubstr("EnhancedKeyUsageRemoved"));
    EXPECT_EQ(counted("verify", "narrowed"), 1U);
}

TEST_F(HookTest, WideningIsADenialThatIsNotTheClientsFault) {
    for (const HookJson& plan :
         {HookJson{{"subject", "CN=root"}}, HookJson{{"subject_alt_names", {"dns:a.example", "dns:evil.example"}}},
          HookJson{{"key_usage", {"keyCertSign"}}}, HookJson{{"extended_key_usage", HookJson::array()}},
          HookJson{{"not_after", "2030-01-01T00:00:00Z"}}}) {
        for (const char* decision : {"approve", "hold"}) {
            carrier->says({{"decision", decision}, {"plan", plan}});
            EXPECT_THAT(verdict(), testing::StartsWith("blameless deny HookOverreached")) << plan.dump();
        }
    }
    EXPECT_EQ(counted("verify", "overreached"), 10U);
    EXPECT_FALSE(hook->traffic().circuit_open);  // it answers
}

TEST_F(HookTest, EveryTroubleIsNoVerdict) {
    for (const auto& error : {fail::unavailable("refused"), fail::outcome_unknown("time-out"),
                              fail::malformed("answer over the limit"), fail::internal("libcurl")}) {
        carrier->fails(error);
        const auto decision = verify();
        ASSERT_FALSE(decision);
        EXPECT_EQ(decision.error().kind, ErrorKind::unavailable);
        EXPECT_THAT(decision.error().detail, HasSubstr(error.detail));
    }
    EXPECT_EQ(counted("verify", "failed"), 4U);
}

TEST_F(HookTest, GarbageAndAnswersToOtherQuestionsAreNoVerdict) {
    for (const char* text : {"", "approve", "{}", R"({"version":1,"id":"question-2","decision":"approve"})"}) {
        carrier->says_text(text);
        EXPECT_THAT(verdict(), testing::StartsWith("unavailable")) << text;
    }
}

TEST_F(HookTest, ThatFailsTooOftenIsLeftAlone) {
    make({.failures_to_open = 3, .pause = 10s});
    ASSERT_EQ(verdict(), "allow");
    carrier->fails(fail::unavailable("down"));
    for (int i = 0; i < 3; ++i) EXPECT_THAT(verdict(), HasSubstr("down"));
    const auto asked = carrier->letters().size();
    EXPECT_THAT(verdict(), HasSubstr("left alone for a while, it failed too often: down"));
    EXPECT_EQ(carrier->letters().size(), asked);
    EXPECT_TRUE(hook->traffic().circuit_open);
    EXPECT_EQ(counted("verify", "refused"), 1U);

    carrier->answer = [](const HookJson& question) -> Result<std::string> {
        return ScriptedCarrier::approval(question).dump();
    };
    EXPECT_THAT(verdict(), HasSubstr("left alone"));
    c.clock.advance(10s);
    EXPECT_EQ(verdict(), "allow");
    EXPECT_FALSE(hook->traffic().circuit_open);
}

// Nine threads, of which one may ask and one may wait: whoever is beyond is answered while the first still waits.
TEST_F(HookTest, ThatIsSlowKeepsNoMoreThanItsShareWaiting) {
    make({.at_once = 1, .queue = 1, .patience = 1h});
    ASSERT_TRUE(hook->initialize());
    std::mutex mutex;
    std::condition_variable changed;
    bool open = false;
    carrier->answer = [&](const HookJson& question) -> Result<std::string> {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return open; });
        return ScriptedCarrier::approval(question).dump();
    };
    std::vector<std::jthread> waiting;
    std::atomic<int> allowed{0};
    for (int i = 0; i < 2; ++i) {
        waiting.emplace_back([&] {
            if (verify()) ++allowed;
        });
    }
    while (hook->traffic().under_way < 2) std::this_thread::yield();
    for (int i = 0; i < 7; ++i) EXPECT_THAT(verdict(), HasSubstr("too many requests wait"));
    EXPECT_EQ(allowed, 0);
    {
        const std::lock_guard lock(mutex);
        open = true;
    }
    changed.notify_all();
    waiting.clear();
    EXPECT_EQ(allowed, 2);
    EXPECT_EQ(hook->traffic().under_way, 0U);
}

// --- generate ------------------------------------------------------------------------------------------------------

class GenerateTest : public HookTest {
protected:
    GenerateTest() { make({.calls = {Call::generate}}); }
    Result<GenerateAnswer> generate(const GenerateQuestion& question = open_question()) {
        return hook->generate(question);
    }
    static GenerateQuestion open_question() { return {.profile = "default", .by = "mdm", .valid = 60min}; }
    static GenerateQuestion bound_question() {
        return {.profile = "default",
                .by = "mdm",
                .subject = "CN=a",
                .sans = {"dns:a", "dns:b"},
                .template_name = "device",
                .valid = 60min};
    }
};

TEST_F(GenerateTest, ApprovalLeavesWhatWasAskedFor) {
    const auto answer = generate(bound_question());
    ASSERT_TRUE(answer) << answer.error().detail;
    EXPECT_EQ(answer->subject, "CN=a");
    EXPECT_THAT(answer->sans, ElementsAre("dns:a", "dns:b"));
    EXPECT_EQ(answer->valid, 60min);
    const auto question = carrier->questions("generate").at(0);
    EXPECT_EQ(question.at("by"), "mdm");
    EXPECT_EQ(question.at("challenge").at("subject"), "CN=a");
    EXPECT_EQ(question.at("challenge").at("valid_minutes"), 60);
}

TEST_F(GenerateTest, WhatWasLeftOpenIsFilledIn) {
    carrier->says(
        {{"decision", "approve"},
         {"challenge",
          {{"subject", "CN=x"}, {"subject_alt_names", {"dns:x"}}, {"template", "device"}, {"valid_minutes", 5}}}});
    const auto answer = generate();
    ASSERT_TRUE(answer) << answer.error().detail;
    EXPECT_EQ(answer->subject, "CN=x");
    EXPECT_THAT(answer->sans, ElementsAre("dns:x"));
    EXPECT_EQ(answer->template_name, "device");
    EXPECT_EQ(answer->valid, 5min);
}

TEST_F(GenerateTest, WhatWasSaidStays) {
    carrier->says(
        {{"decision", "approve"}, {"challenge", {{"subject", "CN=a"}, {"subject_alt_names", {"dns:b", "dns:a"}}}}});
    EXPECT_TRUE(generate(bound_question()));
    for (const HookJson& challenge :
         {HookJson{{"subject", "CN=b"}}, HookJson{{"subject", ""}}, HookJson{{"subject_alt_names", {"dns:a"}}},
          HookJson{{"subject_alt_names", HookJson::array()}}, HookJson{{"subject_alt_names", {"dns:a", "dns:c"}}},
          HookJson{{"template", "other"}}, HookJson{{"template", ""}}, HookJson{{"valid_minutes", 61}}}) {
        carrier->says({{"decision", "approve"}, {"challenge", challenge}});
        const auto answer = generate(bound_question());
        ASSERT_FALSE(answer) << challenge.dump();
        EXPECT_EQ(answer.error().kind, ErrorKind::unavailable);
        EXPECT_THAT(answer.error().detail, HasSubstr("HookOverreached"));
    }
    EXPECT_EQ(counted("generate", "overreached"), 8U);
}

TEST_F(GenerateTest, DenialsHaveAReason) {
    carrier->says({{"decision", "deny"}, {"reason", "no more today"}});
    const auto answer = generate();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().kind, ErrorKind::denied);
    EXPECT_THAT(answer.error().detail, HasSubstr("no more today"));
    carrier->fails(fail::outcome_unknown("time-out"));
    EXPECT_EQ(generate().error().kind, ErrorKind::unavailable);
}

// --- notify --------------------------------------------------------------------------------------------------------

TEST_F(HookTest, NoticesAreTakenOrNot) {
    Notice notice;
    notice.id = "n-1";
    notice.event = "issued";
    carrier->says_text("thank you");
    EXPECT_TRUE(hook->notify(notice));
    carrier->fails(fail::outcome_unknown("time-out"));
    for (int i = 0; i < 10; ++i) EXPECT_EQ(hook->notify(notice).error().kind, ErrorKind::unavailable);
    for (const auto& letter : carrier->letters()) EXPECT_EQ(letter.id, "n-1");
    // What only wants to tell does not keep others from asking.
    EXPECT_FALSE(hook->traffic().circuit_open);
    EXPECT_EQ(counted("notify", "failed"), 10U);
    EXPECT_EQ(counted("notify", "taken"), 1U);
}

}  // namespace
}  // namespace countersign::hook::test
