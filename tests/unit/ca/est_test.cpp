// EST: the contract against a stand-in that checks what it gets octet for octet, and what servers answer instead of
// what was asked.
#include "countersign/ca/est.hpp"
#include "countersign/crypto/encoding.hpp"
#include "stand_in.hpp"

#include <gmock/gmock.h>

namespace countersign::ca::test {
namespace {

using ::testing::HasSubstr;

EstOptions options_in(Surroundings& at) {
    EstOptions options;
    options.name = "corp";
    options.url = "https://127.0.0.1:" + at.port + "/.well-known/est/devices";
    options.chain = {at.world.root};
    options.poll_interval = std::chrono::seconds{0};
    return options;
}

// With the password in the header.
struct Simple {
    static constexpr auto script = "est.py";
    static constexpr bool cmc = false;
    static constexpr bool reconciles = false;
    static std::vector<std::string> words() { return {"pkcs10", "basic"}; }
    static std::unique_ptr<Backend> make(Surroundings& at) {
        auto options = options_in(at);
        options.user = "ra";
        options.password = std::make_shared<const Secret>(std::string_view("tea & biscuits"));
        return std::make_unique<EstCa>(std::move(options), at.http, at.world.clock);
    }
};
// Known by a TLS client certificate.
struct FullCmc {
    static constexpr auto script = "est.py";
    static constexpr bool cmc = true;
    static constexpr bool reconciles = false;
    static std::vector<std::string> words() { return {"cmc", "certificate"}; }
    static std::unique_ptr<Backend> make(Surroundings& at) {
        auto options = options_in(at);
        options.full_cmc = true;
        const auto us = at.world.other_agent(
            [](crypto::CertificateContent& content) { content.extended_key_usage = {std::string(oid::client_auth)}; });
        write_file(at.home / "us.pem", us.pem());
        write_file(at.home / "us.key", rsa_key(1).pem());
        net::HttpClientOptions http;
        http.ca_file = (at.home / "server.pem").string();
        http.client_certificate = (at.home / "us.pem").string();
        http.client_key = (at.home / "us.key").string();
        return std::make_unique<EstCa>(std::move(options), net::make_http_client(http), at.world.clock);
    }
};
using SimpleWorld = RemoteWorld<Simple>;
using CmcWorld = RemoteWorld<FullCmc>;

template <class World>
class EstTest : public ::testing::Test {
protected:
    std::string told(const std::string& words) { return world_.server().tell(words); }
    Backend& ca() { return world_.backend(); }
    World world_;
};
using Worlds = ::testing::Types<SimpleWorld, CmcWorld>;
TYPED_TEST_SUITE(EstTest, Worlds);

TYPED_TEST(EstTest, WhatIsSentIsWhatTheRfcSays) {
    const auto outcome = this->world_.submit();
    EXPECT_EQ(this->told("violations"), "");
    ASSERT_TRUE(outcome) << describe(outcome.error());
    EXPECT_TRUE(std::holds_alternative<Issued>(*outcome));
    EXPECT_NE(this->told("seen"), "");
}

TYPED_TEST(EstTest, ARefusalIsExplained) {
    this->told("next reject");
    const auto outcome = this->world_.submit();
    ASSERT_TRUE(outcome) << describe(outcome.error());
    ASSERT_TRUE(std::holds_alternative<Rejected>(*outcome));
    EXPECT_THAT(std::get<Rejected>(*outcome).reason, HasSubstr("Denied by Policy Module"));
}

TYPED_TEST(EstTest, BeingTurnedAwayAtTheDoorIsNotARefusalByTheCa) {
    for (const auto* status : {"401", "403", "404", "503"}) {
        this->told(std::string("status ") + status);
        const auto outcome = this->world_.submit();
        ASSERT_FALSE(outcome);
        EXPECT_EQ(outcome.error().kind, ErrorKind::unavailable) << status;
        EXPECT_FALSE(this->ca().probe());
    }
    this->told("status 500");
    EXPECT_EQ(this->world_.submit().error().kind, ErrorKind::outcome_unknown);
    this->told("status 0");
    EXPECT_TRUE(this->ca().probe());
}

TYPED_TEST(EstTest, AnAnswerWithoutCertificateTellsNothing) {
    for (const auto* how : {"html", "nothing"}) {
        this->told(std::string("next ") + how);
        const auto outcome = this->world_.submit();
        ASSERT_FALSE(outcome) << how;
        EXPECT_EQ(outcome.error().kind, ErrorKind::outcome_unknown) << how;
    }
}

TYPED_TEST(EstTest, TheServerSaysWhenToComeAgain) {
    this->told("retry_after 3600");
    this->told("next hold");
    const auto outcome = this->world_.submit();
    ASSERT_TRUE(outcome && std::holds_alternative<Pending>(*outcome));
    const auto handle = std::get<Pending>(*outcome).handle;
    this->told("release");
    auto& clock = this->world_.world().clock;
    clock.advance(std::chrono::seconds{3599});
    const auto early = this->ca().poll(handle);
    ASSERT_TRUE(early && std::holds_alternative<Pending>(*early));
    clock.advance(std::chrono::seconds{2});
    const auto later = this->ca().poll(handle);
    ASSERT_TRUE(later) << describe(later.error());
    EXPECT_TRUE(std::holds_alternative<Issued>(*later));
    EXPECT_EQ(this->told("made"), "1");
    EXPECT_EQ(this->told("violations"), "");
}

TYPED_TEST(EstTest, ARepetitionWhoseAnswerIsLostIsNotRepeated) {
    for (const auto* how : {"lose_the_answer", "cut_the_answer"}) {
        this->told("next hold");
        const auto outcome = this->world_.submit();
        ASSERT_TRUE(outcome && std::holds_alternative<Pending>(*outcome));
        this->told("release");
        this->told(std::string("next ") + how);
        const auto polled = this->ca().poll(std::get<Pending>(*outcome).handle);
        ASSERT_TRUE(polled) << describe(polled.error());
        ASSERT_TRUE(std::holds_alternative<Pending>(*polled)) << "to be recorded";
        const auto handle = std::get<Pending>(*polled).handle;
        EXPECT_NE(handle, std::get<Pending>(*outcome).handle);
        const auto asked = this->told("operations");
        const auto later = this->ca().poll(handle);
        ASSERT_FALSE(later);
        EXPECT_EQ(later.error().kind, ErrorKind::not_found) << "no failure of the CA's";
        EXPECT_THAT(later.error().detail, HasSubstr("request resolve"));
        EXPECT_EQ(this->told("operations"), asked);
        this->told("forget");
    }
    EXPECT_EQ(this->told("violations"), "");
}

TYPED_TEST(EstTest, ARepetitionThatWasTurnedAwayIsRepeated) {
    this->told("next hold");
    const auto outcome = this->world_.submit();
    ASSERT_TRUE(outcome && std::holds_alternative<Pending>(*outcome));
    const auto handle = std::get<Pending>(*outcome).handle;
    this->told("release");
    this->told("status 503");
    EXPECT_EQ(this->ca().poll(handle).error().kind, ErrorKind::unavailable);
    this->told("status 0");
    const auto later = this->ca().poll(handle);
    ASSERT_TRUE(later) << describe(later.error());
    EXPECT_TRUE(std::holds_alternative<Issued>(*later));
}

TYPED_TEST(EstTest, WhatIsNoHandleIsNotAskedAbout) {
    for (const auto* handle : {"", "est1", "est1:../x:0:k:AAAA", "est1:simpleenroll:x:k:AAAA", "est1:simpleenroll:0:k:",
                               "est1:simpleenroll:0:k:*", "est2:simpleenroll:0:k:AAAA", "certificate:AAAA"})
        EXPECT_EQ(this->ca().poll(handle).error().kind, ErrorKind::not_found) << handle;
    EXPECT_EQ(this->told("operations"), "");
    const auto found = this->ca().poll("certificate:" + crypto::base64(this->world_.world().root.der()));
    ASSERT_TRUE(found) << describe(found.error());
    EXPECT_EQ(std::get<Issued>(*found).certificate, this->world_.world().root);
}

TEST(EstFullCmc, AFullPkiResponseIsRead) {
    CmcWorld world;
    world.server().tell("next full");
    const auto outcome = world.submit();
    ASSERT_TRUE(outcome) << describe(outcome.error());
    ASSERT_TRUE(std::holds_alternative<Issued>(*outcome));
    EXPECT_EQ(std::get<Issued>(*outcome).certificate.public_key(), rsa_key(2).public_key());
}

TEST(EstProbe, AnotherCaThanTheConfiguredOneIsNoticed) {
    SimpleWorld world;
    EXPECT_TRUE(world.backend().probe());
    EstOptions options;
    options.url = world.backend().describe().substr(std::string("EST at ").size());
    options.chain = {LocalWorld(LocalWorld::Setup{.ca = {.subject = "CN=Another CA"}}).root};
    options.user = "ra";
    const auto password = std::make_shared<const Secret>(std::string_view("tea & biscuits"));
    options.password = password;
    net::HttpClientOptions http;
    http.ca_file = (world.home() / "server.pem").string();
    const auto probed = EstCa(options, net::make_http_client(http), world.world().clock).probe();
    ASSERT_FALSE(probed);
    EXPECT_THAT(probed.error().detail, HasSubstr("another certificate than the configured"));
}

}  // namespace
}  // namespace countersign::ca::test

namespace countersign::contract {
INSTANTIATE_TYPED_TEST_SUITE_P(EstSimple, CaBackendContract, ca::test::SimpleWorld);
INSTANTIATE_TYPED_TEST_SUITE_P(EstFullCmc, CaBackendContract, ca::test::CmcWorld);
}  // namespace countersign::contract
