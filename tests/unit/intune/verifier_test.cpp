// Intune's verdicts, one by one, and what happens when it has none.
#include "countersign/intune/verifier.hpp"
#include "countersign/crypto/encoding.hpp"
#include "countersign/intune/verdict.hpp"
#include "countersign/store/database.hpp"
#include "fake_cloud.hpp"
#include "scratch_directory.hpp"
#include "test_keys.hpp"

#include <latch>
#include <thread>

namespace countersign::intune {
namespace {

using namespace std::chrono_literals;
using challenge::ReleaseReason;
using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;

class VerifierTest : public CloudTest {
protected:
    VerifierTest() {
        store::DatabaseOptions options;
        options.url = "sqlite:" + (directory_ / "test.db").string();
        EXPECT_TRUE(store::Database::migrate(options));
        database_ = *store::Database::open(options);
        gate_ = std::make_shared<Gate>(2, clock_);
        verifier_ = std::make_unique<Verifier>(VerifierOptions{"default", "intune:default", "Countersign 1"}, client_,
                                               gate_, database_->outbox(), clock_);
    }

    challenge::Facts facts(const std::string& transaction = "transaction-1") {
        challenge::Facts facts;
        facts.profile = "default";
        facts.transaction_id = transaction;
        facts.request = &request_;
        facts.challenge = Secret(std::string(4000, 'A'));
        facts.now = clock_.now();
        return facts;
    }
    void answer(const json& body) {
        cloud_.service = [text = body.dump()](const net::ClientRequest&) { return response(200, text); };
    }
    void away() {
        cloud_.service = [](const net::ClientRequest&) { return fail::outcome_unknown("time-out"); };
    }
    Error refusal(const std::string& transaction = "transaction-1") {
        const auto claim = verifier_->reserve(facts(transaction));
        if (!claim) return claim.error();
        ADD_FAILURE() << "it was accepted";
        return fail::internal("");
    }
    std::size_t asked() { return cloud_.to("validateRequest").size(); }

