// The command backend: the contract by the shipped openssl-ca example and the real `openssl ca`, and what a command may
// do wrong.
#include "countersign/ca/command.hpp"
#include "countersign/crypto/encoding.hpp"
#include "local_world.hpp"
#include "scratch_directory.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

namespace countersign::ca::test {
namespace {

using contract::Treatment;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

void write_file(const std::filesystem::path& file, std::string_view text) {
    std::ofstream(file, std::ios::binary) << text;
}
std::string read_file(const std::filesystem::path& file) {
    std::ostringstream text;
    text << std::ifstream(file, std::ios::binary).rdbuf();
    return text.str();
}

const std::filesystem::path sources = COUNTERSIGN_SOURCE_DIR;

class CommandWorld {
public:
    static constexpr contract::Abilities abilities{.builds_the_plan = true,
                                                   .judges_countersignatures = true,
                                                   .repeats = true,
                                                   .reconciles = true,
                                                   .scripted = true,
                                                   .settles = true};

    CommandWorld() {
        const auto home = home_.path();
        std::filesystem::create_directory(home / "newcerts");
        write_file(home / "index.txt", "");
        write_file(home / "ca.pem", world_.root.pem());
        write_file(home / "ca.key", rsa_key(0).pem());
        write_file(home / "agent.pem", world_.agent.pem());
        write_file(home / "lie.pem", world_.root.pem());
        std::filesystem::copy(sources / "packaging/examples/openssl-ca.cnf", home / "openssl.cnf");
        CommandCaOptions options;
        options.name = "openssl";
        options.program = "/usr/bin/python3";
        options.arguments = {(sources / "tests/support/command_ca.py").string(),
                             (sources / "packaging/examples/openssl-ca").string(), home.string()};
        options.environment = {"PYTHONDONTWRITEBYTECODE=1"};
        options.chain = {world_.root};
        ca_ = std::make_unique<CommandCa>(std::move(options), world_.clock);
    }
    Backend& backend() { return keyed_; }
    CountersignedRequest request(Countersigned how, const std::string& device) { return world_.request(how, device); }
    void record(const crypto::Certificate&, const std::string&) {}
    void take_away() { write_file(home_ / "away", ""); }
    void bring_back() { std::filesystem::remove(home_ / "away"); }
    Time now() const { return world_.now(); }
    void next(Treatment how) {
        static const std::map<Treatment, std::string> words{{Treatment::hold, "hold"},
                                                            {Treatment::reject, "reject"},
                                                            {Treatment::lose_the_answer, "lose_the_answer"},
                                                            {Treatment::lie, "lie"},
                                                            {Treatment::cut_the_answer, "cut_the_answer"}};
        write_file(home_ / "next", words.at(how));
    }
    void release() { write_file(home_ / "released", ""); }
    std::size_t made() const {
        const auto index = read_file(home_ / "index.txt");
        return static_cast<std::size_t>(std::ranges::count(index, '\n'));
    }
    LocalWorld& world() { return world_; }
    CommandCa& command() { return *ca_; }
    std::filesystem::path home() const { return home_.path(); }

private:
    // The contract's keys are words; those of attempts are hexadecimal numbers, and so this CA wants them.
    class Keyed final : public Backend {
    public:
        explicit Keyed(CommandWorld& world) : world_(world) {}
        static std::string key(const std::string& word) { return lower_hex(as_bytes(word)); }
        Result<Outcome> submit(const CountersignedRequest& request, const std::string& word) override {
            return world_.ca_->submit(request, key(word));
        }
        Result<Outcome> poll(const std::string& handle) override { return world_.ca_->poll(handle); }
        Result<std::optional<Outcome>> reconcile(const std::string& word, Time asked) override {
            return world_.ca_->reconcile(key(word), asked);
        }
        std::vector<crypto::Certificate> chain() const override { return world_.ca_->chain(); }
        Result<void> probe() override { return world_.ca_->probe(); }
        Revoker* revoker() override { return world_.ca_->revoker(); }
        std::string describe() const override { return world_.ca_->describe(); }

