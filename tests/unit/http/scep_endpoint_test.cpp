#include "countersign/http/scep_endpoint.hpp"

#include "countersign/store/database.hpp"
#include "counting_random.hpp"
#include "fixed_clock.hpp"
#include "memory_sink.hpp"
#include "scratch_directory.hpp"
#include "test_keys.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace countersign::http {
namespace {

// What the endpoint answers by itself needs a profile's constant answers, and an agent that is never used.
class ScepEndpointTest : public testing::Test {
protected:
    ScepEndpointTest() {
        store::DatabaseOptions options;
        options.url = "sqlite:" + (directory_ / "test.db").string();
        if (!store::Database::migrate(options)) throw std::runtime_error("no database");
        database_ = store::Database::open(options).value();
        enrollment_ = std::make_unique<ra::Enrollment>(ra::EnrollmentParts{
            database_->transactions(), database_->issued(), database_->holds(), events_, clock_, random_, {}});
        auto profile = std::make_shared<ra::Profile>();
        profile->capabilities = "POSTPKIOperation\nSHA-256\n";
        profile->ca_certificates.content_type = "application/x-x509-ca-ra-cert";
        profile->ca_certificates.body = {0x30, 0x00};
        profile->agent = std::make_shared<ra::Agent>(scep::ReplySigner{test::self_signed(test::rsa_key()), nullptr});
        profile_ = std::move(profile);
    }

    Response ask(Landing landing, const std::string& query, const std::string& method = "GET") {
        ScepEndpoint endpoint(profile_, *enrollment_, clock_, landing);
        Request request;
        request.method = method;
        request.path = "/certsrv/mscep/mscep.dll";
        request.query = query;
        auto response = endpoint.answer_at_once(request);
        return response ? *response : endpoint.answer(request);
    }

    test::ScratchDirectory directory_;
    test::FixedClock clock_;
    test::CountingRandom random_;
    test::MemoryEvents events_;
    std::unique_ptr<store::Database> database_;
    std::unique_ptr<ra::Enrollment> enrollment_;
    std::shared_ptr<const ra::Profile> profile_;
};

TEST_F(ScepEndpointTest, ShowsAPageToABrowser) {
    const auto page = ask(Landing::page, "");
    EXPECT_EQ(page.status, 200);
    EXPECT_EQ(page.content_type, "text/html");
    EXPECT_NE(as_text(*page.body).find("Network Device Enrollment Service allows you to obtain certificates"),
              std::string_view::npos);
}

TEST_F(ScepEndpointTest, IsForbiddenToABrowserWhereThereIsNoPasswordPageButNotToDevices) {
    EXPECT_EQ(ask(Landing::forbidden, "").status, 403);
    const auto capabilities = ask(Landing::forbidden, "operation=GetCACaps&message=ca");
    EXPECT_EQ(capabilities.status, 200);
    EXPECT_EQ(as_text(*capabilities.body), "POSTPKIOperation\nSHA-256\n");
    EXPECT_EQ(ask(Landing::forbidden, "operation=GetCACert").content_type, "application/x-x509-ca-ra-cert");
}

TEST_F(ScepEndpointTest, KnowsItsOperationsAndMethodsAlone) {
    EXPECT_EQ(ask(Landing::page, "operation=GetEverything").status, 400);
    EXPECT_EQ(ask(Landing::page, "operation=GetCACaps", "DELETE").status, 405);
    EXPECT_EQ(ask(Landing::page, "operation=PKIOperation", "HEAD").status, 405);
    EXPECT_EQ(ask(Landing::page, "operation=PKIOperation&message=*").status, 400);
    EXPECT_EQ(ask(Landing::page, "operation=GetNextCACert").status, 404);
}

TEST_F(ScepEndpointTest, AsksASourceThatKeepsFailingToWaitBeforeItIsGivenAWorker) {
    enrollment_ = std::make_unique<ra::Enrollment>(ra::EnrollmentParts{
        database_->transactions(), database_->issued(), database_->holds(), events_, clock_, random_, {}, 1});
    ScepEndpoint endpoint(profile_, *enrollment_, clock_, Landing::page);
    Request request;
    request.method = "POST";
    request.path = "/certsrv/mscep/mscep.dll";
    request.query = "operation=PKIOperation";
    request.client = "192.0.2.7";
    EXPECT_FALSE(endpoint.answer_at_once(request)) << "left to a worker";
    EXPECT_FALSE(enrollment_->wait_for("192.0.2.7").count());
    static_cast<void>(enrollment_->answer(*profile_, Bytes{0x30, 0x00}, request.client));
    for (const auto* query : {"operation=PKIOperation", ""}) {
        request.query = query;
        const auto refused = endpoint.answer_at_once(request);
        ASSERT_TRUE(refused);
        EXPECT_EQ(refused->status, 429);
        EXPECT_THAT(refused->headers, testing::Contains(testing::Pair("Retry-After", "1")));
    }
    request.query = "operation=GetCACaps";
    request.method = "GET";
    EXPECT_EQ(endpoint.answer_at_once(request)->status, 200) << "what costs nothing is answered";
    request.client = "192.0.2.8";
    request.query = "operation=PKIOperation&message=MAA=";
    EXPECT_FALSE(endpoint.answer_at_once(request));
}

}  // namespace
}  // namespace countersign::http
