// Who may ask the local CA for a certificate.
#include "local_world.hpp"

#include <gtest/gtest.h>

namespace countersign::ca::test {
namespace {

using Content = crypto::CertificateContent;

// "issued", the reason of a rejection, or the error.
std::string answer(const Result<Outcome>& outcome) {
    if (!outcome) return describe(outcome.error());
    if (const auto* rejected = std::get_if<Rejected>(&*outcome)) return rejected->reason;
    return std::holds_alternative<Issued>(*outcome) ? "issued" : "pending";
}
bool says(const std::string& text, std::string_view words) {
    return text.find(words) != std::string::npos;
}

struct Countersignature : ::testing::Test {
    std::string with_agent(const std::function<void(Content&)>& change, const std::string& kind = "ra") {
        return answer(world.ca->submit(world.with_agent(world.other_agent(change, kind)), "key"));
    }
    LocalWorld world;
};

TEST_F(Countersignature, AnotherAgentOfOursWillDo) {
    EXPECT_EQ(with_agent([](auto&) {}), "issued");
}

TEST_F(Countersignature, TheAgentStandsInTheLedgerAsAnRa) {
    EXPECT_TRUE(says(with_agent([](auto&) {}, ""), "not in the ledger"));
    EXPECT_TRUE(says(with_agent([](auto&) {}, "enroll"), "not issued to an RA"));
    EXPECT_TRUE(says(with_agent([](auto&) {}, "renew"), "not issued to an RA"));
}

TEST_F(Countersignature, TheLedgerHoldsThisVeryCertificate) {
    const auto agent = world.other_agent([](auto&) {}, "");
    store::IssuedCertificate row;
    row.ca = "default";
    row.serial = agent.serial_hex();
    row.kind = "ra";
    row.der = to_bytes(world.agent.der());
    ASSERT_TRUE(world.ledger.insert(row));
    EXPECT_TRUE(says(answer(world.ca->submit(world.with_agent(agent), "key")), "not in the ledger"));
}

TEST_F(Countersignature, TheAgentsCertificateIsForThis) {
    EXPECT_TRUE(says(with_agent([](Content& c) { c.extended_key_usage.clear(); }), "Certificate Request Agent"));
    EXPECT_TRUE(says(with_agent([](Content& c) { c.extended_key_usage = {std::string(oid::any_extended_key_usage)}; }),
                     "Certificate Request Agent"))
        << "any purpose is not this purpose";
    EXPECT_TRUE(
        says(with_agent([](Content& c) { c.key_usage = crypto::usage::key_encipherment; }), "digital signatures"));
    EXPECT_TRUE(says(with_agent([](Content& c) { c.key_usage = 0; }), "digital signatures"));
    EXPECT_TRUE(says(with_agent([](Content& c) { c.basic_constraints.ca = true; }), "is a CA"));
}

TEST_F(Countersignature, TheEncryptionCertificateOfTheRaIsNoAgent) {
    const auto encryption =
        make_ra_certificate(RaRole::encryption, "CN=RA encryption", rsa_key(1).public_key(), std::chrono::days{30},
                            world.root, *world.key, {}, world.now(), world.random);
    world.insert(*encryption, "ra");
    EXPECT_TRUE(says(answer(world.ca->submit(world.with_agent(*encryption), "key")), "digital signatures"));
}

TEST_F(Countersignature, TheAgentIsValidNow) {
    const auto now = world.now();
    using std::chrono::seconds;
    EXPECT_EQ(with_agent([&](Content& c) { c.not_before = now; }), "issued");
    EXPECT_TRUE(says(with_agent([&](Content& c) { c.not_before = now + seconds{1}; }), "valid from"));
    EXPECT_TRUE(says(with_agent([&](Content& c) { c.not_after = now - seconds{1}; }), "valid from"));
}

TEST_F(Countersignature, TheAgentIsNotRevoked) {
    ASSERT_EQ(answer(world.ca->submit(world.with_agent(world.agent), "key-1")), "issued");
    ASSERT_TRUE(world.ca->revoke(world.agent.serial_hex(), 1, world.now()));
    EXPECT_TRUE(says(answer(world.ca->submit(world.with_agent(world.agent), "key-2")), "revoked"));
}

TEST_F(Countersignature, ALedgerThatIsAwayIsNoLicence) {
    world.ledger.away = true;
    const auto outcome = world.ca->submit(world.with_agent(world.agent), "key");
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().kind, ErrorKind::unavailable);
    world.ledger.away = false;
    EXPECT_EQ(answer(world.ca->submit(world.with_agent(world.agent), "key")), "issued");
}

TEST_F(Countersignature, ItIsMadeWithTheAgentsKeyAndAProperDigest) {
    EXPECT_NE(answer(world.ca->submit(world.with_agent(world.agent, rsa_key(3)), "key")), "issued")
        << "a stranger's key under the agent's name";
    crypto::SignerParameters signer;
    signer.certificate = &world.agent;
    signer.scheme = rsa_key(1).public_key().scheme_with(crypto::DigestAlgorithm::sha1);
    const auto csr = LocalWorld::request_of("device-1");
    auto cms = crypto::build_signed_data(oid::data, csr.der(), {world.agent}, signer, rsa_key(1).signer(signer.scheme))
                   .value();
    EXPECT_NE(
        answer(world.ca->submit(ra::Agent::countersigned(std::move(cms), csr, world.plan_for("device-1")), "key")),
        "issued")
        << "SHA-1";
}

TEST_F(Countersignature, ItIsOverDataAndCarriesItsCertificate) {
    const auto csr = LocalWorld::request_of("device-1");
    const auto submit = [&](Bytes cms) {
        return answer(
            world.ca->submit(ra::Agent::countersigned(std::move(cms), csr, world.plan_for("device-1")), "key"));
    };
    EXPECT_TRUE(
        says(submit(LocalWorld::signed_by(world.agent, rsa_key(1), csr.der(), oid::enveloped_data)), "something else"));
    crypto::SignerParameters signer;
    signer.certificate = &world.agent;
    signer.scheme = rsa_key(1).sha256_scheme();
    const auto sign = rsa_key(1).signer(signer.scheme);
    EXPECT_TRUE(says(submit(crypto::build_signed_data(oid::data, csr.der(), {world.root}, signer, sign).value()),
                     "not in the message"));
    EXPECT_TRUE(
        says(submit(crypto::build_signed_data_without_content({world.agent}, signer, sign).value()), "something else"));
    EXPECT_TRUE(says(submit({}), "countersignature"));
    EXPECT_TRUE(says(submit(to_bytes(csr.der())), "countersignature")) << "the bare request";
}

TEST(CountersignatureOfAConfiguredAgent, IsBelievedThoughItCameFromElsewhere) {
    auto content = countersign::test::content_for(rsa_key(3).public_key(), "CN=agent of another CA");
    content.key_usage = crypto::usage::digital_signature;
    content.extended_key_usage = {std::string(oid::ms_certificate_request_agent)};
    const auto foreign = countersign::test::issue(content, "CN=Another CA", rsa_key(3));
    LocalWorld stranger;
    EXPECT_TRUE(says(answer(stranger.ca->submit(stranger.with_agent(foreign, rsa_key(3)), "key")), "not from this CA"));
    LocalWorld friendly({.options = [&](LocalCaOptions& options) { options.agents = {foreign}; }});
    EXPECT_EQ(answer(friendly.ca->submit(friendly.with_agent(foreign, rsa_key(3)), "key")), "issued");
}

}  // namespace
}  // namespace countersign::ca::test
