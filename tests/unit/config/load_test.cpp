#include "countersign/config/load.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>
#include <fstream>

namespace countersign::config {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view good = R"(
[[listener]]
address = "127.0.0.1:8080"
serves = ["scep", "admin"]

[secrets]
pepper = "pepper"

[ra.default]
encryption = { key = "file:ra/encryption.key", certificate = "ra/encryption.pem" }
agent = { key = "pkcs11:token=ra;object=agent?pin-source=file:/run/pin", certificate = "/etc/ra/agent.pem" }

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

[account.administrator]
password_hash = "$y$j9T$salt$hash"
roles = ["device-administrator"]
)";

class Load : public testing::Test {
protected:
    void SetUp() override {
        std::string pattern = testing::TempDir() + "countersign-config-XXXXXX";
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        directory_ = pattern;
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }

    Loaded load_text(std::string_view text) {
        const auto file = directory_ / "countersign.toml";
        std::ofstream(file) << text;
        return load(file);
    }
    // The good configuration with `from` replaced.
    Loaded load_with(std::string_view from, std::string_view to) {
        std::string text(good);
        const auto at = text.find(from);
        EXPECT_NE(at, std::string::npos) << from;
        text.replace(at, from.size(), to);
        return load_text(text);
    }
    std::vector<std::string> refusals(const Loaded& loaded) const {
        std::vector<std::string> lines;
        for (const Finding& finding : loaded.findings) {
            if (finding.level == FindingLevel::error) lines.push_back(shortened(finding));
        }
        EXPECT_EQ(lines.empty(), loaded.settings.has_value());
        return lines;
    }
    std::vector<std::string> warnings(const Loaded& loaded) const {
        std::vector<std::string> lines;
        for (const Finding& finding : loaded.findings) {
            if (finding.level == FindingLevel::warning) lines.push_back(shortened(finding));
        }
        return lines;
    }
    std::string shortened(const Finding& finding) const {
        const std::string line = describe(finding);
        const std::string prefix = directory_.string() + "/";
        return line.starts_with(prefix) ? line.substr(prefix.size()) : line;
    }

    std::filesystem::path directory_;
};

TEST_F(Load, FillsSettingsWithDefaultsAndAbsolutePaths) {
    const Loaded loaded = load_text(good);
    ASSERT_THAT(refusals(loaded), IsEmpty());
    EXPECT_THAT(warnings(loaded), IsEmpty());
    const Settings& settings = *loaded.settings;
    EXPECT_EQ(settings.directory, directory_);
    EXPECT_EQ(settings.store.url, "sqlite:" + (directory_ / "countersign.db").string());
    EXPECT_EQ(settings.secrets.pepper, directory_ / "pepper");
    EXPECT_EQ(settings.ra.at("default").encryption.key, "file:" + (directory_ / "ra/encryption.key").string());
    EXPECT_EQ(settings.ra.at("default").agent.key, "pkcs11:token=ra;object=agent?pin-source=file:/run/pin");
    EXPECT_EQ(settings.ra.at("default").agent.certificate, "/etc/ra/agent.pem");
    EXPECT_EQ(settings.ca.at("default").issuer.certificate, directory_ / "ca/ca.pem");
    EXPECT_EQ(settings.ca.at("default").max_validity_days, 825u);
    const ProfileSettings& profile = settings.profiles.at("default");
    EXPECT_EQ(profile.name, "default");
    EXPECT_EQ(profile.ca, "default");
    EXPECT_EQ(profile.challenge.mode, "one-time");
    EXPECT_EQ(profile.challenge.bytes, 8u);
    EXPECT_EQ(profile.challenge.valid_minutes, 60u);
    EXPECT_THAT(profile.ciphers, testing::ElementsAre("AES-128-CBC", "AES-192-CBC", "AES-256-CBC"));
    EXPECT_THAT(profile.digests, testing::ElementsAre("SHA-256", "SHA-384", "SHA-512"));
    EXPECT_EQ(settings.server.header_timeout, std::chrono::seconds{10});
    EXPECT_EQ(settings.templates.at("device").rsa_bits_min, 2048u);
    EXPECT_TRUE(settings.templates.at("device").signer_key_must_match);
    EXPECT_TRUE(settings.audit.sync);
    EXPECT_EQ(settings.accounts.at("administrator").name, "administrator");
}

