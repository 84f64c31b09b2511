// CMP against a server nobody here wrote: `openssl cmp -port`, which knows one transaction at a time and always returns
// the same certificate, but judges every message.
#include "countersign/ca/cmp.hpp"
#include "stand_in.hpp"

#include <gmock/gmock.h>

namespace countersign::ca::test {
namespace {

using ::testing::HasSubstr;

class OpensslServer {
public:
    OpensslServer(const std::filesystem::path& home, const std::string& options) {
        std::filesystem::remove(home / "log");
        pid_ = ::fork();
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (::chdir(home.c_str()) != 0) ::_exit(127);
            const std::string line = "exec stdbuf -oL openssl cmp -config '' -port 0 " + options + " >log 2>&1";
            ::execl("/bin/sh", "sh", "-c", line.c_str(), nullptr);
            ::_exit(127);
        }
        while (port.empty()) {
            ::usleep(10'000);
            const auto text = log_in(home);
            const auto at = text.find("ACCEPT [::]:");
            if (at != std::string::npos && text.find(" PID", at) != std::string::npos)
                port = text.substr(at + 12, text.find(" PID", at) - at - 12);
            if (::waitpid(pid_, nullptr, WNOHANG) == pid_) throw std::runtime_error("openssl cmp: " + text);
        }
    }
    ~OpensslServer() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    static std::string log_in(const std::filesystem::path& home) {
        std::ifstream file(home / "log");
        return {std::istreambuf_iterator<char>(file), {}};
    }
    OpensslServer(const OpensslServer&) = delete;
    OpensslServer& operator=(const OpensslServer&) = delete;

    std::string port;

private:
    pid_t pid_ = -1;
};

enum class Protection { signature, ec_signature, secret };

class CmpOpensslTest : public ::testing::TestWithParam<Protection> {
protected:
    void SetUp() override {
        const auto made = world_.ca->submit(request(), "00");
        certificate_ = std::get<Issued>(made.value()).certificate;
        write_file(home_ / "ca.pem", world_.root.pem());
        write_file(home_ / "ca.key", rsa_key(0).pem());
        write_file(home_ / "issued.pem", certificate_->pem());
    }
    // As the RA does once a handle is on record.
    static Result<Outcome> followed(CmpCa& ca, Result<Outcome> outcome) {
        const auto* pending = outcome ? std::get_if<Pending>(&*outcome) : nullptr;
        return pending != nullptr && pending->at_once ? ca.poll(pending->handle) : std::move(outcome);
    }
    Result<Outcome> submitted(CmpCa& ca, const std::string& key) { return followed(ca, ca.submit(request(), key)); }
    CountersignedRequest request() { return world_.request(Countersigned::properly, "device-1"); }

    // The CA with a fresh server behind it.
    CmpCa ca(const std::string& server_options, const std::string& secret = "a shared secret") {
        const bool by_secret = GetParam() == Protection::secret;
        const std::string protection = by_secret ? "-srv_ref ra-1 -srv_secret 'pass:a shared secret' "
                                                 : "-srv_cert ca.pem -srv_key ca.key -srv_trusted ca.pem ";
        server_.emplace(home_.path(), "-rsp_cert issued.pem " + protection + server_options);
        CmpOptions options;
        options.url = "http://127.0.0.1:" + server_->port + "/";
        options.chain = {world_.root};
        options.responders = {world_.root};
        options.poll_interval = std::chrono::seconds{0};
        options.profiles = {{"device", "tls-client"}};
        if (by_secret) {
            options.secret = std::make_shared<const Secret>(secret);
            options.reference = "ra-1";
        } else {
            const bool ec = GetParam() == Protection::ec_signature;
            options.key =
                keys::key_from_pem(Secret(ec ? countersign::test::p256_key().pem() : rsa_key(1).pem()), "a").value();
            options.signer = {ec ? ec_agent() : world_.agent, world_.root};
        }
        return CmpCa(std::move(options), net::make_http_client({}), random_, world_.clock);
    }
    crypto::Certificate ec_agent() {
        return world_.other_agent(
            [](crypto::CertificateContent& content) { content.spki = to_bytes(countersign::test::p256_key().spki()); });
    }
    std::string log() const { return OpensslServer::log_in(home_.path()); }

