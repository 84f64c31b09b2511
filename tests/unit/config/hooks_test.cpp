// What each type of policy hook needs, and what it must not have.
#include "countersign/config/load.hpp"
#include "scratch_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace countersign::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view rest = R"(
[secrets]
pepper = "pepper"
[ra.default]
encryption = { key = "file:ra/encryption.key", certificate = "ra/encryption.pem" }
agent = { key = "file:ra/agent.key", certificate = "ra/agent.pem" }
[ca.default]
type = "local"
certificate = "ca.pem"
key = "file:ca.key"
serial_secret = "serial"
[template.device]
extended_key_usage = ["clientAuth"]
[[listener]]
address = "127.0.0.1:8080"
serves = ["scep"]
[profile.default]
paths = ["/scep"]
challenge = { mode = "one-time" }
templates = { signature = "device", encryption = "device", general_purpose = "device" }
)";

Loaded loaded(const std::string& hook, const std::string& profile = "hook = \"check\"\n") {
    const test::ScratchDirectory directory;
    const auto file = directory / "countersign.toml";
    std::ofstream(file) << rest << profile << hook;
    return load(file);
}

// "good" and the warnings, or the errors.
std::string findings_of(const std::string& hook, const std::string& profile = "hook = \"check\"\n") {
    const auto result = loaded(hook, profile);
    std::string text;
    for (const auto& finding : result.findings) text += describe(finding) + "\n";
    return result.settings ? "good\n" + text : text;
}

std::string webhook(const std::string& keys) {
    return "[hook.check]\ntype = \"webhook\"\n[hook.check.webhook]\n" + keys;
}
const std::string secret = "secret = \"secret\"\n";
const std::string command = "[hook.check.command]\nprogram = \"/bin/true\"\n";

TEST(Hooks, AreReadWithTheirDefaults) {
    const auto result = loaded(webhook("url = \"https://hook.example/policy\"\n" + secret));
    ASSERT_TRUE(result.settings) << describe(result.findings.front());
    EXPECT_TRUE(result.findings.empty());
    const auto& hook = result.settings->hooks.at("check");
    EXPECT_EQ(hook.name, "check");
    EXPECT_THAT(hook.calls, ElementsAre("verify"));
    EXPECT_EQ(hook.seconds, 5U);
    EXPECT_EQ(hook.at_once, 8U);
    EXPECT_EQ(hook.webhook.url, "https://hook.example/policy");
    EXPECT_TRUE(hook.webhook.secret.is_absolute());
    EXPECT_EQ(result.settings->profiles.at("default").hook, "check");
}

TEST(Hooks, CommandsNeedAProgram) {
    EXPECT_THAT(findings_of("[hook.check]\ntype = \"exec\"\n" + command), testing::StrEq("good\n"));
    EXPECT_THAT(findings_of("[hook.check]\ntype = \"exec\"\n"), HasSubstr("hook.check.command.program"));
    EXPECT_THAT(findings_of("[hook.check]\ntype = \"exec\"\n" + command + "environment = [\"NAME\"]\n"),
                HasSubstr("is no NAME=VALUE"));
    EXPECT_THAT(
        findings_of("[hook.check]\ntype = \"exec\"\n" + command + "[hook.check.webhook]\nurl = \"https://x/\"\n"),
        HasSubstr("means nothing to a hook of type exec"));
}

TEST(Hooks, AnswersTravelProtected) {
    for (const char* url : {"https://hook.example/", "http://127.0.0.1:8080/hook", "http://127.8.9.10/",
                            "http://[::1]/", "http://[::1]:80/", "http://localhost/", "http://localhost:81?x"}) {
        EXPECT_THAT(findings_of(webhook("url = \"" + std::string(url) + "\"\n" + secret)), testing::StrEq("good\n"))
            << url;
    }
    for (const char* url : {"http://hook.example/", "http://127.0.0.1.example/", "http://127.0.0.1@hook.example/",
                            "http://localhost.example/", "http://127.0.0.1:80@hook.example/", "http://[::1].example/",
                            "http://[::1", "http:/127.0.0.1/", "ftp://x/", "file:///etc/passwd", "https://",
                            "hook.example", "http://", "http://10.0.0.1/"}) {
        EXPECT_THAT(findings_of(webhook("url = \"" + std::string(url) + "\"\n" + secret)),
                    HasSubstr("neither an https:// URL nor one of this machine"))
            << url;
    }
    EXPECT_THAT(findings_of(webhook(secret)), HasSubstr("hook.check.webhook.url: this key is missing"));
}

TEST(Hooks, WhoeverAsksShouldSayWhoTheyAre) {
    const std::string url = "url = \"https://hook.example/\"\n";
    EXPECT_THAT(findings_of(webhook(url)), StartsWith("good\n"));
    EXPECT_THAT(findings_of(webhook(url)), HasSubstr("cannot tell our questions from anybody's"));
    EXPECT_THAT(findings_of(webhook(url + "client_certificate = \"c.pem\"\nclient_key = \"c.key\"\n")),
                testing::StrEq("good\n"));
    EXPECT_THAT(findings_of(webhook(url + "client_certificate = \"c.pem\"\n")), HasSubstr("webhook.client_key"));
    EXPECT_THAT(findings_of(webhook(url + "client_key = \"c.key\"\n")), HasSubstr("webhook.client_certificate"));
}

TEST(Hooks, AreAskedForByName) {
    const std::string good = "[hook.check]\ntype = \"exec\"\n" + command;
    EXPECT_THAT(findings_of(good, "hook = \"chek\"\n"), HasSubstr("profile.default.hook"));
    EXPECT_THAT(findings_of("", "hook = \"check\"\n"), HasSubstr("no [hook.check] exists"));
    EXPECT_THAT(findings_of(good, ""), HasSubstr("no profile asks this hook"));
    EXPECT_THAT(findings_of("", ""), testing::StrEq("good\n"));
}

TEST(Hooks, HaveWordsThatMeanSomething) {
    for (const char* wrong :
         {"type = \"dll\"\n", "type = \"exec\"\ncalls = [\"veto\"]\n", "type = \"exec\"\ncalls = []\n",
          "type = \"exec\"\nseconds = 0\n", "type = \"exec\"\nseconds = 31\n", "type = \"exec\"\nat_once = 0\n",
          "calls = [\"verify\"]\n", "type = \"exec\"\nurl = \"x\"\n"}) {
        EXPECT_THAT(findings_of("[hook.check]\n" + std::string(wrong) + command), testing::Not(StartsWith("good")))
            << wrong;
    }
}

}  // namespace
}  // namespace countersign::config
