// EJBCA, Vault and step-ca: the contract against stand-ins written from their API documentation, and what the services
// answer instead of what was asked.
#include "countersign/ca/rest.hpp"
#include "countersign/crypto/encoding.hpp"
#include "stand_in.hpp"

#include <gmock/gmock.h>

namespace countersign::ca::test {
namespace {

using countersign::test::p256_key;
using ::testing::HasSubstr;

RestOptions options_in(Surroundings& at) {
    return {"corp", "https://127.0.0.1:" + at.port, {}, {at.world.root}};
}

struct Ejbca {
    static constexpr auto script = "rest.py";
    static constexpr bool cmc = false;
    static constexpr bool reconciles = true;
    static constexpr bool settles = true;
    static std::vector<std::string> words() { return {"ejbca"}; }
    static std::shared_ptr<net::HttpClient> as_us(Surroundings& at) {
        const auto us = at.world.other_agent(
            [](crypto::CertificateContent& content) { content.extended_key_usage = {std::string(oid::client_auth)}; });
        write_file(at.home / "us.pem", us.pem());
        write_file(at.home / "us.key", rsa_key(1).pem());
        net::HttpClientOptions http;
        http.ca_file = (at.home / "server.pem").string();
        http.client_certificate = (at.home / "us.pem").string();
        http.client_key = (at.home / "us.key").string();
        return net::make_http_client(http);
    }
    static std::unique_ptr<EjbcaCa> make_with(Surroundings& at, std::chrono::seconds settling,
                                              const std::string& authority = "Device CA") {
        return std::make_unique<EjbcaCa>(EjbcaOptions{options_in(at), authority, "Devices", settling}, as_us(at),
                                         at.world.random, at.world.clock);
    }
    static std::unique_ptr<Backend> make(Surroundings& at) { return make_with(at, std::chrono::seconds{60}); }
};

struct Vault {
    static constexpr auto script = "rest.py";
    static constexpr bool cmc = false;
    static constexpr bool reconciles = false;
    static constexpr bool holds_nothing = true;
    static std::vector<std::string> words() { return {"vault"}; }
    static std::unique_ptr<Backend> make(Surroundings& at) { return make_with(at, "hvs.a-token"); }
    static std::unique_ptr<Backend> make_with(Surroundings& at, const std::string& token) {
        return std::make_unique<VaultCa>(
            VaultOptions{options_in(at), "pki_int", "ns1", [token]() -> Result<Secret> { return Secret(token); }},
            at.http);
    }
};

struct Step {
    static constexpr auto script = "rest.py";
    static constexpr bool cmc = false;
    static constexpr bool reconciles = false;
    static constexpr bool holds_nothing = true;
    static std::vector<std::string> words() { return {"step"}; }
    static std::unique_ptr<Backend> make(Surroundings& at) { return make_with(at, p256_key()); }
    static std::unique_ptr<Backend> make_with(Surroundings& at, const countersign::test::TestKey& key,
                                              const std::string& provisioner = "ra@example.com") {
        write_file(at.home / "provisioner.pem", crypto::to_pem("PUBLIC KEY", key.public_key().spki()));
        StepOptions options{options_in(at), provisioner, keys::key_from_pem(Secret(key.pem()), "provisioner").value(),
                            ""};
        return std::make_unique<StepCa>(std::move(options), at.http, at.world.random, at.world.clock);
    }
};

using EjbcaWorld = RemoteWorld<Ejbca>;
using VaultWorld = RemoteWorld<Vault>;
using StepWorld = RemoteWorld<Step>;

template <class World>
Surroundings around(World& world) {
    net::HttpClientOptions http;
    http.ca_file = (world.home() / "server.pem").string();
    return {world.world(), world.home(), world.server().port(), net::make_http_client(http)};
}

template <class World>
class RestTest : public ::testing::Test {
protected:
    std::string told(const std::string& words) { return world_.server().tell(words); }
    Backend& ca() { return world_.backend(); }
    World world_;
};
using Worlds = ::testing::Types<EjbcaWorld, VaultWorld, StepWorld>;
TYPED_TEST_SUITE(RestTest, Worlds);

TYPED_TEST(RestTest, WhatIsSentIsWhatTheServiceDocuments) {
    const auto outcome = this->world_.submit();
    EXPECT_EQ(this->told("violations"), "");
    ASSERT_TRUE(outcome) << describe(outcome.error());
    ASSERT_TRUE(std::holds_alternative<Issued>(*outcome));
    EXPECT_TRUE(this->ca().probe());
    EXPECT_EQ(this->told("violations"), "");
}

TYPED_TEST(RestTest, ARefusalIsExplained) {
    this->told("next reject");
    const auto outcome = this->world_.submit();
    ASSERT_TRUE(outcome) << describe(outcome.error());
    ASSERT_TRUE(std::holds_alternative<Rejected>(*outcome));
    EXPECT_THAT(std::get<Rejected>(*outcome).reason, HasSubstr("Denied by Policy Module"));
}

TYPED_TEST(RestTest, BeingTurnedAwayAtTheDoorIsNotARefusalByTheCa) {
    for (const auto* status : {"401", "404", "503", "429"}) {
        this->told(std::string("status ") + status);
        const auto outcome = this->world_.submit();
        ASSERT_FALSE(outcome);
        EXPECT_EQ(outcome.error().kind, ErrorKind::unavailable) << status;
        EXPECT_FALSE(this->ca().probe());
    }
    for (const auto* status : {"500", "302"}) {
        this->told(std::string("status ") + status);
        EXPECT_EQ(this->world_.submit().error().kind, ErrorKind::outcome_unknown) << status;
    }
    this->told("status 0");
    EXPECT_EQ(this->told("made"), "0");
}

TYPED_TEST(RestTest, AnAnswerWithoutCertificateTellsNothing) {
    this->told("next html");
    const auto outcome = this->world_.submit();
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().kind, ErrorKind::outcome_unknown);
}

TYPED_TEST(RestTest, WhatIsRevokedIsRevokedAtTheCa) {
    const auto outcome = this->world_.submit();
    ASSERT_TRUE(outcome) << describe(outcome.error());
    const auto serial = std::get<Issued>(*outcome).certificate.serial_hex();
    auto& revoker = *this->ca().revoker();
    const auto now = this->world_.now();
    const auto revoked = revoker.revoke(serial, 1, now);
    EXPECT_TRUE(revoked) << describe(revoked.error());
    EXPECT_NE(this->told("revoked"), "");
    EXPECT_EQ(revoker.revoke("0a42", 1, now).error().kind, ErrorKind::not_found);
    EXPECT_EQ(revoker.crl(now).error().kind, ErrorKind::unavailable);
    EXPECT_EQ(this->told("violations"), "");
}

TYPED_TEST(RestTest, PeopleMayHandInWhatTheyFound) {
    const auto found = this->ca().poll("certificate:" + crypto::base64(this->world_.world().root.der()));
    ASSERT_TRUE(found) << describe(found.error());
    EXPECT_EQ(std::get<Issued>(*found).certificate, this->world_.world().root);
    for (const auto* handle :
         {"", "certificate:*", "ejbca1:x:y", "ejbca1::y", "ejbca1:1/..:y", "serial:", "serial:../x"})
        EXPECT_EQ(this->ca().poll(handle).error().kind, ErrorKind::not_found) << handle;
}

TEST(EjbcaTest, ARestartChangesNothingAboutWhatIsBelieved) {
    EjbcaWorld world;
    auto at = around(world);
    const auto asked = world.world().now();
    {
        const auto before = Ejbca::make_with(at, std::chrono::seconds{60});
        world.server().tell("next lose_the_answer");
        EXPECT_EQ(before->submit(world.request(Countersigned::properly, "device-1"), "k").error().kind,
                  ErrorKind::outcome_unknown);
    }
    world.server().tell("forget");  // as if it were still at it
    const auto after = Ejbca::make_with(at, std::chrono::seconds{60});
    world.world().clock.advance(std::chrono::seconds{59});
    EXPECT_EQ(after->reconcile("k", asked).error().kind, ErrorKind::outcome_unknown);
    world.world().clock.advance(std::chrono::seconds{1});
    const auto nothing = after->reconcile("k", asked);
    ASSERT_TRUE(nothing) << describe(nothing.error());
    EXPECT_FALSE(*nothing);
}

TEST(EjbcaTest, RevokedTwiceIsAConflict) {
    EjbcaWorld world;
    const auto serial = std::get<Issued>(*world.submit()).certificate.serial_hex();
    auto& revoker = *world.backend().revoker();
    ASSERT_TRUE(revoker.revoke(serial, 9, world.now()));
    EXPECT_EQ(world.server().tell("revoked"), "9");
    EXPECT_EQ(revoker.revoke(serial, 9, world.now()).error().kind, ErrorKind::conflict);
}

TEST(EjbcaTest, ACaItDoesNotShowUsIsNoticed) {
    EjbcaWorld world;
    auto at = around(world);
    const auto ca = Ejbca::make_with(at, std::chrono::seconds{0}, "Another CA");
    EXPECT_THAT(ca->probe().error().detail, HasSubstr("no CA Another CA"));
    EXPECT_EQ(ca->submit(world.request(Countersigned::properly, "device-1"), "k").error().kind, ErrorKind::unavailable);
}

TEST(VaultTest, AWrongTokenIsNoticed) {
    VaultWorld world;
    auto at = around(world);
    const auto ca = Vault::make_with(at, "hvs.another");
    EXPECT_THAT(ca->probe().error().detail, HasSubstr("permission denied"));
    EXPECT_EQ(ca->submit(world.request(Countersigned::properly, "device-1"), "k").error().kind, ErrorKind::unavailable);
}

TEST(VaultTest, NamesGoWhereTheyBelong) {
    VaultWorld world;
    EXPECT_TRUE(world.submit());
    EXPECT_EQ(world.server().tell("last common_name"), "device-1");
    EXPECT_EQ(world.server().tell("last alt_names"), "device-1.example.com");
}

TEST(VaultTest, ACertificateIsFoundByItsSerialNumber) {
    VaultWorld world;
    const auto outcome = world.submit();
    const auto& certificate = std::get<Issued>(*outcome).certificate;
    const auto found = world.backend().poll("serial:" + certificate.serial_hex());
    ASSERT_TRUE(found) << describe(found.error());
    EXPECT_EQ(std::get<Issued>(*found).certificate, certificate);
    EXPECT_EQ(world.backend().poll("serial:aa:bb").error().kind, ErrorKind::not_found);
}

TEST(StepTest, TokensWorkOnce) {
    StepWorld world;
    world.server().tell("one_time");
    EXPECT_TRUE(world.submit("one"));
    EXPECT_EQ(world.submit("one").error().kind, ErrorKind::unavailable) << "step-ca refuses the second";
    EXPECT_TRUE(world.submit("two"));
    EXPECT_EQ(world.server().tell("made"), "2");
}

TEST(StepTest, RsaKeysAndStrangers) {
    StepWorld world;
    auto at = around(world);
    const auto request = [&] { return world.request(Countersigned::properly, "device-1"); };
    const auto rsa = Step::make_with(at, rsa_key(1));
    const auto outcome = rsa->submit(request(), "rsa");
    EXPECT_TRUE(outcome) << describe(outcome.error());
    const auto stranger = Step::make_with(at, rsa_key(1), "somebody@example.com");
    EXPECT_EQ(stranger->submit(request(), "other").error().kind, ErrorKind::unavailable);
    EXPECT_EQ(world.server().tell("violations"), "");
}

TEST(StepTest, RevokedTwiceIsAConflict) {
    StepWorld world;
    const auto serial = std::get<Issued>(*world.submit()).certificate.serial_hex();
    auto& revoker = *world.backend().revoker();
    ASSERT_TRUE(revoker.revoke(serial, 4, world.now()));
    EXPECT_EQ(revoker.revoke(serial, 4, world.now()).error().kind, ErrorKind::conflict);
}

}  // namespace
}  // namespace countersign::ca::test

namespace countersign::contract {
INSTANTIATE_TYPED_TEST_SUITE_P(Ejbca, CaBackendContract, ca::test::EjbcaWorld);
INSTANTIATE_TYPED_TEST_SUITE_P(Vault, CaBackendContract, ca::test::VaultWorld);
INSTANTIATE_TYPED_TEST_SUITE_P(Step, CaBackendContract, ca::test::StepWorld);
}  // namespace countersign::contract
