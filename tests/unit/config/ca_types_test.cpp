// What each type of CA needs, and what it must not have.
#include "countersign/config/load.hpp"
#include "scratch_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace countersign::config {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view rest = R"(
[secrets]
pepper = "pepper"
[ra.default]
encryption = { key = "file:ra/encryption.key", certificate = "ra/encryption.pem" }
agent = { key = "file:ra/agent.key", certificate = "ra/agent.pem" }
[profile.default]
paths = ["/scep"]
challenge = { mode = "one-time" }
templates = { signature = "device", encryption = "device", general_purpose = "device" }
[template.device]
extended_key_usage = ["clientAuth"]
[[listener]]
address = "127.0.0.1:8080"
serves = ["scep"]
)";

// "good" and the warnings, or the errors, of a configuration with this CA.
std::string findings_of(const std::string& ca) {
    const test::ScratchDirectory directory;
    const auto file = directory / "countersign.toml";
    std::ofstream(file) << rest << "[ca.default]\ncertificate = \"ca.pem\"\n" << ca;
    const auto loaded = load(file);
    std::string text;
    for (const auto& finding : loaded.findings) text += describe(finding) + "\n";
    return loaded.settings ? "good\n" + text : text;
}

std::string adcs(const std::string& keys, const std::string& type = "adcs-wstep") {
    return "type = \"" + type + "\"\n[ca.default.connection]\n" + keys;
}

const std::string url = "url = \"https://ca.example/x\"\n";

TEST(CaTypes, LocalNeedsItsKey) {
    EXPECT_THAT(findings_of("type = \"local\"\nkey = \"file:k\"\nserial_secret = \"s\"\n"), StartsWith("good"));
    EXPECT_THAT(findings_of("type = \"local\"\nserial_secret = \"s\"\n"), HasSubstr("ca.default.key"));
    EXPECT_THAT(findings_of("type = \"local\"\nkey = \"file:k\"\n"), HasSubstr("ca.default.serial_secret"));
}

TEST(CaTypes, RevocationListsAreOfCasThatAreElsewhere) {
    const std::string local = "type = \"local\"\nkey = \"file:k\"\nserial_secret = \"s\"\n";
    EXPECT_THAT(findings_of("crl = [\"http://pki.example/ca.crl\"]\n" + local), HasSubstr("ledger knows"));
    const std::string est = "type = \"est\"\n";
    const std::string there = "[ca.default.connection]\n" + url;
    const auto with = [&](const std::string& keys) { return findings_of(est + keys + there); };
    EXPECT_EQ(with(""), "good\n");
    EXPECT_EQ(with("crl = [\"http://pki.example/ca.crl\", \"https://pki.example/ca.crl\", \"lists/ca.crl\"]\n"),
              "good\n");
    for (const auto* location : {"ldap:///CN=CA", "ftp://pki.example/ca.crl", ""})
        EXPECT_THAT(with("crl = [\"" + std::string(location) + "\"]\n"), HasSubstr("ca.default.crl"));
    EXPECT_THAT(with("crl_refresh_minutes = 5\n"), HasSubstr("there is no revocation list"));
    EXPECT_THAT(with("renewal_without_crl = \"allow\"\n"), HasSubstr("there is no revocation list"));
    const std::string crl = "crl = [\"http://pki.example/ca.crl\"]\n";
    EXPECT_EQ(with(crl + "crl_refresh_minutes = 5\nrenewal_without_crl = \"refuse\"\n"), "good\n");
    const auto lax = with(crl + "renewal_without_crl = \"allow\"\n");
    EXPECT_THAT(lax, StartsWith("good"));
    EXPECT_THAT(lax, HasSubstr("renews certificates that the CA has revoked"));
    EXPECT_THAT(with(crl + "renewal_without_crl = \"perhaps\"\n"), HasSubstr("is not known here"));
    EXPECT_THAT(with(crl + "crl_refresh_minutes = 0\n"), HasSubstr("out of range"));
}

