#include "app/migration/ndes_settings.hpp"

#include "command_fixture.hpp"
#include "countersign/config/load.hpp"
#include "vectors.hpp"

namespace countersign::app {
namespace {

using testing::HasSubstr;
using testing::Not;

class ImportNdesTest : public testing::Test {
protected:
    void import(const std::string& registry) {
        const auto keys = parse_registry_export(as_bytes(registry));
        ASSERT_TRUE(keys) << describe(keys.error());
        auto done = import_ndes_settings(*keys);
        ASSERT_TRUE(done) << describe(done.error());
        import_ = *std::move(done);
        load();
    }
    void import_lines(const std::string& lines) {
        import("REGEDIT4\n[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Cryptography\\MSCEP]\n" + lines + "\n");
    }
    // What the loader makes of the produced text, as the daemon would.
    void load() {
        const auto file = directory_.path() / "countersign.toml";
        std::ofstream(file) << import_.configuration;
        const auto loaded = config::load(file);
        for (const auto& finding : loaded.findings) findings_ += config::describe(finding) + "\n";
        ASSERT_TRUE(loaded.settings) << findings_ << import_.configuration;
        settings_ = *loaded.settings;
    }
    const ImportedSetting& row(const std::string& setting) const {
        static const ImportedSetting none{"none", "", Fate::carried, "", ""};
        for (const auto& one : import_.settings) {
            if (one.setting == setting) return one;
        }
        ADD_FAILURE() << setting << " has no row";
        return none;
    }
    const config::ProfileSettings& profile() const { return settings_.profiles.at("default"); }

