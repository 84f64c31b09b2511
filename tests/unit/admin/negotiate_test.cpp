// What needs no KDC; tickets are in tests/system/sign_in_test.py.
#include "countersign/admin/negotiate.hpp"

#include "countersign/crypto/encoding.hpp"
#include "scratch_directory.hpp"
#include "sign_in_requests.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace countersign::admin::test {
namespace {

using testing::HasSubstr;

void put(std::string& out, std::uint32_t number, int octets) {
    while (octets-- > 0) out += static_cast<char>(number >> (8 * octets));
}
void put(std::string& out, std::string_view text) {
    put(out, static_cast<std::uint32_t>(text.size()), 2);
    out += text;
}

// A keytab with one AES-256 key for HTTP/ndes.test@TEST.EXAMPLE (MIT's file format 0x502).
std::string keytab() {
    std::string entry;
    put(entry, 2, 2);
    for (const auto* part : {"TEST.EXAMPLE", "HTTP", "ndes.test"}) put(entry, part);
    put(entry, 1, 4);           // KRB5_NT_PRINCIPAL
    put(entry, 1700000000, 4);  // when it was made
    put(entry, 1, 1);           // version
    put(entry, 18, 2);          // aes256-cts-hmac-sha1-96
    put(entry, std::string(32, 'k'));
    std::string file("\x05\x02", 2);
    put(file, static_cast<std::uint32_t>(entry.size()), 4);
    return file + entry;
}

struct NegotiateTest : testing::Test {
    countersign::test::ScratchDirectory directory;

    std::string file(const std::string& name, const std::string& content) const {
        std::ofstream(directory / name, std::ios::binary) << content;
        return (directory / name).string();
    }
    Result<std::shared_ptr<Negotiate>> make(const std::string& service = "HTTP/ndes.test@TEST.EXAMPLE",
                                            ChannelBinding binding = ChannelBinding::when_offered) const {
        Account account;
        account.name = "alice";
        return Negotiate::create({file("keytab", keytab()), service, binding},
                                 accounts_with(std::move(account), {"TEST.EXAMPLE"}));
    }
};

std::string negotiate(std::string_view token) {
    return "Negotiate " + crypto::base64(as_bytes(token));
}

TEST_F(NegotiateTest, WantsAKeytabWithAKeyForTheService) {
    EXPECT_TRUE(make());
    EXPECT_TRUE(make(""));
    const auto other = make("HTTP/other.test@TEST.EXAMPLE");
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().kind, ErrorKind::denied);
    EXPECT_THAT(other.error().detail, HasSubstr("HTTP/other.test"));
    for (const auto& bad : {(directory / "absent").string(), file("empty", ""), file("garbage", "no keytab at all")}) {
        const auto made = Negotiate::create({bad, "", ChannelBinding::when_offered}, accounts_with({}));
        ASSERT_FALSE(made) << bad;
        EXPECT_THAT(made.error().detail, HasSubstr(bad));
    }
}

TEST_F(NegotiateTest, RefusesWhatIsNoToken) {
    const auto scheme = make().value();
    for (const auto& value :
         {std::string("Negotiate !"), negotiate("x"), negotiate("\x60"), negotiate("\x60\x82\xff\xff"),
          negotiate(std::string(70000, '\x60')), negotiate("\x60" + std::string(3000, '\x30'))}) {
        const auto request = request_with({{"authorization", value}});
        EXPECT_TRUE(scheme->is_brought_by(request)) << value.substr(0, 40);
        EXPECT_TRUE(std::holds_alternative<Unproven>(scheme->judge(request))) << value.substr(0, 40);
        EXPECT_EQ(request.connection->memory, nullptr);
    }
}

