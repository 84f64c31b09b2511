// What a hook is told, and that nothing but a proper answer to the very question is read as one.
#include "hook/messages.hpp"

#include "countersign/crypto/encoding.hpp"
#include "questions.hpp"

#include <gmock/gmock.h>

namespace countersign::hook::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

HookJson asked(const VerifyQuestion& question) {
    return HookJson::parse(write_verify("compliance", question).value());
}

TEST(Questions, SayWhatIsAskedFor) {
    const Case c;
    const auto json = asked(c.question());
    EXPECT_EQ(json.at("version"), 1);
    EXPECT_EQ(json.at("call"), "verify");
    EXPECT_EQ(json.at("id"), "question-1");
    EXPECT_EQ(json.at("hook"), "compliance");
    EXPECT_EQ(json.at("time"), "2026-11-21T06:00:00.000Z");
    EXPECT_EQ(json.at("request"), "attempt-1");
    EXPECT_EQ(json.at("profile"), "default");
    EXPECT_EQ(json.at("template"), "device");
    EXPECT_EQ(json.at("purpose"), "enroll");
    EXPECT_EQ(json.at("transaction"), "TX-1");
    EXPECT_EQ(json.at("client"), "192.0.2.7");
    EXPECT_EQ(json.at("public_key").at("type"), "RSA");
    EXPECT_EQ(json.at("public_key").at("size"), 2048);
    EXPECT_EQ(json.at("public_key").at("sha256"), c.csr.public_key().fingerprint());
    EXPECT_EQ(json.at("challenge").at("kind"), "one-time");
    EXPECT_EQ(json.at("challenge").at("id"), "abcdef012345");
    EXPECT_FALSE(json.contains("renewed_certificate"));
    const auto& plan = json.at("plan");
    EXPECT_EQ(plan.at("subject"), "CN=device-7,O=Example");
    EXPECT_THAT(plan.at("subject_alt_names"), ElementsAre("dns:a.example", "dns:b.example", "upn:user@example"));
    EXPECT_THAT(plan.at("key_usage"), ElementsAre("digitalSignature", "keyEncipherment"));
    EXPECT_THAT(plan.at("extended_key_usage"), ElementsAre("clientAuth", "emailProtection"));
    EXPECT_EQ(plan.at("not_before"), "2026-11-21T05:00:00.000Z");
    EXPECT_EQ(plan.at("not_after"), "2027-11-21T06:00:00.000Z");
}

TEST(Questions, HoldNoPassword) {
    const Case c;
    ASSERT_TRUE(c.csr.challenge_password());
    const auto text = write_verify("compliance", c.question()).value();
    EXPECT_THAT(text, Not(HasSubstr(std::string(password))));
    const auto der = crypto::from_base64(asked(c.question()).at("csr").get<std::string>()).value();
    EXPECT_THAT(std::string(as_text(der)), Not(HasSubstr(std::string(password))));
    const auto shown = crypto::CertificateRequest::from_der(der).value();
    EXPECT_FALSE(shown.challenge_password());
    EXPECT_EQ(shown.subject().text(), "CN=device-7,O=Example");
    EXPECT_TRUE(shown.public_key() == c.csr.public_key());
    EXPECT_THAT(shown.extended_key_usage().value(), ElementsAre(std::string(oid::client_auth)));
}

TEST(Questions, AnEchoedPlanChangesNothing) {
    const Case c;
    const HookJson answer{
        {"version", 1}, {"id", "question-1"}, {"decision", "approve"}, {"plan", asked(c.question()).at("plan")}};
    const auto verdict = read_verify(answer.dump(), "question-1");
    ASSERT_TRUE(verdict) << verdict.error().detail;
    const auto narrowing = policy::narrow(c.plan, verdict->changes, c.clock.now());
    ASSERT_TRUE(std::holds_alternative<policy::Narrowed>(narrowing))
        << policy::describe(std::get<policy::Widened>(narrowing).findings);
    EXPECT_TRUE(std::get<policy::Narrowed>(narrowing).remarks.empty());
}