    countersign::test::ScratchDirectory home_;
    LocalWorld world_{LocalWorld::Setup{.now = SystemClock().now()}};
    SystemRandom random_;
    std::optional<crypto::Certificate> certificate_;
    std::optional<OpensslServer> server_;
};

TEST_P(CmpOpensslTest, IssuesAndIsConfirmed) {
    auto openssl = ca("");
    EXPECT_TRUE(openssl.probe()) << log();
    const auto outcome = submitted(openssl, "0123456789abcdef0123456789abcdef");
    ASSERT_TRUE(outcome) << describe(outcome.error()) << log();
    ASSERT_TRUE(std::holds_alternative<Issued>(*outcome)) << log();
    EXPECT_EQ(std::get<Issued>(*outcome).certificate, *certificate_);
}

TEST_P(CmpOpensslTest, HoldsAndIsPolledAlsoByAnotherProcess) {
    auto openssl = ca("-poll_count 2 -check_after 7");
    auto outcome = submitted(openssl, "0123456789abcdef0123456789abcdef");
    for (int polls = 0; polls < 3; ++polls) {
        ASSERT_TRUE(outcome) << describe(outcome.error()) << log();
        if (std::holds_alternative<Issued>(*outcome)) break;
        ASSERT_TRUE(std::holds_alternative<Pending>(*outcome)) << log();
        const auto handle = std::get<Pending>(*outcome).handle;
        if (polls == 1) {
            const auto early = openssl.poll(handle);
            ASSERT_TRUE(early && std::holds_alternative<Pending>(*early));
            EXPECT_EQ(std::get<Pending>(*early).handle, handle) << "asked before check_after";
        }
        world_.clock.advance(std::chrono::seconds{8});
        outcome = followed(openssl, openssl.poll(handle));
    }
    ASSERT_TRUE(outcome) << describe(outcome.error()) << log();
    ASSERT_TRUE(std::holds_alternative<Issued>(*outcome)) << log();
    EXPECT_EQ(std::get<Issued>(*outcome).certificate, *certificate_);
}

TEST_P(CmpOpensslTest, ARefusalIsExplained) {
    auto openssl = ca("-pkistatus 2 -failure 19 -statusstring 'not today'");
    const auto outcome = submitted(openssl, "01");
    ASSERT_TRUE(outcome) << describe(outcome.error()) << log();
    ASSERT_TRUE(std::holds_alternative<Rejected>(*outcome));
    EXPECT_THAT(std::get<Rejected>(*outcome).reason, HasSubstr("rejection, badCertTemplate: not today"));
}

TEST_P(CmpOpensslTest, AnErrorMessageIsARefusalToo) {
    auto openssl = ca("-send_error");
    const auto outcome = submitted(openssl, "01");
    ASSERT_TRUE(outcome) << describe(outcome.error()) << log();
    EXPECT_TRUE(std::holds_alternative<Rejected>(*outcome));
}

TEST_P(CmpOpensslTest, ACertificateForAnotherKeyIsRefusedThere) {
    write_file(home_ / "issued.pem", world_.agent.pem());
    auto openssl = ca("");
    const auto outcome = submitted(openssl, "01");
    ASSERT_TRUE(outcome) << describe(outcome.error()) << log();
    ASSERT_TRUE(std::holds_alternative<Issued>(*outcome)) << "for the RA to see";
    EXPECT_EQ(std::get<Issued>(*outcome).certificate, world_.agent);
    EXPECT_THAT(log(), HasSubstr("certificate rejected by client"));
}

TEST_P(CmpOpensslTest, Revokes) {
    auto openssl = ca("");
    const auto revoked = openssl.revoke(certificate_->serial_hex(), 1, world_.now());
    EXPECT_TRUE(revoked) << describe(revoked.error()) << log();
    EXPECT_FALSE(openssl.revoke("4242", 1, world_.now()));
}

TEST_P(CmpOpensslTest, UnprotectedAnswersAreNotBelieved) {
    auto openssl = ca("-send_unprotected");
    EXPECT_EQ(openssl.submit(request(), "01").error().kind, ErrorKind::outcome_unknown);
    EXPECT_FALSE(openssl.probe());
}

TEST_P(CmpOpensslTest, AStrangerGetsNothing) {
    if (GetParam() == Protection::secret) {
        auto openssl = ca("", "another secret");
        EXPECT_EQ(openssl.submit(request(), "01").error().kind, ErrorKind::outcome_unknown);
        EXPECT_FALSE(openssl.probe());
    } else {
        write_file(home_ / "ca.pem", certificate_->pem());
        write_file(home_ / "ca.key", rsa_key(2).pem());
        auto openssl = ca("");
        EXPECT_EQ(openssl.submit(request(), "01").error().kind, ErrorKind::outcome_unknown) << "another signs";
        EXPECT_FALSE(openssl.probe());
    }
}

TEST_P(CmpOpensslTest, AnAnswerThatIsGoneIsLeftToPeople) {
    auto openssl = ca("");
    const auto found = openssl.reconcile("0123456789abcdef0123456789abcdef", Time{});
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().kind, ErrorKind::outcome_unknown);
    EXPECT_THAT(found.error().detail, HasSubstr("transactionID 0123456789abcdef0123456789abcdef"));
}

INSTANTIATE_TEST_SUITE_P(Each, CmpOpensslTest,
                         ::testing::Values(Protection::signature, Protection::ec_signature, Protection::secret),
                         [](const auto& parameter) {
                             switch (parameter.param) {
                                 case Protection::signature: return "Rsa";
                                 case Protection::ec_signature: return "Ec";
                                 case Protection::secret: break;
                             }
                             return "Secret";
                         });

}  // namespace
}  // namespace countersign::ca::test