// The defaults written in settings.hpp are those of the table, so that code that builds Settings by hand agrees with
// it.
TEST_F(Load, DefaultsOfTheTableAreThoseOfTheStructs) {
    const Loaded loaded = load_text(good);
    ASSERT_TRUE(loaded.settings);
    const ServerSettings server;
    EXPECT_EQ(loaded.settings->server.queue, server.queue);
    EXPECT_EQ(loaded.settings->server.max_body_octets, server.max_body_octets);
    EXPECT_EQ(loaded.settings->server.max_connections, server.max_connections);
    EXPECT_EQ(loaded.settings->server.answer_timeout, server.answer_timeout);
    const TemplateSettings rules;
    EXPECT_EQ(loaded.settings->templates.at("device").validity_days, rules.validity_days);
    EXPECT_EQ(loaded.settings->templates.at("device").max_sans, rules.max_sans);
    EXPECT_EQ(loaded.settings->templates.at("device").rsa_bits_max, rules.rsa_bits_max);
    const ChallengeSettings challenge;
    EXPECT_EQ(loaded.settings->profiles.at("default").challenge.max_outstanding, challenge.max_outstanding);
    EXPECT_EQ(loaded.settings->profiles.at("default").challenge.burn_after_refusals, challenge.burn_after_refusals);
}

TEST_F(Load, NamesFileLineKeyAndRemedyOfASyntaxError) {
    const Loaded loaded = load_text("[store]\nurl = \n");
    ASSERT_EQ(loaded.findings.size(), 1u);
    EXPECT_THAT(refusals(loaded).front(), HasSubstr("countersign.toml:2: "));
    EXPECT_THAT(refusals(loaded).front(), HasSubstr("mend the TOML there"));
}

// Found by fuzzing: toml++ asserts what it has not checked yet.
TEST_F(Load, ATableHeaderWithoutAKeyIsASyntaxError) {
    for (const char* text : {"[!]\n", "[[=]]\n", "[\vstore]\n", "[", "[ \x01"}) {
        const Loaded loaded = load_text(text);
        EXPECT_FALSE(loaded.settings) << text;
        ASSERT_EQ(loaded.findings.size(), 1u) << text;
        EXPECT_THAT(refusals(loaded).front(), HasSubstr("mend the TOML there")) << text;
    }
}

// And it takes letters for unreachable where a blank could stand.
TEST_F(Load, ALetterThatIsNoAsciiIsASyntaxErrorOutsideQuotes) {
    for (const char* text : {"[cef\xd2\x98lt]\n", "\xc3\xa4 = 1\n", "a = 1 \xc3\xbc\n", "a = \xd2\x98\n",
                             "a\xe2\x80\x80= \xd2\x98\n", "\xe3\x80\x81 = 1\n", "a = [1\xef\xbb\xbe]\n"}) {
        const Loaded loaded = load_text(text);
        EXPECT_FALSE(loaded.settings) << text;
        ASSERT_EQ(loaded.findings.size(), 1u) << text;
        EXPECT_THAT(refusals(loaded).front(), HasSubstr("mend the TOML there")) << text;
    }
}

TEST_F(Load, AFileThatIsNotThereIsAFinding) {
    const Loaded loaded = load(directory_ / "absent.toml");
    EXPECT_FALSE(loaded.settings);
    ASSERT_EQ(loaded.findings.size(), 1u);
    EXPECT_THAT(describe(loaded.findings.front()), HasSubstr("absent.toml: there is no such file"));
}