TEST(CaTypes, OnlyAdcsHasAPolicyService) {
    const std::string cep = "policy_url = \"https://ca.example/CEP\"\n";
    EXPECT_THAT(findings_of(cep + adcs(url)), StartsWith("good"));
    EXPECT_THAT(findings_of(cep + adcs(url, "adcs-web")), StartsWith("good"));
    EXPECT_THAT(findings_of(cep + adcs(url, "est")), HasSubstr("means nothing to a CA of type est"));
    EXPECT_THAT(findings_of("policy_url = \"http://ca.example/CEP\"\n" + adcs(url)), HasSubstr("is not an https://"));
}

TEST(CaTypes, OthersHaveNoKeyHere) {
    const std::string command = "[ca.default.command]\nprogram = \"/bin/true\"\n";
    EXPECT_THAT(findings_of("type = \"exec\"\n" + command), StartsWith("good"));
    EXPECT_THAT(findings_of("type = \"exec\"\nkey = \"file:k\"\n" + command),
                HasSubstr("means nothing to a CA of type exec"));
    EXPECT_THAT(findings_of("type = \"exec\"\n"), HasSubstr("ca.default.command.program"));
    EXPECT_THAT(findings_of("type = \"exec\"\n" + command + "environment = [\"=x\"]\n"), HasSubstr("is no NAME=VALUE"));
    EXPECT_THAT(findings_of("type = \"exce\"\n" + command), HasSubstr("exec"));
}

TEST(CaTypes, ConnectionsAreByTlsAlone) {
    EXPECT_THAT(findings_of(adcs(url)), StartsWith("good"));
    EXPECT_THAT(findings_of(adcs("")), HasSubstr("connection.url"));
    EXPECT_THAT(findings_of(adcs("url = \"http://ca.example/x\"\n")), HasSubstr("is not an https:// URL"));
}

TEST(CaTypes, EachWayToSignInNeedsItsData) {
    const std::string user = "user = \"u\"\npassword_file = \"p\"\n";
    EXPECT_THAT(findings_of(adcs(url + user + "authentication = \"basic\"\n")), StartsWith("good"));
    EXPECT_THAT(findings_of(adcs(url + "authentication = \"basic\"\n")), HasSubstr("connection.user"));
    EXPECT_THAT(findings_of(adcs(url + user + "authentication = \"username-token\"\n")), StartsWith("good"));
    EXPECT_THAT(findings_of(adcs(url + user + "authentication = \"username-token\"\n", "adcs-web")),
                HasSubstr("no such token"));
    EXPECT_THAT(findings_of(adcs(url + "authentication = \"negotiate\"\n")), HasSubstr("who we are to Kerberos"));
    EXPECT_THAT(findings_of(adcs(url + "authentication = \"negotiate\"\nkeytab = \"k\"\n")), StartsWith("good"));
    EXPECT_THAT(findings_of(adcs(url + "authentication = \"certificate\"\n")), HasSubstr("connection.client_key"));
    EXPECT_THAT(findings_of(adcs(url + "password = \"x\"\n")), HasSubstr("secrets do not belong"));
}

TEST(CaTypes, CmpNeedsAnAgentOrASecret) {
    const auto cmp = [](const std::string& keys) { return adcs(url, "cmp") + "[ca.default.cmp]\n" + keys; };
    EXPECT_THAT(findings_of(adcs(url, "cmp")), StartsWith("good"));
    EXPECT_THAT(findings_of(adcs("url = \"http://ca.example/cmp\"\n", "cmp")), StartsWith("good"));
    EXPECT_THAT(findings_of(adcs("url = \"ftp://ca.example/cmp\"\n", "cmp")), HasSubstr("is not an https:// URL"));
    EXPECT_THAT(findings_of(cmp("ra = \"other\"\n")), HasSubstr("there is no [ra.other]"));
    EXPECT_THAT(findings_of(cmp("protection = \"secret\"\nreference = \"ra\"\nsecret_file = \"s\"\n")),
                StartsWith("good"));
    EXPECT_THAT(findings_of(cmp("protection = \"secret\"\nreference = \"ra\"\n")), HasSubstr("cmp.secret_file"));
    EXPECT_THAT(findings_of(cmp("protection = \"secret\"\nsecret_file = \"s\"\n")), HasSubstr("cmp.reference"));
}

