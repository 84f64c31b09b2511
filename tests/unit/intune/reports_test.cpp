// What Intune is told afterwards, and what it has revoked.
#include "countersign/intune/reports.hpp"
#include "countersign/crypto/digest.hpp"
#include "countersign/crypto/encoding.hpp"
#include "countersign/intune/revocations.hpp"
#include "countersign/store/database.hpp"
#include "fake_cloud.hpp"
#include "scratch_directory.hpp"
#include "store_samples.hpp"
#include "test_keys.hpp"

namespace countersign::intune {
namespace {

using store::NotificationEvent;
using testing::SizeIs;

class ReportsTest : public CloudTest {
protected:
    static notify::Letter letter(NotificationEvent event) {
        notify::Letter letter;
        letter.notification.event = event;
        letter.attempt = test::sample_attempt(1);
        if (event == NotificationEvent::issued) {
            const auto certificate = test::issued_by_ca(test::rsa_key(1), test::rsa_key(0).public_key());
            letter.certificate = test::sample_certificate(1);
            letter.certificate->der = to_bytes(certificate.der());
        }
        return letter;
    }
    json last(std::string_view action) { return FakeCloud::body_of(cloud_.to(action).back()); }

    Reports reports_{"Countersign 1", client_};
};

TEST_F(ReportsTest, ACertificateIsReportedWithAllThatIsAskedFor) {
    const auto issued = letter(NotificationEvent::issued);
    ASSERT_TRUE(reports_.deliver(issued));
    const auto told = last("ScepActions/successNotification")["notification"];
    EXPECT_EQ(told["transactionId"], "transaction-1");
    EXPECT_EQ(told["certificateRequest"], crypto::base64(issued.attempt->csr));
    EXPECT_EQ(told["certificateThumbprint"],
              upper_hex(crypto::digest(crypto::DigestAlgorithm::sha1, issued.certificate->der)));
    EXPECT_EQ(told["certificateSerialNumber"], issued.certificate->serial);
    EXPECT_EQ(told["certificateExpirationDateUtc"], to_rfc3339(issued.certificate->not_after));
    EXPECT_EQ(told["issuingCertificateAuthority"], "CN=Test CA");
    EXPECT_EQ(told["certificateAuthority"], "CN=Test CA");
    EXPECT_EQ(told["caConfiguration"], "local");
    EXPECT_EQ(told["callerInfo"], "Countersign 1");
}

TEST_F(ReportsTest, AFailureIsReportedWithItsReason) {
    auto failed = letter(NotificationEvent::failed);
    failed.attempt->reason = std::string(400, 'x');
    ASSERT_TRUE(reports_.deliver(failed));
    const auto told = last("ScepActions/failureNotification")["notification"];
    EXPECT_EQ(told["transactionId"], "transaction-1");
    EXPECT_TRUE(told["hResult"].is_number_integer());
    EXPECT_NE(told["hResult"], 0);
    EXPECT_LE(told["errorDescription"].get<std::string>().size(), 255u);
}

TEST_F(ReportsTest, ARefusalByPolicyHasNoAttempt) {
    auto refused = letter(NotificationEvent::failed);
    refused.attempt.reset();
    refused.notification.detail = R"({"transaction_id":"t","request":"AAAA","reason":"no"})";
    ASSERT_TRUE(reports_.deliver(refused));
    EXPECT_EQ(last("ScepActions/failureNotification")["notification"]["certificateRequest"], "AAAA");
    refused.notification.detail = "";
    EXPECT_EQ(reports_.deliver(refused).error().kind, ErrorKind::internal);
}

TEST_F(ReportsTest, WhatIntuneDoesNotTakeIsNotDelivered) {
    cloud_.service = [](const net::ClientRequest&) {
        return response(200, R"({"code":"SigningCertThumbprintMismatch","errorDescription":"no"})");
    };
    EXPECT_EQ(reports_.deliver(letter(NotificationEvent::issued)).error().kind, ErrorKind::denied);
    cloud_.service = [](const net::ClientRequest&) { return fail::unavailable("refused"); };
    EXPECT_EQ(reports_.deliver(letter(NotificationEvent::issued)).error().kind, ErrorKind::unavailable);
    EXPECT_EQ(reports_.deliver(letter(NotificationEvent::revoked)).error().kind, ErrorKind::internal);
    auto damaged = letter(NotificationEvent::issued);
    damaged.certificate.reset();
    EXPECT_EQ(reports_.deliver(damaged).error().kind, ErrorKind::internal);
}

class RevocationsTest : public ReportsTest {
protected:
    RevocationsTest() {
        store::DatabaseOptions options;
        options.url = "sqlite:" + (directory_ / "test.db").string();
        EXPECT_TRUE(store::Database::migrate(options));
        database_ = *store::Database::open(options);
    }
    void offer(const json& requests) {
        cloud_.service = [requests](const net::ClientRequest& request) {
            if (request.url.ends_with("uploadRevocationResults")) return response(200, R"({"value":true})");
            return response(200, json{{"value", requests}}.dump());
        };
    }
    static json wanted(const std::string& context, const std::string& serial) {
        return {{"requestContext", context},
                {"serialNumber", serial},
                {"issuerName", "CN=Test CA"},
                {"caConfiguration", "local"}};
    }
    Revocations revocations() {
        return Revocations(
            client_, database_->outbox(), "intune:default",
            [this](const RevocationRequest& request) {
                carried_out_.push_back(request.serial);
                return outcome_;
            },
            clock_);
    }
    std::vector<store::Notification> answers() {
        return database_->outbox().due("intune:default", clock_.now(), 1000).value();
    }

