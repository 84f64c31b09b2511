// The two ways to a hook: a signed POST, and a run of a program.
#include "countersign/core/text.hpp"
#include "countersign/crypto/encoding.hpp"
#include "countersign/hook/command.hpp"
#include "countersign/hook/webhook.hpp"
#include "fixed_clock.hpp"
#include "scratch_directory.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

namespace countersign::hook {
namespace {

using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

// 32 octets in base64.
constexpr std::string_view secret_text = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

class ScriptedHttp final : public net::HttpClient {
public:
    Result<net::ClientResponse> send(const net::ClientRequest& request) override {
        sent = request;
        return answer;
    }
    net::ClientRequest sent;
    Result<net::ClientResponse> answer = net::ClientResponse{200, {}, to_bytes(as_bytes("hello"))};
};

std::string header(const net::ClientRequest& request, const std::string& name) {
    for (const auto& [key, value] : request.headers) {
        if (equals_ignoring_case(key, name)) return value;
    }
    return "(none)";
}

const Letter letter{"msg_1", R"({"call":"verify"})", countersign::test::FixedClock().now()};

TEST(Webhook, PostsASignedQuestion) {
    const auto http = std::make_shared<ScriptedHttp>();
    Webhook webhook("https://hook.example/policy", webhook_secret_from(secret_text).value(), http);
    EXPECT_EQ(webhook.carry(letter).value(), "hello");
    EXPECT_EQ(http->sent.method, "POST");
    EXPECT_EQ(http->sent.url, "https://hook.example/policy");
    EXPECT_EQ(as_text(http->sent.body), letter.body);
    EXPECT_EQ(header(http->sent, "content-type"), "application/json");
    EXPECT_EQ(header(http->sent, "webhook-id"), "msg_1");
    EXPECT_EQ(header(http->sent, "webhook-timestamp"), "1795240800");
    // printf '%s' 'msg_1.1795240800.{"call":"verify"}' |
    //   openssl dgst -sha256 -mac HMAC -macopt key:01234567890123456789012345678901 -binary | base64
    EXPECT_EQ(header(http->sent, "webhook-signature"), "v1,8k5Njm/e50kevBfwHc+Fvip+AdMDWlpGbcvZF74f/4k=");
}

TEST(Webhook, WithoutASecretSignsNothing) {
    const auto http = std::make_shared<ScriptedHttp>();
    Webhook webhook("https://hook.example/", Secret(), http);
    ASSERT_TRUE(webhook.carry(letter));
    EXPECT_EQ(header(http->sent, "webhook-signature"), "(none)");
}

TEST(Webhook, OnlyStatusesOfSuccessAreAnswers) {
    const auto http = std::make_shared<ScriptedHttp>();
    Webhook webhook("https://hook.example/", Secret(), http);
    for (const int status : {199, 300, 301, 302, 307, 400, 401, 403, 404, 429, 500, 503}) {
        http->answer = net::ClientResponse{status, {}, to_bytes(as_bytes("hello"))};
        const auto answer = webhook.carry(letter);
        ASSERT_FALSE(answer) << status;
        EXPECT_THAT(answer.error().detail, HasSubstr(std::to_string(status)));
    }
    http->answer = fail::outcome_unknown("time-out");
    EXPECT_FALSE(webhook.carry(letter));
}

TEST(WebhookSecret, HasOneForm) {
    EXPECT_EQ(webhook_secret_from(std::string(secret_text) + "\n").value().reveal_text(),
              "01234567890123456789012345678901");
    for (const char* text : {"", "whsec_", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=", "whsec_c2hvcnQ=",
                             "whsec_not base64", "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE"}) {
        const auto secret = webhook_secret_from(text);
        ASSERT_FALSE(secret) << text;
        EXPECT_EQ(secret.error().kind, ErrorKind::malformed);
        EXPECT_THAT(secret.error().detail, Not(HasSubstr("MDEy")));
    }
}

class CommandHook : public testing::Test {
protected:
    CommandOptions options(const std::string& script) {
        const auto file = scratch_ / "hook.sh";
        std::ofstream(file) << "#!/bin/sh\n" << script << "\n";
        ::chmod(file.c_str(), 0700);
        CommandOptions made;
        made.program = file;
        made.directory = scratch_.path();
        return made;
    }
    countersign::test::ScratchDirectory scratch_;
};

TEST_F(CommandHook, GetsTheQuestionAndIsHeard) {
    EXPECT_EQ(Command(options("cat")).carry(letter).value(), letter.body);
}

TEST_F(CommandHook, HasAnEnvironmentOfItsOwn) {
    ::setenv("COUNTERSIGN_TEST_SECRET", "4711", 1);
    auto made = options("env; pwd; echo \"$@\"");
    made.environment = {"LDAP=ldap.example"};
    made.arguments = {"one", "two words"};
    const auto said = Command(std::move(made)).carry(letter).value();
    EXPECT_THAT(said, HasSubstr("LDAP=ldap.example"));
    EXPECT_THAT(said, HasSubstr("LANG=C.UTF-8"));
    EXPECT_THAT(said, HasSubstr(scratch_.path().string()));
    EXPECT_THAT(said, HasSubstr("one two words"));
    EXPECT_THAT(said, Not(HasSubstr("COUNTERSIGN_TEST_SECRET")));
}

TEST_F(CommandHook, AnyOtherEndIsNoAnswer) {
    const auto failed = Command(options("cat; echo the directory is away >&2; exit 3")).carry(letter);
    ASSERT_FALSE(failed);
    EXPECT_THAT(failed.error().detail, HasSubstr("code 3: the directory is away"));
    EXPECT_FALSE(Command(options("cat; kill -9 $$")).carry(letter));
    EXPECT_FALSE(Command(options("yes")).carry(letter));
    auto slow = options("cat; sleep 600");
    slow.time_limit = 300ms;
    EXPECT_FALSE(Command(std::move(slow)).carry(letter));
    CommandOptions missing;
    missing.program = scratch_ / "missing";
    EXPECT_FALSE(Command(std::move(missing)).carry(letter));
}

}  // namespace
}  // namespace countersign::hook
