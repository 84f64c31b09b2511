#include "app/probe/ndes_page.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace countersign::app {
namespace {

const std::string page =
    "<HTML><Head><Meta HTTP-Equiv=\"Content-Type\" Content=\"text/html; charset=UTF-8\"><Title>Network Device "
    "Enrollment Service</Title></Head>"
    "<Body><P> The thumbprint (hash value) for the CA certificate is: <B> A656FA66 AB12B433 A2DA5CF7 CC153D9A </B> "
    "<P> The enrollment challenge password is: <B> 8CE317021F690069 </B> <P> This password can be used only once and "
    "will expire within 60 minutes.";

Bytes utf16(std::string_view text, bool mark) {
    Bytes bytes;
    if (mark) bytes = {0xff, 0xfe};
    for (const char c : text) {
        bytes.push_back(static_cast<std::uint8_t>(c));
        bytes.push_back(0);
    }
    return bytes;
}

TEST(NdesPage, GivesTheChallengeInEveryEncodingSeen) {
    EXPECT_EQ(read_ndes_page(utf16(page, true)).value().challenge.reveal_text(), "8CE317021F690069");
    EXPECT_EQ(read_ndes_page(utf16(page, false)).value().challenge.reveal_text(), "8CE317021F690069");
    EXPECT_EQ(read_ndes_page(as_bytes(page)).value().challenge.reveal_text(), "8CE317021F690069");
    Bytes odd = utf16(page, true);
    odd.push_back('\n');
    EXPECT_EQ(read_ndes_page(odd).value().challenge.reveal_text(), "8CE317021F690069");
}

TEST(NdesPage, TellsFullCachesFromMissingRights) {
    const auto full = read_ndes_page(utf16("<P> The password cache is full. <P>", true));
    EXPECT_EQ(full.error().kind, ErrorKind::throttled);
    const auto denied =
        read_ndes_page(utf16("<P> You do not have sufficient permission to enroll with SCEP.  Please", true));
    EXPECT_EQ(denied.error().kind, ErrorKind::denied);
    const auto open = read_ndes_page(utf16("<P> No enrollment challenge password is required. </P>", true));
    EXPECT_EQ(open.error().kind, ErrorKind::not_found);
}

TEST(NdesPage, RefusesPagesWithoutAChallenge) {
    for (const char* bad : {"", "<", "<html>login</html>",
                            "The enrollment challenge password is: ", "The enrollment challenge password is: <B> </B>",
                            "The enrollment challenge password is: <B> two words </B>"}) {
        EXPECT_EQ(read_ndes_page(as_bytes(bad)).error().kind, ErrorKind::malformed) << bad;
    }
}

TEST(NdesPage, GivesThumbprintLifeAndReuse) {
    const auto read = read_ndes_page(utf16(page, true)).value();
    EXPECT_EQ(read.thumbprint, "A656FA66AB12B433A2DA5CF7CC153D9A");
    EXPECT_EQ(read.valid_minutes, 60u);
    EXPECT_FALSE(read.reusable);
    const auto single =
        read_ndes_page(as_bytes("<P> The enrollment challenge password is: <B> 00112233AABBCCDD </B> <P> This "
                                "password can be used multiple times and will not expire."))
            .value();
    EXPECT_TRUE(single.reusable);
    EXPECT_EQ(single.valid_minutes, std::nullopt);
}

std::vector<std::string> clients_failing_on(ByteView octets) {
    std::vector<std::string> clients;
    for (const auto& one : failing_readers(read_ndes_page(octets).value())) clients.push_back(one.client);
    return clients;
}

std::string changed(std::string_view from, std::string_view to) {
    std::string text = page;
    text.replace(text.find(from), from.size(), to);
    return text;
}

TEST(NdesPage, EveryReaderFindsTheChallengeOfAPageAsNdesSendsIt) {
    EXPECT_TRUE(clients_failing_on(utf16(page, true)).empty());
}

TEST(NdesPage, NamesTheReadersThatFail) {
    using testing::ElementsAre;
    EXPECT_THAT(clients_failing_on(utf16(page, false)), ElementsAre("BeautifulSoup and .NET scripts"));
    EXPECT_THAT(clients_failing_on(as_bytes(page)), ElementsAre("Zentral, ansible, certmonger recipes"));
    Bytes odd = utf16(page, true);
    odd.push_back('\n');
    EXPECT_THAT(clients_failing_on(odd), ElementsAre("Zentral, ansible"));
    EXPECT_THAT(clients_failing_on(utf16(changed("8CE317021F690069", "8ce317021f690069"), true)),
                ElementsAre("Zentral"));
    EXPECT_THAT(clients_failing_on(utf16(changed("8CE317021F690069 </B>", "8CE317021F690069</B>"), true)),
                ElementsAre("Zentral"));
    EXPECT_THAT(clients_failing_on(
                    utf16(changed("A656FA66 AB12B433 A2DA5CF7 CC153D9A", "A656FA66AB12B433A2DA5CF7CC153D9A"), true)),
                ElementsAre("PSNDESEnrollment, ansible"));
    EXPECT_THAT(clients_failing_on(utf16(
                    changed("<P> The enrollment challenge password", "<P>The enrollment challenge password"), true)),
                ElementsAre("requests_ntlm scripts"));
    EXPECT_THAT(
        clients_failing_on(utf16(changed("The enrollment challenge password", "Your challenge password"), true)),
        ElementsAre("Fleet"));
}

}  // namespace
}  // namespace countersign::app
