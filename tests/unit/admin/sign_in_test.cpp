#include "countersign/admin/sign_in.hpp"

#include "countersign/admin/basic.hpp"
#include "countersign/admin/password_hash.hpp"
#include "countersign/crypto/encoding.hpp"
#include "counting_random.hpp"
#include "fixed_clock.hpp"
#include "memory_sink.hpp"

#include <gmock/gmock.h>

namespace countersign::admin {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

class SignInTest : public testing::Test {
protected:
    SignInTest() {
        Account alice;
        alice.name = "alice";
        alice.password_hash = hash_password(Secret("open sesame"), random_).value();
        Account kerberos_only;
        kerberos_only.name = "bob";
        accounts_ = std::make_shared<Accounts>(std::vector{alice, kerberos_only}, std::vector<std::string>{});
        basic_ = std::make_shared<Basic>(accounts_, clock_, random_);
        std::map<std::string, ListenerSignIn> listeners;
        listeners["tls"] = {{basic_}, false};
        listeners["in words"] = {{basic_}, true};
        listeners["certificates"] = {{}, false};
        sign_in_ = std::make_unique<SignIn>(std::move(listeners), events_, clock_);
    }

    static net::Request request_with(const std::string& credentials, const std::string& client = "192.0.2.1") {
        net::Request request;
        request.method = "GET";
        request.path = "/certsrv/mscep_admin/";
        request.client = client;
        request.secure = true;
        request.connection = std::make_shared<net::Connection>();
        request.connection->listener = "tls";
        if (!credentials.empty())
            request.headers.emplace_back("authorization", "Basic " + crypto::base64(as_bytes(credentials)));
        return request;
    }
    std::string who(const net::Request& request) {
        const auto outcome = sign_in_->identify(request);
        if (const auto* caller = std::get_if<Caller>(&outcome)) return caller->account->name;
        return std::to_string(std::get<Refusal>(outcome).status);
    }

