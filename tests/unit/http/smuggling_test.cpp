// The desynchronisation forms Boost 1.81's Beast accepts, and their relatives, against the real server: none may bring
// a second request to an endpoint, and after each the connection is closed.
#include "loopback.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace countersign::http::test {
namespace {

constexpr auto smuggled = "GET /admin HTTP/1.1\r\nHost: x\r\n\r\n";

std::vector<std::string> refused_heads() {
    using namespace std::string_literals;
    return {
        "POST /work HTTP/1.1\r\nTransfer-Encoding: gzip\r\nContent-Length: 0\r\n\r\n",
        "POST /work HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n",
        "POST /work HTTP/1.1\r\nTransfer-Encoding: chunked, identity\r\n\r\n",
        "POST /work HTTP/1.1\r\nTransfer-Encoding: identity\r\n\r\n",
        "POST /work HTTP/1.1\r\nTransfer-Encoding: identity\r\nContent-Length: 3\r\n\r\n",
        "POST /work HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /work HTTP/1.1\r\nContent-Length: 5, 5\r\n\r\nhello",
        "POST /work HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 33\r\n\r\n",
        "POST /work HTTP/1.1\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /work HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n",
        "POST /work HTTP/1.1\r\nTransfer-Encoding:\x0b"
        "chunked\r\nContent-Length: 0\r\n\r\n",
        "POST /work HTTP/1.1\r\nTransfer-Encoding : chunked\r\nContent-Length: 0\r\n\r\n",
        "POST /work HTTP/1.1\r\nX: y\r\n Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n",
        "POST /work HTTP/1.1\r\nX: y\rTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n",
        "POST /work HTTP/1.1\r\nX: y\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n",
        "POST /work HTTP/1.1\r\nContent-Length: +0\r\n\r\n",
        "POST /work HTTP/1.1\r\nContent-Length: 0x0\r\n\r\n",
        "GET /work HTTP/1.1\r\nContent-Length: 33\r\n\r\n",
        "GET /work HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET /work HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET http://other/work HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /work HTTP/1.1\nHost: a\n\n",
        "GET /work HTTP/1.1\r\nHost: a\n\r\n",
        "GET /work HTTP/1.1\r\nA\0B: c\r\n\r\n"s,
        "GET /work\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s,
        "\r\n\r\nGET /work HTTP/1.1\r\n\r\n",
    };
}

std::vector<std::string> refused_chunks() {
    return {
        "5\nhello\r\n0\r\n\r\n",
        "5\rhello\r\n0\r\n\r\n",
        "5;x\nhello\r\n0\r\n\r\n",
        "5 \r\nhello\r\n0\r\n\r\n",
        " 5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "\r\nhello\r\n0\r\n\r\n",
        ";x=y\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "5\r\nhelloXX0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhello\r\n0\r\nHost: b\r\n\r\n",
        "5\r\nhello\r\n0\r\n\n",
        "100000005\r\nhello\r\n0\r\n\r\n",
        "5;" + std::string(5000, 'x') + "\r\nhello\r\n0\r\n\r\n",
    };
}

struct Smuggling : testing::Test {
    Loopback loopback;
    void SetUp() override {
        loopback.options.listeners.front().serves = {"scep", "admin"};
        loopback.start();
    }
};

TEST_F(Smuggling, HeadsTwoParsersCouldReadDifferentlyAreRefusedAndTheConnectionEnds) {
    for (const auto& head : refused_heads()) {
        auto client = loopback.connect();
        client.send(head + smuggled);
        const auto answer = client.receive();
        EXPECT_EQ(answer.status, 400) << head;
        EXPECT_EQ(answer.header("connection"), "close") << head;
        EXPECT_EQ(client.read_to_end(), "") << head;
    }
    EXPECT_EQ(loopback.seen(), 0);
}

TEST_F(Smuggling, ChunksTwoParsersCouldReadDifferentlyAreRefusedAndTheConnectionEnds) {
    for (const auto& chunks : refused_chunks()) {
        auto client = loopback.connect();
        client.send("POST /work HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + smuggled);
        EXPECT_EQ(client.receive().status, 400) << chunks;
        EXPECT_EQ(client.read_to_end(), "") << chunks;
    }
    EXPECT_EQ(loopback.seen(), 0);
}

TEST_F(Smuggling, ARightRequestWithTheSameNextOneBringsBoth) {
    auto client = loopback.connect();
    client.send(std::string("POST /work HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello") + smuggled);
    EXPECT_EQ(client.receive().status, 200);
    EXPECT_EQ(client.receive().status, 200);
    EXPECT_EQ(loopback.admin->seen, 1);
}

TEST_F(Smuggling, ABodyThatLooksLikeARequestStaysABody) {
    auto client = loopback.connect();
    const std::string body = smuggled;
    const auto answer =
        client.ask("POST /work HTTP/1.1\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(loopback.admin->seen, 0);
}

TEST_F(Smuggling, ARefusedBodyIsNotReadAsARequest) {
    auto client = loopback.connect();
    client.send(std::string("POST /work HTTP/1.1\r\nContent-Length: 3000000\r\n\r\n") + smuggled);
    EXPECT_EQ(client.receive().status, 413);
    EXPECT_EQ(client.read_to_end(), "");
    EXPECT_EQ(loopback.seen(), 0);
}

}  // namespace
}  // namespace countersign::http::test
