#include "countersign/net/http_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <mutex>
#include <thread>

namespace countersign::net {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

// A server that plays a script on each connection and keeps what it was sent.
class ScriptedServer {
public:
    // Told the connection's number and descriptor, after a whole request (header and counted body) has been read.
    using Script = std::function<void(int number, int descriptor)>;

    explicit ScriptedServer(Script script) : script_(std::move(script)) {
        listening_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in name{};
        name.sin_family = AF_INET;
        name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof name;
        if (::bind(listening_, reinterpret_cast<sockaddr*>(&name), size) != 0 || ::listen(listening_, 16) != 0)
            std::abort();
        ::getsockname(listening_, reinterpret_cast<sockaddr*>(&name), &size);
        port_ = ntohs(name.sin_port);
        thread_ = std::thread([this] { serve(); });
    }
    ~ScriptedServer() { stop(); }
    ScriptedServer(const ScriptedServer&) = delete;
    ScriptedServer& operator=(const ScriptedServer&) = delete;

    void stop() {
        if (!thread_.joinable()) return;
        ::shutdown(listening_, SHUT_RDWR);
        thread_.join();
        ::close(listening_);
        for (auto& [descriptor, thread] : connections_) {
            ::shutdown(descriptor, SHUT_RDWR);
            thread.join();
            ::close(descriptor);
        }
    }
    std::string url(const std::string& path = "/") const { return "http://127.0.0.1:" + std::to_string(port_) + path; }
    std::vector<std::string> requests() {
        const std::lock_guard lock(mutex_);
        return requests_;
    }

private:
    void serve() {
        for (int number = 0;; ++number) {
            const int descriptor = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
            if (descriptor < 0) return;
            connections_.emplace_back(descriptor,
                                      std::thread([this, number, descriptor] { converse(number, descriptor); }));
        }
    }
    void converse(int number, int descriptor) {
        while (auto request = read_request(descriptor)) {
            {
                const std::lock_guard lock(mutex_);
                requests_.push_back(std::move(*request));
            }
            script_(number, descriptor);
        }
        ::shutdown(descriptor, SHUT_RDWR);
    }
    static std::optional<std::string> read_request(int descriptor) {
        std::string text;
        char buffer[4096];
        while (true) {
            const auto end = text.find("\r\n\r\n");
            if (end != std::string::npos) {
                const auto at = text.find("Content-Length: ");
                const std::size_t length = at < end ? std::stoul(text.substr(at + 16)) : 0;
                if (text.size() >= end + 4 + length) return text;
            }
            const auto count = ::recv(descriptor, buffer, sizeof buffer, 0);
            if (count <= 0) return std::nullopt;
            text.append(buffer, static_cast<std::size_t>(count));
        }
    }