TEST_F(Load, ADirectoryIsNoConfiguration) {
    EXPECT_THAT(refusals(load(directory_)).front(), HasSubstr("this is no file"));
}

TEST_F(Load, EmptyFileIsRefusedWithEverythingThatIsMissing) {
    const auto found = refusals(load_text(""));
    EXPECT_THAT(found, Contains(HasSubstr("listener: there is no [[listener]]")));
    EXPECT_THAT(found, Contains(HasSubstr("secrets.pepper: this key is missing")));
    EXPECT_THAT(found, Contains(HasSubstr("ra: there is no [ra.NAME]")));
    EXPECT_THAT(found, Contains(HasSubstr("ca: there is no [ca.NAME]")));
    EXPECT_THAT(found, Contains(HasSubstr("profile: there is no [profile.NAME]")));
    EXPECT_THAT(found, Contains(HasSubstr("template: there is no [template.NAME]")));
}

TEST_F(Load, CommentsAloneAreNamedAsWhatTheyAre) {
    const auto found = refusals(load_text("# As a package ships it.\n\n"));
    ASSERT_FALSE(found.empty());
    EXPECT_THAT(found.front(), HasSubstr("nothing is configured here yet; make an instance"));
    EXPECT_THAT(found.front(), HasSubstr("countersign init"));
    EXPECT_THAT(refusals(load_with("[secrets]\npepper = \"pepper\"\n", "")),
                testing::Each(testing::Not(HasSubstr("nothing is configured"))));
}

TEST_F(Load, RelativePathsAreBelowTheDirectoryThatIsNamed) {
    const Loaded elsewhere = load_text("directory = \"/var/lib/countersign\"\n" + std::string(good));
    ASSERT_THAT(refusals(elsewhere), IsEmpty());
    EXPECT_EQ(elsewhere.settings->directory, "/var/lib/countersign");
    EXPECT_EQ(elsewhere.settings->store.url, "sqlite:/var/lib/countersign/countersign.db");
    EXPECT_EQ(elsewhere.settings->secrets.pepper, "/var/lib/countersign/pepper");
    EXPECT_EQ(elsewhere.settings->ra.at("default").encryption.key, "file:/var/lib/countersign/ra/encryption.key");
    const Loaded below = load_text("directory = \"state\"\n" + std::string(good));
    ASSERT_THAT(refusals(below), IsEmpty());
    EXPECT_EQ(below.settings->secrets.pepper, directory_ / "state/pepper");
    EXPECT_THAT(refusals(load_text("directory = 7\n" + std::string(good))),
                Contains(HasSubstr("directory: this must be")));
}

TEST_F(Load, CredentialsOfSystemdStandForFilesAndKeys) {
    ::setenv("CREDENTIALS_DIRECTORY", "/run/credentials/one.service", 1);
    const Loaded file = load_with("pepper = \"pepper\"", "pepper = \"credential:pepper\"");
    const Loaded key = load_with("file:ca/ca.key", "credential:ca-key");
    const Loaded escaping = load_with("file:ca/ca.key", "credential:../ca-key");
    ::unsetenv("CREDENTIALS_DIRECTORY");
    ASSERT_THAT(refusals(file), IsEmpty());
    EXPECT_EQ(file.settings->secrets.pepper, "/run/credentials/one.service/pepper");
    ASSERT_THAT(refusals(key), IsEmpty());
    EXPECT_EQ(key.settings->ca.at("default").issuer.key, "file:/run/credentials/one.service/ca-key");
    EXPECT_THAT(refusals(escaping), Contains(HasSubstr("is no credential's name")));
    if (std::filesystem::exists("/run/credentials/countersignd.service")) return;  // the service runs here
    EXPECT_THAT(refusals(load_with("pepper = \"pepper\"", "pepper = \"credential:pepper\"")),
                Contains(HasSubstr("LoadCredentialEncrypted=pepper")));
}

