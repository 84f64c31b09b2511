// Signed challenges through the whole path: one wire answer, many reasons in the audit, and never a second certificate.
#include "countersign/audit/catalogue.hpp"
#include "countersign/challenge/mint.hpp"
#include "countersign/challenge/signed.hpp"
#include "countersign/crypto/oid.hpp"
#include "station.hpp"

#include <gmock/gmock.h>
#include <atomic>
#include <thread>

namespace countersign::ra {
namespace {

using test::Device;
using test::MessageOptions;
using test::must;
using testing::HasSubstr;

class SignedChallengeTest : public testing::Test {
protected:
    SignedChallengeTest() {
        challenge::TrustedIssuer mdm;
        mdm.name = "mdm";
        mdm.issuer = "https://mdm.example";
        mdm.keys = {must(challenge::IssuerKey::from_public_key(issuer_->public_key()))};
        mdm.profiles = {"default"};
        mdm.subject_patterns = {"CN=device-*,O=Example"};
        mdm.san_patterns = {"*"};
        challenge::SignedOptions options{
            "default", "", {{challenge_key_, challenge::jwk_thumbprint(challenge_key_->public_key())}}, {mdm}};
        station_.profile->verifier = std::make_shared<challenge::SignedChallenges>(
            options, Secret(station_.random.bytes(32)), station_.database->used_challenges());
    }

    challenge::Statement statement() {
        challenge::Statement result;
        result.issuer = "https://mdm.example";
        result.audience = "default";
        result.id = lower_hex(station_.random.bytes(8));
        result.issued_at = result.not_before = station_.clock.now();
        result.expires = result.issued_at + std::chrono::hours{1};
        result.subject = "CN=device-7,O=Example";
        result.terms.key_usage = crypto::usage::digital_signature;
        return result;
    }
    std::string mint(const challenge::Statement& content, const std::shared_ptr<keys::Key>& signer = issuer_) {
        const auto jws = must(challenge::sign_statement(challenge::write_statement(content), *signer));
        return must(challenge::seal_challenge(jws, challenge_key_->public_key(), station_.random));
    }
    static MessageOptions asking(const std::string& challenge) {
        MessageOptions options;
        options.challenge = challenge;
        options.extensions = {crypto::make_key_usage(crypto::usage::digital_signature)};
        return options;
    }
    // The wire's answer and the audit's word for it.
    void expect_refused(const MessageOptions& options, const std::string& reason) {
        const auto device = station_.device();
        const auto before = station_.certificates();
        const auto reply = station_.exchange(device, station_.message(device, options));
        EXPECT_EQ(reply.status, scep::PkiStatus::failure) << reason;
        EXPECT_EQ(reply.fail_info, scep::FailInfo::bad_message_check) << reason;
        EXPECT_EQ(station_.certificates(), before) << reason;
        EXPECT_THAT(station_.audit.last(), HasSubstr(reason));
    }

