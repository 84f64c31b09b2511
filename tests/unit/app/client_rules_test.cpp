#include "app/probe/client_rules.hpp"

#include "countersign/ca/local.hpp"
#include "countersign/core/random.hpp"
#include "countersign/keys/file_key.hpp"
#include "test_keys.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace countersign::app {
namespace {

using testing::HasSubstr;

std::shared_ptr<keys::Key> key_of(std::size_t which) {
    return keys::key_from_pem(Secret(test::rsa_key(which).pem()), "test").value();
}

class ClientRulesTest : public testing::Test {
protected:
    ClientRulesTest() {
        const SystemClock clock;
        SystemRandom random;
        const auto ca_key = key_of(0);
        const Time now = clock.now();
        const auto ca = ca::make_root_certificate({}, *ca_key, now, random).value();
        const auto ra = [&](ca::RaRole role, std::size_t which) {
            return ca::make_ra_certificate(role, "CN=ra", key_of(which)->public_key(), std::chrono::days{365}, ca,
                                           *ca_key, {}, now, random)
                .value();
        };
        facts_.answered_capabilities = true;
        facts_.capabilities = {"postpkioperation", "renewal", "sha-256", "aes", "scepstandard"};
        facts_.ca_type = "application/x-x509-ca-ra-cert";
        facts_.certificates = {ra(ca::RaRole::agent, 1), ra(ca::RaRole::encryption, 2), ca};
        facts_.now = now;
    }
    // Only the clients that do not pass.
    std::map<std::string, StepOutcome> unwell() {
        std::map<std::string, StepOutcome> found;
        verdicts_ = judge_clients(facts_);
        for (const auto& one : verdicts_) {
            if (one.outcome != StepOutcome::pass) found[one.client] = one.outcome;
            EXPECT_EQ(one.outcome == StepOutcome::pass, one.reasons.empty());
            EXPECT_EQ(one.reasons.empty(), one.remedies.empty());
        }
        return found;
    }
    using Outcomes = std::map<std::string, StepOutcome>;

    OfferedFacts facts_;
    std::vector<ClientVerdict> verdicts_;
};

TEST_F(ClientRulesTest, SixClientsCanUseWhatWeServe) {
    EXPECT_EQ(unwell(), Outcomes{});
    EXPECT_EQ(verdicts_.size(), 6u);
    for (const auto& one : verdicts_) EXPECT_FALSE(one.source.empty()) << one.client;
}

TEST_F(ClientRulesTest, TheRootIsWantedByAppleWindowsAndStrongswan) {
    facts_.certificates.pop_back();
    EXPECT_EQ(
        unwell(),
        (Outcomes{{"apple", StepOutcome::fail}, {"windows", StepOutcome::fail}, {"strongswan", StepOutcome::fail}}));
}

TEST_F(ClientRulesTest, WithoutAnEncryptionCertificateNobodyCanEnroll) {
    facts_.certificates.erase(facts_.certificates.begin() + 1);
    const auto found = unwell();
    EXPECT_EQ(found.size(), 6u);
    for (const auto& [client, outcome] : found) EXPECT_EQ(outcome, StepOutcome::fail) << client;
    EXPECT_THAT(verdicts_[0].reasons[0], HasSubstr("-67731"));
}

TEST_F(ClientRulesTest, WithoutASigningCertificateAppleAndStrongswanFail) {
    facts_.certificates.erase(facts_.certificates.begin());
    const auto found = unwell();
    EXPECT_EQ(found.at("apple"), StepOutcome::fail);
    EXPECT_EQ(found.at("strongswan"), StepOutcome::fail);
    EXPECT_FALSE(found.contains("jscep"));
}

TEST_F(ClientRulesTest, OrderMattersToJscepAlone) {
    std::swap(facts_.certificates.front(), facts_.certificates.back());
    EXPECT_EQ(unwell(), (Outcomes{{"jscep", StepOutcome::warn}}));
}

TEST_F(ClientRulesTest, StrongswanSendsNoMessageParameter) {
    facts_.answers_without_message = false;
    EXPECT_EQ(unwell(), (Outcomes{{"strongswan", StepOutcome::fail}}));
}

TEST_F(ClientRulesTest, CertmongerReadsShortCapabilitiesOnly) {
    facts_.capabilities_octets = 1024;
    EXPECT_EQ(unwell(), Outcomes{});
    facts_.capabilities_octets = 1025;
    EXPECT_EQ(unwell(), (Outcomes{{"certmonger", StepOutcome::fail}}));
}

TEST_F(ClientRulesTest, AppleWantsADigestAndACipher) {
    facts_.capabilities = {"renewal", "aes"};
    EXPECT_EQ(unwell(), (Outcomes{{"apple", StepOutcome::fail}}));
    facts_.capabilities = {"renewal", "sha-1", "des3"};
    EXPECT_EQ(unwell(), Outcomes{});
}

TEST_F(ClientRulesTest, RenewalThatIsNotListedIsDoubted) {
    facts_.capabilities.erase("renewal");
    const auto warn = StepOutcome::warn;
    EXPECT_EQ(unwell(), (Outcomes{{"apple", warn}, {"windows", warn}, {"strongswan", warn}, {"certmonger", warn}}));
}

TEST_F(ClientRulesTest, ExpiredCertificatesFailEverybody) {
    facts_.now += std::chrono::days{366};
    EXPECT_EQ(unwell().size(), 6u);
}

TEST_F(ClientRulesTest, ContentTypesAreComparedAsEachClientDoes) {
    facts_.ca_type = "application/x-x509-ca-ra-cert; charset=utf-8";
    EXPECT_EQ(unwell(), (Outcomes{{"apple", StepOutcome::fail}, {"certmonger", StepOutcome::fail}}));
    facts_.ca_type = "application/x-x509-ra-ca-certs";
    const auto found = unwell();
    EXPECT_FALSE(found.contains("sscep"));
    EXPECT_TRUE(found.contains("jscep"));
}

}  // namespace
}  // namespace countersign::app
