// The renewal matrix: by what right a certificate asks for its successor.
#include "cases.hpp"
#include "test_keys.hpp"

#include <gtest/gtest.h>

namespace countersign::policy::test {
namespace {

using Codes = std::multiset<std::string>;
using Texts = std::vector<std::string>;
using namespace std::chrono_literals;
using countersign::test::request_for;
using countersign::test::rsa_key;
const Codes none;

// A certificate of ours and a request for its successor, right in every way until a test changes something.
struct Renewal {
    Template rules = device_template();
    crypto::CertificateContent content = device_content();
    std::string ca = "CN=Test CA";
    std::string subject = "CN=device-7,O=Example";
    Texts sans{"dns:host.example.com"};
    std::size_t new_key = 2;
    bool new_key_is_ec = false;
    bool recorded = true;
    bool revoked = false;
    std::optional<crypto::Revocation> revoked_at_ca;
    std::string unknown_at_ca;
    bool present = true;
    std::string profile = "default";
    std::string template_name = "device";
    bool foreign_signer = false;
    Time at = now();

    static crypto::CertificateContent device_content() {
        auto content = countersign::test::content_for(rsa_key(1).public_key(), "CN=device-7,O=Example");
        content.key_usage = crypto::usage::digital_signature | crypto::usage::key_encipherment;
        content.extended_key_usage = {std::string(oid::client_auth)};
        content.subject_alt_names = {crypto::general_name_from_text("dns:host.example.com").value()};
        content.not_before = now() - std::chrono::days{300};
        content.not_after = now() + std::chrono::days{65};
        return content;
    }

