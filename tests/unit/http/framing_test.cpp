#include "countersign/http/framing.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace countersign::http {
namespace {

struct Case {
    std::string what;
    std::string block;
};

std::string line(const std::string& text) {
    return text + "\r\n";
}
std::string get(const std::string& fields) {
    return "GET /p?q HTTP/1.1\r\n" + fields + "\r\n";
}
std::string post(const std::string& fields) {
    return "POST /p HTTP/1.1\r\n" + fields + "\r\n";
}

std::vector<Case> good() {
    return {
        {"no fields", get("")},
        {"HTTP/1.0", "GET /p HTTP/1.0\r\n\r\n"},
        {"one host", get("Host: a\r\n")},
        {"no space after the colon", get("Host:a\r\n")},
        {"empty value", post("Content-Type:\r\nContent-Length: 3\r\n")},
        {"tab in a value", get("X: a\tb\r\n")},
        {"high octets in a value", get("X: caf\xc3\xa9\r\n")},
        {"high octets in the target", "GET /p?message=\xc3\xa9 HTTP/1.1\r\n\r\n"},
        {"length", post("Content-Length: 5\r\n")},
        {"length with blanks around", post("Content-Length: \t 5 \r\n")},
        {"leading zeros", post("Content-Length: 005\r\n")},
        {"length at the bound", post("Content-Length: 2147483648\r\n")},
        {"zero length on GET", get("Content-Length: 0\r\n")},
        {"chunked", post("Transfer-Encoding: chunked\r\n")},
        {"Chunked", post("transfer-encoding: CHUNKED \r\n")},
        {"asterisk", "OPTIONS * HTTP/1.1\r\n\r\n"},
        {"unknown method", "BREW /p HTTP/1.1\r\n\r\n"},
        {"odd token name", get("X!#$%&'*+-.^_`|~1: y\r\n")},
    };
}

std::vector<Case> bad() {
    std::string many;
    for (int i = 0; i < 129; ++i) many += line("X" + std::to_string(i) + ": y");
    using namespace std::string_literals;
    return {
        {"nothing", ""},
        {"empty line alone", "\r\n"},
        {"two empty lines", "\r\n\r\n"},
        {"not ended", "GET / HTTP/1.1\r\nHost: a\r\n"},
        {"more after the end", get("") + "GET / HTTP/1.1\r\n\r\n"},
        {"bare LF", "GET / HTTP/1.1\nHost: a\r\n\r\n"},
        {"bare LF between fields", get("A: b\nTransfer-Encoding: chunked\r\n")},
        {"bare CR in a value", get("A: b\rTransfer-Encoding: chunked\r\n")},
        {"CR CR LF", get("A: b\r\r\n")},
        {"obs-fold with blank", get("A: b\r\n c\r\n")},
        {"obs-fold with tab", get("A: b\r\n\tc\r\n")},
        {"blank before the first field", get(" A: b\r\n")},
        {"blank before the colon", post("Content-Length : 5\r\n")},
        {"tab before the colon", post("Content-Length\t: 5\r\n")},
        {"no colon", get("Host\r\n")},
        {"empty name", get(": b\r\n")},
        {"blank in the name", get("A B: c\r\n")},
        {"high octet in the name", get("\xc3\xa9: c\r\n")},
        {"NUL in the name", get("A\0B: c\r\n"s)},
        {"NUL in the value", get("A: b\0c\r\n"s)},
        {"vertical tab in the value", get("A: b\x0b\r\n")},
        {"DEL in the value", get("A: b\x7f\r\n")},
        {"NUL in the target", "GET /a\0b HTTP/1.1\r\n\r\n"s},
        {"tab in the request line", "GET\t/ HTTP/1.1\r\n\r\n"},
        {"two blanks", "GET  / HTTP/1.1\r\n\r\n"},
        {"blank in the target", "GET /a b HTTP/1.1\r\n\r\n"},
        {"blank at the line's end", "GET / HTTP/1.1 \r\n\r\n"},
        {"HTTP/0.9", "GET /\r\n\r\n"},
        {"HTTP/2.0", "PRI * HTTP/2.0\r\n\r\n"},
        {"HTTP/1.2", "GET / HTTP/1.2\r\n\r\n"},
        {"HTTP/1.10", "GET / HTTP/1.10\r\n\r\n"},
        {"HTTP/01.1", "GET / HTTP/01.1\r\n\r\n"},
        {"lower case version", "GET / http/1.1\r\n\r\n"},
        {"fragment", "GET /a#b HTTP/1.1\r\n\r\n"},
        {"absolute form", "GET http://a/ HTTP/1.1\r\n\r\n"},
        {"authority form", "CONNECT a:443 HTTP/1.1\r\n\r\n"},
        {"asterisk with GET", "GET * HTTP/1.1\r\n\r\n"},
        {"relative target", "GET a HTTP/1.1\r\n\r\n"},
        {"method is no token", "G(T / HTTP/1.1\r\n\r\n"},
        {"two hosts", get("Host: a\r\nHost: b\r\n")},
        {"the same host twice", get("Host: a\r\nhost: a\r\n")},
        {"repeated length, equal", post("Content-Length: 5\r\nContent-Length: 5\r\n")},
        {"repeated length, different", post("Content-Length: 5\r\ncontent-length: 6\r\n")},
        {"length as a list", post("Content-Length: 5, 5\r\n")},
        {"signed length", post("Content-Length: +5\r\n")},
        {"negative length", post("Content-Length: -5\r\n")},
        {"hexadecimal length", post("Content-Length: 0x5\r\n")},
        {"length with a fraction", post("Content-Length: 5.0\r\n")},
        {"empty length", post("Content-Length:\r\n")},
        {"length with a blank inside", post("Content-Length: 5 5\r\n")},
        {"length over the bound", post("Content-Length: 2147483649\r\n")},
        {"length over 64 bits", post("Content-Length: 18446744073709551621\r\n")},
        {"length and coding", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")},
        {"coding and length", post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n")},
        {"two codings in two fields", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")},
        {"identity in a second field", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n")},
        {"gzip", post("Transfer-Encoding: gzip\r\n")},
        {"gzip, chunked", post("Transfer-Encoding: gzip, chunked\r\n")},
        {"xchunked", post("Transfer-Encoding: xchunked\r\n")},
        {"chunked, identity", post("Transfer-Encoding: chunked, identity\r\n")},
        {"identity", post("Transfer-Encoding: identity\r\n")},
        {"empty coding", post("Transfer-Encoding:\r\n")},
        {"quoted chunked", post("Transfer-Encoding: \"chunked\"\r\n")},
        {"chunked with a parameter", post("Transfer-Encoding: chunked;q=1\r\n")},
        {"chunked with a comma", post("Transfer-Encoding: chunked,\r\n")},
        {"chunked behind a vertical tab", post("Transfer-Encoding: \x0b"
                                               "chunked\r\n")},
        {"blank before the coding's colon", post("Transfer-Encoding : chunked\r\n")},
        {"coding in HTTP/1.0", "POST /p HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {"body on GET", get("Content-Length: 5\r\n")},
        {"body on HEAD", "HEAD /p HTTP/1.1\r\nContent-Length: 5\r\n\r\n"},
        {"chunked body on GET", get("Transfer-Encoding: chunked\r\n")},
        {"129 fields", get(many)},
    };
}

TEST(Framing, AcceptsWhatEveryParserReadsTheSameWay) {
    for (const auto& [what, block] : good()) EXPECT_TRUE(check_framing(block)) << what;
}

TEST(Framing, RefusesWhatTwoParsersCouldReadDifferently) {
    for (const auto& [what, block] : bad()) {
        const auto checked = check_framing(block);
        ASSERT_FALSE(checked) << what;
        EXPECT_EQ(checked.error().kind, ErrorKind::malformed) << what;
        EXPECT_FALSE(checked.error().detail.empty()) << what;
    }
}

// The reason goes to the client: it must not carry the client's own text.
TEST(Framing, ReasonsDoNotEchoTheRequest) {
    const auto checked = check_framing(get("<script>: x\r\n"));
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().detail.find("script"), std::string::npos);
}

TEST(Framing, EveryControlCharacterIsRefusedSomewhereInEveryPart) {
    for (int c = 0; c < 0x20; ++c) {
        const std::string octet(1, static_cast<char>(c));
        EXPECT_FALSE(check_framing("G" + octet + "ET / HTTP/1.1\r\n\r\n")) << c;
        EXPECT_FALSE(check_framing("GET /" + octet + " HTTP/1.1\r\n\r\n")) << c;
        EXPECT_FALSE(check_framing(get("A" + octet + "B: c\r\n"))) << c;
        EXPECT_EQ(check_framing(get("A: b" + octet + "c\r\n")).has_value(), c == '\t') << c;
    }
}

}  // namespace
}  // namespace countersign::http