struct Refusal {
    const char* name;
    std::string_view from;
    std::string_view to;
    std::string_view expected;  // part of exactly one finding
};
void PrintTo(const Refusal& refusal, std::ostream* out) {
    *out << refusal.name;
}

class LoadRefuses : public Load, public testing::WithParamInterface<Refusal> {};

TEST_P(LoadRefuses, WithTheKeyTheLineAndTheRemedy) {
    const auto found = refusals(load_with(GetParam().from, GetParam().to));
    EXPECT_THAT(found, Contains(HasSubstr(GetParam().expected)));
    for (const std::string& line : found)
        EXPECT_THAT(line, testing::ContainsRegex("^countersign.toml:[0-9]+: ")) << "no line";
}

constexpr std::string_view serves_both = "serves = [\"scep\", \"admin\"]";

INSTANTIATE_TEST_SUITE_P(
    KeysAndTypes, LoadRefuses,
    testing::Values(
        Refusal{"unknown_key", "pepper =", "peper =", "7: secrets.peper: there is no such key; did you mean pepper?"},
        Refusal{"unknown_table", "[secrets]", "[secretz]\n[secrets]",
                ":6: secretz: there is no such key; did you mean secrets?"},
        Refusal{"unknown_nested", "mode = \"one-time\"", "mode = \"one-time\", lenght = 8",
                "profile.default.challenge.lenght: there is no such key; known here: mode, bytes"},
        Refusal{"unknown_choice", "\"one-time\"", "\"onetime\"",
                "mode: \"onetime\" is not known here; did you mean \"one-time\"?"},
        Refusal{"wrong_type", serves_both, "serves = \"scep\"",
                ":4: listener[0].serves: this must be a list of texts, but is a text; write serves = [\"scep\"]"},
        Refusal{"wrong_element", serves_both, "serves = [7]", "this must be a list of texts, but is a number"},
        Refusal{"number_as_text", "mode = \"one-time\"", "mode = \"one-time\", bytes = \"8\"",
                "bytes: this must be a whole number"},
        Refusal{"out_of_range", "mode = \"one-time\"", "mode = \"one-time\", bytes = 7",
                "bytes: 7 is out of range; write a number from 8 to 32 (octets)"},
        Refusal{"empty_text", "pepper = \"pepper\"", "pepper = \"\"", "secrets.pepper: this is empty"},
        Refusal{"twice", serves_both, "serves = [\"scep\", \"scep\"]", "\"scep\" stands here twice"},
        Refusal{"table_for_value", "pepper = \"pepper\"", "pepper = { file = \"x\" }", "but is a table"},
        Refusal{"not_a_list", "[[listener]]", "[listener]",
                "listener: this must be a list of tables; write [[listener]]"},
        Refusal{"no_name", "[ca.default]", "[ca]", "ca.type: this must be a table; name it: [ca.default]"},
        Refusal{"bad_name", "[ca.default]", "[ca.\"a b\"]", "\"a b\" cannot be a name here"},
        Refusal{"bad_key_uri", "file:ca/ca.key", "ca/ca.key", "ca.default.key: this names no key; write \"file:PATH\""},
        Refusal{"bad_store", "[secrets]", "[store]\nurl = \"mysql:x\"\n[secrets]",
                "store.url: this is no database this program knows; write \"sqlite:PATH\""},
        Refusal{"unknown_ca_type", "type = \"local\"", "type = \"remote\"",
                "ca.default.type: \"remote\" is not known here; write one of: local, exec"}),
    [](const auto& parameter) { return parameter.param.name; });