    test::FixedClock clock_;
    test::CountingRandom random_;
    test::MemoryEvents events_;
    std::shared_ptr<const Accounts> accounts_;
    std::shared_ptr<Basic> basic_;
    std::unique_ptr<SignIn> sign_in_;
};

TEST_F(SignInTest, TheRightPasswordOpensItsAccount) {
    EXPECT_EQ(who(request_with("alice:open sesame")), "alice");
    EXPECT_EQ(who(request_with("CORP\\ALICE:open sesame")), "alice");
    EXPECT_THAT(events_.ids(), IsEmpty());
}

TEST_F(SignInTest, NothingElseDoes) {
    for (const auto* wrong :
         {"alice:open sesame ", "alice:Open sesame", "alice:", "alice", "bob:", "bob:x", "carol:open sesame", ":", ""})
        EXPECT_EQ(who(request_with(wrong, std::string("client of ") + wrong)), "401") << wrong;
}

TEST_F(SignInTest, AnInvitationSaysBasicAndNothingElse) {
    const auto outcome = sign_in_->identify(request_with(""));
    const auto& refusal = std::get<Refusal>(outcome);
    ASSERT_EQ(refusal.headers.size(), 1u);
    EXPECT_EQ(refusal.headers[0].first, "WWW-Authenticate");
    EXPECT_TRUE(refusal.headers[0].second.starts_with("Basic realm=\""));
}

TEST_F(SignInTest, PlainHttpIsForLoopbackProxiesAndThoseWhoSaidSoInWords) {
    auto request = request_with("alice:open sesame");
    request.secure = false;
    EXPECT_EQ(who(request), "403");
    request.loopback_or_proxy = true;
    EXPECT_EQ(who(request), "alice");
    request.loopback_or_proxy = false;
    request.connection->listener = "in words";
    EXPECT_EQ(who(request), "alice");
    request.connection->listener = "unknown";
    EXPECT_EQ(who(request), "403");
    request.connection = nullptr;
    EXPECT_EQ(who(request), "403");
}

TEST_F(SignInTest, AListenerWithNothingToInviteToSaysWhatItWants) {
    auto request = request_with("alice:open sesame");
    request.connection->listener = "certificates";
    EXPECT_EQ(who(request), "403");
}

TEST_F(SignInTest, SeveralAuthorizationHeadersAreNone) {
    auto request = request_with("alice:open sesame");
    request.headers.push_back(request.headers.front());
    EXPECT_EQ(who(request), "401");
}

TEST_F(SignInTest, CredentialsThatAreNoneCountAgainstTheirSource) {
    for (int i = 0; i < 30; ++i) {
        auto request = request_with("");
        request.headers.emplace_back("authorization", "Basic ****");
        EXPECT_EQ(who(request), "401");
    }
    EXPECT_EQ(who(request_with("alice:open sesame")), "429");
    EXPECT_EQ(who(request_with("alice:open sesame", "192.0.2.2")), "alice");
}

TEST_F(SignInTest, AFailureIsRecordedWithItsReasonAndWithoutItsPassword) {
    EXPECT_EQ(who(request_with("Alice:swordfish")), "401");
    EXPECT_THAT(events_.ids(), ElementsAre("sign_in.failed"));
    EXPECT_EQ(events_.last("account"), "alice");
    EXPECT_EQ(events_.last("reason"), "wrong password");
    EXPECT_EQ(events_.last("client"), "192.0.2.1");
    const auto recorded = events_.events();
    for (const auto& [key, value] : recorded.front().fields) {
        const auto* text = std::get_if<std::string>(&value);
        EXPECT_TRUE(text == nullptr || text->find("swordfish") == std::string::npos) << key;
    }
    EXPECT_EQ(who(request_with("dave:swordfish")), "401");
    EXPECT_EQ(events_.last("reason"), "there is no such account");
}

TEST_F(SignInTest, GuessingIsSlowedDownHoweverTheNameIsWritten) {
    const std::vector<std::string> spellings{"alice", "ALICE", "alice@a", "A\\alice", "Alice@b"};
    for (const auto& name : spellings) EXPECT_EQ(who(request_with(name + ":guess")), "401");
    EXPECT_EQ(who(request_with("alice:open sesame")), "429") << "even the right one, or a guess would show";
    const auto outcome = sign_in_->identify(request_with("alice:guess"));
    EXPECT_EQ(std::get<Refusal>(outcome).headers.at(0), (std::pair<std::string, std::string>("Retry-After", "1")));
    EXPECT_EQ(events_.ids().size(), spellings.size()) << "what is not judged is not recorded line by line";
    clock_.advance(1s);
    EXPECT_EQ(who(request_with("alice:open sesame")), "alice");
}

TEST_F(SignInTest, WhoSignedInBeforeGoesOnWhileOthersGuess) {
    EXPECT_EQ(who(request_with("alice:open sesame")), "alice");
    for (int i = 0; i < 50; ++i) who(request_with("alice:guess " + std::to_string(i)));
    EXPECT_EQ(who(request_with("alice:guess")), "429");
    EXPECT_EQ(who(request_with("alice:open sesame")), "alice");
    EXPECT_EQ(who(request_with("ALICE:open sesame")), "429") << "other octets are another guess";
    clock_.advance(11min);
    EXPECT_EQ(who(request_with("alice:open sesame")), "alice") << "judged anew";
}

TEST_F(SignInTest, ForgetsCredentialsAfterMinutes) {
    EXPECT_FALSE(basic_->remembered(request_with("alice:open sesame")));
    basic_->judge(request_with("alice:open sesame"));
    EXPECT_TRUE(basic_->remembered(request_with("alice:open sesame")));
    EXPECT_FALSE(basic_->remembered(request_with("alice:open sesamf")));
    basic_->judge(request_with("alice:wrong"));
    EXPECT_FALSE(basic_->remembered(request_with("alice:wrong"))) << "failures are not remembered as successes";
    clock_.advance(10min);
    EXPECT_FALSE(basic_->remembered(request_with("alice:open sesame")));
}

TEST(CredentialsFor, TakesTheSchemeInAnyCaseAndOnlyAWholeWord) {
    net::Request request;
    request.headers = {{"authorization", "basic  abc "}};
    EXPECT_EQ(credentials_for("Basic", request), "abc");
    request.headers = {{"authorization", "BasicX abc"}};
    EXPECT_EQ(credentials_for("Basic", request), std::nullopt);
    request.headers = {{"authorization", "Basic"}};
    EXPECT_EQ(credentials_for("Basic", request), std::nullopt);
    request.headers = {};
    EXPECT_EQ(credentials_for("Basic", request), std::nullopt);
}

TEST(CheckIntended, ScriptsAndTheirOwnPagesMayAsk) {
    net::Request request;
    EXPECT_TRUE(check_intended(request));
    request.headers = {{"host", "ndes.example:8443"}, {"referer", "https://NDES.example:8443/certsrv/mscep_admin/"}};
    EXPECT_TRUE(check_intended(request));
    request.headers = {{"host", "ndes.example"}, {"origin", "https://ndes.example"}};
    EXPECT_TRUE(check_intended(request));
    request.headers = {{"sec-fetch-site", "none"}};
    EXPECT_TRUE(check_intended(request));
}

TEST(CheckIntended, OtherSitesMayNot) {
    const std::vector<std::pair<std::string, std::string>> refused{
        {"sec-fetch-site", "cross-site"},
        {"sec-fetch-site", "same-site"},
        {"sec-fetch-site", ""},
        {"origin", "null"},
        {"origin", "https://evil.example"},
        {"referer", "https://ndes.example.evil.example/"},
        {"referer", "https://evil/@ndes.example"},
        {"sec-purpose", "prefetch"},
        {"purpose", "Prefetch"},
        {"x-purpose", "preview"},
        {"x-moz", "prefetch"},
    };
    for (const auto& header : refused) {
        net::Request request;
        request.headers = {{"host", "ndes.example"}, header};
        EXPECT_FALSE(check_intended(request)) << header.first << ": " << header.second;
    }
}

}  // namespace
}  // namespace countersign::admin