    test::ScratchDirectory directory_;
    std::unique_ptr<store::Database> database_;
    crypto::CertificateRequest request_ = test::request_for(test::rsa_key(0), "CN=device-7", std::string(4000, 'A'));
    std::shared_ptr<Gate> gate_;
    std::unique_ptr<Verifier> verifier_;
};

TEST_F(VerifierTest, AYesIsAClaimWithoutLimitsOfOurOwn) {
    const auto claim = verifier_->reserve(facts());
    ASSERT_TRUE(claim);
    EXPECT_EQ(claim->kind, "intune");
    EXPECT_TRUE(claim->stored_mac.empty());
    const auto asked = FakeCloud::body_of(cloud_.to("validateRequest").at(0))["request"];
    EXPECT_EQ(asked["transactionId"], "transaction-1");
    EXPECT_EQ(asked["certificateRequest"], crypto::base64(request_.der()));
    EXPECT_EQ(asked["callerInfo"], "Countersign 1");
}

TEST_F(VerifierTest, EachRefusalIsToldApart) {
    EXPECT_THAT(refusals(), SizeIs(23));
    for (const auto code : refusals()) {
        answer({{"code", code}, {"errorDescription", "words"}});
        const auto error = refusal();
        EXPECT_THAT(error.detail, StartsWith(std::string(code) + ": words"));
        EXPECT_EQ(error.kind, code == "ChallengeExpired" ? ErrorKind::expired : ErrorKind::denied) << code;
    }
    answer({{"code", "SomethingNew"}});
    EXPECT_THAT(refusal().detail, StartsWith("Unknown: SomethingNew"));
    EXPECT_EQ(refusal().kind, ErrorKind::denied);
    answer({{"code", "success"}});
    EXPECT_EQ(refusal().kind, ErrorKind::denied) << "letter case counts";
}

TEST_F(VerifierTest, NoVerdictIsUnavailable) {
    for (const json& body : {json::object(), json{{"code", ""}}, json{{"code", true}}, json{{"Code", "Success"}},
                             json{{"code", {{"code", "Success"}}}}}) {
        gate_ = std::make_shared<Gate>(2, clock_);
        answer(body);
        EXPECT_EQ(verdict_in(body).error().kind, ErrorKind::unavailable) << body;
    }
    answer({{"result", "Success"}});
    EXPECT_EQ(refusal().kind, ErrorKind::unavailable);
    away();
    EXPECT_EQ(refusal().kind, ErrorKind::unavailable);
}

TEST_F(VerifierTest, AYesIsRememberedForSecondsAndForThatRequestAlone) {
    ASSERT_TRUE(verifier_->reserve(facts()));
    ASSERT_TRUE(verifier_->reserve(facts()));
    EXPECT_EQ(asked(), 1u);
    ASSERT_TRUE(verifier_->reserve(facts("transaction-2")));
    EXPECT_EQ(asked(), 2u);
    const auto other = test::request_for(test::rsa_key(1), "CN=device-8", std::string(4000, 'A'));
    auto about_other = facts();
    about_other.request = &other;
    ASSERT_TRUE(verifier_->reserve(about_other));
    EXPECT_EQ(asked(), 3u);
    clock_.advance(31s);
    answer({{"code", "ChallengeExpired"}});
    EXPECT_EQ(refusal().kind, ErrorKind::expired);
}

TEST_F(VerifierTest, ANoIsNotRemembered) {
    answer({{"code", "SubjectNameMismatch"}});
    static_cast<void>(refusal());
    answer({{"code", "Success"}});
    EXPECT_TRUE(verifier_->reserve(facts()));
}

TEST_F(VerifierTest, WithoutAChallengeNobodyIsAsked) {
    auto without = facts();
    without.challenge.reset();
    EXPECT_THAT(verifier_->reserve(without).error().detail, StartsWith("ChallengePasswordMissing"));
    without.challenge = Secret(std::string_view(""));
    EXPECT_EQ(verifier_->reserve(without).error().kind, ErrorKind::denied);
    EXPECT_EQ(refusal(std::string("bad\x01id")).kind, ErrorKind::denied);
    EXPECT_EQ(refusal("").kind, ErrorKind::denied);
    EXPECT_EQ(refusal(std::string(256, 'x')).kind, ErrorKind::denied);
    auto foreign = facts();
    foreign.profile = "other";
    EXPECT_EQ(verifier_->reserve(foreign).error().kind, ErrorKind::internal);
    EXPECT_EQ(asked(), 0u);
}

TEST_F(VerifierTest, IsKnownByItsLength) {
    const auto recognises = [&](std::string_view text) { return verifier_->recognises(Secret(text)); };
    EXPECT_TRUE(recognises(std::string(4000, 'A')));
    EXPECT_TRUE(recognises(std::string(65, 'A')));
    EXPECT_FALSE(recognises(std::string(64, 'A')));
    EXPECT_FALSE(recognises("eyJ" + std::string(4000, 'A')));
    EXPECT_FALSE(recognises("MII" + std::string(4000, 'A') + ".x"));
    EXPECT_FALSE(verifier_->recognises(std::nullopt));
}

TEST_F(VerifierTest, OnlySoManyAskAtATime) {
    std::latch inside(2);
    std::latch finish(1);
    cloud_.service = [&](const net::ClientRequest&) {
        inside.count_down();
        finish.wait();
        return response(200, R"({"code":"Success"})");
    };
    ASSERT_TRUE(client_->probe());
    {
        std::vector<std::jthread> askers;
        for (int i = 0; i < 2; ++i)
            askers.emplace_back([&, i] { EXPECT_TRUE(verifier_->reserve(facts("at-once-" + std::to_string(i)))); });
        inside.wait();
        EXPECT_EQ(refusal("one too many").kind, ErrorKind::throttled);
        finish.count_down();
    }
    EXPECT_TRUE(verifier_->reserve(facts("later")));
}

TEST_F(VerifierTest, ADeadIntuneIsLeftAloneForLongerAndLonger) {
    away();
    for (int i = 0; i < 3; ++i) EXPECT_EQ(refusal().kind, ErrorKind::unavailable);
    const auto before = asked();
    EXPECT_THAT(refusal().detail, HasSubstr("left alone"));
    EXPECT_EQ(asked(), before);
    clock_.advance(5s);
    static_cast<void>(refusal());
    EXPECT_EQ(asked(), before + 1);
    clock_.advance(5s);
    EXPECT_THAT(refusal().detail, HasSubstr("left alone")) << "ten seconds this time";
    clock_.advance(5s);
    answer({{"code", "Success"}});
    EXPECT_TRUE(verifier_->reserve(facts()));
    EXPECT_TRUE(verifier_->reserve(facts("next"))) << "one answer opens it";
}

TEST_F(VerifierTest, RefusalsDoNotCloseTheGate) {
    answer({{"code", "SubjectNameMismatch"}});
    for (int i = 0; i < 10; ++i) EXPECT_EQ(refusal().kind, ErrorKind::denied);
}

TEST_F(VerifierTest, IntuneIsToldOfWhatPolicyRefuses) {
    const auto claim = verifier_->reserve(facts());
    ASSERT_TRUE(claim);
    EXPECT_FALSE(verifier_->release(*claim, ReleaseReason::unavailable, clock_.now()).value());
    EXPECT_THAT(database_->outbox().list({}).value(), SizeIs(0));
    EXPECT_FALSE(verifier_->release(*claim, ReleaseReason::mismatch, clock_.now()).value());
    EXPECT_FALSE(verifier_->release(*claim, ReleaseReason::mismatch, clock_.now()).value());
    const auto told = database_->outbox().due("intune:default", clock_.now(), 10).value();
    ASSERT_THAT(told, SizeIs(1));
    const auto detail = json::parse(told[0].detail);
    EXPECT_EQ(detail["transaction_id"], "transaction-1");
    EXPECT_EQ(detail["request"], crypto::base64(request_.der()));
    EXPECT_FALSE(verifier_->release({"intune", "unknown", "", {}}, ReleaseReason::mismatch, clock_.now()).value());
    EXPECT_THAT(database_->outbox().list({}).value(), SizeIs(1));
}

}  // namespace
}  // namespace countersign::intune
