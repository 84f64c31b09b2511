// What the local CA issues, and what it does not whoever asks.
#include "ca/local/serial_number.hpp"
#include "countersign/crypto/digest.hpp"
#include "local_world.hpp"

#include <gtest/gtest.h>

namespace countersign::ca::test {
namespace {

using Content = crypto::CertificateContent;
using namespace std::chrono_literals;

std::string answer(const Result<Outcome>& outcome) {
    if (!outcome) return describe(outcome.error());
    if (const auto* rejected = std::get_if<Rejected>(&*outcome)) return rejected->reason;
    return std::holds_alternative<Issued>(*outcome) ? "issued" : "pending";
}
bool says(const std::string& text, std::string_view words) {
    return text.find(words) != std::string::npos;
}

std::string submitted(LocalWorld& world, const std::function<void(Content&)>& change) {
    return answer(world.ca->submit(world.with_plan(change), "key"));
}
crypto::Certificate issued(LocalWorld& world, const std::function<void(Content&)>& change,
                           const std::string& key = "key") {
    return std::get<Issued>(world.ca->submit(world.with_plan(change), key).value()).certificate;
}
const auto unchanged = [](Content&) {};

TEST(LocalCa, RefusesPlansForMoreThanAnEndEntity) {
    LocalWorld world;
    EXPECT_EQ(submitted(world, unchanged), "issued");
    EXPECT_TRUE(says(submitted(world, [](Content& c) { c.basic_constraints.path_length = 0; }), "CA certificate"));
    EXPECT_TRUE(says(submitted(world, [](Content& c) { c.key_usage |= crypto::usage::key_cert_sign; }), "key usage"));
    EXPECT_TRUE(says(submitted(world, [](Content& c) { c.key_usage |= crypto::usage::crl_sign; }), "key usage"));
    for (const auto usage : {oid::ms_certificate_request_agent, oid::ocsp_signing, oid::any_extended_key_usage}) {
        EXPECT_TRUE(
            says(submitted(world, [&](Content& c) { c.extended_key_usage.emplace_back(usage); }), "extended key usage"))
            << usage;
    }
    EXPECT_TRUE(says(
        submitted(world,
                  [](Content& c) {
                      c.further_extensions.push_back({std::string(oid::ms_security_identifier), false, {0x05, 0x00}});
                  }),
        "extension"));
    EXPECT_TRUE(says(submitted(world,
                               [](Content& c) {
                                   c.subject = crypto::Name();
                                   c.subject_alt_names.clear();
                               }),
                     "without any name"));
}

TEST(LocalCa, ThePlanIsAboutTheKeyInTheRequest) {
    LocalWorld world;
    EXPECT_TRUE(says(submitted(world, [](Content& c) { c.spki = rsa_key(3).spki(); }), "another key"));
}

TEST(LocalCa, TheRequestIsSignedWithItsOwnKey) {
    LocalWorld world;
    auto der = to_bytes(LocalWorld::request_of("device-1").der());
    der.back() ^= 1;
    const auto csr = crypto::CertificateRequest::from_der(der).value();
    const auto outcome =
        world.ca->submit(ra::Agent::countersigned(LocalWorld::signed_by(world.agent, rsa_key(1), csr.der()), csr,
                                                  world.plan_for("device-1")),
                         "key");
    EXPECT_TRUE(says(answer(outcome), "its own key"));
}

TEST(LocalCa, ValidityIsCutToItsOwnAndTheLongest) {
    LocalWorld world({.ca = {.validity = std::chrono::days{100}}});
    const auto asked = issued(world, [&](Content& c) { c.not_after = world.now() + 24h; });
    EXPECT_EQ(asked.not_after(), world.now() + 24h);
    EXPECT_EQ(issued(world, unchanged, "2").not_after(), world.root.not_after());
    EXPECT_EQ(issued(
                  world, [](Content& c) { c.not_before -= 24h * 30; }, "3")
                  .not_before(),
              world.root.not_before());

    LocalWorld strict({.options = [](LocalCaOptions& options) { options.max_validity = 600min; }});
    const auto cut = issued(strict, unchanged);
    EXPECT_EQ(cut.not_after() - cut.not_before(), 600min);
    EXPECT_TRUE(says(submitted(strict, [](Content& c) { c.not_before -= 601min; }), "validity"));
}

TEST(LocalCa, AnExpiredCaIssuesNothingAndSaysSo) {
    LocalWorld world({.ca = {.validity = std::chrono::days{100}}});
    world.clock.set(world.root.not_after() + 1ms);
    const auto outcome = world.ca->submit(world.with_plan(unchanged), "key");
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().kind, ErrorKind::unavailable);
    EXPECT_FALSE(world.ca->probe());
}

TEST(LocalCa, HonoursNameConstraints) {
    LocalWorld world({.ca = {.permitted_names = {"dns:example.com"}, .excluded_names = {"dns:internal.example.com"}}});
    EXPECT_EQ(submitted(world, unchanged), "issued");
    const auto with_name = [&](const std::string& name) {
        return submitted(world,
                         [&](Content& c) { c.subject_alt_names = {crypto::general_name_from_text(name).value()}; });
    };
    EXPECT_TRUE(says(with_name("dns:evil.test"), "permitted"));
    EXPECT_TRUE(says(with_name("dns:db.internal.example.com"), "excluded"));
    EXPECT_EQ(with_name("email:a@evil.test"), "issued") << "not of a constrained kind";
}

TEST(LocalCa, HonoursUsageConstraints) {
    const std::vector<std::string> agent_and_client{std::string(oid::ms_certificate_request_agent),
                                                    std::string(oid::client_auth)};
    const auto server = [](Content& c) { c.extended_key_usage = {std::string(oid::server_auth)}; };
    const auto any = [](Content& c) { c.extended_key_usage.clear(); };
    LocalWorld constrained({.ca = {.extended_key_usage = agent_and_client}});
    EXPECT_EQ(submitted(constrained, unchanged), "issued");
    EXPECT_TRUE(says(submitted(constrained, server), "serverAuth"));
    EXPECT_TRUE(says(submitted(constrained, any), "any purpose"));

    LocalWorld configured(
        {.options = [](LocalCaOptions& options) { options.extended_key_usage = {std::string(oid::client_auth)}; }});
    EXPECT_EQ(submitted(configured, unchanged), "issued");
    EXPECT_TRUE(says(submitted(configured, server), "serverAuth"));

    LocalWorld open;
    EXPECT_EQ(submitted(open, server), "issued");
}

TEST(LocalCa, EveryObjectionIsReported) {
    LocalWorld world({.ca = {.permitted_names = {"dns:example.com"}}});
    const auto reason = submitted(world, [](Content& c) {
        c.basic_constraints.ca = true;
        c.extended_key_usage = {std::string(oid::any_extended_key_usage)};
        c.subject_alt_names = {crypto::general_name_from_text("dns:evil.test").value()};
    });
    EXPECT_TRUE(says(reason, "CA certificate")) << reason;
    EXPECT_TRUE(says(reason, "extended key usage")) << reason;
    EXPECT_TRUE(says(reason, "evil.test")) << reason;
}

TEST(LocalCa, AWrongSignatureOfItsOwnKeyGetsNoFurther) {
    LocalWorld world;
    world.key->broken = true;
    const auto outcome = world.ca->submit(world.with_plan(unchanged), "key");
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().kind, ErrorKind::internal);
    EXPECT_FALSE(world.ca->probe());
}