    private:
        CommandWorld& world_;
    };

    countersign::test::ScratchDirectory home_;
    // Certificates know whole seconds.
    LocalWorld world_{LocalWorld::Setup{.now = std::chrono::floor<std::chrono::seconds>(SystemClock().now())}};
    std::unique_ptr<CommandCa> ca_;
    Keyed keyed_{*this};
};

TEST(OpensslCaTest, RevokesAndSaysSoInItsCrl) {
    CommandWorld world;
    const auto outcome = world.command().submit(world.request(Countersigned::properly, "device-1"), "ab01");
    ASSERT_TRUE(outcome) << describe(outcome.error());
    const auto serial = std::get<Issued>(*outcome).certificate.serial_hex();
    EXPECT_EQ(serial, "ab01") << "the key is the serial number";
    EXPECT_TRUE(world.command().revoke(serial, 1, world.now()));
    EXPECT_THAT(read_file(world.home() / "index.txt"), HasSubstr("keyCompromise"));
    EXPECT_FALSE(read_file(world.home() / "crl.pem").empty());
    EXPECT_EQ(world.command().revoke(serial, 1, world.now()).error().kind, ErrorKind::conflict);
    EXPECT_EQ(world.command().revoke("4242", 1, world.now()).error().kind, ErrorKind::not_found);
}

TEST(OpensslCaTest, NamesThatLookLikeSyntaxStayNames) {
    CommandWorld world;
    auto request = world.world().with_plan([](crypto::CertificateContent& plan) {
        plan.subject = crypto::Name::from_text("CN=a/O\\=b\\+OU\\=c\\, $HOME #1,O=Example").value();
        plan.subject_alt_names = {crypto::general_name_from_text("uri:https://h.example/a,b;c#d$e").value(),
                                  crypto::general_name_from_text("upn:user@example.com").value(),
                                  crypto::general_name_from_text("ip:192.0.2.7").value()};
    });
    const auto outcome = world.command().submit(request, "ab02");
    ASSERT_TRUE(outcome) << describe(outcome.error());
    ASSERT_TRUE(std::holds_alternative<Issued>(*outcome)) << std::get<Rejected>(*outcome).reason;
    const auto& certificate = std::get<Issued>(*outcome).certificate;
    EXPECT_TRUE(certificate.subject().matches(request.plan().subject)) << certificate.subject().text();
    EXPECT_EQ(certificate.subject_alt_names(), request.plan().subject_alt_names);
}

// A command that is a line of shell in these tests.
class CommandTest : public ::testing::Test {
protected:
    CommandCa command(const std::string& line, std::chrono::milliseconds time = 20s, std::size_t output = 64 * 1024) {
        CommandCaOptions options;
        options.name = "shell";
        options.program = "/bin/sh";
        options.arguments = {"-c", line, "command", scratch_.path().string()};
        options.environment = {"GIVEN=this"};
        options.directory = scratch_.path();
        options.time_limit = time;
        options.output_limit = output;
        options.templates = {{"device", "Device Template"}};
        options.chain = {world_.root};
        return {std::move(options), world_.clock};
    }
    Result<Outcome> submit(CommandCa command) {
        return command.submit(world_.request(Countersigned::properly, "device-1"), "key-1");
    }
    ErrorKind trouble(CommandCa command) {
        const auto outcome = submit(std::move(command));
        EXPECT_FALSE(outcome);
        return outcome ? ErrorKind::internal : outcome.error().kind;
    }

