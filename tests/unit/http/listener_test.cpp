#include "http/listening_socket.hpp"
#include "loopback.hpp"
#include "scratch_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <fstream>

namespace countersign::http::test {
namespace {

using testing::HasSubstr;

TEST(Listener, UnixSocketsAreTrustedProxies) {
    const countersign::test::ScratchDirectory directory{"/tmp"};  // the path of a Unix socket is short
    const auto path = (directory / "http.sock").string();
    Loopback loopback;
    loopback.options.limits.connections_per_client = 1;
    loopback.options.listeners = {{"unix:" + path, {"scep"}, {}, std::nullopt}};
    loopback.start();
    EXPECT_EQ(loopback.address(), "unix:" + path);
    struct stat status {};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0660U);
    auto first = loopback.connect();
    auto second = loopback.connect();
    EXPECT_THAT(first.ask("GET /fast HTTP/1.1\r\n\r\n").body, HasSubstr("client unix\nsecure no\nnear yes\n"));
    const auto forwarded =
        second.ask("GET /fast HTTP/1.1\r\nX-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\n\r\n");
    EXPECT_THAT(forwarded.body, HasSubstr("client 192.0.2.7\nsecure yes\nnear yes\n"));
    loopback.server->drain(std::chrono::seconds(10));
    EXPECT_NE(::stat(path.c_str(), &status), 0) << "the file is removed at the end";
}

TEST(Listener, ReplacesAStaleSocketButNothingElse) {
    const countersign::test::ScratchDirectory directory{"/tmp"};  // the path of a Unix socket is short
    const auto path = (directory / "http.sock").string();
    {
        // Bound and closed, its file left: what a killed process leaves.
        const int descriptor = ::socket(AF_UNIX, SOCK_STREAM, 0);
        sockaddr_un name{};
        name.sun_family = AF_UNIX;
        path.copy(name.sun_path, sizeof name.sun_path - 1);
        ASSERT_EQ(::bind(descriptor, reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
        ::close(descriptor);
    }
    auto first = ListeningSocket::open("unix:" + path);
    ASSERT_TRUE(first) << first.error().detail;
    const auto second = ListeningSocket::open("unix:" + path);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, ErrorKind::conflict);
    const auto file = (directory / "file").string();
    std::ofstream(file) << "precious";
    EXPECT_EQ(ListeningSocket::open("unix:" + file).error().kind, ErrorKind::conflict);
    EXPECT_TRUE(std::filesystem::exists(file));
    EXPECT_EQ(ListeningSocket::open("unix:" + std::string(200, 'x')).error().kind, ErrorKind::malformed);
    EXPECT_EQ(ListeningSocket::open("unix:/nowhere/at/all.sock").error().kind, ErrorKind::unavailable);
}

TEST(Listener, ErrorsNameTheListener) {
    Loopback loopback;
    loopback.start();
    const auto bind = [&](ListenerOptions listener) {
        auto options = loopback.options;
        options.listeners = {std::move(listener)};
        return Server::bind(options, loopback.router, loopback.pool);
    };
    const auto taken = bind({loopback.address(), {"scep"}, {}, std::nullopt});
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().kind, ErrorKind::unavailable);
    EXPECT_THAT(taken.error().detail, HasSubstr("listener " + loopback.address()));
    EXPECT_THAT(taken.error().detail, HasSubstr("in use"));
    EXPECT_EQ(bind({"nonsense", {"scep"}, {}, std::nullopt}).error().kind, ErrorKind::malformed);
    EXPECT_EQ(bind({"127.0.0.1:0", {"scep"}, {"proxy.example"}, std::nullopt}).error().kind, ErrorKind::malformed);
    EXPECT_EQ(bind({"systemd:http", {"scep"}, {}, std::nullopt}).error().kind, ErrorKind::not_found);
    ServerOptions none;
    EXPECT_EQ(Server::bind(none, loopback.router, loopback.pool).error().kind, ErrorKind::malformed);
}

TEST(Listener, FindsWhatSystemdPassedByName) {
    const auto me = std::to_string(::getpid());
    EXPECT_EQ(*inherited_descriptor("b", me.c_str(), "2", "a:b"), 4);
    EXPECT_EQ(*inherited_descriptor("a", me.c_str(), "2", "a:b"), 3);
    EXPECT_EQ(*inherited_descriptor("anything", me.c_str(), "1", nullptr), 3);
    EXPECT_FALSE(inherited_descriptor("c", me.c_str(), "2", "a:b"));
    EXPECT_FALSE(inherited_descriptor("b", me.c_str(), "1", "a:b")) << "named but not passed";
    EXPECT_FALSE(inherited_descriptor("a", "1", "2", "a:b")) << "meant for another process";
    EXPECT_FALSE(inherited_descriptor("a", me.c_str(), nullptr, "a:b"));
    EXPECT_FALSE(inherited_descriptor("a", nullptr, "1", "a"));
    EXPECT_FALSE(inherited_descriptor("anything", me.c_str(), "2", nullptr));
}

TEST(Listener, ServesOnASocketFromSystemd) {
    // In a child, where descriptor 3 can be what systemd says it is.
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        auto made = ListeningSocket::open("127.0.0.1:0");
        if (!made) ::_exit(10);
        const auto address = made->address();
        const int descriptor = made->release();
        if (descriptor != 3 && ::dup2(descriptor, 3) != 3) ::_exit(11);
        ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
        ::setenv("LISTEN_FDS", "1", 1);
        ::setenv("LISTEN_FDNAMES", "http", 1);
        int status = 12;
        {
            Loopback loopback;
            loopback.options.listeners = {{"systemd:http", {"scep"}, {}, std::nullopt}};
            loopback.start();
            if (loopback.address() == address && loopback.connect().ask("GET /fast HTTP/1.1\r\n\r\n").status == 200)
                status = 0;
        }
        ::_exit(status);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(Listener, ServesIpv6WhereThereIsAny) {
    Loopback loopback;
    loopback.options.listeners = {{"[::1]:0", {"scep"}, {}, std::nullopt}};
    auto bound = Server::bind(loopback.options, loopback.router, loopback.pool);
    if (!bound) GTEST_SKIP() << "no IPv6 here: " << bound.error().detail;
    EXPECT_THAT((*bound)->addresses().front(), testing::MatchesRegex("\\[::1\\]:[0-9]+"));
}

}  // namespace
}  // namespace countersign::http::test