TEST(LocalCa, NeedsAnIdempotencyKey) {
    LocalWorld world;
    EXPECT_FALSE(world.ca->submit(world.with_plan(unchanged), ""));
}

TEST(SerialNumbers, AreTheHmacOfTheKeyInAPositiveShape) {
    const Secret secret("0123456789abcdef");
    for (int i = 0; i < 64; ++i) {
        const std::string key = "attempt-" + std::to_string(i);
        const auto serial = serial_for(secret, key);
        const auto mac = crypto::hmac_sha256(secret.reveal(), as_bytes(key));
        ASSERT_EQ(serial.size(), 20U);
        EXPECT_EQ(serial[0] & 0xc0, 0x40) << "positive, and never shorter";
        EXPECT_EQ(serial[0] & 0x3f, mac[0] & 0x3f);
        EXPECT_TRUE(std::equal(serial.begin() + 1, serial.end(), mac.begin() + 1));
    }
    EXPECT_NE(serial_for(secret, "a"), serial_for(Secret("another secret.."), "a"));
    LocalWorld world;
    EXPECT_EQ(issued(world, unchanged).serial_hex(),
              lower_hex(serial_for(Secret("a serial secret of the tests"), "key")));
}

// The second opinion: chain, purpose and content as openssl reads them.
TEST(LocalCa, OpensslVerifiesWhatItIssues) {
    LocalWorld world(
        {.ca = {.permitted_names = {"dns:example.com"},
                .extended_key_usage = {std::string(oid::ms_certificate_request_agent), std::string(oid::client_auth)}},
         .options = [](LocalCaOptions& options) {
             options.crl_urls = {"http://pki.example.com/ca.crl"};
             options.ca_issuers_urls = {"http://pki.example.com/ca.cer"};
         }});
    const countersign::test::OpensslCommand openssl;
    openssl.write("root.pem", world.root.pem());
    openssl.write("leaf.pem", issued(world, unchanged).pem());
    const std::string at = " -attime " + std::to_string(to_milliseconds(world.now()) / 1000);
    const auto verified = openssl.run("verify -x509_strict -purpose sslclient -CAfile root.pem" + at + " leaf.pem");
    EXPECT_EQ(verified.status, 0) << verified.text;
    EXPECT_NE(openssl.run("verify -purpose sslserver -CAfile root.pem" + at + " leaf.pem").status, 0);
    const auto text = openssl.run("x509 -noout -text -in leaf.pem").text;
    for (const std::string words :
         {"Subject: O = Example, CN = device-1", "CA:FALSE", "Digital Signature, Key Encipherment",
          "TLS Web Client Authentication", "DNS:device-1.example.com", "URI:http://pki.example.com/ca.crl",
          "CA Issuers - URI:http://pki.example.com/ca.cer", "X509v3 Authority Key Identifier"}) {
        EXPECT_TRUE(says(text, words)) << words << " in\n" << text;
    }
}