    Script script_;
    int listening_ = -1;
    int port_ = 0;
    std::mutex mutex_;
    std::vector<std::string> requests_;
    std::vector<std::pair<int, std::thread>> connections_;  // touched by thread_, and after it has ended
    std::thread thread_;
};

ScriptedServer::Script replying(std::string answer) {
    return [answer = std::move(answer)](int, int descriptor) {
        ::send(descriptor, answer.data(), answer.size(), MSG_NOSIGNAL);
    };
}
ScriptedServer::Script hanging_up() {
    return [](int, int descriptor) { ::shutdown(descriptor, SHUT_RDWR); };
}

ClientRequest get(std::string url) {
    ClientRequest request;
    request.url = std::move(url);
    return request;
}

constexpr auto ok = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi";

TEST(HttpClient, BringsStatusHeadersAndBody) {
    ScriptedServer server(replying("HTTP/1.1 404 Not Found\r\nX-Thing:  a b \r\nContent-Length: 4\r\n\r\nnone"));
    const auto client = make_http_client({});
    const auto response = client->send(get(server.url("/path?q=1")));
    ASSERT_TRUE(response) << response.error().detail;
    EXPECT_EQ(response->status, 404);
    EXPECT_EQ(response->header("x-thing"), "a b");
    EXPECT_EQ(response->header("absent"), "");
    EXPECT_EQ(as_text(response->body), "none");
    EXPECT_THAT(server.requests().front(), testing::StartsWith("GET /path?q=1 HTTP/1.1\r\n"));
}

TEST(HttpClient, PostsTheBodyAsItIs) {
    ScriptedServer server(replying(ok));
    auto request = get(server.url());
    request.method = "POST";
    request.headers = {{"Content-Type", "application/x-pki-message"}, {"X-Empty", ""}};
    request.body = Bytes{0x00, 0x01, 0xff};
    const auto client = make_http_client({});
    ASSERT_TRUE(client->send(request));
    const auto sent = server.requests().front();
    EXPECT_THAT(sent, testing::StartsWith("POST / HTTP/1.1\r\n"));
    EXPECT_THAT(sent, HasSubstr("Content-Type: application/x-pki-message\r\n"));
    EXPECT_THAT(sent, HasSubstr("X-Empty:\r\n"));
    EXPECT_THAT(sent, Not(HasSubstr("Expect:")));
    EXPECT_THAT(sent, testing::EndsWith(std::string("\r\n\r\n\x00\x01\xff", 7)));
}

TEST(HttpClient, ClaimsNoTypeForABodyWithoutOne) {
    ScriptedServer server(replying(ok));
    auto request = get(server.url());
    request.method = "PUT";
    request.body = Bytes(3, 'x');
    ASSERT_TRUE(make_http_client({})->send(request));
    EXPECT_THAT(server.requests().front(), testing::StartsWith("PUT / "));
    EXPECT_THAT(server.requests().front(), Not(HasSubstr("Content-Type")));
}

TEST(HttpClient, HeadHasNoBody) {
    ScriptedServer server(replying("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"));
    auto request = get(server.url());
    request.method = "HEAD";
    const auto response = make_http_client({})->send(request);
    ASSERT_TRUE(response);
    EXPECT_TRUE(response->body.empty());
}

TEST(HttpClient, SendsBasicCredentialsOfItsRequestOnly) {
    ScriptedServer server(replying(ok));
    const auto client = make_http_client({});
    const Secret password("p:w");
    auto request = get(server.url());
    request.user = "admin";
    request.password = &password;
    ASSERT_TRUE(client->send(request));
    ASSERT_TRUE(client->send(get(server.url())));
    EXPECT_THAT(server.requests().at(0), HasSubstr("Authorization: Basic YWRtaW46cDp3\r\n"));
    EXPECT_THAT(server.requests().at(1), Not(HasSubstr("Authorization")));
}

TEST(HttpClient, FollowsNoRedirectAndKeepsNoCookie) {
    ScriptedServer server(
        replying("HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"));
    const auto client = make_http_client({});
    const auto response = client->send(get(server.url()));
    ASSERT_TRUE(response);
    EXPECT_EQ(response->status, 302);
    EXPECT_EQ(response->header("location"), "/elsewhere");
    ASSERT_TRUE(client->send(get(server.url())));
    EXPECT_EQ(server.requests().size(), 2U);
    EXPECT_THAT(server.requests().at(1), Not(HasSubstr("Cookie")));
}

TEST(HttpClient, HeadersAreThoseOfTheFinalResponse) {
    ScriptedServer server(replying(std::string("HTTP/1.1 103 Early Hints\r\nX-Early: yes\r\n\r\n") + ok));
    const auto response = make_http_client({})->send(get(server.url()));
    ASSERT_TRUE(response);
    EXPECT_EQ(response->header("x-early"), "");
    EXPECT_EQ(response->header("content-type"), "text/plain");
}

TEST(HttpClient, RefusesAnAnswerOverTheLimit) {
    HttpClientOptions options;
    options.response_limit = 100;
    const auto of_size = [](std::size_t size) {
        return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" + std::string(size, 'x');
    };
    ScriptedServer exact(replying(of_size(100)));
    ASSERT_TRUE(make_http_client(options)->send(get(exact.url())));
    ScriptedServer over(replying(of_size(101)));
    EXPECT_EQ(make_http_client(options)->send(get(over.url())).error().kind, ErrorKind::malformed);
    ScriptedServer endless(replying("HTTP/1.1 200 OK\r\nX: " + std::string(200, 'x') + "\r\n\r\n"));
    EXPECT_EQ(make_http_client(options)->send(get(endless.url())).error().kind, ErrorKind::malformed);
}

TEST(HttpClient, NothingDeliveredIsUnavailable) {
    std::string dead_url;
    {
        ScriptedServer server(replying(ok));
        dead_url = server.url();
    }
    EXPECT_EQ(make_http_client({})->send(get(dead_url)).error().kind, ErrorKind::unavailable);
    // A plain server where TLS was expected: the request never left.
    ScriptedServer plain(replying("not TLS\r\n\r\n"));
    const auto hello = "https" + plain.url().substr(4);
    HttpClientOptions quick;
    quick.total_timeout = 200ms;
    EXPECT_EQ(make_http_client(quick)->send(get(hello)).error().kind, ErrorKind::unavailable);
}

TEST(HttpClient, SentButUnansweredIsOutcomeUnknown) {
    ScriptedServer dropping(hanging_up());
    auto request = get(dropping.url());
    request.method = "POST";
    request.body = Bytes(3, 'x');
    EXPECT_EQ(make_http_client({})->send(request).error().kind, ErrorKind::outcome_unknown);
    EXPECT_EQ(dropping.requests().size(), 1U);

    HttpClientOptions impatient;
    impatient.total_timeout = 100ms;
    ScriptedServer silent([](int, int) {});
    EXPECT_EQ(make_http_client(impatient)->send(get(silent.url())).error().kind, ErrorKind::outcome_unknown);

    ScriptedServer cut([](int, int descriptor) {
        ::send(descriptor, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf", 41, MSG_NOSIGNAL);
        ::shutdown(descriptor, SHUT_RDWR);
    });
    EXPECT_EQ(make_http_client({})->send(get(cut.url())).error().kind, ErrorKind::outcome_unknown);

    ScriptedServer babbling([](int, int descriptor) {
        ::send(descriptor, "good day\r\n\r\n", 12, MSG_NOSIGNAL);
        ::shutdown(descriptor, SHUT_RDWR);
    });
    EXPECT_EQ(make_http_client({})->send(get(babbling.url())).error().kind, ErrorKind::outcome_unknown);
}

// libcurl repeats a request on its own when a kept connection turns out dead; for what changes something that must not
// happen.
TEST(HttpClient, NeverSendsAPostTwice) {
    std::atomic<int> answered{0};
    ScriptedServer server([&answered](int, int descriptor) {
        if (answered++ == 0) {
            ::send(descriptor, ok, std::strlen(ok), MSG_NOSIGNAL);
            return;
        }
        ::shutdown(descriptor, SHUT_RDWR);
    });
    const auto client = make_http_client({});
    ASSERT_TRUE(client->send(get(server.url())));
    auto request = get(server.url());
    request.method = "POST";
    request.body = Bytes(3, 'x');
    EXPECT_FALSE(client->send(request));
    EXPECT_EQ(server.requests().size(), 2U);
}

TEST(HttpClient, RefusesWhatIsNoRequest) {
    const auto client = make_http_client({});
    for (const auto* url : {"", "ftp://127.0.0.1/", "file:///etc/passwd", "127.0.0.1", "http://", "http://a b/",
                            "http://a/\r\nX: y", "http://user:secret@127.0.0.1/"}) {
        const auto response = client->send(get(url));
        ASSERT_FALSE(response) << url;
        EXPECT_EQ(response.error().kind, ErrorKind::malformed) << url << ": " << response.error().detail;
    }
    const auto malformed = [&](auto change) {
        auto request = get("http://127.0.0.1:1/");
        change(request);
        return client->send(request).error().kind == ErrorKind::malformed;
    };
    EXPECT_TRUE(malformed([](auto& request) { request.method = "GET / HTTP/1.1\r\nX:"; }));
    EXPECT_TRUE(malformed([](auto& request) { request.headers = {{"X", "a\r\nY: b"}}; }));
    EXPECT_TRUE(malformed([](auto& request) { request.headers = {{"X: y", "a"}}; }));
    EXPECT_TRUE(malformed([](auto& request) { request.user = "a:b"; }));
    const Secret cut(std::string_view("a\0b", 3));
    EXPECT_TRUE(malformed([&](auto& request) {
        request.user = "a";
        request.password = &cut;
    }));
    EXPECT_FALSE(malformed([](auto&) {}));
}

TEST(HttpClient, UsesItsOwnProxyAndNotTheEnvironments) {
    ScriptedServer proxy(replying(ok));
    ScriptedServer server(replying(ok));
    ::setenv("http_proxy", proxy.url().c_str(), 1);
    ASSERT_TRUE(make_http_client({})->send(get(server.url())));
    ::unsetenv("http_proxy");
    EXPECT_EQ(proxy.requests().size(), 0U);
    HttpClientOptions options;
    options.proxy = proxy.url();
    ASSERT_TRUE(make_http_client(options)->send(get("http://ca.example/certsrv")));
    EXPECT_THAT(proxy.requests().front(), testing::StartsWith("GET http://ca.example/certsrv HTTP/1.1\r\n"));
}

TEST(HttpClient, IsSafeOnManyThreads) {
    std::vector<std::unique_ptr<ScriptedServer>> servers;
    for (int i = 0; i < 4; ++i) servers.push_back(std::make_unique<ScriptedServer>(replying(ok)));
    std::atomic<int> right{0};
    {
        const auto client = make_http_client({});
        std::vector<std::thread> threads;
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([&, t] {
                for (int i = 0; i < 25; ++i) {
                    // Else a handle's kept connection would keep the one-at-a-time server from the next thread.
                    auto request = get(servers.at(static_cast<std::size_t>(t))->url());
                    request.headers = {{"Connection", "close"}};
                    const auto response = client->send(request);
                    if (response && response->status == 200) ++right;
                }
            });
        }
        for (auto& thread : threads) thread.join();
    }
    EXPECT_EQ(right, 100);
}

}  // namespace
}  // namespace countersign::net