    Decision judged() const {
        const auto certificate = countersign::test::issue(content, ca, rsa_key(0), 7);
        const auto foreign = countersign::test::self_signed(rsa_key(3));
        const auto request =
            request_for(new_key_is_ec ? countersign::test::p256_key() : rsa_key(new_key), subject, std::nullopt, sans);
        Facts facts;
        facts.purpose = Purpose::renew;
        facts.profile = "default";
        facts.request = &request;
        facts.signer = foreign_signer ? &foreign : &certificate;
        if (present) {
            facts.renewed = RenewedCertificate{.certificate = certificate,
                                               .recorded = recorded,
                                               .profile = profile,
                                               .revoked = revoked,
                                               .template_name = template_name,
                                               .revoked_at_ca = revoked_at_ca,
                                               .unknown_at_ca = unknown_at_ca};
        }
        return judge(facts, rules, at);
    }
    Codes refused() const { return refusals(judged()); }
};

TEST(Renewal, AGoodOneIsAllowed) {
    Renewal renewal;
    EXPECT_EQ(renewal.refused(), none) << verdict(renewal.judged());
    renewal.rules.hold_for_approval = true;
    EXPECT_TRUE(allowed(renewal.judged())) << "officers approve first enrollments";
    renewal.rules.renewal.require_same_subject = false;
    EXPECT_TRUE(std::holds_alternative<Hold>(renewal.judged())) << "and names they have not seen";
    renewal.rules.renewal.require_same_subject = true;
    renewal.rules.signer_key_must_match = true;
    EXPECT_TRUE(allowed(renewal.judged())) << "the old key signs for the new one";
}

TEST(Renewal, ProvenanceIsOurOwnRecord) {
    Renewal renewal;
    renewal.present = false;
    EXPECT_EQ(renewal.refused(), Codes{"RenewalForeignCertificate"});
    renewal = {};
    renewal.recorded = false;
    EXPECT_EQ(renewal.refused(), Codes{"RenewalForeignCertificate"});
    renewal = {};
    renewal.profile = "other";
    EXPECT_EQ(renewal.refused(), Codes{"RenewalForeignCertificate"});
    renewal = {};
    renewal.profile = "";
    EXPECT_EQ(renewal.refused(), Codes{"RenewalForeignCertificate"}) << "the RA's own";
    renewal = {};
    renewal.foreign_signer = true;
    EXPECT_EQ(renewal.refused(), Codes{"RenewalForeignCertificate"});
    renewal = {};
    renewal.template_name = "administrator";
    EXPECT_EQ(renewal.refused(), Codes{"TemplateMismatch"});
}

TEST(Renewal, CertificatesOfCasAndRasAreNotRenewed) {
    Renewal renewal;
    renewal.content.basic_constraints.ca = true;
    EXPECT_EQ(renewal.refused(), Codes{"RenewalForeignCertificate"});
    renewal = {};
    renewal.content.extended_key_usage = {std::string(oid::ms_certificate_request_agent)};
    EXPECT_EQ(renewal.refused(), Codes{"RenewalForeignCertificate"});
}

TEST(Renewal, RevokedMeansRevoked) {
    Renewal renewal;
    renewal.revoked = true;
    renewal.rules.renewal.allow_expired = true;
    EXPECT_EQ(renewal.refused(), Codes{"RenewalRevoked"});
}

TEST(Renewal, RevokedAtTheCaMeansRevokedToo) {
    Renewal renewal;
    renewal.revoked_at_ca = crypto::Revocation{now() - std::chrono::days{1}, 6};
    renewal.rules.renewal.allow_expired = true;
    EXPECT_EQ(renewal.refused(), Codes{"RenewalRevoked"});
    const auto said = verdict(renewal.judged());
    EXPECT_NE(said.find("revoked at the CA since"), std::string::npos) << said;
    EXPECT_NE(said.find("certificateHold"), std::string::npos) << said;
    renewal.revoked_at_ca.reset();
    renewal.unknown_at_ca = "nobody will ever know";
    EXPECT_EQ(renewal.refused(), Codes{"RenewalExpired"});
    renewal.unknown_at_ca.clear();
    EXPECT_EQ(renewal.refused(), none);
}

TEST(Renewal, ExpiryIsExactToTheSecond) {
    Renewal renewal;
    renewal.at = renewal.content.not_after;
    EXPECT_EQ(renewal.refused(), none);
    renewal.at = renewal.content.not_after + 1s;
    EXPECT_EQ(renewal.refused(), Codes{"RenewalExpired"});
    renewal.rules.renewal.allow_expired = true;
    EXPECT_EQ(renewal.refused(), none);
    renewal.at = renewal.content.not_before;
    EXPECT_EQ(renewal.refused(), none);
    renewal.at = renewal.content.not_before - 1s;
    EXPECT_EQ(renewal.refused(), Codes{"RenewalNotYetValid"}) << "whatever is allowed to expired ones";
}

TEST(Renewal, TheWindowOpensBeforeExpiry) {
    Renewal renewal;
    renewal.rules.renewal.window = std::chrono::days{30};
    EXPECT_EQ(renewal.refused(), Codes{"RenewalTooEarly"});
    renewal.at = renewal.content.not_after - std::chrono::days{30} - 1s;
    EXPECT_EQ(renewal.refused(), Codes{"RenewalTooEarly"});
    renewal.at += 1s;
    EXPECT_EQ(renewal.refused(), none);
}

TEST(Renewal, TemplatesMayForbidItOrWantANewKey) {
    Renewal renewal;
    renewal.new_key = 1;
    EXPECT_EQ(renewal.refused(), none) << "NDES renews with the same key";
    renewal.rules.renewal.allow_same_key = false;
    EXPECT_EQ(renewal.refused(), Codes{"RenewalSameKey"});
    renewal.new_key = 2;
    EXPECT_EQ(renewal.refused(), none);
    renewal.rules.renewal.allowed = false;
    EXPECT_EQ(renewal.refused(), Codes{"RenewalNotAllowed"});
}

TEST(Renewal, AnRsaCertificateDoesNotMoveToAKeyThatScepCannotEncryptTo) {
    Renewal renewal;
    renewal.new_key_is_ec = true;
    EXPECT_EQ(renewal.refused(), Codes{"RenewalKeyAlgorithm"});
}

TEST(Renewal, NamesStayAsTheyAre) {
    Renewal renewal;
    renewal.subject = "CN=DEVICE-7,O=example";
    renewal.sans = {"dns:HOST.example.com"};
    EXPECT_EQ(renewal.refused(), none) << "the same names in other letters";
    renewal = {};
    renewal.subject = "CN=admin,O=Example";
    EXPECT_EQ(renewal.refused(), Codes{"SubjectNameMismatch"});
    for (const auto& sans : {Texts{}, Texts{"dns:other.example.com"},
                             Texts{"dns:host.example.com", "dns:b.example.com"}, Texts{"email:host@example.com"}}) {
        renewal = {};
        renewal.sans = sans;
        EXPECT_EQ(renewal.refused(), Codes{"SubjectAltNameMismatch"}) << sans.size();
    }
    renewal.subject = "CN=admin,O=Example";
    renewal.rules.renewal.require_same_subject = false;
    EXPECT_EQ(renewal.refused(), none) << "DisableRenewalSubjectNameMatch";
}

TEST(Renewal, ASecurityIdentifierMayBeKeptButNotGained) {
    const std::string sid = "uri:tag:microsoft.com,2022-09-14:sid:S-1-5-21-1-2-3-500";
    Renewal renewal;
    renewal.sans = {sid};
    renewal.content.subject_alt_names = {crypto::general_name_from_text(sid).value()};
    EXPECT_EQ(renewal.refused(), none);
    renewal.sans = {sid + "9"};
    EXPECT_EQ(renewal.refused(), (Codes{"SubjectAltNameForbidden", "SubjectAltNameMismatch"}));
    renewal.rules.renewal.require_same_subject = false;
    EXPECT_EQ(renewal.refused(), Codes{"SubjectAltNameForbidden"});
}

TEST(Renewal, EveryFindingIsReported) {
    Renewal renewal;
    renewal.revoked = true;
    renewal.recorded = false;
    renewal.subject = "CN=admin";
    renewal.at = renewal.content.not_after + 1s;
    renewal.rules.key.algorithms = {"p256"};
    EXPECT_EQ(renewal.refused(), (Codes{"KeyAlgorithmForbidden", "RenewalForeignCertificate", "RenewalRevoked",
                                        "RenewalExpired", "SubjectNameMismatch"}));
}

}  // namespace
}  // namespace countersign::policy::test