TEST(LocalCa, OpensslFindsTheRevokedCertificateOnTheCrl) {
    LocalWorld world;
    const auto leaf = issued(world, unchanged);
    world.insert(leaf, "enroll");
    const countersign::test::OpensslCommand openssl;
    openssl.write("root.pem", world.root.pem());
    openssl.write("leaf.pem", leaf.pem());
    const std::string verify = "verify -crl_check -CRLfile crl.pem -CAfile root.pem -attime " +
                               std::to_string(to_milliseconds(world.now()) / 1000) + " leaf.pem";
    const auto crl = [&] {
        openssl.write("crl.der", world.ca->crl(world.now()).value());
        EXPECT_EQ(openssl.run("crl -inform DER -in crl.der -out crl.pem -CAfile root.pem").status, 0);
        return openssl.run("crl -noout -text -in crl.pem").text;
    };
    const auto before = crl();
    EXPECT_TRUE(says(before, "No Revoked Certificates")) << before;
    EXPECT_EQ(openssl.run(verify).status, 0) << openssl.run(verify).text;
    ASSERT_TRUE(world.ca->revoke(leaf.serial_hex(), 1, world.now()));
    const auto after = crl();
    EXPECT_TRUE(says(after, "Key Compromise")) << after;
    EXPECT_TRUE(says(after, "X509v3 CRL Number")) << after;
    EXPECT_TRUE(says(openssl.run(verify).text, "certificate revoked")) << openssl.run(verify).text;
}

}  // namespace
}  // namespace countersign::ca::test