    test::ScratchDirectory directory_;
    NdesImport import_;
    config::Settings settings_;
    std::string findings_;
};

TEST_F(ImportNdesTest, CarriesAFreshInstallation) {
    import(test::vector_text("registry/default-utf16.reg"));
    EXPECT_EQ(profile().challenge.mode, "one-time");
    EXPECT_EQ(profile().challenge.bytes, 8u);
    EXPECT_EQ(profile().challenge.valid_minutes, 60u);
    EXPECT_EQ(profile().challenge.max_outstanding, 10000u);
    EXPECT_EQ(profile().admin_paths, std::vector<std::string>{"/CertSrv/mscep_admin"});
    EXPECT_EQ(settings_.templates.size(), 1u);
    EXPECT_EQ(profile().template_signature, "IPSECIntermediateOffline");
    EXPECT_EQ(settings_.templates.begin()->second.extended_key_usage, std::vector<std::string>{"1.3.6.1.5.5.8.2.2"});
    EXPECT_EQ(row("PasswordLength").found, "absent");
    EXPECT_EQ(row("PasswordMax").fate, Fate::changed);
    EXPECT_EQ(row("CAInfo\\Configuration").fate, Fate::not_carried);
    EXPECT_THAT(import_.configuration, HasSubstr("ca01.example.com"));
}

TEST_F(ImportNdesTest, CarriesATunedServerAndReportsWhatItCannot) {
    import(test::vector_text("registry/hardened-utf8.reg"));
    EXPECT_EQ(profile().challenge.bytes, 20u);
    EXPECT_EQ(profile().challenge.valid_minutes, 30u);
    EXPECT_EQ(profile().challenge.max_outstanding, 500u);
    EXPECT_EQ(profile().admin_paths, std::vector<std::string>{"/CertSrv/passwords"});
    EXPECT_EQ(profile().template_signature, "Device-Signature");
    EXPECT_EQ(profile().template_encryption, "DeviceEncryption");
    EXPECT_EQ(profile().template_general_purpose, "Device-Signature");
    EXPECT_EQ(settings_.templates.size(), 2u);
    EXPECT_FALSE(settings_.templates.at("DeviceEncryption").renewal_require_same_subject);
    EXPECT_THAT(profile().ciphers, Not(testing::Contains("DES-EDE3-CBC")));
    EXPECT_THAT(profile().digests, Not(testing::Contains("SHA-1")));
    EXPECT_THAT(row("CACapabilitiesAlgorithms").to_do, HasSubstr("WHIRLPOOL"));
    EXPECT_EQ(row("Surprise").fate, Fate::not_carried);
    EXPECT_THAT(row("Surprise").became, HasSubstr("unknown"));
    EXPECT_THAT(row("Modules\\Policy").became, HasSubstr("Intune"));
    EXPECT_EQ(row("Modules\\NDESPolicy\\NDESCertThumbprint").fate, Fate::not_carried);
    EXPECT_EQ(row("RenewalOnly").fate, Fate::not_carried);
    EXPECT_EQ(row("CacheRequest").fate, Fate::not_needed);
    EXPECT_EQ(row("Refresh").fate, Fate::not_needed);
    EXPECT_EQ(row("HashAlgorithm").fate, Fate::not_needed);
    EXPECT_EQ(row("SignatureTemplate").fate, Fate::changed);
    EXPECT_EQ(findings_.find("DES"), std::string::npos) << findings_;
}

TEST_F(ImportNdesTest, SaysThatTheSinglePasswordCannotBeCarried) {
    import(test::vector_text("registry/single-password-regedit4.reg"));
    EXPECT_EQ(profile().challenge.mode, "single-password");
    EXPECT_THAT(row("UseSinglePassword").to_do, HasSubstr("secrets/single-password"));
    EXPECT_EQ(row("EncryptedPassword").fate, Fate::not_carried);
    EXPECT_EQ(row("EncryptedPassword").found, "40 octets");
    EXPECT_THAT(profile().ciphers, testing::Contains("DES-EDE3-CBC"));
    EXPECT_THAT(profile().digests, testing::Contains("SHA-1"));
    EXPECT_THAT(findings_, HasSubstr("UseSinglePassword=1"));
}

TEST_F(ImportNdesTest, CarriesAnOpenServerWithAWarningInWords) {
    import(test::vector_text("registry/open.reg"));
    EXPECT_EQ(profile().challenge.mode, "none");
    EXPECT_THAT(row("EnforcePassword").to_do, HasSubstr("one-time"));
    EXPECT_EQ(row("UseSinglePassword").fate, Fate::not_needed);
    EXPECT_EQ(row("PasswordLength").fate, Fate::not_needed);
    EXPECT_EQ(row("CAType").fate, Fate::not_carried);
    EXPECT_THAT(import_.configuration, HasSubstr("DANGER: EnforcePassword=0"));
    EXPECT_THAT(findings_, HasSubstr("EnforcePassword=0"));
}

TEST_F(ImportNdesTest, KeepsNumbersWithinWhatIsPossibleHere) {
    import_lines("\"PasswordLength\"=dword:4\n\"PasswordValidity\"=dword:ffffffff\n\"PasswordMax\"=dword:0");
    EXPECT_EQ(profile().challenge.bytes, 8u);
    EXPECT_EQ(profile().challenge.valid_minutes, 43200u);
    EXPECT_EQ(profile().challenge.max_outstanding, 1u);
    EXPECT_EQ(row("PasswordLength").fate, Fate::changed);
    EXPECT_EQ(row("PasswordValidity").fate, Fate::changed);
}

TEST_F(ImportNdesTest, TakesDefaultsForValuesOfTheWrongType) {
    import_lines(
        "\"PasswordLength\"=\"ten\"\n\"EnforcePassword\"=\"0\"\n\"PasswordVDir\"=dword:1\n\"SignatureTemplate\"=dword:"
        "1\n"
        "\"CACapabilitiesAlgorithms\"=dword:1");
    EXPECT_EQ(profile().challenge.mode, "one-time");
    for (const char* setting :
         {"PasswordLength", "EnforcePassword", "PasswordVDir", "SignatureTemplate", "CACapabilitiesAlgorithms"})
        EXPECT_EQ(row(setting).fate, Fate::changed) << setting;
}

TEST_F(ImportNdesTest, RefusesPathsThatAreNone) {
    for (const char* path : {"CertSrv/mscep", "certsrv/MSCEP/x", "a b", "../etc", "a?b", "", "a//b", "\\\"x"}) {
        import_lines("\"PasswordVDir\"=\"" + std::string(path) + "\"");
        EXPECT_EQ(profile().admin_paths, std::vector<std::string>{"/certsrv/mscep_admin"}) << path;
        EXPECT_EQ(row("PasswordVDir").fate, Fate::changed) << path;
    }
    import_lines("\"PasswordVDir\"=\"certsrv\\\\admin\\\\\"");
    EXPECT_EQ(profile().admin_paths, std::vector<std::string>{"/certsrv/admin"});
}

TEST_F(ImportNdesTest, NothingInTheRegistryWritesIntoTheConfiguration) {
    import_lines(
        "\"SignatureTemplate\"=\"a\nmode = 'none'\n[account.evil]\"\n\"EncryptionTemplate\"=\"]\\\"\\n\"\n"
        "\"CAInfo\\\\Configuration\"=\"x\n[account.evil]\"\n\"a\n[account.evil]\"=dword:1");
    EXPECT_TRUE(settings_.accounts.empty());
    EXPECT_EQ(profile().challenge.mode, "one-time");
}

TEST_F(ImportNdesTest, ReportsKeysThatAreElsewhereAndRemovals) {
    import(
        "REGEDIT4\n[HKEY_LOCAL_MACHINE\\SOFTWARE\\Other]\n\"a\"=dword:1\n"
        "[hkey_local_machine\\software\\microsoft\\cryptography\\MSCEP]\n\"EnforcePassword\"=-\n\"Strange\"=-\n@="
        "\"x\"\n"
        "[-HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Cryptography\\MSCEP\\Old]\n");
    EXPECT_EQ(row("HKEY_LOCAL_MACHINE\\SOFTWARE\\Other").fate, Fate::not_carried);
    EXPECT_EQ(row("EnforcePassword").found, "absent");
    EXPECT_EQ(row("Strange").found, "(to be removed)");
    EXPECT_EQ(row("(default value)").found, "\"x\"");
}

TEST_F(ImportNdesTest, WantsAnMscepKey) {
    const auto keys =
        parse_registry_export(as_bytes("REGEDIT4\n[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Cryptography\\MSCEPX]\n"));
    const auto done = import_ndes_settings(keys.value());
    EXPECT_EQ(done.error().kind, ErrorKind::not_found);
    EXPECT_THAT(done.error().detail, HasSubstr("reg export"));
}

class ImportNdesCommandTest : public InstanceTest {
protected:
    std::string vector(const std::string& name) const {
        return std::string(COUNTERSIGN_SOURCE_DIR) + "/tests/vectors/registry/" + name;
    }
};

TEST_F(ImportNdesCommandTest, MakesAConfigurationThatCheckAcceptsBesideTheFilesOfInit) {
    const auto made = home() / "imported.toml";
    const Done done =
        run_command({"config", "import-ndes", vector("default-utf16.reg"), "--out", made.string()}, clock_);
    EXPECT_EQ(done.code, 0) << done.err;
    EXPECT_THAT(done.out, HasSubstr("PasswordLength"));
    EXPECT_THAT(done.out, HasSubstr("NOT CARRIED OVER"));
    const Done checked = run_command({"check", "--config", made.string()}, clock_);
    EXPECT_EQ(checked.code, 0) << checked.err;
    const Done again =
        run_command({"config", "import-ndes", vector("default-utf16.reg"), "--out", made.string()}, clock_);
    EXPECT_EQ(again.code, 1);
    EXPECT_THAT(again.err, HasSubstr("nothing is overwritten"));
}

TEST_F(ImportNdesCommandTest, PrintsTheConfigurationAloneOnStandardOutput) {
    const Done done = run_command({"config", "import-ndes", vector("open.reg")}, clock_);
    EXPECT_EQ(done.code, 0);
    EXPECT_TRUE(done.out.starts_with("# Countersign")) << done.out;
    EXPECT_THAT(done.err, HasSubstr("EnforcePassword"));
    const auto json = run_command({"config", "import-ndes", vector("open.reg"), "--json"}, clock_).json();
    EXPECT_EQ(json["configuration"].get<std::string>(), done.out);
    EXPECT_EQ(json["settings"][0]["setting"], "EnforcePassword");
    EXPECT_EQ(json["settings"][0]["outcome"], "carried over");
}

TEST_F(ImportNdesCommandTest, NamesTheFileItCannotRead) {
    const Done missing = run_command({"config", "import-ndes", "/nonexistent.reg"}, clock_);
    EXPECT_EQ(missing.code, 1);
    EXPECT_THAT(missing.err, HasSubstr("/nonexistent.reg"));
    const Done wrong = run_command({"config", "import-ndes", config()}, clock_);
    EXPECT_EQ(wrong.code, 1);
    EXPECT_THAT(wrong.err, HasSubstr("line 1"));
}

}  // namespace
}  // namespace countersign::app
