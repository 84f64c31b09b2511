#include "countersign/config/load.hpp"
#include "scratch_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace countersign::config {
namespace {

using testing::HasSubstr;

constexpr std::string_view rest = R"(
[secrets]
pepper = "pepper"
[ra.default]
encryption = { key = "file:ra/encryption.key", certificate = "ra/encryption.pem" }
agent = { key = "file:ra/agent.key", certificate = "ra/agent.pem" }
[ca.default]
type = "local"
key = "file:ca/ca.key"
certificate = "ca/ca.pem"
serial_secret = "ca/serial.secret"
[profile.default]
paths = ["/certsrv/mscep/mscep.dll"]
admin_paths = ["/certsrv/mscep_admin"]
challenge = { mode = "one-time" }
templates = { signature = "device", encryption = "device", general_purpose = "device" }
[template.device]
extended_key_usage = ["clientAuth"]
[[listener]]
address = "127.0.0.1:8080"
serves = ["scep"]
[account.administrator]
password_hash = "$y$j9T$salt$hash"
roles = ["device-administrator"]
)";

const std::string tls = "tls = { certificate = \"c\", key = \"k\" }\n";
const std::string mutual_tls = "tls = { certificate = \"c\", key = \"k\", client_ca = \"ca\" }\n";
const std::string words = "ntlm = \"i understand ntlm passwords can be guessed offline\"\n";
const std::string relayable = "\"i understand sign-ins can be relayed\"\n";

// All findings of a configuration whose admin listener has these keys, with these tables beside it.
std::string findings_of(const std::string& listener, const std::string& tables = "",
                        const std::string& address = "127.0.0.1:8443") {
    const test::ScratchDirectory directory;
    const auto file = directory / "countersign.toml";
    std::ofstream(file) << rest << tables << "\n[[listener]]\naddress = \"" << address << "\"\nserves = [\"admin\"]\n"
                        << listener;
    const auto loaded = load(file);
    std::string text;
    for (const auto& finding : loaded.findings) text += describe(finding) + "\n";
    return loaded.settings ? "good\n" + text : text;
}

TEST(SignInSettings, TakesEachWay) {
    EXPECT_EQ(
        findings_of("sign_in = [\"negotiate\", \"basic\"]\n", "[sign_in]\nkeytab = \"k\"\nservice = \"HTTP/a@B\"\n"),
        "good\n");
    EXPECT_EQ(findings_of("sign_in = [\"ntlm\"]\n" + tls, "[sign_in]\n" + words + "ntlm_users = \"u\"\n"), "good\n");
    EXPECT_EQ(findings_of("sign_in = [\"certificate\", \"basic\"]\n" + mutual_tls), "good\n");
    EXPECT_EQ(findings_of("sign_in = [\"certificate\"]\ntrusted_proxies = [\"127.0.0.9\"]\n"
                          "client_certificate_header = \"X-C\"\nclient_certificate_ca = \"ca\"\n"),
              "good\n");
    EXPECT_EQ(findings_of(
                  "sign_in = [\"certificate\"]\nclient_certificate_header = \"X-C\"\nclient_certificate_ca = \"ca\"\n",
                  "", "unix:/run/admin.sock"),
              "good\n");
}

struct Contradiction {
    std::string listener;
    std::string tables;
    std::string says;
};

