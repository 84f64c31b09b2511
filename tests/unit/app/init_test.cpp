#include "command_fixture.hpp"

#include "app/commands/new_instance.hpp"
#include "countersign/admin/password_hash.hpp"
#include "countersign/crypto/oid.hpp"

#include <sys/stat.h>

namespace countersign::app {
namespace {

using testing::Contains;
using testing::HasSubstr;

mode_t mode_of(const std::filesystem::path& path) {
    struct stat status {};
    EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
    return status.st_mode & 07777;
}

crypto::Certificate certificate_in(const std::filesystem::path& file) {
    return crypto::Certificate::from_pem(read_all(file)).value();
}

using Init = InstanceTest;

TEST_F(Init, ReportsWhatScriptsNeed) {
    EXPECT_EQ(made_.size(), 6u);
    EXPECT_EQ(made_["config"], (model_->path() / "instance/countersign.toml").string());
    EXPECT_EQ(made_["scep_url"], "http://127.0.0.1:8080/certsrv/mscep/mscep.dll");
    EXPECT_EQ(made_["admin_url"], "http://127.0.0.1:8080/certsrv/mscep_admin/");
    EXPECT_EQ(made_["ca_sha256"], certificate_in(home() / "ca/ca.pem").fingerprint_sha256());
    const auto settings = load_or_throw(config(), {});
    const auto& account = settings.accounts.at(made_["admin_user"]);
    EXPECT_TRUE(admin::password_matches(Secret(made_["admin_password"].get<std::string>()), account.password_hash));
    EXPECT_THAT(account.roles, testing::ElementsAre("device-administrator"));
}

TEST_F(Init, KeepsSecretsFromOtherUsers) {
    const auto original = model_->path() / "instance";
    EXPECT_EQ(mode_of(original), 0700u);
    for (const char* directory : {"ca", "ra", "secrets"}) EXPECT_EQ(mode_of(original / directory), 0700u) << directory;
    for (const char* file :
         {"ca/ca.key", "ra/agent.key", "ra/encryption.key", "secrets/pepper", "secrets/serial", "countersign.toml"}) {
        EXPECT_EQ(mode_of(original / file), 0600u) << file;
    }
    EXPECT_EQ(read_all(original / "secrets/pepper").size(), 32u);
    EXPECT_NE(read_all(original / "secrets/pepper"), read_all(original / "secrets/serial"));
    EXPECT_THAT(read_all(original / "countersign.toml"),
                testing::Not(HasSubstr(made_["admin_password"].get<std::string>())));
}

TEST_F(Init, MakesCertificatesForTheirRoles) {
    const auto ca = certificate_in(home() / "ca/ca.pem");
    const auto agent = certificate_in(home() / "ra/agent.pem");
    const auto encryption = certificate_in(home() / "ra/encryption.pem");
    EXPECT_TRUE(ca.basic_constraints().ca);
    EXPECT_EQ(ca.basic_constraints().path_length, 0);
    EXPECT_EQ(agent.key_usage(), crypto::usage::digital_signature);
    EXPECT_THAT(agent.extended_key_usage(), Contains(std::string(oid::ms_certificate_request_agent)));
    EXPECT_EQ(encryption.key_usage(), crypto::usage::key_encipherment);
    EXPECT_FALSE(agent.public_key() == encryption.public_key());
    for (const auto& one : {agent, encryption}) {
        EXPECT_FALSE(one.basic_constraints().ca);
        EXPECT_TRUE(one.verify_signed_by(ca.public_key()));
    }
}

TEST_F(Init, RecordsTheCertificatesInTheLedger) {
    const auto database = open_database();
    const auto all = database->issued().list({}).value();
    std::vector<std::string> kinds;
    for (const auto& one : all) kinds.push_back(one.kind);
    EXPECT_THAT(kinds, testing::UnorderedElementsAre("ca", "ra", "ra"));
    const auto agent = certificate_in(home() / "ra/agent.pem");
    EXPECT_TRUE(database->issued().find("default", agent.serial_hex()).value().has_value());
}

TEST_F(Init, TheInstanceWouldStartAndWarnsOfWeakAlgorithms) {
    const Done done = json_command({"check"});
    EXPECT_EQ(done.code, 0) << done.out;
    EXPECT_EQ(done.json()["would_start"], true);
    EXPECT_THAT(done.out, HasSubstr("DES-CBC"));
    EXPECT_THAT(done.out, HasSubstr("SHA-1"));
}

TEST_F(Init, OverwritesNothing) {
    const std::string before = read_all(config());
    const Done done = run_command({"init", home().string()}, clock_);
    EXPECT_EQ(done.code, 1);
    EXPECT_THAT(done.err, HasSubstr("nothing is overwritten"));
    EXPECT_EQ(read_all(config()), before);
    const auto file = directory_.path() / "file";
    std::ofstream(file) << "mine";
    EXPECT_EQ(run_command({"init", file.string()}, clock_).code, 1);
    EXPECT_EQ(read_all(file), "mine");
}

TEST(InitFailure, LeavesNothingBehind) {
    const test::ScratchDirectory directory;
    const SystemClock clock;
    const auto target = (directory.path() / "new").string();
    EXPECT_EQ(run_command({"init", target, "--ca-subject", "no name"}, clock).code, 1);
    EXPECT_EQ(run_command({"init", target, "--ca-key", "p256", "--eku", "no such usage"}, clock).code, 1);
    EXPECT_EQ(run_command({"init", target, "--listen", "localhost:http"}, clock).code, 1);
    EXPECT_EQ(run_command({"init", (directory.path() / "absent/new").string()}, clock).code, 1);
    EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

TEST(InitConstraints, StandInTheCaCertificateAndTheInstanceStillStarts) {
    const test::ScratchDirectory directory;
    const SystemClock clock;
    const auto home = directory.path() / "constrained";
    std::filesystem::create_directory(home);  // empty: nothing to overwrite
    const Done done = run_command({"init", home.string(), "--ca-key", "p256", "--permit", "dns:example.com", "--eku",
                                   "clientAuth", "--listen", "0.0.0.0:8443", "--json"},
                                  clock);
    ASSERT_EQ(done.code, 0) << done.err;
    EXPECT_EQ(done.json()["admin_url"], "http://127.0.0.1:8444/certsrv/mscep_admin/");
    const auto ca = certificate_in(home / "ca/ca.pem");
    EXPECT_THAT(ca.extended_key_usage(), testing::UnorderedElementsAre(std::string(oid::client_auth),
                                                                       std::string(oid::ms_certificate_request_agent)));
    const auto& extensions = ca.extensions();
    EXPECT_TRUE(std::ranges::any_of(extensions,
                                    [](const auto& one) { return one.oid == oid::name_constraints && one.critical; }));
    EXPECT_EQ(mode_of(home), 0700u);
}

TEST(InstanceAddressesTest, KeepAdminOnLoopback) {
    const auto local = InstanceAddresses::from("127.0.0.1:8080", "host").value();
    EXPECT_EQ(local.admin_listener, local.scep_listener);
    EXPECT_EQ(local.scep_base, "http://127.0.0.1:8080");
    const auto wide = InstanceAddresses::from("[::]:80", "ra.example").value();
    EXPECT_EQ(wide.scep_base, "http://ra.example:80");
    EXPECT_EQ(wide.admin_listener, "127.0.0.1:81");
    EXPECT_EQ(InstanceAddresses::from("192.0.2.1:65535", "host").value().admin_listener, "127.0.0.1:65534");
}

TEST(InstanceAddressesTest, RefuseWhatIsNoNumericAddressWithAPort) {
    for (const char* bad : {"", "8080", "localhost:8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536",
                            "::1:80", "[::1]", "1.2.3.4:8a"}) {
        EXPECT_FALSE(InstanceAddresses::from(bad, "host")) << bad;
    }
}

}  // namespace
}  // namespace countersign::app
