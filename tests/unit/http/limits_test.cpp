#include "loopback.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace countersign::http::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST(ServerLimits, AcceptsMessagesOfKilobytesInTheRequestLineUpToTheLimit) {
    Loopback loopback;
    loopback.start();
    const std::string start = "GET /fast?operation=PKIOperation&message=";
    const std::string end = " HTTP/1.1";
    const auto line = [&](std::size_t octets) {
        return start + std::string(octets - start.size() - end.size(), 'A') + end;
    };
    auto within = loopback.connect();
    EXPECT_EQ(within.ask(line(64 * 1024) + "\r\n\r\n").status, 200);
    EXPECT_EQ(within.ask("GET /fast HTTP/1.1\r\n\r\n").status, 200);
    auto beyond = loopback.connect();
    const auto answer = beyond.ask(line(64 * 1024 + 1) + "\r\n\r\n");
    EXPECT_EQ(answer.status, 414);
    EXPECT_EQ(answer.header("connection"), "close");
    EXPECT_EQ(beyond.read_to_end(), "");
}

TEST(ServerLimits, BoundsTheHeaderBlock) {
    Loopback loopback;
    loopback.options.limits.header_octets = 1000;
    loopback.start();
    auto client = loopback.connect();
    const auto answer = client.ask("GET /fast HTTP/1.1\r\nX: " + std::string(2000, 'x') + "\r\n\r\n");
    EXPECT_EQ(answer.status, 431);
    EXPECT_EQ(client.read_to_end(), "");
    EXPECT_EQ(loopback.seen(), 0);
}

TEST(ServerLimits, RefusesABodyOverTheLimitBeforeReadingIt) {
    Loopback loopback;
    loopback.options.limits.body_octets = 1000;
    loopback.start();
    auto exact = loopback.connect();
    EXPECT_EQ(exact.ask("POST /work HTTP/1.1\r\nContent-Length: 1000\r\n\r\n" + std::string(1000, 'x')).status, 200);
    auto announced = loopback.connect();
    const auto answer = announced.ask("POST /work HTTP/1.1\r\nContent-Length: 1001\r\n\r\n");
    EXPECT_EQ(answer.status, 413);
    EXPECT_THAT(answer.body, HasSubstr("over the limit of 1000 octets"));
    EXPECT_EQ(announced.read_to_end(), "");
    auto sending = loopback.connect();
    sending.send("POST /work HTTP/1.1\r\nContent-Length: 300000\r\n\r\n" + std::string(300000, 'x'));
    EXPECT_EQ(sending.receive().status, 413) << "the answer must not be lost to a reset";
    auto chunked = loopback.connect();
    chunked.send("POST /work HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + std::string(1001, 'x') +
                 "\r\n0\r\n\r\n");
    EXPECT_EQ(chunked.receive().status, 413);
    EXPECT_EQ(loopback.work->seen, 1);
}

TEST(ServerLimits, BoundsAllBodiesTogether) {
    Loopback loopback;
    loopback.options.limits.all_bodies_octets = 1000;
    loopback.start();
    auto first = loopback.connect();
    first.send("POST /gate HTTP/1.1\r\nContent-Length: 900\r\n\r\n" + std::string(900, 'x'));
    loopback.gate.until_waiting(1);
    auto second = loopback.connect();
    const auto refused = second.ask("POST /work HTTP/1.1\r\nContent-Length: 200\r\n\r\n" + std::string(200, 'x'));
    EXPECT_EQ(refused.status, 503);
    EXPECT_EQ(refused.header("retry-after"), "5");
    loopback.gate.open();
    EXPECT_EQ(first.receive().status, 200);
    EXPECT_EQ(first.ask("POST /work HTTP/1.1\r\nContent-Length: 900\r\n\r\n" + std::string(900, 'x')).status, 200);
}

TEST(ServerLimits, AFullPoolSaysComeBackLaterAndTouchesNothing) {
    Loopback loopback;
    async::WorkerPool small(1, 0);
    auto server = std::move(*Server::bind(loopback.options, loopback.router, small));
    server->start();
    RawClient busy(server->addresses().front());
    busy.send("GET /gate HTTP/1.1\r\n\r\n");
    loopback.gate.until_waiting(1);
    RawClient turned_away(server->addresses().front());
    const auto answer = turned_away.ask("GET /work HTTP/1.1\r\n\r\n");
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.header("retry-after"), "5");
    EXPECT_EQ(loopback.work->seen, 0);
    EXPECT_EQ(turned_away.ask("GET /fast HTTP/1.1\r\n\r\n").status, 200) << "what needs no worker still works";
    loopback.gate.open();
    EXPECT_EQ(busy.receive().status, 200);
}

