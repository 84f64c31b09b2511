#include "loopback.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace countersign::http::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

TEST(Server, AnswersAtOnceAndFromTheWorkersOnOneConnection) {
    Loopback loopback;
    loopback.start();
    auto client = loopback.connect();
    const auto first = client.ask("GET /fast?operation=GetCACaps HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(first.status, 200);
    EXPECT_THAT(first.body, HasSubstr("GET /fast ? operation=GetCACaps\n"));
    EXPECT_EQ(first.header("content-type"), "text/plain");
    EXPECT_EQ(first.header("connection"), "");
    EXPECT_THAT(first.header("date"), testing::EndsWith(" GMT"));
    const auto second = client.ask("POST /work HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    EXPECT_EQ(second.status, 200);
    EXPECT_THAT(second.body, HasSubstr("body 5 hello\n"));
    EXPECT_EQ(loopback.fast->seen, 1);
    EXPECT_EQ(loopback.work->seen, 1);
}

TEST(Server, HoldsAnAnswerBackUntilItsQuantumIsOverAndNoWorkerWithIt) {
    Loopback loopback;
    async::WorkerPool one(1, 100);
    const auto refusal = [](const Request&) {
        auto response = Response::text(200, "no");
        response.quantum = 300ms;
        return response;
    };
    loopback.router->add("/refuse", std::make_shared<Probe>(refusal, false));
    auto server = std::move(*Server::bind(loopback.options, loopback.router, one));
    server->start();
    RawClient first(server->addresses().front());
    RawClient second(server->addresses().front());
    const auto start = std::chrono::steady_clock::now();
    first.send("GET /refuse HTTP/1.1\r\n\r\n");
    second.send("GET /refuse HTTP/1.1\r\n\r\n");
    RawClient other(server->addresses().front());
    EXPECT_EQ(other.ask("GET /work HTTP/1.1\r\n\r\n").status, 200) << "the only worker is free";
    EXPECT_EQ(first.receive().body, "no\n");
    EXPECT_EQ(second.receive().body, "no\n");
    EXPECT_GE(std::chrono::steady_clock::now() - start, 300ms);
    EXPECT_EQ(first.ask("GET /fast HTTP/1.1\r\n\r\n").status, 200);
    server->drain(std::chrono::seconds(10));
}

TEST(Server, UnknownPathsAndPathsOfOtherListenersAreNotFound) {
    Loopback loopback;
    loopback.options.listeners.push_back({"127.0.0.1:0", {"admin"}, {}, std::nullopt});
    loopback.start();
    auto scep = loopback.connect(0);
    EXPECT_EQ(scep.ask("GET /nothing HTTP/1.1\r\n\r\n").status, 404);
    EXPECT_EQ(scep.ask("GET /admin HTTP/1.1\r\n\r\n").status, 404);
    EXPECT_EQ(scep.ask("GET /FAST/ HTTP/1.1\r\n\r\n").status, 200);
    auto admin = loopback.connect(1);
    EXPECT_EQ(admin.ask("GET /fast HTTP/1.1\r\n\r\n").status, 404);
    EXPECT_EQ(admin.ask("GET /admin HTTP/1.1\r\n\r\n").status, 200);
}

TEST(Server, SpeaksHttp10AndClosesUnlessAskedToStay) {
    Loopback loopback;
    loopback.start();
    auto leaving = loopback.connect();
    const auto answer =
        leaving.ask("GET /fast HTTP/1.0\r\nUser-Agent: Mozilla/4.0 (compatible; MSIE 5.0; Cisco PKI)\r\n\r\n");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.header("connection"), "close");
    EXPECT_EQ(leaving.read_to_end(), "");
    auto staying = loopback.connect();
    EXPECT_EQ(staying.ask("GET /fast HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").header("connection"), "keep-alive");
    EXPECT_EQ(staying.ask("GET /fast HTTP/1.0\r\n\r\n").status, 200);
    EXPECT_EQ(staying.read_to_end(), "");
}

TEST(Server, SscepsPostHasNoTypeAndReadsToTheEnd) {
    Loopback loopback;
    loopback.start();
    auto client = loopback.connect();
    client.send("POST /work?operation=PKIOperation HTTP/1.0\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc");
    const auto all = client.read_to_end();
    EXPECT_THAT(all, testing::StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(all, HasSubstr("body 3 abc"));
}

TEST(Server, AnswersPipelinedRequestsInOrder) {
    Loopback loopback;
    loopback.start();
    auto client = loopback.connect();
    std::string requests;
    for (int i = 0; i < 200; ++i) {
        const auto* path = i % 2 == 0 ? "/fast" : "/work";
        requests +=
            std::string("POST ") + path + "?n=" + std::to_string(i) + " HTTP/1.1\r\nContent-Length: 2\r\n\r\nxy";
    }
    ASSERT_TRUE(client.send(requests));
    for (int i = 0; i < 200; ++i) {
        EXPECT_THAT(client.receive().body, HasSubstr("? n=" + std::to_string(i) + "\n"));
    }
}

TEST(Server, TakesARequestInAnyPieces) {
    Loopback loopback;
    loopback.start();
    auto client = loopback.connect();
    for (const char c : std::string("\r\nPOST /work HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody")) {
        ASSERT_TRUE(client.send({&c, 1}));
    }
    EXPECT_THAT(client.receive().body, HasSubstr("body 4 body"));
}

TEST(Server, AnswersAPeerThatHasFinishedSending) {
    Loopback loopback;
    loopback.start();
    auto client = loopback.connect();
    client.send("POST /work HTTP/1.1\r\nContent-Length: 1\r\n\r\nx");
    client.finish_sending();
    EXPECT_THAT(client.read_to_end(), HasSubstr("body 1 x"));
}

TEST(Server, ForgetsAPeerThatLeavesInTheMiddle) {
    Loopback loopback;
    loopback.start();
    {
        auto client = loopback.connect();
        client.send("POST /work HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf");
        client.finish_sending();
        EXPECT_EQ(client.read_to_end(), "");
    }
    EXPECT_EQ(loopback.seen(), 0);
}

TEST(Server, HeadHasTheLengthAndNoBody) {
    Loopback loopback;
    loopback.start();
    auto client = loopback.connect();
    client.send("HEAD /fast HTTP/1.1\r\n\r\n");
    const auto head = client.receive(false);
    EXPECT_EQ(head.status, 200);
    EXPECT_NE(head.header("content-length"), "0");
    EXPECT_EQ(client.ask("GET /fast HTTP/1.1\r\n\r\n").status, 200);
}

TEST(Server, ReadsChunkedBodiesAndWhatFollowsThem) {
    Loopback loopback;
    loopback.start();
    auto client = loopback.connect();
    client.send(
        "POST /work HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\nGET /fast "
        "HTTP/1.1\r\n\r\n");
    EXPECT_THAT(client.receive().body, HasSubstr("body 5 abcde"));
    EXPECT_THAT(client.receive().body, HasSubstr("GET /fast"));
}

TEST(Server, TrailersNeverBecomeHeaders) {
    Loopback loopback;
    loopback.start();
    auto client = loopback.connect();
    const auto answer = client.ask(
        "POST /work HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-SSL-Client-Verify: SUCCESS\r\n\r\n");
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(client.read_to_end(), "");
    EXPECT_EQ(loopback.seen(), 0);
}

TEST(Server, InvitesABodyThatWaitsForIt) {
    Loopback loopback;
    loopback.start();
    auto client = loopback.connect();
    client.send("POST /work HTTP/1.1\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_EQ(client.receive().status, 100);
    EXPECT_THAT(client.ask("body").body, HasSubstr("body 4 body"));
    EXPECT_EQ(client.ask("POST /work HTTP/1.1\r\nContent-Length: 4\r\nExpect: miracle\r\n\r\n").status, 417);
    EXPECT_EQ(client.read_to_end(), "");
}

TEST(Server, PathsAreDecodedOnceAndCheckedForControls) {
    Loopback loopback;
    loopback.start();
    auto client = loopback.connect();
    EXPECT_EQ(client.ask("GET /%66ast HTTP/1.1\r\n\r\n").status, 200);
    EXPECT_EQ(client.ask("GET /%2566ast HTTP/1.1\r\n\r\n").status, 404);
    EXPECT_EQ(client.ask("GET /fast%00 HTTP/1.1\r\n\r\n").status, 400);
    auto broken = loopback.connect();
    EXPECT_EQ(broken.ask("GET /fast%2 HTTP/1.1\r\n\r\n").status, 400);
}

TEST(Server, DropsFieldsWithUnderscores) {
    Loopback loopback;
    loopback.start();
    auto client = loopback.connect();
    const auto answer = client.ask("GET /fast HTTP/1.1\r\nX_Forwarded_For: 1.2.3.4\r\nX-Kept: yes\r\n\r\n");
    EXPECT_THAT(answer.body, HasSubstr("x-kept=yes"));
    EXPECT_THAT(answer.body, Not(HasSubstr("1.2.3.4")));
}

TEST(Server, AnEndpointThatThrowsIsA500) {
    Loopback loopback;
    const auto thrower = [](const Request&) -> Response { throw std::runtime_error("secret detail"); };
    loopback.router->add("/throws-on-worker", std::make_shared<Probe>(thrower, false));
    loopback.router->add("/throws-at-once", std::make_shared<Probe>(thrower, true));
    loopback.start();
    auto client = loopback.connect();
    for (const std::string path : {"/throws-on-worker", "/throws-at-once"}) {
        const auto answer = client.ask("GET " + path + " HTTP/1.1\r\n\r\n");
        EXPECT_EQ(answer.status, 500);
        EXPECT_THAT(answer.body, Not(HasSubstr("secret")));
    }
}

TEST(Server, AHeaderThatWouldSplitTheResponseIsA500) {
    Loopback loopback;
    const auto splitter = [](const Request&) {
        auto response = Response::text(200, "x");
        response.headers.emplace_back("Location", "/\r\nSet-Cookie: a=b");
        return response;
    };
    loopback.router->add("/split", std::make_shared<Probe>(splitter, true));
    loopback.start();
    auto client = loopback.connect();
    const auto answer = client.ask("GET /split HTTP/1.1\r\n\r\n");
    EXPECT_EQ(answer.status, 500);
    EXPECT_EQ(answer.header("set-cookie"), "");
}

TEST(Server, LargeAnswersArriveWhole) {
    Loopback loopback;
    const auto large = [](const Request&) {
        return Response::bytes(200, "application/x-pki-message", Bytes(3'000'000, 'z'));
    };
    loopback.router->add("/large", std::make_shared<Probe>(large, false));
    loopback.start();
    auto client = loopback.connect();
    const auto answer = client.ask("GET /large HTTP/1.1\r\n\r\n");
    EXPECT_EQ(answer.header("content-type"), "application/x-pki-message");
    EXPECT_EQ(answer.body, std::string(3'000'000, 'z'));
}

TEST(Server, ForwardedAddressesCountOnlyFromTrustedProxies) {
    const std::string request =
        "GET /fast HTTP/1.1\r\nX-Forwarded-For: 6.6.6.6, 203.0.113.9\r\nX-Forwarded-For: "
        "10.0.0.1\r\nX-Forwarded-Proto: https\r\n\r\n";
    Loopback strangers;
    strangers.options.listeners.front().trusted_proxies = {"10.0.0.0/8"};
    strangers.start();
    auto stranger = strangers.connect();
    EXPECT_THAT(stranger.ask(request).body, HasSubstr("client 127.0.0.1\nsecure no\nnear yes\n"));
    Loopback proxies;
    proxies.options.listeners.front().trusted_proxies = {"127.0.0.1", "10.0.0.0/8"};
    proxies.start();
    auto proxy = proxies.connect();
    EXPECT_THAT(proxy.ask(request).body, HasSubstr("client 203.0.113.9\nsecure yes\nnear yes\n"));
}

TEST(Server, AccessLogNamesEveryRequestAndRefusal) {
    Loopback loopback;
    loopback.start();
    {
        auto client = loopback.connect();
        client.ask("GET /fast HTTP/1.1\r\n\r\n");
        client.ask("GET /nothing HTTP/1.1\r\n\r\n");
        client.ask("GET /fast HTTP/9.9\r\n\r\n");
        client.read_to_end();
    }
    loopback.server->drain(10s);
    const auto log = loopback.logged();
    ASSERT_EQ(log.size(), 3U);
    EXPECT_EQ(log[0].status, 200);
    EXPECT_EQ(log[0].method, "GET");
    EXPECT_GT(log[0].octets, 0U);
    EXPECT_EQ(log[1].status, 404);
    EXPECT_EQ(log[2].status, 400);
    EXPECT_EQ(log[2].method, "");
    EXPECT_EQ(log[2].client, "127.0.0.1");
}

TEST(Server, SwappingTheRouterServesTheNextRequestFromTheNewOne) {
    Loopback loopback;
    loopback.start();
    auto client = loopback.connect();
    EXPECT_EQ(client.ask("GET /new HTTP/1.1\r\n\r\n").status, 404);
    auto fresh = std::make_shared<Router>();
    fresh->add("/new", std::make_shared<Probe>(describe, false));
    auto slow = loopback.connect();
    slow.send("GET /gate HTTP/1.1\r\n\r\n");
    loopback.gate.until_waiting(1);
    loopback.server->swap_router(fresh);
    loopback.router.reset();
    EXPECT_EQ(client.ask("GET /new HTTP/1.1\r\n\r\n").status, 200);
    EXPECT_EQ(client.ask("GET /fast HTTP/1.1\r\n\r\n").status, 404);
    loopback.gate.open();
    EXPECT_EQ(slow.receive().body, "through the gate\n");
}

TEST(Server, ManyClientsAtOnceEachGetTheirOwnAnswers) {
    Loopback loopback;
    async::WorkerPool pool(3, 1000);
    auto server = std::move(*Server::bind(loopback.options, loopback.router, pool));
    server->start();
    std::atomic<int> right{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t) {
        threads.emplace_back([&, t] {
            RawClient client(server->addresses().front());
            for (int i = 0; i < 100; ++i) {
                const auto tag = std::to_string(t) + "-" + std::to_string(i);
                const auto path = i % 3 == 0 ? "/work" : "/fast";
                const auto answer = client.ask(std::string("GET ") + path + "?" + tag + " HTTP/1.1\r\n\r\n");
                if (answer.status == 200 && answer.body.find("? " + tag + "\n") != std::string::npos) ++right;
            }
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(right, 800);
}

}  // namespace
}  // namespace countersign::http::test