    test::ScratchDirectory directory_;
    std::unique_ptr<store::Database> database_;
    std::vector<std::string> carried_out_;
    Result<void> outcome_{};
};

TEST_F(RevocationsTest, EachIsCarriedOutAndAnswered) {
    offer({wanted("context-1", "0A"), wanted("context-2", "0b")});
    EXPECT_EQ(revocations().round().value(), 2u);
    EXPECT_EQ(carried_out_, (std::vector<std::string>{"0A", "0b"}));
    const auto asked = last("downloadRevocationRequests")["downloadParameters"];
    EXPECT_EQ(asked["maxRequests"], 500);
    EXPECT_TRUE(asked["issuerName"].is_null());
    ASSERT_THAT(answers(), SizeIs(2));
    const auto answer = json::parse(answers()[0].detail);
    EXPECT_EQ(answer["requestContext"], "context-1");
    EXPECT_EQ(answer["succeeded"], true);
    EXPECT_EQ(answer["errorCode"], "None");

    notify::Letter letter;
    letter.notification = answers()[0];
    ASSERT_TRUE(reports_.deliver(letter));
    EXPECT_EQ(last("uploadRevocationResults")["results"], json::array({answer}));
    cloud_.service = [](const net::ClientRequest&) { return response(200, R"({"value":false})"); };
    EXPECT_EQ(reports_.deliver(letter).error().kind, ErrorKind::denied);
}

TEST_F(RevocationsTest, WhatIsAskedAgainIsAnsweredAgain) {
    offer(json::array({wanted("context-1", "0a")}));
    ASSERT_TRUE(revocations().round());
    ASSERT_TRUE(revocations().round());
    ASSERT_THAT(answers(), SizeIs(1)) << "it waits already";
    const auto id = answers()[0].id;
    ASSERT_TRUE(
        database_->outbox().record({{id, store::NotificationState::delivered, clock_.now(), ""}}, clock_.now()));
    ASSERT_TRUE(revocations().round());
    ASSERT_THAT(answers(), SizeIs(1));
    EXPECT_EQ(answers()[0].id, id);
}

TEST_F(RevocationsTest, FailuresHaveIntunesWords) {
    const std::vector<std::pair<Result<void>, std::string>> words{
        {fail::not_found(""), "CertificateNotFoundError"},
        {fail::denied(""), "NotSupportedError"},
        {fail::conflict(""), "ConflictError"},
        {fail::malformed(""), "ParameterDataInvalidError"},
        {fail::unavailable(""), "ServiceUnavailableException"},
        {fail::outcome_unknown(""), "ServiceUnavailableException"},
        {fail::throttled(""), "ServiceTooBusyException"},
        {fail::internal(""), "NonRetryableServiceException"},
        {Result<void>(), "None"},
    };
    for (const auto& [outcome, word] : words) EXPECT_EQ(error_code_of(outcome), word);
    outcome_ = fail::not_found("no such certificate");
    offer(json::array({wanted("context-1", "0a")}));
    ASSERT_TRUE(revocations().round());
    const auto answer = json::parse(answers().at(0).detail);
    EXPECT_EQ(answer["succeeded"], false);
    EXPECT_EQ(answer["errorCode"], "CertificateNotFoundError");
    EXPECT_EQ(answer["errorMessage"], "no such certificate");
}

TEST_F(RevocationsTest, NonsenseRevokesNothing) {
    offer({1,
           "x",
           json::object(),
           {{"serialNumber", "0a"}},
           {{"requestContext", "c"}},
           {{"requestContext", 7}, {"serialNumber", "0a"}}});
    EXPECT_EQ(revocations().round().value(), 1u) << "the one that can be answered";
    EXPECT_THAT(carried_out_, SizeIs(0));
    EXPECT_EQ(json::parse(answers().at(0).detail)["errorCode"], "ParameterDataInvalidError");
    for (const json& value : {json("x"), json::object(), json(nullptr)}) {
        offer(value);
        EXPECT_FALSE(revocations().round());
    }
    offer(json(std::vector<json>(501, wanted("c", "0a"))));
    EXPECT_FALSE(revocations().round());
    EXPECT_THAT(carried_out_, SizeIs(0));
}

TEST_F(RevocationsTest, AnAnswerThatCannotBeStoredEndsTheRound) {
    offer({wanted("context-1", "0a"), wanted("context-2", "0b")});
    auto round = revocations();
    database_->close();
    EXPECT_FALSE(round.round());
    EXPECT_THAT(carried_out_, SizeIs(1));
}

}  // namespace
}  // namespace countersign::intune
