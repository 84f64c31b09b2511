#include "countersign/crypto/encoding.hpp"

#include <gtest/gtest.h>

#include "vectors.hpp"

namespace countersign::crypto {
namespace {

// RFC 4648 section 10.
TEST(Base64, KnownAnswers) {
    const std::vector<std::pair<std::string, std::string>> pairs{
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
    };
    for (const auto& [plain, encoded] : pairs) {
        EXPECT_EQ(base64(as_bytes(plain)), encoded);
        EXPECT_EQ(from_base64(encoded).value(), to_bytes(as_bytes(plain)));
    }
    EXPECT_EQ(base64(Bytes{0xfb, 0xff, 0xfe}), "+//+");
    EXPECT_EQ(base64(Bytes(100)).find('\n'), std::string::npos);
}

TEST(Base64, RefusesEverythingElse) {
    for (const char* text : {"Z", "Zg", "Zg=", "Zg===", "=Zg=", "Z===", "====", "==", "Zm9v\n", " Zm9v", "Zm9v ",
                             "Zm 9v", "-__-", "Zg==Zg==", "Zm9vY\ng=", "Zm9%", "Zm\0v"}) {
        const auto read = from_base64(text);
        ASSERT_FALSE(read.has_value()) << text;
        EXPECT_EQ(read.error().kind, ErrorKind::malformed);
    }
    EXPECT_FALSE(from_base64(std::string_view("Zm9\0", 4)).has_value());
}

TEST(Pem, ThereAndBack) {
    const Bytes der(100, 0xa5);
    const std::string text = to_pem("THING", der);
    EXPECT_TRUE(text.starts_with("-----BEGIN THING-----\n"));
    EXPECT_TRUE(text.ends_with("\n-----END THING-----\n"));
    EXPECT_EQ(text.find('\n', 22), 22U + 64U);
    EXPECT_EQ(from_pem(text, "THING").value(), (std::vector<Bytes>{der}));
}

TEST(Pem, ReadsWhatOpensslWrites) {
    const auto blocks = from_pem(test::vector_text("crypto/root.pem"), "CERTIFICATE").value();
    ASSERT_EQ(blocks.size(), 1U);
    EXPECT_EQ(to_pem("CERTIFICATE", blocks[0]), test::vector_text("crypto/root.pem"));
}

TEST(Pem, TakesEveryBlockOfItsLabel) {
    const std::string text =
        "words\n" + to_pem("A", Bytes{1}) + to_pem("B", Bytes{2}) + "\r\nmore words\r\n" + to_pem("A", Bytes{3});
    EXPECT_EQ(from_pem(text, "A").value(), (std::vector<Bytes>{{1}, {3}}));
    EXPECT_EQ(from_pem(text, "B").value(), (std::vector<Bytes>{{2}}));
    EXPECT_EQ(from_pem(text, "C").error().kind, ErrorKind::not_found);
    EXPECT_EQ(from_pem("", "A").error().kind, ErrorKind::not_found);
}

TEST(Pem, WindowsLineEndsAreFine) {
    EXPECT_EQ(from_pem("-----BEGIN A-----\r\nAQID\r\n-----END A-----\r\n", "A").value(),
              (std::vector<Bytes>{{1, 2, 3}}));
}

TEST(Pem, RefusesBrokenBlocks) {
    for (const char* text : {
             "-----BEGIN A-----\nAQID\n",                   // no end
             "-----BEGIN A-----\nAQID\n-----END B-----\n",  // another end
             "-----BEGIN A-----\n-----END A-----\n",        // empty
             "-----BEGIN A-----\nAQI\n-----END A-----\n",   // cut
             "-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\n\nAQID\n-----END A-----\n",
             "-----BEGIN A-----\nAQID\n-----BEGIN A-----\nAQID\n-----END A-----\n",
         }) {
        const auto read = from_pem(text, "A");
        ASSERT_FALSE(read.has_value()) << text;
        EXPECT_EQ(read.error().kind, ErrorKind::malformed) << text;
    }
}

}  // namespace
}  // namespace countersign::crypto