TEST(CaTypes, EstSendsNoBareCms) {
    EXPECT_THAT(findings_of(adcs(url, "est")), StartsWith("good"));
    EXPECT_THAT(findings_of("request_format = \"cmc\"\n" + adcs(url, "est")), StartsWith("good"));
    EXPECT_THAT(findings_of("request_format = \"pkcs7\"\n" + adcs(url, "est")), HasSubstr("EST knows no such"));
    EXPECT_THAT(findings_of(adcs("url = \"http://ca.example/x\"\n", "est")), HasSubstr("is not an https:// URL"));
}

TEST(CaTypes, ServicesNeedToKnowWhoWeAre) {
    const auto with = [](const std::string& type, const std::string& keys) {
        return findings_of(adcs(url, type) + "[ca.default." + type + "]\n" + keys);
    };
    EXPECT_THAT(with("ejbca", "authority = \"a\"\nend_entity_profile = \"e\"\n"), StartsWith("good"));
    EXPECT_THAT(with("ejbca", "authority = \"a\"\n"), HasSubstr("ejbca.end_entity_profile"));
    EXPECT_THAT(with("ejbca", "end_entity_profile = \"e\"\n"), HasSubstr("ejbca.authority"));
    EXPECT_THAT(with("vault", "token_file = \"t\"\n"), StartsWith("good"));
    EXPECT_THAT(with("vault", ""), HasSubstr("vault.token_file"));
    EXPECT_THAT(with("step", "provisioner = \"p\"\nkey = \"file:k\"\n"), StartsWith("good"));
    EXPECT_THAT(with("step", "provisioner = \"p\"\n"), HasSubstr("step.key"));
    EXPECT_THAT(with("step", "key = \"file:k\"\n"), HasSubstr("step.provisioner"));
}

// The configurations people copy.
TEST(CaTypes, WhatTheDocumentationShowsLoads) {
    int shown = 0;
    for (const auto* page : {"ca-adcs.md", "ca-exec.md", "ca-cmp.md", "ca-est.md", "ca-rest.md"}) {
        std::ifstream file(std::filesystem::path(COUNTERSIGN_SOURCE_DIR) / "docs" / page);
        const std::string text{std::istreambuf_iterator<char>(file), {}};
        constexpr std::string_view begin = "```toml\n[ca.default]\n";
        for (auto at = text.find(begin); at != std::string::npos; at = text.find(begin, at + 1)) {
            const auto from = at + begin.size();
            auto block = text.substr(from, text.find("```", from) - from);
            const auto own = block.find("certificate = ");
            ASSERT_NE(own, std::string::npos) << page;
            block.erase(own, block.find('\n', own) - own);  // findings_of writes it
            EXPECT_THAT(findings_of(block), StartsWith("good")) << page << ":\n" << block;
            ++shown;
        }
    }
    EXPECT_EQ(shown, 10);
}

TEST(CaTypes, KerberosKnowsOneIdentity) {
    const auto two = [](const std::string& second) {
        return adcs(url + "authentication = \"negotiate\"\nkeytab = \"k\"\n") +
               "[ca.second]\ntype = \"adcs-web\"\ncertificate = \"ca.pem\"\n[ca.second.connection]\n" + url +
               "authentication = \"negotiate\"\nkeytab = \"" + second + "\"\n";
    };
    EXPECT_THAT(findings_of(two("k")), StartsWith("good"));
    EXPECT_THAT(findings_of(two("other")), HasSubstr("another Kerberos user"));
}

}  // namespace
}  // namespace countersign::config
