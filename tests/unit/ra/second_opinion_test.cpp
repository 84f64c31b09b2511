// Policy hooks in the enrollment's story: what they may do, and that without their answer nothing happens at all.
#include "countersign/crypto/encoding.hpp"
#include "countersign/crypto/oid.hpp"
#include "countersign/ra/followup.hpp"
#include "countersign/ra/plan_record.hpp"
#include "scripted_hook.hpp"
#include "station.hpp"

#include <gmock/gmock.h>

namespace countersign::test {
namespace {

using scep::FailInfo;
using scep::PkiStatus;
using store::AttemptState;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

class SecondOpinion : public testing::Test {
protected:
    SecondOpinion() { use({}); }
    void use(hook::HookOptions options) {
        options.name = "compliance";
        auto owned = std::make_unique<ScriptedCarrier>();
        carrier = owned.get();
        station.profile->hook =
            std::make_shared<hook::Hook>(std::move(options), std::move(owned), station.clock, station.random);
    }
    static crypto::Extension names(const std::vector<std::string>& texts) {
        std::vector<crypto::GeneralName> names;
        for (const auto& text : texts) names.push_back(must(crypto::general_name_from_text(text)));
        return {std::string(oid::subject_alt_name), false, crypto::encode_general_names(names)};
    }
    scep::CertRep ask(const Device& device, const std::string& challenge) {
        return station.exchange(
            device, station.message(device, {.challenge = challenge,
                                             .extensions = {names({"dns:a.example.com", "dns:b.example.com"})}}));
    }
    std::size_t attempts() { return must(station.database->transactions().recent(100)).size(); }
    std::vector<store::Attempt> held() {
        return must(station.database->transactions().in_state(AttemptState::held, 10));
    }
    ra::FollowupResult follow_up() {
        return ra::follow_up(*station.enrollment, station.database->transactions(), {{"default", station.profile}}, 10);
    }
    static std::vector<std::string> names_of(const crypto::Certificate& certificate) {
        std::vector<std::string> texts;
        for (const auto& name : certificate.subject_alt_names()) texts.push_back(crypto::to_text(name));
        return texts;
    }