TEST(Questions, NoticesHoldWhatThereIs) {
    Notice notice;
    notice.id = "n-1";
    notice.event = "denied";
    notice.profile = "default";
    notice.request = "attempt-1";
    auto json = HookJson::parse(write_notify("compliance", notice));
    EXPECT_EQ(json.at("call"), "notify");
    EXPECT_EQ(json.at("event"), "denied");
    EXPECT_FALSE(json.contains("certificate"));
    EXPECT_FALSE(json.contains("serial"));
    notice.certificate = {0x30, 0x00};
    notice.serial = "0a";
    json = HookJson::parse(write_notify("compliance", notice));
    EXPECT_EQ(json.at("certificate"), "MAA=");
    EXPECT_EQ(json.at("serial"), "0a");
}

// --- answers -------------------------------------------------------------------------------------------------------

std::string trouble_with(const std::string& answer) {
    const auto verdict = read_verify(answer, "q");
    return verdict ? "read" : verdict.error().detail;
}
std::string with(const std::string& members) {
    return R"({"version":1,"id":"q",)" + members + "}";
}

TEST(Answers, OfEachKindAreRead) {
    const auto approval = read_verify(with(R"("decision":"approve")"), "q").value();
    EXPECT_EQ(approval.decision, VerifyAnswer::Decision::approve);
    EXPECT_FALSE(approval.changes.subject || approval.changes.subject_alt_names || approval.changes.key_usage ||
                 approval.changes.extended_key_usage || approval.changes.not_before || approval.changes.not_after);
    const auto denial = read_verify(with(R"("decision":"deny","reason":"  not\ncompliant ")"), "q").value();
    EXPECT_EQ(denial.decision, VerifyAnswer::Decision::deny);
    EXPECT_EQ(denial.reason, "not\\x0acompliant");
    EXPECT_EQ(read_verify(with(R"("decision":"deny")"), "q").value().reason, "no reason given");
    EXPECT_EQ(read_verify(with(R"("decision":"hold","reason":"new")"), "q").value().decision,
              VerifyAnswer::Decision::hold);
    EXPECT_LE(read_verify(with(R"("decision":"deny","reason":")" + std::string(10'000, 'x') + "\""), "q")
                  .value()
                  .reason.size(),
              310U);
}

TEST(Answers, PlansAreRead) {
    const auto verdict = read_verify(with(R"("decision":"approve","plan":{"subject":"","subject_alt_names":[],)"
                                          R"("key_usage":["digitalSignature"],"extended_key_usage":["clientAuth"],)"
                                          R"("not_before":"2026-11-21T06:00:00Z",)"
                                          R"("not_after":"2026-11-22T06:00:00+00:00"})"),
                                     "q")
                             .value();
    EXPECT_EQ(verdict.changes.subject, "");
    EXPECT_TRUE(verdict.changes.subject_alt_names && verdict.changes.subject_alt_names->empty());
    EXPECT_THAT(*verdict.changes.key_usage, ElementsAre("digitalSignature"));
    EXPECT_THAT(*verdict.changes.extended_key_usage, ElementsAre("clientAuth"));
    EXPECT_EQ(*verdict.changes.not_after - *verdict.changes.not_before, 24h);
}

TEST(Answers, ThatAreNoneAreRefused) {
    for (const std::string& answer :
         {std::string(), std::string("approve"), std::string("<html>"), std::string("[]"), std::string("null"),
          std::string("{}"), with(R"("decision":"approve"})"), with(R"("decision":"approve")") + "x",
          with(R"("decision":"approve",)"), std::string(R"({"version":1,"id":"q","decision":"approve")"),
          std::string(longest_answer, ' ') + with(R"("decision":"approve")"),
          std::string(R"({"id":"q","decision":"approve"})"),
          std::string(R"({"version":2,"id":"q","decision":"approve"})"),
          std::string(R"({"version":"1","id":"q","decision":"approve"})"),
          std::string(R"({"version":1,"decision":"approve"})"),
          std::string(R"({"version":1,"id":"other","decision":"approve"})"),
          std::string(R"({"version":1,"id":1,"decision":"approve"})")}) {
        EXPECT_NE(trouble_with(answer), "read") << answer.substr(0, 80);
    }
}