TEST(ServerLimits, AnAnswerThatTakesTooLongIsAbandoned) {
    Loopback loopback;
    loopback.options.limits.answer_deadline = 20ms;
    loopback.start();
    auto client = loopback.connect();
    const auto answer = client.ask("GET /gate HTTP/1.1\r\n\r\n");
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.header("retry-after"), "30");
    EXPECT_EQ(client.ask("GET /fast HTTP/1.1\r\n\r\n").status, 200);
}

TEST(ServerLimits, SlowAndIdlePeersAreCutOff) {
    Loopback loopback;
    loopback.options.limits.header_deadline = 60ms;
    loopback.options.limits.body_deadline = 60ms;
    loopback.options.limits.idle_deadline = 60ms;
    loopback.start();
    for (const std::string start : {"", "GET /fast HT", "POST /work HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc",
                                    "POST /work HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"}) {
        auto client = loopback.connect();
        client.send(start);
        EXPECT_EQ(client.read_to_end(), "") << start;
    }
    auto idle = loopback.connect();
    EXPECT_EQ(idle.ask("GET /fast HTTP/1.1\r\n\r\n").status, 200);
    EXPECT_EQ(idle.read_to_end(), "");
    EXPECT_EQ(loopback.seen(), 1);
}

TEST(ServerLimits, TricklingDoesNotExtendADeadline) {
    Loopback loopback;
    loopback.options.limits.header_deadline = 100ms;
    loopback.start();
    auto client = loopback.connect();
    client.send("GET /fast HTTP/1.1\r\nX: ");
    while (client.send("x")) ::usleep(5000);
    EXPECT_EQ(loopback.seen(), 0);
}