    Station station;
    ScriptedCarrier* carrier = nullptr;
};

TEST_F(SecondOpinion, ApprovalIssuesWhatPolicyPlanned) {
    const auto device = station.device();
    const auto reply = ask(device, station.mint());
    ASSERT_EQ(reply.status, PkiStatus::success) << station.audit.all();
    EXPECT_THAT(names_of(reply.certificates.front()), ElementsAre("dns:a.example.com", "dns:b.example.com"));
    const auto question = carrier->questions("verify").at(0);
    EXPECT_EQ(question.at("profile"), "default");
    EXPECT_EQ(question.at("purpose"), "enroll");
    EXPECT_EQ(question.at("client"), "192.0.2.7");
    EXPECT_EQ(question.at("transaction"), device.transaction_id);
    EXPECT_EQ(question.at("challenge").at("kind"), "one-time");
    EXPECT_EQ(question.at("request"), must(station.database->transactions().recent(1)).front().id);
}

TEST_F(SecondOpinion, TheHookNeverSeesThePassword) {
    const auto challenge = station.mint();
    ask(station.device(), challenge);
    ASSERT_EQ(carrier->questions("verify").size(), 1U);
    for (const auto& letter : carrier->letters()) EXPECT_THAT(letter.body, Not(HasSubstr(challenge)));
    const auto csr = must(crypto::from_base64(carrier->questions("verify")[0].at("csr").get<std::string>()));
    EXPECT_THAT(std::string(as_text(csr)), Not(HasSubstr(challenge)));
}

TEST_F(SecondOpinion, WhatIsTakenAwayIsNotInTheCertificate) {
    carrier->says({{"decision", "approve"},
                   {"plan", {{"subject_alt_names", {"dns:b.example.com"}}, {"not_after", "2026-12-01T00:00:00Z"}}}});
    const auto reply = ask(station.device(), station.mint());
    ASSERT_EQ(reply.status, PkiStatus::success) << station.audit.all();
    const auto& certificate = reply.certificates.front();
    EXPECT_THAT(names_of(certificate), ElementsAre("dns:b.example.com"));
    EXPECT_EQ(to_rfc3339(certificate.not_after()), "2026-12-01T00:00:00.000Z");
    EXPECT_THAT(station.audit.all(), HasSubstr("SubjectAltNameRemoved: dns:a.example.com"));
}

TEST_F(SecondOpinion, ADenialIsARefusalLikePolicys) {
    carrier->says({{"decision", "deny"}, {"reason", "stolen"}});
    const auto challenge = station.mint();
    const auto device = station.device();
    const auto reply = ask(device, challenge);
    EXPECT_EQ(reply.status, PkiStatus::failure);
    EXPECT_EQ(reply.fail_info, FailInfo::bad_request);
    EXPECT_THAT(station.audit.last(), HasSubstr("HookDenied: policy hook compliance: stolen"));
    EXPECT_EQ(attempts(), 0U);
    EXPECT_EQ(station.certificates(), 0U);
    // As often as policy may refuse, then the password is burnt.
    for (int i = 0; i < 4; ++i) ask(device, challenge);
    EXPECT_EQ(station.audit.count("challenge.burnt"), 1U);
}

TEST_F(SecondOpinion, WideningIsRefusedLoudlyAndCostsTheClientNothing) {
    const auto challenge = station.mint();
    const auto device = station.device();
    for (const HookJson& plan :
         {HookJson{{"subject_alt_names", {"dns:a.example.com", "dns:evil.example.com"}}},
          HookJson{{"subject", "CN=administrator"}}, HookJson{{"extended_key_usage", {"clientAuth", "serverAuth"}}},
          HookJson{{"extended_key_usage", HookJson::array()}}, HookJson{{"key_usage", {"keyCertSign"}}},
          HookJson{{"not_after", "2099-01-01T00:00:00Z"}}}) {
        carrier->says({{"decision", "approve"}, {"plan", plan}});
        const auto reply = ask(device, challenge);
        EXPECT_EQ(reply.status, PkiStatus::failure) << plan.dump();
        EXPECT_EQ(reply.fail_info, FailInfo::bad_request);
    }
    EXPECT_EQ(station.audit.count("hook.overreached"), 6U);
    EXPECT_EQ(station.audit.count("challenge.burnt"), 0U);
    EXPECT_EQ(station.certificates(), 0U);
    carrier->says({{"decision", "approve"}});
    EXPECT_EQ(ask(device, challenge).status, PkiStatus::success);
}

TEST_F(SecondOpinion, WithoutAVerdictNothingHasHappened) {
    const auto challenge = station.mint();
    const auto device = station.device();
    const auto message = station.message(device, {.challenge = challenge});
    for (const auto& error :
         {fail::unavailable("down"), fail::outcome_unknown("time-out"), fail::malformed("too long")}) {
        carrier->fails(error);
        const auto answer = station.send(message);
        ASSERT_FALSE(answer);
        EXPECT_EQ(answer.error().kind, ErrorKind::unavailable);
    }
    carrier->says_text("<html>approve</html>");
    EXPECT_FALSE(station.send(message));
    EXPECT_EQ(station.audit.count("hook.failed"), 4U);
    EXPECT_EQ(attempts(), 0U);
    EXPECT_EQ(station.certificates(), 0U);
    // The very same message, once the hook is back.
    carrier->says({{"decision", "approve"}});
    EXPECT_EQ(station.exchange(device, message).status, PkiStatus::success) << station.audit.all();
}

TEST_F(SecondOpinion, WhatIsHeldWaitsForAnOfficerAndIsIssuedAsNarrowed) {
    carrier->says({{"decision", "hold"},
                   {"reason", "first of its kind"},
                   {"plan", {{"subject_alt_names", {"dns:a.example.com"}}}}});
    const auto device = station.device();
    EXPECT_EQ(ask(device, station.mint()).status, PkiStatus::pending);
    ASSERT_EQ(held().size(), 1U);
    const auto attempt = held().front();
    EXPECT_EQ(attempt.reason, "policy hook compliance: first of its kind");
    EXPECT_EQ(must(ra::read_plan(attempt.plan)).subject_alt_names.size(), 1U);
    must(station.database->transactions().approve(attempt.id, "officer", station.clock.now()));
    // An officer's word is the last: the hook is not asked again.
    carrier->says({{"decision", "deny"}});
    EXPECT_EQ(follow_up().finished, 1U);
    const auto issued = must(station.database->issued().find(
        "default", must(station.database->transactions().find(attempt.id)).certificate_serial));
    EXPECT_THAT(issued.value().sans, ElementsAre("dns:a.example.com"));
    EXPECT_EQ(carrier->questions("verify").size(), 1U);
}

TEST_F(SecondOpinion, AHookCannotLetGoWhatPolicyHolds) {
    station.profile->templates.at("device").hold_for_approval = true;
    const auto device = station.device();
    EXPECT_EQ(ask(device, station.mint()).status, PkiStatus::pending);
    ASSERT_EQ(held().size(), 1U);
    EXPECT_THAT(held().front().reason, HasSubstr("officer"));
    carrier->says({{"decision", "hold"}, {"reason", "me too"}});
    EXPECT_EQ(ask(station.device(), station.mint()).status, PkiStatus::pending);
    EXPECT_THAT(held().back().reason + held().front().reason, HasSubstr("; policy hook compliance: me too"));
    carrier->says({{"decision", "deny"}});
    EXPECT_EQ(ask(station.device(), station.mint()).status, PkiStatus::failure);
    EXPECT_EQ(held().size(), 2U);
}

TEST_F(SecondOpinion, TheSameMessageIsTheSameQuestion) {
    carrier->fails(fail::outcome_unknown("time-out"));
    const auto device = station.device();
    const auto message = station.message(device, {.challenge = station.mint()});
    ASSERT_FALSE(station.send(message));
    ASSERT_FALSE(station.send(message));
    ASSERT_FALSE(station.send(station.message(station.device(), {.challenge = station.mint()})));
    const auto questions = carrier->questions("verify");
    ASSERT_EQ(questions.size(), 3U);
    EXPECT_EQ(questions[0].at("id"), questions[1].at("id"));
    EXPECT_NE(questions[0].at("id"), questions[2].at("id"));
}

TEST_F(SecondOpinion, AKillAfterTheVerdictAsksNobodyAgain) {
    struct Killed {};
    carrier->says({{"decision", "approve"}, {"plan", {{"subject_alt_names", {"dns:a.example.com"}}}}});
    station.on_reach = [](std::string_view point) {
        if (point == "enroll.after_intent") throw Killed{};
    };
    const auto device = station.device();
    EXPECT_THROW(ask(device, station.mint()), Killed);
    station.on_reach = nullptr;
    carrier->says({{"decision", "deny"}});
    EXPECT_EQ(follow_up().finished, 1U);
    EXPECT_EQ(station.certificates(), 1U);
    EXPECT_EQ(carrier->questions("verify").size(), 1U);
}

TEST_F(SecondOpinion, IsNotAskedForWhatIsRefusedAnyway) {
    EXPECT_EQ(ask(station.device(), "no such password").status, PkiStatus::failure);
    auto& rules = station.profile->templates.at("device");
    rules.names.subject_patterns = {"CN=other-*"};
    EXPECT_EQ(ask(station.device(), station.mint()).status, PkiStatus::failure);
    rules.names.subject_patterns.clear();
    EXPECT_TRUE(carrier->questions("verify").empty());
    const auto device = station.device();
    const auto message = station.message(device, {.challenge = station.mint()});
    EXPECT_EQ(station.exchange(device, message).status, PkiStatus::success);
    EXPECT_EQ(station.exchange(device, message).status, PkiStatus::success);
    EXPECT_EQ(carrier->questions("verify").size(), 1U) << "the same certificate again is no new decision";
}

TEST_F(SecondOpinion, RenewalsAreAskedAboutWithTheOldCertificate) {
    auto device = station.device();
    device.signer = station.enroll(device, {.challenge = station.mint()});
    device.transaction_id = "renewal";
    const auto renewed =
        station.exchange(device, station.message(device, {.message_type = "17", .subject = "CN=device-7,O=Example"}));
    ASSERT_EQ(renewed.status, PkiStatus::success) << station.audit.all();
    const auto question = carrier->questions("verify").at(1);
    EXPECT_EQ(question.at("purpose"), "renew");
    EXPECT_EQ(question.at("renewed_certificate"), crypto::base64(device.signer->der()));
    EXPECT_EQ(question.at("challenge").at("kind"), "renewal");

    carrier->says({{"decision", "deny"}});
    device.transaction_id = "another";
    EXPECT_EQ(station.exchange(device, station.message(device, {.message_type = "17"})).fail_info,
              FailInfo::bad_request);
}

TEST_F(SecondOpinion, IsNotAskedWhatItIsNotThereFor) {
    use({.calls = {hook::Call::generate, hook::Call::notify}});
    carrier->fails(fail::unavailable("down"));
    EXPECT_EQ(ask(station.device(), station.mint()).status, PkiStatus::success);
    EXPECT_TRUE(carrier->letters().empty());
}

TEST_F(SecondOpinion, AnUnrecordedAcceptanceIssuesNothingWhateverTheHookSays) {
    station.audit.broken = "enrollment.accepted";
    const auto device = station.device();
    EXPECT_FALSE(station.send(station.message(device, {.challenge = station.mint()})));
    EXPECT_EQ(station.certificates(), 0U);
}

}  // namespace
}  // namespace countersign::test