TEST_F(NegotiateTest, IsNotBroughtByNtlmOrByTwoHeaders) {
    const auto scheme = make().value();
    using namespace std::string_literals;
    EXPECT_FALSE(scheme->is_brought_by(request_with({{"authorization", negotiate("NTLMSSP\0\1\0\0\0"s)}})));
    EXPECT_FALSE(scheme->is_brought_by(request_with({{"authorization", "Basic YTpi"}})));
    EXPECT_FALSE(scheme->is_brought_by(request_with({})));
    const std::pair<std::string, std::string> good{"authorization", negotiate("\x60\x01x")};
    EXPECT_TRUE(scheme->is_brought_by(request_with({good})));
    EXPECT_FALSE(scheme->is_brought_by(request_with({good, good})));
}

TEST_F(NegotiateTest, GoesOnOnlyWithWhatItBegan) {
    const auto request = request_with({{"authorization", negotiate("\xa1\x02\x30\x00")}});
    EXPECT_THAT(why_not(make().value()->judge(request)), HasSubstr("did not begin"));
}

// The initial token of SPNEGO whose one mechanism is Kerberos, without a ticket: the acceptor wants another round.
const std::string hello_for_kerberos =
    "\x60\x1b\x06\x06\x2b\x06\x01\x05\x05\x02\xa0\x11\x30\x0f\xa0\x0d\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02"
    "\x02";
// The same with NTLM instead.
const std::string hello_for_ntlm =
    "\x60\x1c\x06\x06\x2b\x06\x01\x05\x05\x02\xa0\x12\x30\x10\xa0\x0e\x30\x0c\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02"
    "\x02\x0a";

TEST_F(NegotiateTest, TakesSeveralRequestsOfOneConnectionAndOfNoProxy) {
    const auto scheme = make().value();
    const auto direct = request_with({{"authorization", negotiate(hello_for_kerberos)}});
    const auto verdict = scheme->judge(direct);
    ASSERT_TRUE(std::holds_alternative<AnotherRound>(verdict)) << why_not(verdict);
    EXPECT_THAT(std::get<AnotherRound>(verdict).challenge, testing::StartsWith("Negotiate "));
    EXPECT_NE(direct.connection->memory, nullptr);
    // A wrong answer ends what was begun; the connection remembers nothing.
    const auto wrong = request_with({{"authorization", negotiate("\xa1\x02\x30\x00")}}, direct.connection);
    EXPECT_TRUE(std::holds_alternative<Unproven>(scheme->judge(wrong)));
    EXPECT_EQ(direct.connection->memory, nullptr);

    const auto relayed = request_with({{"authorization", negotiate(hello_for_kerberos)}}, connection_to("l", true));
    EXPECT_THAT(why_not(scheme->judge(relayed)), HasSubstr("proxy"));
    EXPECT_EQ(relayed.connection->memory, nullptr);
}

TEST_F(NegotiateTest, ContinuesNoConversationOfAnotherScheme) {
    const auto one = make().value();
    const auto other = make().value();
    const auto first = request_with({{"authorization", negotiate(hello_for_kerberos)}});
    ASSERT_TRUE(std::holds_alternative<AnotherRound>(one->judge(first)));
    const auto second = request_with({{"authorization", negotiate("\xa1\x02\x30\x00")}}, first.connection);
    EXPECT_THAT(why_not(other->judge(second)), HasSubstr("did not begin"));
}

TEST_F(NegotiateTest, NegotiatesNoNtlm) {
    const auto request = request_with({{"authorization", negotiate(hello_for_ntlm)}});
    EXPECT_TRUE(std::holds_alternative<Unproven>(make().value()->judge(request)));
}

TEST_F(NegotiateTest, CannotRequireABindingWhereThereIsNoTlsOfOurOwn) {
    const auto scheme = make("", ChannelBinding::required).value();
    const auto plain = request_with({{"authorization", negotiate(hello_for_kerberos)}});
    EXPECT_THAT(why_not(scheme->judge(plain)), HasSubstr("no TLS of our own"));
    auto relayed = connection_to("l", true);
    relayed->server_end_point = Bytes(32, 1);
    EXPECT_THAT(why_not(scheme->judge(request_with({{"authorization", negotiate(hello_for_kerberos)}}, relayed))),
                HasSubstr("no TLS of our own"));
}

}  // namespace
}  // namespace countersign::admin::test
