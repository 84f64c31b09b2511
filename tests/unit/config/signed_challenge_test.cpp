// The configuration of signed challenges and of several kinds beside each other.
#include "configuration_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace countersign::config {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string mdm = R"([challenge_issuer.mdm]
issuer = "https://mdm.example"
keys = "mdm.pem"
profiles = ["default"]
subject_patterns = ["CN=*"]
san_patterns = ["dns:*.example.com"]
)";
const std::string signed_mode = R"({ mode = "signed", key = "file:challenge.key" })";

class SignedConfiguration : public ConfigurationTest {
protected:
    std::vector<std::string> refusals(const std::string& challenge, const std::string& issuers = mdm) {
        return ConfigurationTest::refusals(challenge, issuers);
    }
};

TEST_F(SignedConfiguration, IsRead) {
    const Loaded loaded = load_text(configuration(
        R"({ mode = "signed", also = ["one-time"], key = "file:challenge.key", previous_key = "file:old.key", bytes = 16 })",
        mdm));
    ASSERT_TRUE(loaded.settings);
    const auto& challenge = loaded.settings->profiles.at("default").challenge;
    EXPECT_TRUE(challenge.accepts("signed"));
    EXPECT_TRUE(challenge.accepts("one-time"));
    EXPECT_FALSE(challenge.accepts("single-password"));
    EXPECT_EQ(challenge.key, "file:" + (directory_ / "challenge.key").string());
    EXPECT_EQ(challenge.previous_key, "file:" + (directory_ / "old.key").string());
    const auto& issuer = loaded.settings->challenge_issuers.at("mdm");
    EXPECT_EQ(issuer.name, "mdm");
    EXPECT_EQ(issuer.issuer, "https://mdm.example");
    EXPECT_EQ(issuer.keys, directory_ / "mdm.pem");
    EXPECT_EQ(issuer.max_lifetime_minutes, 1440u);
}

TEST_F(SignedConfiguration, ContradictionsAreRefused) {
    EXPECT_THAT(refusals(signed_mode), IsEmpty());
    EXPECT_THAT(refusals(R"({ mode = "signed" })"), Contains(HasSubstr("mode signed has no key")));
    EXPECT_THAT(refusals(signed_mode, ""), Contains(HasSubstr("no challenge_issuer may sign")));
    EXPECT_THAT(refusals(R"({ mode = "one-time", key = "file:k" })"),
                Contains(HasSubstr("challenge.key: this has no meaning in mode one-time")));
    EXPECT_THAT(refusals(R"({ mode = "one-time", audience = "x" })"), Contains(HasSubstr("challenge.audience")));
    EXPECT_THAT(refusals(R"({ mode = "signed", key = "file:k", bytes = 8 })"),
                Contains(HasSubstr("challenge.bytes: this has no meaning")));
    EXPECT_THAT(refusals(R"({ mode = "none", also = ["one-time"] })"), Contains(HasSubstr("has no use for others")));
    EXPECT_THAT(refusals(R"({ mode = "one-time", also = ["one-time"] })"), Contains(HasSubstr("already")));
    EXPECT_THAT(refusals(R"({ mode = "signed", key = "file:k", also = ["single-password"] })"),
                Contains(HasSubstr("has no password")));
    EXPECT_THAT(refusals(R"({ mode = "signed", key = "file:k", also = ["none"] })"),
                Contains(HasSubstr("is not known here")));
}

TEST_F(SignedConfiguration, IssuersNameWhatExistsAndThemselvesOnce) {
    const auto with = [](std::string text, const std::string& from, const std::string& to) {
        text.replace(text.find(from), from.size(), to);
        return text;
    };
    EXPECT_THAT(refusals(signed_mode, with(mdm, "[\"default\"]", "[\"default\", \"vpn\"]")),
                Contains(HasSubstr("no [profile.vpn] exists")));
    EXPECT_THAT(refusals(signed_mode, mdm + "templates = [\"vpn\"]\n"),
                Contains(HasSubstr("no [template.vpn] exists")));
    EXPECT_THAT(refusals(signed_mode, mdm + with(mdm, ".mdm]", ".other]")),
                Contains(HasSubstr("says the same of itself")));
    for (const char* needed : {"issuer =", "keys =", "profiles =", "subject_patterns =", "san_patterns ="}) {
        EXPECT_THAT(refusals(signed_mode, with(mdm, needed, "# ")), Contains(HasSubstr("this key is missing")))
            << needed;
    }
}

TEST_F(SignedConfiguration, AWeakKindBesideAStrongOneIsWarnedAbout) {
    EXPECT_THAT(findings(R"({ mode = "signed", key = "file:k", also = ["single-password"], password_file = "p" })", mdm,
                         FindingLevel::warning),
                Contains(HasSubstr("challenge.also: one password enrolls everybody")));
    EXPECT_THAT(findings(signed_mode, mdm, FindingLevel::warning), IsEmpty());
}

}  // namespace
}  // namespace countersign::config