    static inline const std::shared_ptr<keys::Key> issuer_ =
        must(keys::key_from_pem(must(keys::generate_private_key_pem(keys::GeneratedKey::ec_p256)), "issuer"));
    static inline const std::shared_ptr<keys::Key> challenge_key_ = test::pooled_key(1003);
    test::Station station_;
};

TEST_F(SignedChallengeTest, AnExactMatchIsIssuedAsDescribed) {
    auto content = statement();
    content.terms.validity = std::chrono::days{30};
    content.device = "4711";
    const auto certificate = station_.enroll(station_.device(), asking(mint(content)));
    EXPECT_EQ(certificate.subject().text(), "CN=device-7,O=Example");
    EXPECT_EQ(certificate.not_after(), station_.clock.now() + std::chrono::days{30});
    EXPECT_THAT(station_.audit.all(), HasSubstr("signed mdm " + content.id + " device 4711"));
}

TEST_F(SignedChallengeTest, WhateverIsWrongTheWireSaysOneThing) {
    const std::string good = mint(statement());
    MessageOptions stolen = asking(good);
    stolen.subject = "CN=device-8,O=Example";
    expect_refused(stolen, "SubjectNameMismatch");
    MessageOptions bigger = asking(good);
    bigger.extensions = {crypto::make_key_usage(crypto::usage::digital_signature | crypto::usage::key_encipherment)};
    expect_refused(bigger, "KeyUsageMismatch");
    MessageOptions identified = asking(good);
    identified.extensions.push_back({std::string(oid::ms_security_identifier), false, {0x30, 0x00}});
    expect_refused(identified, "ExtensionMismatch");

    auto content = statement();
    content.template_name = "vpn";
    expect_refused(asking(mint(content)), "TemplateNotAllowed");
    content = statement();
    content.subject = "CN=printer-7,O=Example";
    MessageOptions printer = asking(mint(content));
    printer.subject = content.subject;
    expect_refused(printer, "IssuerNameForbidden");
    content = statement();
    content.audience = "vpn";
    expect_refused(asking(mint(content)), "ChallengeAudienceMismatch");
    content = statement();
    content.issuer = "https://other.example";
    expect_refused(asking(mint(content)), "ChallengeIssuerUnknown");
    const auto stranger =
        must(keys::key_from_pem(must(keys::generate_private_key_pem(keys::GeneratedKey::ec_p256)), "stranger"));
    expect_refused(asking(mint(statement(), stranger)), "ChallengeKeyUnknown");
    expect_refused(asking(good.substr(0, good.size() - 8)), "ChallengeDeserializationError");
    std::string flipped = good;
    flipped[good.size() / 2] = flipped[good.size() / 2] == 'A' ? 'B' : 'A';
    expect_refused(asking(flipped), "ChallengeDecryptionError");
    expect_refused(asking("0123456789ABCDEF"), "ChallengeDeserializationError");
    MessageOptions none = asking("");
    none.challenge.reset();
    expect_refused(none, "ChallengePasswordMissing");

    // After all that the challenge is as good as new for the one it is for, once.
    EXPECT_EQ(station_.enroll(station_.device(), asking(good)).subject().text(), "CN=device-7,O=Example");
    expect_refused(asking(good), "ChallengeReplayed");
    EXPECT_EQ(station_.audit.count(audit::event::challenge_reused), 1u);

    const std::string late = mint(statement());
    station_.clock.advance(std::chrono::minutes{62});
    expect_refused(asking(late), "ChallengeExpired");
}

TEST_F(SignedChallengeTest, OneChallengeMeansOneCertificateUnderManyThreads) {
    const std::string challenge = mint(statement());
    std::vector<Device> devices;
    std::vector<Bytes> messages;
    for (int i = 0; i < 6; ++i) {
        devices.push_back(station_.device());
        messages.push_back(station_.message(devices.back(), asking(challenge)));
    }
    std::atomic<int> issued{0};
    {
        std::vector<std::jthread> threads;
        for (std::size_t i = 0; i < messages.size(); ++i) {
            threads.emplace_back([&, i] {
                const auto reply = station_.exchange(devices[i], messages[i]);
                if (reply.status == scep::PkiStatus::success) ++issued;
            });
        }
    }
    EXPECT_EQ(issued, 1);
    EXPECT_EQ(station_.certificates(), 1u);
}

TEST_F(SignedChallengeTest, AnAbsentCaUsesNothingUp) {
    const std::string challenge = mint(statement());
    const auto device = station_.device();
    station_.backend->on_submit = [](const auto&, const auto&) -> Result<ca::Outcome> {
        return fail::unavailable("away");
    };
    EXPECT_FALSE(station_.send(station_.message(device, asking(challenge))));
    station_.backend->on_submit = {};
    EXPECT_EQ(station_.enroll(device, asking(challenge)).subject().text(), "CN=device-7,O=Example");
}

TEST_F(SignedChallengeTest, TheSameMessageAgainGetsTheSameCertificate) {
    const auto device = station_.device();
    const auto message = station_.message(device, asking(mint(statement())));
    const auto first = station_.exchange(device, message);
    const auto again = station_.exchange(device, message);
    ASSERT_EQ(again.certificates.size(), 1u);
    EXPECT_EQ(first.certificates.front(), again.certificates.front());
    EXPECT_EQ(station_.certificates(), 1u);
}

TEST_F(SignedChallengeTest, NoChallengeIsInTheAudit) {
    const std::string challenge = mint(statement());
    station_.enroll(station_.device(), asking(challenge));
    expect_refused(asking(challenge), "ChallengeReplayed");
    EXPECT_EQ(station_.audit.all().find(challenge.substr(200, 40)), std::string::npos);
}

}  // namespace
}  // namespace countersign::ra
