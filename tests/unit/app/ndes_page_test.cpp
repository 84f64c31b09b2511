#include "app/commands/ndes_page.hpp"

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
    EXPECT_EQ(challenge_in_page(utf16(page, true)).value().reveal_text(), "8CE317021F690069");
    EXPECT_EQ(challenge_in_page(utf16(page, false)).value().reveal_text(), "8CE317021F690069");
    EXPECT_EQ(challenge_in_page(as_bytes(page)).value().reveal_text(), "8CE317021F690069");
    Bytes odd = utf16(page, true);
    odd.push_back('\n');
    EXPECT_EQ(challenge_in_page(odd).value().reveal_text(), "8CE317021F690069");
}

TEST(NdesPage, TellsFullCachesFromMissingRights) {
    const auto full = challenge_in_page(utf16("<P> The password cache is full. <P>", true));
    EXPECT_EQ(full.error().kind, ErrorKind::throttled);
    const auto denied =
        challenge_in_page(utf16("<P> You do not have sufficient permission to enroll with SCEP.  Please", true));
    EXPECT_EQ(denied.error().kind, ErrorKind::denied);
}

TEST(NdesPage, RefusesPagesWithoutAChallenge) {
    for (const char* bad : {"", "<", "<html>login</html>",
                            "The enrollment challenge password is: ", "The enrollment challenge password is: <B> </B>",
                            "The enrollment challenge password is: <B> two words </B>"}) {
        EXPECT_EQ(challenge_in_page(as_bytes(bad)).error().kind, ErrorKind::malformed) << bad;
    }
}

}  // namespace
}  // namespace countersign::app
