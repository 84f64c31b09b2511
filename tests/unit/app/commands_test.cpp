#include "command_fixture.hpp"

#include "countersign/admin/password_hash.hpp"
#include "countersign/crypto/certificate_request.hpp"
#include "vectors.hpp"

namespace countersign::app {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

TEST(CommandLine, HasTheExitCodesScriptsRelyOn) {
    const SystemClock clock;
    EXPECT_EQ(run_command({"--version"}, clock).out, "countersign 1.2.3\n");
    EXPECT_EQ(run_command({"--version"}, clock).code, 0);
    const Done help = run_command({"--help"}, clock);
    EXPECT_EQ(help.code, 0);
    for (const char* word :
         {"init", "challenge", "certificate", "request", "check", "config", "probe", "hash-password", "store"}) {
        EXPECT_THAT(help.out, HasSubstr(word));
    }
    EXPECT_EQ(run_command({"challenge", "new", "--help"}, clock).code, 0);
    for (const std::vector<std::string>& wrong :
         {std::vector<std::string>{},
          {"enroll"},
          {"challenge"},
          {"challenge", "new"},
          {"challenge", "new", "--config"},
          {"check", "--confg", "x"},
          {"certificate", "revoke", "--config", "x"},
          {"certificate", "revoke", "00", "--config", "x", "--reason", "boredom"},
          {"challenge", "new", "--config", "x", "--valid", "0"},
          {"init"},
          {"init", "d", "--ca-key", "rsa1024"},
          {"init", "d", "--admin-user", "a:b"},
          {"probe"},
          {"probe", "http://x", "--challenge", "c", "--admin-url", "http://y"},
          {"probe", "http://x", "--user", "u"},
          {"request", "list", "--config", "x", "--state", "odd"}}) {
        const Done done = run_command(wrong, clock);
        EXPECT_EQ(done.code, 2) << testing::PrintToString(wrong);
        EXPECT_EQ(done.out, "") << testing::PrintToString(wrong);
        EXPECT_NE(done.err, "") << testing::PrintToString(wrong);
    }
}

TEST(CommandLine, AMissingConfigurationIsARefusalWithAReason) {
    for (const std::vector<std::string>& words : {std::vector<std::string>{"challenge", "new"},
                                                  {"certificate", "list"},
                                                  {"request", "list"},
                                                  {"store", "migrate"}}) {
        auto arguments = words;
        arguments.insert(arguments.end(), {"--config", "/nonexistent/countersign.toml"});
        const Done done = run_command(arguments, SystemClock());
        EXPECT_EQ(done.code, 1);
        EXPECT_EQ(done.out, "");
        EXPECT_THAT(done.err, HasSubstr("/nonexistent/countersign.toml: there is no such file"));
    }
}

TEST(ConfigExplain, PrintsTheReference) {
    const SystemClock clock;
    EXPECT_THAT(run_command({"config", "explain"}, clock).out, HasSubstr("profile.NAME.challenge.mode"));
    EXPECT_THAT(run_command({"config", "explain", "store.url"}, clock).out, HasSubstr("sqlite:PATH"));
    EXPECT_EQ(run_command({"config", "explain", "--markdown"}, clock).out,
              read_all(COUNTERSIGN_SOURCE_DIR "/docs/configuration.md"));
    EXPECT_EQ(run_command({"config", "explain", "store.url", "--json"}, clock).json().at(0)["key"], "store.url");
    const Done unknown = run_command({"config", "explain", "store.uri"}, clock);
    EXPECT_EQ(unknown.code, 1);
    EXPECT_THAT(unknown.err, HasSubstr("did you mean store.url?"));
}

TEST(HashPassword, ReadsStandardInputOnly) {
    const Done done = run_command({"hash-password"}, SystemClock(), "open sesame\nignored\n");
    ASSERT_EQ(done.code, 0) << done.err;
    const std::string hash = done.out.substr(0, done.out.size() - 1);
    EXPECT_TRUE(admin::password_matches(Secret("open sesame"), hash));
    EXPECT_EQ(run_command({"hash-password"}, SystemClock(), "").code, 1);
    EXPECT_EQ(run_command({"hash-password", "argv"}, SystemClock(), "x\n").code, 2);
}

using Commands = InstanceTest;

TEST_F(Commands, ChallengeNewPrintsTheChallengeAlone) {
    const Done done = command({"challenge", "new"});
    ASSERT_EQ(done.code, 0) << done.err;
    EXPECT_THAT(done.out, MatchesRegex("[0-9A-F]{16}\n"));
    EXPECT_EQ(done.err, "");
    EXPECT_THAT(audit_log(), HasSubstr("challenge.minted"));
    EXPECT_THAT(audit_log(), testing::Not(HasSubstr(done.out.substr(0, 16))));
    EXPECT_THAT(read_all(home() / "countersign.db"), testing::Not(HasSubstr(done.out.substr(0, 16))));
}

TEST_F(Commands, ChallengeNewKeepsItsBindingAndList) {
    const Done made = json_command({"challenge", "new", "--subject", "CN=device-7", "--san", "dns:a.example", "--san",
                                    "dns:b.example", "--valid", "5"});
    ASSERT_EQ(made.code, 0) << made.err;
    const Done listed = json_command({"challenge", "list"});
    ASSERT_EQ(listed.code, 0) << listed.err;
    const auto list = listed.json();
    ASSERT_EQ(list.size(), 1u);
    EXPECT_EQ(list[0]["id"], made.json()["id"]);
    EXPECT_EQ(list[0]["subject"], "CN=device-7");
    EXPECT_EQ(list[0]["sans"].size(), 2u);
    EXPECT_EQ(list[0]["state"], "outstanding");
    EXPECT_THAT(listed.out, testing::Not(HasSubstr(made.json()["challenge"].get<std::string>())));
    EXPECT_THAT(command({"challenge", "list"}).out, HasSubstr("CN=device-7"));
}

TEST_F(Commands, ChallengeRevokeWorksOnce) {
    const std::string id = json_command({"challenge", "new"}).json()["id"];
    EXPECT_EQ(command({"challenge", "revoke", id}).code, 0);
    EXPECT_EQ(json_command({"challenge", "list"}).json().size(), 0u);
    EXPECT_EQ(json_command({"challenge", "list", "--all"}).json().at(0)["state"], "revoked");
    EXPECT_EQ(command({"challenge", "revoke", id}).code, 1);
    EXPECT_EQ(command({"challenge", "revoke", "000000000000"}).code, 1);
    EXPECT_THAT(audit_log(), HasSubstr("challenge.revoked"));
}

TEST_F(Commands, ChallengeNewRefusesWhatCannotBe) {
    const Done profile = command({"challenge", "new", "--profile", "vpn"});
    EXPECT_EQ(profile.code, 1);
    EXPECT_THAT(profile.err, HasSubstr("one of: default"));
    EXPECT_EQ(command({"challenge", "new", "--subject", "no name"}).code, 1);
    EXPECT_EQ(command({"challenge", "new", "--template", "router"}).code, 1);
    EXPECT_EQ(command({"challenge", "new", "--san", "host.example"}).code, 1);
    EXPECT_EQ(json_command({"challenge", "list", "--all"}).json().size(), 0u);
}

TEST_F(Commands, NoChallengeLeavesWhenTheAuditCannotRecordIt) {
    std::filesystem::remove(home() / "audit.log");
    std::filesystem::create_directory(home() / "audit.log");
    const Done done = command({"challenge", "new"});
    EXPECT_EQ(done.code, 1);
    EXPECT_EQ(done.out, "");
}

TEST_F(Commands, CertificatesAreListedShownAndRevoked) {
    const auto list = json_command({"certificate", "list"}).json();
    ASSERT_EQ(list.size(), 3u);
    const auto ra = std::ranges::find_if(list, [](const auto& one) { return one["kind"] == "ra"; });
    const std::string serial = (*ra)["serial"];
    const auto shown = json_command({"certificate", "show", serial}).json();
    EXPECT_EQ(shown["subject"], (*ra)["subject"]);
    EXPECT_THAT(shown["pem"].get<std::string>(), HasSubstr("BEGIN CERTIFICATE"));
    EXPECT_THAT(command({"certificate", "show", serial, "--pem"}).out,
                testing::StartsWith("-----BEGIN CERTIFICATE-----"));

    EXPECT_EQ(command({"certificate", "revoke", serial, "--reason", "superseded"}).code, 1) << "it is the RA's own";
    const Done done = command({"certificate", "revoke", serial, "--reason", "superseded", "--force"});
    EXPECT_EQ(done.code, 0);
    EXPECT_THAT(done.out, Not(HasSubstr("alone"))) << "its CA knows";
    const auto revoked = json_command({"certificate", "show", serial}).json();
    EXPECT_EQ(revoked["state"], "revoked");
    EXPECT_EQ(revoked["reason"], "superseded");
    EXPECT_THAT(audit_log(), HasSubstr("certificate.revoked"));
    EXPECT_EQ(json_command({"certificate", "list", "--valid"}).json().size(), 2u);
    EXPECT_EQ(command({"certificate", "revoke", serial, "--force"}).code, 1) << "twice";
    EXPECT_EQ(command({"certificate", "show", "0123"}).code, 1);
}

TEST_F(Commands, TheCaCannotRevokeItself) {
    const auto list = json_command({"certificate", "list"}).json();
    const auto ca = std::ranges::find_if(list, [](const auto& one) { return one["kind"] == "ca"; });
    const Done done = command({"certificate", "revoke", (*ca)["serial"].get<std::string>()});
    EXPECT_EQ(done.code, 1);
    EXPECT_THAT(done.err, HasSubstr("the CA itself"));
}

class Requests : public InstanceTest {
protected:
    void SetUp() override {
        InstanceTest::SetUp();
        store::Attempt attempt;
        attempt.id = "00112233445566778899aabbccddeeff";
        attempt.key = {"default", std::string(64, 'a'), "transaction"};
        attempt.kind = "enroll";
        attempt.request_digest = std::string(64, 'b');
        attempt.csr = to_bytes(
            crypto::CertificateRequest::from_pem(test::vector_text("crypto/request.pem")).value().der());
        attempt.plan = R"({"subject":"CN=held"})";
        attempt.template_name = "device";
        attempt.subject = "CN=held";
        attempt.state = store::AttemptState::held;
        attempt.reason = "an officer must approve";
        attempt.created = attempt.updated = clock_.now();
        ASSERT_TRUE(open_database()->transactions().record_intent(attempt));
        id_ = attempt.id;
    }
    std::string id_;
};

TEST_F(Requests, AreListedAndShown) {
    const auto list = json_command({"request", "list", "--state", "held"}).json();
    ASSERT_EQ(list.size(), 1u);
    EXPECT_EQ(list[0]["id"], id_);
    EXPECT_EQ(json_command({"request", "list", "--state", "issued"}).json().size(), 0u);
    EXPECT_THAT(command({"request", "list"}).out, HasSubstr("CN=held"));
    const auto shown = json_command({"request", "show", id_}).json();
    EXPECT_EQ(shown["plan"]["subject"], "CN=held");
    const auto request = crypto::CertificateRequest::from_pem(shown["csr"].get<std::string>());
    ASSERT_TRUE(request);
    EXPECT_FALSE(request->challenge_password()) << "whoever looks at a request does not need its password";
    EXPECT_EQ(command({"request", "show", "ff"}).code, 1);
}

TEST_F(Requests, ApprovalIsRecordedOnce) {
    EXPECT_EQ(json_command({"request", "approve", id_, "--officer", "eve"}).json()["state"], "approved");
    EXPECT_EQ(json_command({"request", "show", id_}).json()["state"], "approved");
    EXPECT_THAT(audit_log(), HasSubstr("\"by\":\"eve\""));
    const Done again = command({"request", "approve", id_});
    EXPECT_EQ(again.code, 1);
    EXPECT_THAT(again.err, HasSubstr("not held but approved"));
    EXPECT_EQ(command({"request", "deny", id_, "--reason", "late"}).code, 1);
}

TEST_F(Requests, DenialNeedsAReasonAndEndsTheRequest) {
    EXPECT_EQ(command({"request", "deny", id_}).code, 2);
    EXPECT_EQ(command({"request", "deny", id_, "--reason", "unknown device"}).code, 0);
    const auto shown = json_command({"request", "show", id_}).json();
    EXPECT_EQ(shown["state"], "failed");
    EXPECT_THAT(shown["reason"].get<std::string>(), HasSubstr("unknown device"));
    EXPECT_THAT(audit_log(), HasSubstr("request.denied"));
}

TEST_F(Requests, NothingIsDecidedWhenTheAuditCannotRecordIt) {
    std::filesystem::remove(home() / "audit.log");
    std::filesystem::create_directory(home() / "audit.log");
    EXPECT_EQ(command({"request", "approve", id_}).code, 1);
    EXPECT_EQ(open_database()->transactions().find(id_).value().state, store::AttemptState::held);
}

TEST_F(Commands, CheckNamesEveryFindingAndRefuses) {
    std::string text = read_all(config());
    text.replace(text.find("ca/ca.pem"), 9, "ca/no.pem");
    std::ofstream(config()) << text;
    const Done done = command({"check"});
    EXPECT_EQ(done.code, 1);
    EXPECT_THAT(done.err, HasSubstr("ca/no.pem"));
    EXPECT_THAT(done.out, HasSubstr("would not start"));
    EXPECT_EQ(json_command({"check"}).json()["would_start"], false);
}

TEST_F(Commands, StoreMigrateMakesTheDatabaseAndStatusSaysSo) {
    for (const char* name : {"countersign.db", "countersign.db-wal", "countersign.db-shm"})
        std::filesystem::remove(home() / name);
    EXPECT_EQ(command({"certificate", "list"}).code, 1);
    EXPECT_EQ(json_command({"store", "migrate"}).code, 0);
    EXPECT_EQ(json_command({"store", "status"}).json()["current"], true);
    EXPECT_EQ(json_command({"certificate", "list"}).json().size(), 0u);
}

}  // namespace
}  // namespace countersign::app