    countersign::test::ScratchDirectory scratch_;
    LocalWorld world_;
};

TEST_F(CommandTest, GetsTheQuestionAndNothingElse) {
    ::setenv("COUNTERSIGN_TEST_LEAK", "leaked", 1);
    const auto outcome =
        submit(command("cat >question; env | sort >environment; ls -l /proc/self/fd >descriptors; exit 4"));
    ::unsetenv("COUNTERSIGN_TEST_LEAK");
    EXPECT_EQ(outcome.error().kind, ErrorKind::unavailable);
    const auto question = read_file(scratch_ / "question");
    for (const auto* part : {"\"operation\": \"submit\"", "\"key\": \"key-1\"", "\"template\": \"Device Template\"",
                             "BEGIN CERTIFICATE REQUEST", "BEGIN CMS", "\"subject\": \"CN=device-1,O=Example\"",
                             "\"digitalSignature\"", "\"1.3.6.1.5.5.7.3.2\""})
        EXPECT_THAT(question, HasSubstr(part));
    EXPECT_THAT(question, ::testing::Not(HasSubstr("challenge")));
    EXPECT_EQ(read_file(scratch_ / "environment").find("COUNTERSIGN_TEST_LEAK"), std::string::npos);
    EXPECT_THAT(read_file(scratch_ / "environment"), HasSubstr("GIVEN=this"));
}

TEST_F(CommandTest, ExitCodesSayWhatBecameOfIt) {
    EXPECT_EQ(std::get<Rejected>(*submit(command("echo no >&2; exit 2"))).reason, "no");
    EXPECT_EQ(std::get<Pending>(*submit(command("echo ' 17 '; exit 3"))).handle, "17");
    EXPECT_EQ(trouble(command("exit 4")), ErrorKind::unavailable);
    for (const auto* line : {"exit 1", "exit 3", "exit 5", "exit 6", "exit 127", "kill -9 $$", "echo nonsense", ":",
                             "printf '\\001x\\n'; exit 3"})
        EXPECT_EQ(trouble(command(line)), ErrorKind::outcome_unknown) << line;
}

TEST_F(CommandTest, WhatCannotBeStartedDidNothing) {
    CommandCaOptions options;
    options.program = scratch_ / "absent";
    EXPECT_EQ(trouble(CommandCa(options, world_.clock)), ErrorKind::unavailable);
    EXPECT_EQ(CommandCa(options, world_.clock).probe().error().kind, ErrorKind::unavailable);
}

TEST_F(CommandTest, ReasonsAreBoundedAndPrintable) {
    const auto outcome = submit(command("head -c 100000 /dev/zero >&2; exit 2"));
    EXPECT_LE(std::get<Rejected>(*outcome).reason.size(), 510U);
    EXPECT_EQ(std::get<Rejected>(*outcome).reason.find('\0'), std::string::npos);
}

TEST_F(CommandTest, ItIsKilledWithAllItStartedWhenItTakesTooLong) {
    EXPECT_EQ(trouble(command("sleep 1000 & echo $! >child; sleep 1000", 1000ms)), ErrorKind::outcome_unknown);
    const auto pid = static_cast<pid_t>(std::stol(read_file(scratch_ / "child")));
    // The signal is sent; the end comes when the kernel gets to it, and somebody else reaps.
    for (;;) {
        const auto status = read_file("/proc/" + std::to_string(pid) + "/status");
        if (status.empty() || status.find("State:\tZ") != std::string::npos) break;
        ::usleep(10'000);
    }
}

TEST_F(CommandTest, ItIsKilledWhenItWritesTooMuch) {
    EXPECT_EQ(trouble(command("cat /dev/zero", 60s)), ErrorKind::outcome_unknown);
}

TEST_F(CommandTest, ALeftoverThatHoldsThePipeKeepsNobodyWaiting) {
    EXPECT_EQ(std::get<Rejected>(*submit(command("sleep 1000 & echo no >&2; exit 2", 60s))).reason, "no");
}

TEST_F(CommandTest, WhatItCannotDoIsSaid) {
    auto simple = command("exit 6");
    EXPECT_EQ(simple.reconcile("key-1", Time{}).error().kind, ErrorKind::outcome_unknown);
    EXPECT_EQ(simple.revoke("01", 1, world_.now()).error().kind, ErrorKind::denied);
    EXPECT_TRUE(simple.probe());
    EXPECT_EQ(simple.crl(world_.now()).error().kind, ErrorKind::unavailable);
}

}  // namespace
}  // namespace countersign::ca::test

namespace countersign::contract {
INSTANTIATE_TYPED_TEST_SUITE_P(Command, CaBackendContract, ca::test::CommandWorld);
}  // namespace countersign::contract