TEST(Answers, WithAnythingUnknownAreRefused) {
    for (const char* members : {R"("decision":"Approve")",
                                R"("decision":"approved")",
                                R"("decision":true)",
                                R"("decision":["approve"])",
                                R"("decision":"")",
                                R"("reason":"no decision")",
                                R"("decision":"deny","decision":"approve")",
                                R"("decision":"approve","subject_alt_names":[])",
                                R"("decision":"approve","reason":7)",
                                R"("decision":"approve","plan":null)",
                                R"("decision":"approve","plan":[])",
                                R"("decision":"approve","plan":{"subject_alt_name":[]})",
                                R"("decision":"approve","plan":{"sans":[]})",
                                R"("decision":"approve","plan":{"subject":7})",
                                R"("decision":"approve","plan":{"subject_alt_names":"dns:a"})",
                                R"("decision":"approve","plan":{"subject_alt_names":[7]})",
                                R"("decision":"approve","plan":{"key_usage":["digitalSignature","digitalSignature"]})",
                                R"("decision":"approve","plan":{"key_usage":null})",
                                R"("decision":"approve","plan":{"not_after":1795240800})",
                                R"("decision":"approve","plan":{"not_after":"tomorrow"})",
                                R"("decision":"approve","plan":{"not_after":""})",
                                R"("decision":"approve","plan":{"basic_constraints":{"ca":true}})",
                                R"("decision":"approve","plan":{"key_usage":["digitalSignature"],"key_usage":[]})"}) {
        EXPECT_NE(trouble_with(with(members)), "read") << members;
    }
}

TEST(Answers, IntroductionsAreRead) {
    const auto who = read_initialize(with(R"("name":"Check","release":"7","calls":["verify","dance"])"), "q").value();
    EXPECT_EQ(who.name, "Check");
    EXPECT_EQ(who.release, "7");
    EXPECT_EQ(who.calls, std::set<Call>{Call::verify});
    for (const char* members : {R"("calls":["verify"])", R"("name":"Check")", R"("name":"","calls":[])",
                                R"("name":"Check","calls":"verify")", R"("name":"Check","calls":[],"more":1)"}) {
        EXPECT_FALSE(read_initialize(with(members), "q")) << members;
    }
}

TEST(Answers, AboutChallengesAreRead) {
    const auto plain = read_generate(with(R"("decision":"approve")"), "q").value();
    EXPECT_TRUE(plain.approved);
    EXPECT_FALSE(plain.subject || plain.sans || plain.template_name || plain.valid);
    const auto bound = read_generate(with(R"("decision":"approve","challenge":{"subject":"CN=x","subject_alt_names":)"
                                          R"(["dns:x"],"template":"device","valid_minutes":5})"),
                                     "q")
                           .value();
    EXPECT_EQ(bound.subject, "CN=x");
    EXPECT_EQ(bound.valid, 5min);
    EXPECT_FALSE(read_generate(with(R"("decision":"deny","reason":"no")"), "q").value().approved);
    for (const char* members :
         {R"("decision":"hold")", R"("decision":"approve","challenge":[])", R"("decision":"approve","plan":{})",
          R"("decision":"approve","challenge":{"valid_minutes":0})",
          R"("decision":"approve","challenge":{"valid_minutes":-1})",
          R"("decision":"approve","challenge":{"valid_minutes":43201})",
          R"("decision":"approve","challenge":{"valid_minutes":1.5})",
          R"("decision":"approve","challenge":{"password":"x"})"}) {
        EXPECT_FALSE(read_generate(with(members), "q")) << members;
    }
}

}  // namespace
}  // namespace countersign::hook::test