TEST(SignInSettings, RefusesWhatCannotWork) {
    const std::string header = "client_certificate_header = \"X-C\"\n";
    const std::string header_ca = "client_certificate_ca = \"ca\"\n";
    const std::string proxies = "trusted_proxies = [\"127.0.0.9\"]\n";
    const std::vector<Contradiction> cases{
        {"sign_in = [\"negotiate\"]\n", "", "needs a keytab"},
        {"sign_in = [\"negotiate\"]\n", "[sign_in]\nkeytab = \"k\"\nchannel_binding = \"required\"\n",
         "this listener has none"},
        {"sign_in = [\"negotiate\"]\n", "[sign_in]\nkeytab = \"k\"\nchannel_binding = \"off\"\n",
         "i understand sign-ins can be relayed"},
        {"sign_in = [\"negotiate\"]\n", "[sign_in]\nkeytab = \"k\"\nservice = \"HTTP\"\n", "no service principal"},
        {"sign_in = [\"ntlm\"]\n" + tls, "[sign_in]\nntlm_users = \"u\"\n", "i understand ntlm passwords"},
        {"sign_in = [\"ntlm\"]\n" + tls, "[sign_in]\nntlm = \"yes\"\nntlm_users = \"u\"\n",
         "i understand ntlm passwords"},
        {"sign_in = [\"ntlm\"]\n" + tls, "[sign_in]\n" + words, "ntlm has no users"},
        {"sign_in = [\"ntlm\"]\n", "[sign_in]\n" + words + "ntlm_users = \"u\"\n", "bound to TLS of our own"},
        {"sign_in = [\"ntlm\"]\n" + tls + proxies, "[sign_in]\n" + words + "ntlm_users = \"u\"\n", "proxies share"},
        {"sign_in = [\"certificate\"]\n" + tls, "", "no client can present"},
        {"sign_in = [\"certificate\"]\n" + header + header_ca, "", "no proxy is trusted"},
        {"sign_in = [\"certificate\"]\n" + header + proxies, "", "whose certificates"},
        {"sign_in = [\"certificate\"]\n" + mutual_tls + header_ca, "", "no header brings"},
        {"sign_in = [\"basic\"]\n" + header + header_ca + proxies, "", "does not offer certificate"},
        {"sign_in = [\"certificate\"]\nclient_certificate_header = \"X_C\"\n" + header_ca + proxies, "",
         "no header name"},
        {"", "[account.a]\nroles = [\"auditor\"]\n", "nothing opens this account"},
        {"", "[account.a]\nroles = [\"auditor\"]\nprincipals = [\"a\"]\n", "of which realm"},
        {"", "[account.a]\nroles = [\"auditor\"]\ncertificates = [\"00:11\"]\n", "no SHA-256 fingerprint"},
        {"",
         "[account.a]\nroles = [\"auditor\"]\nprincipals = [\"a@R\"]\n[account.b]\nroles = [\"auditor\"]\nprincipals = "
         "[\"A@r\"]\n",
         "[account.a] has this too"},
    };
    for (const auto& [listener, tables, says] : cases) {
        const auto found = findings_of(listener, tables);
        EXPECT_THAT(found, testing::Not(testing::StartsWith("good"))) << listener << tables;
        EXPECT_THAT(found, HasSubstr(says)) << listener << tables;
    }
}

TEST(SignInSettings, WarnsOfWhatIsWeakOrUnused) {
    EXPECT_THAT(findings_of("sign_in = [\"ntlm\"]\n",
                            "[sign_in]\n" + words + "ntlm_users = \"u\"\nntlm_channel_binding = " + relayable),
                testing::AllOf(testing::StartsWith("good"), HasSubstr("can be relayed here")));
    EXPECT_THAT(findings_of("", "[sign_in]\nkeytab = \"k\"\n"),
                testing::AllOf(testing::StartsWith("good"), HasSubstr("no listener's sign_in offers negotiate")));
}

TEST(SignInSettings, AnAccountNeedsNoPassword) {
    const std::string print(64, 'a');
    EXPECT_EQ(findings_of("", "[account.a]\nroles = [\"auditor\"]\ncertificates = [\"" + print + "\"]\n"), "good\n");
    EXPECT_EQ(findings_of("", "[account.a]\nroles = [\"auditor\"]\nprincipals = [\"R\\\\a\"]\n"), "good\n");
    EXPECT_EQ(findings_of("", "[sign_in]\nrealms = [\"R\"]\n[account.a]\nroles = [\"auditor\"]\n"), "good\n");
}

}  // namespace
}  // namespace countersign::config
