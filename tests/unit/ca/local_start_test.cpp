// Making CA and RA certificates, and what the local CA refuses to start with.
#include "local_world.hpp"

#include <gtest/gtest.h>

namespace countersign::ca::test {
namespace {

using Content = crypto::CertificateContent;
using namespace std::chrono_literals;
using countersign::test::CountingRandom;
using countersign::test::FixedClock;

bool says(const std::string& text, std::string_view words) {
    return text.find(words) != std::string::npos;
}

struct Start : ::testing::Test {
    // The error of creating a CA with these options; "" when it starts.
    std::string start(LocalCaOptions options, std::size_t key = 0,
                      std::string_view secret = "a serial secret of the tests") {
        options.name = "default";
        const auto ca = LocalCa::create(std::move(options), std::make_shared<MovableKey>(rsa_key(key)), Secret(secret),
                                        ledger, clock);
        return ca ? "" : describe(ca.error());
    }
    // A CA certificate for `key` issued by `issuer`, with one thing changed.
    crypto::Certificate ca_certificate(
        std::string_view subject, std::size_t key, std::string_view issuer_subject, std::size_t issuer,
        const std::function<void(Content&)>& change = [](Content&) {}) {
        auto content = countersign::test::content_for(rsa_key(key).public_key(), subject);
        content.key_usage = crypto::usage::key_cert_sign | crypto::usage::crl_sign;
        content.basic_constraints.ca = true;
        change(content);
        return countersign::test::issue(content, issuer_subject, rsa_key(issuer), 9);
    }
    std::string start_with(const std::function<void(Content&)>& change) {
        return start({.certificate = ca_certificate("CN=CA", 0, "CN=CA", 0, change)});
    }

