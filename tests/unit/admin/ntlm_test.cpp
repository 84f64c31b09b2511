// What needs no client; sign-ins that succeed are in tests/system/sign_in_test.py.
#include "countersign/admin/ntlm.hpp"

#include "countersign/crypto/encoding.hpp"
#include "sign_in_requests.hpp"

#include <gtest/gtest.h>

namespace countersign::admin::test {
namespace {

using namespace std::string_literals;
using testing::HasSubstr;

// A NEGOTIATE_MESSAGE as curl sends it, and with the version that others add.
const std::string short_hello = "NTLMSSP\0\1\0\0\0\x06\x82\x08\0"s + std::string(16, '\0');
const std::string hello = short_hello + std::string(8, '\0');

std::string ntlm(const std::string& token) {
    return "NTLM " + crypto::base64(as_bytes(token));
}

// An AUTHENTICATE_MESSAGE that claims to be CORP\Alice, in UTF-16, with nothing that proves it.
std::string claim() {
    std::string token = "NTLMSSP\0\3\0\0\0"s + std::string(16, '\0');
    token += "\x08\0\x08\0\x40\0\0\0"s + "\x0a\0\x0a\0\x48\0\0\0"s + std::string(16, '\0') + "\1\0\0\0"s;
    return token + "C\0O\0R\0P\0"s + "A\0l\0i\0c\0e\0"s;
}

struct NtlmTest : testing::Test {
    static std::shared_ptr<Ntlm> make(ChannelBinding binding = ChannelBinding::when_offered) {
        Account account;
        account.name = "mdm";
        account.principals = {"corp\\alice"};
        return Ntlm::create({"/nowhere/users", binding}, accounts_with(std::move(account))).value();
    }
    void SetUp() override { prepare_process_for_ntlm("/nowhere/users"); }
};

TEST_F(NtlmTest, TakesTheUsersTheProcessWasPreparedFor) {
    EXPECT_NE(make(), nullptr);
    const auto other = Ntlm::create({"/elsewhere/users", ChannelBinding::required}, accounts_with({}));
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().kind, ErrorKind::conflict);
    EXPECT_THAT(other.error().detail, HasSubstr("restart"));
}

TEST_F(NtlmTest, AsksForASecondRequestOfTheSameConnection) {
    const auto scheme = make();
    const auto first = request_with({{"authorization", ntlm(hello)}});
    for (const auto& form : {short_hello, hello}) {
        const auto begun = request_with({{"authorization", ntlm(form)}}, first.connection);
        const auto verdict = scheme->judge(begun);
        ASSERT_TRUE(std::holds_alternative<AnotherRound>(verdict)) << why_not(verdict);
        EXPECT_THAT(std::get<AnotherRound>(verdict).challenge, testing::StartsWith("NTLM TlRMTVNTUAAC"));
    }
    const auto elsewhere = request_with({{"authorization", ntlm(claim())}});
    EXPECT_THAT(why_not(scheme->judge(elsewhere)), HasSubstr("did not begin"));
    const auto second = request_with({{"authorization", ntlm(claim())}}, first.connection);
    EXPECT_TRUE(std::holds_alternative<Unproven>(scheme->judge(second)));
    EXPECT_THAT(why_not(scheme->judge(second)), HasSubstr("did not begin"));
}

TEST_F(NtlmTest, CountsFailuresByWhomTheClientClaimsToBe) {
    const auto scheme = make();
    EXPECT_EQ(scheme->claimed(request_with({{"authorization", ntlm(claim())}})), "mdm");
    auto stranger = claim();
    stranger.replace(stranger.find("A\0l"s), 1, "B");
    EXPECT_EQ(scheme->claimed(request_with({{"authorization", ntlm(stranger)}})), "corp\\x5cblice");
    EXPECT_EQ(scheme->claimed(request_with({{"authorization", ntlm(hello)}})), "");
    // Names that lie outside the message are not looked for.
    for (const std::size_t at : {36U, 40U, 41U, 43U}) {
        auto outside = claim();
        outside[at] = '\xff';
        EXPECT_EQ(scheme->claimed(request_with({{"authorization", ntlm(outside)}})), "") << at;
    }
    EXPECT_EQ(scheme->claimed(request_with({{"authorization", ntlm(claim().substr(0, 60))}})), "");
}

// Found by fuzzing: the version field that is put in would have moved the name from under the part that was read.
TEST_F(NtlmTest, RefusesAMessageWhosePartsLieInItsHeader) {
    const auto scheme = make();
    for (const char offset : {'\x10', '\x3f'}) {
        const auto first = request_with({{"authorization", ntlm(hello)}});
        ASSERT_TRUE(std::holds_alternative<AnotherRound>(scheme->judge(first)));
        auto inside = claim();
        inside[40] = offset;
        const auto second = request_with({{"authorization", ntlm(inside)}}, first.connection);
        EXPECT_EQ(scheme->claimed(second), "");
        EXPECT_THAT(why_not(scheme->judge(second)), HasSubstr("token is none"));
    }
}

TEST_F(NtlmTest, RefusesWhoeverClaimsToBeNobody) {
    const auto scheme = make();
    const auto first = request_with({{"authorization", ntlm(hello)}});
    ASSERT_TRUE(std::holds_alternative<AnotherRound>(scheme->judge(first)));
    // [MS-NLMP] 3.2.5.1.2: no user, an LM response of one zero octet, the flag for anonymous.
    const auto nothing = "\0\0\0\0\x49\0\0\0"s;
    auto token = "NTLMSSP\0\3\0\0\0"s + "\1\0\1\0\x48\0\0\0"s;
    for (int field = 0; field < 5; ++field) token += nothing;
    token += "\1\x0a\0\0"s + std::string(8, '\0') + "\0"s;
    const auto second = request_with({{"authorization", ntlm(token)}}, first.connection);
    EXPECT_EQ(scheme->claimed(second), "");
    const auto verdict = scheme->judge(second);
    EXPECT_TRUE(std::holds_alternative<Unproven>(verdict));
    EXPECT_THAT(why_not(verdict), testing::Not(HasSubstr("did not begin")));
}

TEST_F(NtlmTest, RefusesGarbageAndProxies) {
    const auto scheme = make();
    for (const auto& token : {""s, "x"s, "NTLMSSP\0"s, "NTLMSSP\0\2\0\0\0"s + std::string(60, '\0'),
                              "NTLMSSP\0\1\1\0\0"s + std::string(60, '\0'), "NTLMSSP\0\1\0\0\0"s}) {
        EXPECT_TRUE(std::holds_alternative<Unproven>(scheme->judge(request_with({{"authorization", ntlm(token)}}))));
    }
    const auto relayed = request_with({{"authorization", ntlm(hello)}}, connection_to("l", true));
    EXPECT_THAT(why_not(scheme->judge(relayed)), HasSubstr("proxy"));
    EXPECT_EQ(relayed.connection->memory, nullptr);
}

TEST_F(NtlmTest, RequiresTlsToBindToUnlessToldOtherwise) {
    const auto request = request_with({{"authorization", ntlm(hello)}});
    EXPECT_THAT(why_not(make(ChannelBinding::required)->judge(request)), HasSubstr("no TLS of our own"));
}

}  // namespace
}  // namespace countersign::admin::test