INSTANTIATE_TEST_SUITE_P(
    SecretsInTheFile, LoadRefuses,
    testing::Values(
        Refusal{"account_password", "password_hash = \"$y$j9T$salt$hash\"", "password = \"tea\"",
                "account.administrator.password: secrets do not belong into this file; write password_hash"},
        Refusal{"hash_in_clear", "$y$j9T$salt$hash", "tea", "password_hash: this is no password hash"},
        Refusal{"challenge_password", "mode = \"one-time\"", "mode = \"single-password\", password = \"tea\"",
                "challenge.password: secrets do not belong into this file; put it into a file and write password_file"},
        Refusal{"pin_value", "pin-source=file:/run/pin", "pin-value=1234", "agent.key: the PIN stands in this file"},
        Refusal{"pem", "\"ca/serial.secret\"", "\"\"\"-----BEGIN PRIVATE KEY-----\n\"\"\"",
                "a key or certificate stands in this file"}),
    [](const auto& parameter) { return parameter.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Contradictions, LoadRefuses,
    testing::Values(
        Refusal{"no_mode", "{ mode = \"one-time\" }", "{ }",
                "challenge.mode: this key is missing; write mode = \"one-time\"; an endpoint"},
        Refusal{"no_challenge", "challenge = { mode = \"one-time\" }", "",
                "profile.default.challenge.mode: this key is missing"},
        Refusal{"empty_mode", "{ mode = \"one-time\" }", "{ mode = \"\" }", "challenge.mode: this is empty"},
        Refusal{"single_without_password", "\"one-time\"", "\"single-password\"",
                "password_file: mode single-password has no password"},
        Refusal{
            "one_time_with_password", "mode = \"one-time\"", "mode = \"one-time\", password_file = \"p\"",
            "password_file: this has no meaning in mode one-time; take it out, or write mode = \"single-password\""},
        Refusal{"none_with_password", "mode = \"one-time\"", "mode = \"none\", password_file = \"p\"",
                "this has no meaning in mode none"},
        Refusal{"none_with_validity", "mode = \"one-time\"", "mode = \"none\", valid_minutes = 5",
                "valid_minutes: this has no meaning in mode none"},
        Refusal{"unknown_ra", "paths = [\"/cert", "ra = \"main\"\npaths = [\"/cert",
                "ra: no [ra.main] exists; write one of: default"},
        Refusal{"unknown_ca", "paths = [\"/cert", "ca = \"main\"\npaths = [\"/cert",
                "ca: no [ca.main] exists; write one of: default"},
        Refusal{"unknown_template", "signature = \"device\"", "signature = \"router\"",
                "templates.signature: no [template.router] exists; write one of: device"},
        Refusal{"unknown_profile",
                "roles =", "profiles = [\"x\"]\nroles =", "account.administrator.profiles: no [profile.x] exists"},
        Refusal{"no_scep_listener", serves_both, "serves = [\"admin\"]", "listener: no listener serves scep"},
        Refusal{"no_admin_listener", serves_both, "serves = [\"scep\"]", "admin_paths: no listener serves admin"},
        Refusal{"plain_admin", "127.0.0.1:8080", "0.0.0.0:8080",
                "listener[0].serves: admin over plain HTTP beyond loopback"},
        Refusal{"plain_admin_v6", "127.0.0.1:8080", "[::]:8080", "admin over plain HTTP beyond loopback"},
        Refusal{"plain_admin_other_words", serves_both, "serves = [\"scep\"]\nplain_http_admin = \"yes\"",
                "plain_http_admin: \"yes\" is not known here"},
        Refusal{"plain_admin_for_nothing", serves_both,
                "serves = [\"scep\"]\nplain_http_admin = \"i understand passwords travel in clear\"",
                "no plain HTTP admin surface here to allow"},
        Refusal{"host_name", "127.0.0.1:8080", "localhost:8080", "is no address to listen on"},
        Refusal{"port_too_large", "127.0.0.1:8080", "127.0.0.1:65536", "is no address to listen on"},
        Refusal{"bare_v6", "127.0.0.1:8080", "::1:8080", "is no address to listen on"},
        Refusal{"trust_everybody", serves_both, "serves = [\"scep\", \"admin\"]\ntrusted_proxies = [\"0.0.0.0/0\"]",
                "this trusts everybody"},
        Refusal{"bad_proxy", serves_both, "serves = [\"scep\", \"admin\"]\ntrusted_proxies = [\"10.0.0.0/33\"]",
                "is no address or CIDR block"},
        Refusal{"client_ca_on_scep", serves_both,
                "serves = [\"scep\", \"admin\"]\ntls = { certificate = \"c\", key = \"k\", client_ca = \"a\" }",
                "SCEP clients cannot be asked"},
        Refusal{"admin_path_overlap", "admin_paths = [\"/certsrv/mscep_admin\"]",
                "admin_paths = [\"/CertSrv/mscep/mscep.dll/\"]",
                "admin_paths: \"/CertSrv/mscep/mscep.dll/\" overlaps with profile.default.paths"},
        Refusal{"directory_overlap", "admin_paths = [\"/certsrv/mscep_admin\"]", "admin_paths = [\"/certsrv/MSCEP\"]",
                "overlaps with profile.default.paths"},
        Refusal{"pkiclient_overlap", "\"/certsrv/mscep/mscep.dll\"", "\"/scep\", \"/scep/pkiclient.exe\"",
                "overlaps with profile.default.paths"},
        Refusal{"crl_overlap", "type = \"local\"", "type = \"local\"\ncrl_path = \"/certsrv/mscep_admin/\"",
                "crl_path: \"/certsrv/mscep_admin/\" overlaps"},
        Refusal{"relative_path", "\"/certsrv/mscep/mscep.dll\"", "\"certsrv\"", "paths: \"certsrv\" is no path"},
        Refusal{"same_keys", "pkcs11:token=ra;object=agent?pin-source=file:/run/pin", "file:ra/encryption.key",
                "the agent and the encryption key are the same"},
        Refusal{"ca_key_as_agent", "pkcs11:token=ra;object=agent?pin-source=file:/run/pin", "file:ca/ca.key",
                "ca.default.key: [ra.default] uses the CA's key"},
        Refusal{"agent_usage", "\"clientAuth\"", "\"1.3.6.1.4.1.311.20.2.1\"", "a device could enroll for anybody"},
        Refusal{"any_usage", "\"clientAuth\"", "\"2.5.29.37.0\"", "a device could enroll for anybody"},
        Refusal{"no_usage", "[\"clientAuth\"]", "[]", "extended_key_usage: this list is empty"},
        Refusal{"too_long", "extended_key_usage =", "validity_days = 900\nextended_key_usage =",
                "validity_days: ca.default issues for at most 825 days"},
        Refusal{"usage_not_issued", "type = \"local\"", "type = \"local\"\nextended_key_usage = [\"serverAuth\"]",
                "ca.default does not issue clientAuth"},
        Refusal{"bits", "extended_key_usage =", "rsa_bits_min = 4096\nrsa_bits_max = 3072\nextended_key_usage =",
                "rsa_bits_max: it is less than rsa_bits_min"},
        Refusal{"crl_times", "type = \"local\"", "type = \"local\"\ncrl_refresh_hours = 168",
                "a CRL would expire before"},
        Refusal{"https_crl", "type = \"local\"", "type = \"local\"\ncrl_urls = [\"https://x/crl\"]",
                "is not an http:// URL"}),
    [](const auto& parameter) { return parameter.param.name; });

TEST_F(Load, RefusesAValueWhereATableBelongs) {
    const auto found = refusals(load_text("server = 3\n" + std::string(good)));
    EXPECT_THAT(found, testing::ElementsAre(
                           HasSubstr("countersign.toml:1: server: this must be a table; write server = { ... }")));
}

TEST_F(Load, RefusesTwoProfilesOnOnePath) {
    std::string text(good);
    text +=
        "[profile.second]\npaths = [\"/CERTSRV/mscep/mscep.dll\"]\nchallenge = { mode = \"one-time\" }\n"
        "templates = { signature = \"device\", encryption = \"device\", general_purpose = \"device\" }\n";
    EXPECT_THAT(
        refusals(load_text(text)),
        Contains(HasSubstr("profile.second.paths: \"/CERTSRV/mscep/mscep.dll\" overlaps with profile.default.paths")));
}

TEST_F(Load, RefusesTwoListenersOnOneAddress) {
    const auto found =
        refusals(load_text(std::string(good) + "[[listener]]\naddress = \"127.0.0.1:8080\"\nserves = [\"scep\"]\n"));
    EXPECT_THAT(found, Contains(HasSubstr("listener[1].address: another listener has this address")));
}

TEST_F(Load, PlainAdminIsAllowedBehindATrustedProxyOnASocketFileAndInTheseWords) {
    EXPECT_THAT(refusals(load_with("127.0.0.1:8080", "unix:/run/countersign/http.sock")), IsEmpty());
    EXPECT_THAT(refusals(load_with("address = \"127.0.0.1:8080\"",
                                   "address = \"0.0.0.0:8080\"\ntrusted_proxies = [\"192.0.2.7\"]")),
                IsEmpty());
    EXPECT_THAT(refusals(load_with("address = \"127.0.0.1:8080\"",
                                   "address = \"0.0.0.0:8080\"\ntls = { certificate = \"c\", key = \"k\" }")),
                IsEmpty());
    const Loaded in_words =
        load_with("address = \"127.0.0.1:8080\"",
                  "address = \"0.0.0.0:8080\"\nplain_http_admin = \"i understand passwords travel in clear\"");
    EXPECT_THAT(refusals(in_words), IsEmpty());
    EXPECT_THAT(warnings(in_words), Contains(HasSubstr("travel in clear on this listener")));
    EXPECT_TRUE(in_words.settings->listeners.front().allow_plain_admin);
}

TEST_F(Load, MigrationModesAndWeakAlgorithmsWarnAtEachLoad) {
    EXPECT_THAT(warnings(load_with("\"one-time\"", "\"none\"")),
                Contains(HasSubstr("warning: profile.default.challenge.mode: anybody")));
    EXPECT_THAT(warnings(load_with("mode = \"one-time\"", "mode = \"single-password\", password_file = \"p\"")),
                Contains(HasSubstr("one password enrolls everybody")));
    const auto weak =
        warnings(load_with("paths = [\"/cert", "ciphers = [\"DES-CBC\"]\ndigests = [\"SHA-1\"]\npaths = [\"/cert"));
    EXPECT_THAT(weak, Contains(HasSubstr("accepts DES-CBC")));
    EXPECT_THAT(weak, Contains(HasSubstr("accepts SHA-1 signatures")));
}

TEST_F(Load, SeveralFindingsComeTogetherInTheOrderOfTheFile) {
    std::string text(good);
    text.replace(text.find("pepper ="), 6, "peper");
    text.replace(text.find("\"one-time\""), 10, "\"maybe\"");
    const Loaded loaded = load_text(text);
    ASSERT_GE(refusals(loaded).size(), 3u);
    EXPECT_TRUE(std::ranges::is_sorted(loaded.findings, {}, [](const Finding& finding) { return finding.place.line; }));
}

TEST_F(Load, TheAnnotatedExampleLoads) {
    const Loaded loaded = load(COUNTERSIGN_SOURCE_DIR "/config/countersign.toml");
    EXPECT_THAT(refusals(loaded), IsEmpty());
    ASSERT_TRUE(loaded.settings);
    EXPECT_EQ(loaded.settings->profiles.size(), 2u);
}

TEST_F(Load, AccountNamesMayBeWindowsOnes) {
    EXPECT_THAT(refusals(load_with("[account.administrator]", "[account.\"mdm@example.com\"]")), IsEmpty());
    EXPECT_THAT(refusals(load_with("[account.administrator]", "[account.'EXAMPLE\\mdm']")), IsEmpty());
    EXPECT_THAT(refusals(load_with("[account.administrator]", "[account.\"a:b\"]")),
                Contains(HasSubstr("cannot be a name here")));
}

}  // namespace
}  // namespace countersign::config