    FixedClock clock;
    CountingRandom random;
    countersign::test::MemoryLedger ledger;
};

TEST_F(Start, ASoundCaStarts) {
    EXPECT_EQ(start_with([](Content&) {}), "");
}

TEST_F(Start, TheKeyIsTheCertificates) {
    EXPECT_TRUE(says(start({.certificate = ca_certificate("CN=CA", 0, "CN=CA", 0)}, 1), "key is not that"));
}

TEST_F(Start, TheCertificateIsACas) {
    EXPECT_TRUE(says(start_with([](Content& c) { c.basic_constraints.ca = false; }), "basicConstraints"));
    EXPECT_TRUE(says(start_with([](Content& c) { c.key_usage = crypto::usage::crl_sign; }), "keyCertSign"));
    EXPECT_TRUE(says(start_with([](Content& c) { c.key_usage = crypto::usage::key_cert_sign; }), "cRLSign"));
    EXPECT_TRUE(says(start_with([&](Content& c) { c.not_after = clock.now() - 1s; }), "valid from"));
    EXPECT_TRUE(says(start_with([&](Content& c) { c.not_before = clock.now() + 1s; }), "valid from"));
}

TEST_F(Start, TheSerialSecretIsLongEnough) {
    EXPECT_TRUE(
        says(start({.certificate = ca_certificate("CN=CA", 0, "CN=CA", 0)}, 0, "fifteen octets!"), "serial secret"));
    EXPECT_EQ(start({.certificate = ca_certificate("CN=CA", 0, "CN=CA", 0)}, 0, "sixteen octets!!"), "");
}

TEST_F(Start, TheChainLeadsToARoot) {
    const auto root = ca_certificate("CN=Root", 3, "CN=Root", 3);
    const auto issuing = ca_certificate("CN=Issuing", 0, "CN=Root", 3);
    EXPECT_EQ(start({.certificate = issuing, .chain = {root}}), "");
    EXPECT_TRUE(says(start({.certificate = issuing}), "not self-issued"));
    EXPECT_TRUE(
        says(start({.certificate = issuing, .chain = {ca_certificate("CN=Root", 2, "CN=Root", 2)}}), "not signed"))
        << "another root of the same name";
    EXPECT_TRUE(
        says(start({.certificate = issuing, .chain = {ca_certificate("CN=Other", 3, "CN=Other", 3)}}), "is issued by"));
    EXPECT_TRUE(says(start({.certificate = ca_certificate("CN=CA", 0, "CN=CA", 3)}), "not signed"))
        << "self-issued, not self-signed";
    const auto no_ca = ca_certificate("CN=Root", 3, "CN=Root", 3, [](Content& c) { c.basic_constraints.ca = false; });
    EXPECT_TRUE(says(start({.certificate = issuing, .chain = {no_ca}}), "basicConstraints"));
}

TEST_F(Start, PathLengthsAreHonoured) {
    const auto limited_root = [&](int length) {
        return ca_certificate("CN=Root", 3, "CN=Root", 3,
                              [&](Content& c) { c.basic_constraints.path_length = length; });
    };
    const auto middle = ca_certificate("CN=Middle", 2, "CN=Root", 3);
    const auto issuing = ca_certificate("CN=Issuing", 0, "CN=Middle", 2);
    EXPECT_EQ(start({.certificate = issuing, .chain = {middle, limited_root(2)}}), "");
    EXPECT_TRUE(says(start({.certificate = issuing, .chain = {middle, limited_root(1)}}), "CAs below it"));
    const auto closed_middle =
        ca_certificate("CN=Middle", 2, "CN=Root", 3, [](Content& c) { c.basic_constraints.path_length = 0; });
    EXPECT_TRUE(says(start({.certificate = issuing, .chain = {closed_middle, limited_root(2)}}), "CAs below it"));
    EXPECT_EQ(start({.certificate = ca_certificate("CN=Issuing", 0, "CN=Root", 3), .chain = {limited_root(1)}}), "");
    EXPECT_TRUE(says(start({.certificate = ca_certificate("CN=Issuing", 0, "CN=Root", 3), .chain = {limited_root(0)}}),
                     "CAs below it"));
}

TEST_F(Start, ConstraintsAboveTheIssuingCaBindIt) {
    const auto root = ca_certificate("CN=Root", 3, "CN=Root", 3, [](Content& c) {
        c.further_extensions.push_back(crypto::make_name_constraints({"dns:example.org"}, {}).value());
    });
    LocalWorld world({.options = [&](LocalCaOptions& options) {
        options.certificate = ca_certificate("CN=Countersign CA", 0, "CN=Root", 3);
        options.chain = {root};
    }});
    const auto outcome = world.ca->submit(world.with_plan([](Content&) {}), "key");
    ASSERT_TRUE(outcome);
    ASSERT_TRUE(std::holds_alternative<Rejected>(*outcome));
    EXPECT_TRUE(says(std::get<Rejected>(*outcome).reason, "permitted"));
    EXPECT_EQ(world.ca->chain().size(), 2U);
}

TEST_F(Start, ARootIsWhatWasAskedFor) {
    MovableKey key(rsa_key(0));
    NewCaOptions options{.subject = "CN=Plant CA,O=Example", .validity = std::chrono::days{1000}, .path_length = 0};
    options.permitted_names = {"dns:example.com"};
    options.extended_key_usage = {std::string(oid::ms_certificate_request_agent), std::string(oid::client_auth)};
    const auto root = make_root_certificate(options, key, clock.now(), random).value();
    EXPECT_TRUE(root.self_issued());
    EXPECT_TRUE(root.verify_signed_by(key.public_key()));
    EXPECT_EQ(root.subject().text(), "CN=Plant CA,O=Example");
    EXPECT_EQ(root.basic_constraints().path_length, 0);
    EXPECT_EQ(root.key_usage(), crypto::usage::key_cert_sign | crypto::usage::crl_sign);
    EXPECT_EQ(root.not_after(), clock.now() + std::chrono::days{1000});
    EXPECT_LT(root.not_before(), clock.now() - 1h) << "backdated certificates lie within it";
    EXPECT_EQ(root.serial().size(), 20U);
    const countersign::test::OpensslCommand openssl;
    openssl.write("root.pem", root.pem());
    const auto text = openssl.run("x509 -noout -text -in root.pem").text;
    for (const std::string words :
         {"CA:TRUE, pathlen:0", "Certificate Sign, CRL Sign", "Permitted:", "DNS:example.com"}) {
        EXPECT_TRUE(says(text, words)) << words << " in\n" << text;
    }
    const auto at = " -attime " + std::to_string(to_milliseconds(clock.now()) / 1000);
    EXPECT_EQ(openssl.run("verify -x509_strict -CAfile root.pem" + at + " root.pem").status, 0);
}

TEST_F(Start, ARootThatCouldNotServeIsRefused) {
    MovableKey key(rsa_key(0));
    const auto refused = [&](const NewCaOptions& options) {
        return !make_root_certificate(options, key, clock.now(), random);
    };
    EXPECT_FALSE(refused({}));
    EXPECT_TRUE(refused({.extended_key_usage = {std::string(oid::client_auth)}})) << "its agent would not verify";
    EXPECT_TRUE(refused({.subject = ""}));
    EXPECT_TRUE(refused({.subject = "no name"}));
    EXPECT_TRUE(refused({.permitted_names = {"example.com"}}));
    key.away = true;
    EXPECT_TRUE(refused({}));
}

TEST_F(Start, RaCertificatesSatisfyClientsAndOpenssl) {
    LocalWorld world;
    const auto encryption =
        make_ra_certificate(RaRole::encryption, "CN=RA encryption", rsa_key(2).public_key(), std::chrono::days{730},
                            world.root, *world.key, {"http://pki.example.com/ca.crl"}, world.now(), world.random)
            .value();
    EXPECT_EQ(world.agent.key_usage(), crypto::usage::digital_signature);
    EXPECT_EQ(encryption.key_usage(), crypto::usage::key_encipherment);
    EXPECT_EQ(world.agent.not_after(), world.now() + std::chrono::days{730});
    const countersign::test::OpensslCommand openssl;
    openssl.write("root.pem", world.root.pem());
    for (const auto& certificate : {world.agent, encryption}) {
        EXPECT_FALSE(certificate.basic_constraints().ca);
        EXPECT_EQ(certificate.extended_key_usage(),
                  std::vector<std::string>{std::string(oid::ms_certificate_request_agent)});
        openssl.write("ra.pem", certificate.pem());
        const auto at = " -attime " + std::to_string(to_milliseconds(world.now()) / 1000);
        const auto verified = openssl.run("verify -x509_strict -CAfile root.pem" + at + " ra.pem");
        EXPECT_EQ(verified.status, 0) << verified.text;
    }
    EXPECT_TRUE(says(openssl.run("x509 -noout -text -in ra.pem").text, "URI:http://pki.example.com/ca.crl"));
}

TEST_F(Start, RaCertificatesThatCouldNotServeAreRefused) {
    LocalWorld world({.ca = {.validity = std::chrono::days{100}, .permitted_names = {"dirname:O=Example"}},
                      .options = [](LocalCaOptions& options) { options.agents.clear(); },
                      .agent_subject = "CN=RA agent,O=Example"});
    const auto made = [&](RaRole role, const std::string& subject, const crypto::PublicKey& key,
                          std::chrono::days validity) {
        return make_ra_certificate(role, subject, key, validity, world.root, *world.key, {}, world.now(), world.random);
    };
    const auto& rsa = rsa_key(1).public_key();
    const auto& ec = countersign::test::p256_key().public_key();
    EXPECT_TRUE(made(RaRole::agent, "CN=agent,O=Example", ec, std::chrono::days{30})) << "an agent only signs";
    EXPECT_FALSE(made(RaRole::encryption, "CN=encryption,O=Example", ec, std::chrono::days{30}))
        << "clients wrap with RSA";
    EXPECT_FALSE(made(RaRole::agent, "CN=agent", rsa, std::chrono::days{30})) << "against the CA's name constraints";
    EXPECT_FALSE(made(RaRole::agent, "", rsa, std::chrono::days{30}));
    EXPECT_FALSE(made(RaRole::agent, "CN=agent,O=Example", rsa, std::chrono::days{-1}));
    EXPECT_EQ(made(RaRole::agent, "CN=agent,O=Example", rsa, std::chrono::days{730})->not_after(),
              world.root.not_after());
    MovableKey other(rsa_key(3));
    EXPECT_FALSE(make_ra_certificate(RaRole::agent, "CN=agent,O=Example", rsa, std::chrono::days{30}, world.root, other,
                                     {}, world.now(), world.random));
    const auto no_ca = countersign::test::self_signed(rsa_key(0));
    EXPECT_FALSE(make_ra_certificate(RaRole::agent, "CN=agent,O=Example", rsa, std::chrono::days{30}, no_ca, *world.key,
                                     {}, world.now(), world.random));
}

}  // namespace
}  // namespace countersign::ca::test
