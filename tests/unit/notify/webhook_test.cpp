// What a webhook is sent, and what its answers mean.
#include "countersign/notify/webhook.hpp"
#include "fixed_clock.hpp"
#include "scripted_http.hpp"
#include "store_samples.hpp"

#include <nlohmann/json.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace countersign::notify {
namespace {

using nlohmann::json;
using store::NotificationEvent;
using test::response;
using test::ScriptedHttp;

Letter letter_of(NotificationEvent event) {
    Letter letter;
    letter.notification.id = test::hex_id(7);
    letter.notification.receiver = "mdm";
    letter.notification.event = event;
    letter.notification.profile = "default";
    letter.notification.occurred = test::at_minute(3);
    letter.attempt = test::sample_attempt(1);
    letter.attempt->challenge_kind = "one-time";
    if (event == NotificationEvent::issued || event == NotificationEvent::revoked)
        letter.certificate = test::sample_certificate(1);
    return letter;
}

class WebhookTest : public testing::Test {
protected:
    Result<void> deliver(const Letter& letter, Result<net::ClientResponse> answer) {
        http_ = std::make_shared<ScriptedHttp>([answer](const auto&) { return answer; });
        Webhook webhook({"https://mdm.example/hook", Secret(std::string_view("0123456789abcdef0123456789abcdef"))},
                        http_, clock_);
        return webhook.deliver(letter);
    }

    test::FixedClock clock_;
    std::shared_ptr<ScriptedHttp> http_;
};

TEST_F(WebhookTest, SaysWhatHappenedToWhat) {
    const json body = json::parse(body_of(letter_of(NotificationEvent::issued)));
    EXPECT_EQ(body["id"], test::hex_id(7));
    EXPECT_EQ(body["event"], "issued");
    EXPECT_EQ(body["occurred"], to_rfc3339(test::at_minute(3)));
    EXPECT_EQ(body["profile"], "default");
    EXPECT_EQ(body["request"]["transaction_id"], "transaction-1");
    EXPECT_EQ(body["request"]["challenge"], "one-time");
    EXPECT_EQ(body["certificate"]["serial"], test::sample_certificate(1).serial);
    EXPECT_THAT(body["certificate"]["pem"].get<std::string>(), testing::StartsWith("-----BEGIN CERTIFICATE-----"));
    EXPECT_FALSE(body.contains("reason"));
    EXPECT_FALSE(body_of(letter_of(NotificationEvent::issued)).find("challenge_mac") != std::string::npos);
}

TEST_F(WebhookTest, AFailureSaysWhyAndWhetherItIsFinal) {
    Letter letter = letter_of(NotificationEvent::failed);
    letter.attempt->reason = "the CA refused\xff";
    json body = json::parse(body_of(letter));
    EXPECT_EQ(body["final"], true);
    EXPECT_THAT(body["reason"].get<std::string>(), testing::StartsWith("the CA refused"));
    letter.notification.detail = R"({"final":false})";
    body = json::parse(body_of(letter));
    EXPECT_EQ(body["final"], false);
}

TEST_F(WebhookTest, TheBodyStaysTheSameWhateverBecomesOfTheRequest) {
    Letter letter = letter_of(NotificationEvent::pending);
    const std::string before = body_of(letter);
    letter.attempt->state = store::AttemptState::issued;
    letter.attempt->updated = test::at_minute(50);
    letter.notification.tries = 7;
    letter.notification.problem = "HTTP 500";
    EXPECT_EQ(body_of(letter), before);
}

TEST_F(WebhookTest, ARevocationSaysWhenAndWhy) {
    Letter letter = letter_of(NotificationEvent::revoked);
    letter.certificate->revoked = test::at_minute(4);
    letter.certificate->revocation_reason = 1;
    const json body = json::parse(body_of(letter));
    EXPECT_EQ(body["revoked"], to_rfc3339(test::at_minute(4)));
    EXPECT_EQ(body["reason_code"], 1);
}

TEST_F(WebhookTest, AnExpiryNeedsNoRequest) {
    Letter letter = letter_of(NotificationEvent::expiring);
    letter.attempt.reset();
    letter.notification.profile.clear();
    letter.notification.detail = R"({"kind":"agent","days":30})";
    const json body = json::parse(body_of(letter));
    EXPECT_EQ(body["kind"], "agent");
    EXPECT_EQ(body["days"], 30);
    EXPECT_FALSE(body.contains("request"));
    EXPECT_FALSE(body.contains("profile"));
}

// Made with: printf '1795240800.{"id":"x"}' | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef
TEST_F(WebhookTest, TheSignatureIsWhatOpensslMakes) {
    EXPECT_EQ(signature_of(Secret(std::string_view("0123456789abcdef0123456789abcdef")), "1795240800", R"({"id":"x"})"),
              "v1=7257b0172c3d9674d68d182fa956afeac362411ba881e441128d1c41d6e933b8");
    EXPECT_NE(signature_of(Secret(std::string_view("0123456789abcdef0123456789abcdee")), "1795240800", R"({"id":"x"})"),
              "v1=7257b0172c3d9674d68d182fa956afeac362411ba881e441128d1c41d6e933b8");
}

TEST_F(WebhookTest, PostsASignedRequest) {
    const Letter letter = letter_of(NotificationEvent::issued);
    ASSERT_TRUE(deliver(letter, response(204)));
    const auto request = http_->requests().at(0);
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.url, "https://mdm.example/hook");
    EXPECT_EQ(as_text(request.body), body_of(letter));
    EXPECT_EQ(test::header_of(request, "Countersign-Id"), letter.notification.id);
    EXPECT_EQ(test::header_of(request, "Countersign-Event"), "issued");
    EXPECT_EQ(test::header_of(request, "Countersign-Timestamp"), "1795240800");
    EXPECT_EQ(
        test::header_of(request, "Countersign-Signature"),
        signature_of(Secret(std::string_view("0123456789abcdef0123456789abcdef")), "1795240800", body_of(letter)));
}

TEST_F(WebhookTest, OnlyTwoHundredsTakeTheLetter) {
    const Letter letter = letter_of(NotificationEvent::issued);
    for (const int status : {200, 201, 202, 299}) EXPECT_TRUE(deliver(letter, response(status))) << status;
    for (const int status : {100, 301, 302, 400, 401, 404, 410, 500}) {
        const auto refused = deliver(letter, response(status));
        ASSERT_FALSE(refused) << status;
        EXPECT_EQ(refused.error().kind, ErrorKind::denied) << status;
    }
    for (const int status : {429, 502, 503, 504})
        EXPECT_EQ(deliver(letter, response(status)).error().kind, ErrorKind::unavailable) << status;
    EXPECT_EQ(deliver(letter, fail::unavailable("refused")).error().kind, ErrorKind::unavailable);
    EXPECT_EQ(deliver(letter, fail::outcome_unknown("reset")).error().kind, ErrorKind::outcome_unknown);
    EXPECT_EQ(deliver(letter, fail::malformed("over the limit")).error().kind, ErrorKind::malformed);
}

}  // namespace
}  // namespace countersign::notify