TEST(ServerLimits, ALongAnswerIsNotCutOffByTheOtherDeadlines) {
    Loopback loopback;
    loopback.options.limits.header_deadline = 30ms;
    loopback.options.limits.idle_deadline = 30ms;
    loopback.options.limits.write_deadline = 30ms;
    const auto sleepy = [](const Request&) {
        ::usleep(150'000);
        return Response::text(200, "late");
    };
    loopback.router->add("/sleepy", std::make_shared<Probe>(sleepy, false));
    loopback.start();
    auto client = loopback.connect();
    EXPECT_EQ(client.ask("GET /sleepy HTTP/1.1\r\n\r\n").body, "late\n");
}

TEST(ServerLimits, APeerThatDoesNotReadIsCutOff) {
    constexpr std::size_t most = 100'000'000;  // beyond what the two sockets' buffers may grow to
    Loopback loopback;
    loopback.options.limits.write_deadline = 60ms;
    const auto large = [](const Request&) { return Response::bytes(200, "x/y", Bytes(most, 'z')); };
    loopback.router->add("/large", std::make_shared<Probe>(large, true));
    loopback.start();
    auto client = loopback.connect();
    client.send("GET /large HTTP/1.1\r\n\r\n");
    while (loopback.server->open_connections() > 0) ::usleep(5000);
    EXPECT_LT(client.read_to_end().size(), most);
}

TEST(ServerLimits, CapsConnectionsOfOneSource) {
    Loopback loopback;
    loopback.options.limits.connections_per_client = 2;
    loopback.start();
    auto first = std::make_unique<RawClient>(loopback.address());
    EXPECT_EQ(first->ask("GET /fast HTTP/1.1\r\n\r\n").status, 200);
    auto second = loopback.connect();
    EXPECT_EQ(second.ask("GET /fast HTTP/1.1\r\n\r\n").status, 200);
    auto third = loopback.connect();
    EXPECT_THAT(third.read_to_end(), testing::StartsWith("HTTP/1.1 503 "));
    first.reset();
    while (loopback.server->open_connections() > 1) ::usleep(1000);
    auto fourth = loopback.connect();
    EXPECT_EQ(fourth.ask("GET /fast HTTP/1.1\r\n\r\n").status, 200);
    EXPECT_EQ(second.ask("GET /fast HTTP/1.1\r\n\r\n").status, 200);
}

TEST(ServerLimits, AFullHouseTurnsAwayOnlyWhenAllAreBeingServed) {
    Loopback loopback;
    loopback.options.limits.connections = 2;
    loopback.start();
    auto first = loopback.connect();
    auto second = loopback.connect();
    first.send("GET /gate HTTP/1.1\r\n\r\n");
    second.send("GET /gate HTTP/1.1\r\n\r\n");
    loopback.gate.until_waiting(2);
    auto third = loopback.connect();
    EXPECT_THAT(third.read_to_end(), testing::StartsWith("HTTP/1.1 503 "));
    loopback.gate.open();
    EXPECT_EQ(first.receive().status, 200);
    EXPECT_EQ(second.receive().status, 200);
}

TEST(ServerLimits, InAFullHouseWhoWaitedLongestMakesRoom) {
    Loopback loopback;
    loopback.options.limits.connections = 3;
    loopback.start();
    auto served = loopback.connect();
    served.send("GET /gate HTTP/1.1\r\n\r\n");
    loopback.gate.until_waiting(1);
    auto slow = loopback.connect();
    slow.send("GET /fast HTTP/1.1\r\nX: ");
    auto idle = loopback.connect();
    EXPECT_EQ(idle.ask("GET /fast HTTP/1.1\r\n\r\n").status, 200);
    auto newcomer = loopback.connect();
    EXPECT_EQ(newcomer.ask("GET /fast HTTP/1.1\r\n\r\n").status, 200);
    EXPECT_EQ(slow.read_to_end(), "") << "it came before the idle one's last request";
    EXPECT_EQ(idle.ask("GET /fast HTTP/1.1\r\n\r\n").status, 200);
    auto another = loopback.connect();
    EXPECT_EQ(another.ask("GET /fast HTTP/1.1\r\n\r\n").status, 200);
    EXPECT_EQ(newcomer.read_to_end(), "") << "the idle one has been heard from since";
    loopback.gate.open();
    EXPECT_EQ(served.receive().status, 200);
    EXPECT_EQ(loopback.server->open_connections(), 3U);
}

// Slow heads, slow bodies and clients that do not read, twice as many as there is room for, all the time.
TEST(ServerLimits, SlowConnectionsWithoutEndKeepNobodyOut) {
    Loopback loopback;
    loopback.options.limits.connections = 8;
    loopback.start();
    const std::vector<std::string> slow = {"", "GET /fast HT", "POST /work HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc"};
    std::vector<std::unique_ptr<RawClient>> crowd;
    for (int round = 0; round < 50; ++round) {
        for (int i = 0; i < 16; ++i) {
            crowd.push_back(std::make_unique<RawClient>(loopback.address()));
            crowd.back()->send(slow[static_cast<std::size_t>(i) % slow.size()]);
        }
        auto client = loopback.connect();
        EXPECT_EQ(client.ask("POST /work HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc").status, 200) << round;
    }
    EXPECT_LE(loopback.server->open_connections(), 8U);
}

TEST(ServerLimits, TrustedProxiesAreNotCappedAsOneSource) {
    Loopback loopback;
    loopback.options.limits.connections_per_client = 1;
    loopback.options.listeners.front().trusted_proxies = {"127.0.0.0/8"};
    loopback.start();
    auto first = loopback.connect();
    auto second = loopback.connect();
    EXPECT_EQ(first.ask("GET /fast HTTP/1.1\r\n\r\n").status, 200);
    EXPECT_EQ(second.ask("GET /fast HTTP/1.1\r\n\r\n").status, 200);
}

TEST(ServerLimits, ClosesAfterTheLastRequestAConnectionMayHave) {
    Loopback loopback;
    loopback.options.limits.requests_per_connection = 2;
    loopback.start();
    auto client = loopback.connect();
    EXPECT_EQ(client.ask("GET /fast HTTP/1.1\r\n\r\n").header("connection"), "");
    EXPECT_EQ(client.ask("GET /fast HTTP/1.1\r\n\r\n").header("connection"), "close");
    EXPECT_EQ(client.read_to_end(), "");
}

}  // namespace
}  // namespace countersign::http::test
