#include "loopback.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace countersign::http::test {
namespace {

using namespace std::chrono_literals;

TEST(Drain, FinishesTheRequestInFlightAndSaysClose) {
    Loopback loopback;
    loopback.start();
    const auto address = loopback.address();
    auto in_flight = loopback.connect();
    in_flight.send("GET /gate HTTP/1.1\r\n\r\nGET /fast HTTP/1.1\r\n\r\n");
    loopback.gate.until_waiting(1);
    auto idle = loopback.connect();
    ASSERT_EQ(idle.ask("GET /fast HTTP/1.1\r\n\r\n").status, 200);

    std::thread drainer([&] { loopback.server->drain(60s); });
    EXPECT_EQ(idle.read_to_end(), "") << "idle connections close at once";
    loopback.gate.open();
    const auto answer = in_flight.receive();
    EXPECT_EQ(answer.body, "through the gate\n");
    EXPECT_EQ(answer.header("connection"), "close");
    EXPECT_EQ(in_flight.read_to_end(), "") << "what was pipelined behind it is not begun";
    drainer.join();
    EXPECT_EQ(loopback.server->open_connections(), 0U);
    EXPECT_THROW(RawClient{address}, std::runtime_error);
    EXPECT_EQ(loopback.fast->seen, 1);
}

TEST(Drain, PatienceEndsAndTheJobIsAbandoned) {
    Loopback loopback;
    loopback.start();
    auto client = loopback.connect();
    client.send("GET /gate HTTP/1.1\r\n\r\n");
    loopback.gate.until_waiting(1);
    loopback.server->drain(10ms);
    EXPECT_EQ(client.read_to_end(), "");
    EXPECT_EQ(loopback.server->open_connections(), 0U);
    loopback.server.reset();
    loopback.gate.open();  // the job finishes into nothing
    loopback.pool.drain();
}

TEST(Drain, LetsAHalfReceivedRequestArrive) {
    Loopback loopback;
    loopback.start();
    auto client = loopback.connect();
    ASSERT_EQ(client.ask("GET /fast HTTP/1.1\r\n\r\n").status, 200);
    client.send("POST /work HTTP/1.1\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    ASSERT_EQ(client.receive().status, 100);  // now the request is known to have begun
    std::thread drainer([&] { loopback.server->drain(60s); });
    const auto answer = client.ask("late");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(client.read_to_end(), "");
    drainer.join();
}

TEST(Drain, CutsOffAPeerThatDoesNotRead) {
    Loopback loopback;
    const auto large = [](const Request&) { return Response::bytes(200, "x/y", Bytes(100'000'000, 'z')); };
    auto endpoint = std::make_shared<Probe>(large, true);
    loopback.router->add("/large", endpoint);
    loopback.start();
    auto client = loopback.connect();
    client.send("GET /large HTTP/1.1\r\n\r\n");
    while (endpoint->seen == 0) ::usleep(1000);
    loopback.server->drain(10ms);
    EXPECT_EQ(loopback.server->open_connections(), 0U);
}

TEST(Drain, IsIdempotentAndNeedsNoStart) {
    Loopback loopback;
    auto never_started = std::move(*Server::bind(loopback.options, loopback.router, loopback.pool));
    const auto address = never_started->addresses().front();
    never_started->drain(1s);
    EXPECT_THROW(RawClient{address}, std::runtime_error);
    loopback.start();
    loopback.server->drain(1s);
    loopback.server->drain(1s);
}

TEST(Drain, WhileManyClientsAskLosesNoAnswerThatWasBegun) {
    Loopback loopback;
    async::WorkerPool pool(2, 1000);
    auto server = std::move(*Server::bind(loopback.options, loopback.router, pool));
    server->start();
    const auto address = server->addresses().front();
    std::atomic<int> whole{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 6; ++t) {
        threads.emplace_back([&] {
            RawClient client(address);
            while (client.ask("GET /work HTTP/1.1\r\n\r\n").status == 200) ++whole;
        });
    }
    while (whole < 100) ::usleep(1000);
    server->drain(60s);
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(whole, loopback.work->seen);
}

}  // namespace
}  // namespace countersign::http::test
