// The pure parts below the server.
#include "http/address.hpp"
#include "http/attendance.hpp"
#include "http/chunked.hpp"
#include "http/header_scan.hpp"
#include "http/inbox.hpp"
#include "http/wire.hpp"

#include "countersign/http/router.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace countersign::http {
namespace {

using testing::HasSubstr;

Address address(std::string_view text) {
    return Address::parse(text).value();
}

TEST(AddressText, ParsesBothFamiliesAndUnifiesMappedOnes) {
    EXPECT_EQ(address("192.0.2.1").text(), "192.0.2.1");
    EXPECT_EQ(address("2001:DB8::1").text(), "2001:db8::1");
    EXPECT_EQ(address("::ffff:192.0.2.1"), address("192.0.2.1"));
    EXPECT_TRUE(address("127.9.9.9").is_loopback());
    EXPECT_TRUE(address("::1").is_loopback());
    EXPECT_FALSE(address("::2").is_loopback());
    EXPECT_FALSE(address("128.0.0.1").is_loopback());
    for (const auto* text : {"", "192.0.2", "192.0.2.256", "host", "1.2.3.4 ", "::g"})
        EXPECT_FALSE(Address::parse(text)) << text;
    EXPECT_FALSE(Address::parse(std::string_view("1.2.3.4\0x", 9)));
}

TEST(AddressText, OneSourceIsAnAddressOrASlash64) {
    EXPECT_EQ(address("2001:db8:1:2:3::4").source(), address("2001:db8:1:2:ffff::").source());
    EXPECT_NE(address("2001:db8:1:2::").source(), address("2001:db8:1:3::").source());
    EXPECT_NE(address("192.0.2.1").source(), address("192.0.2.2").source());
}

TEST(AddressBlock, ContainsWhatItsPrefixCovers) {
    EXPECT_TRUE(Block::parse("10.0.0.0/8")->contains(address("10.255.1.2")));
    EXPECT_FALSE(Block::parse("10.0.0.0/8")->contains(address("11.0.0.0")));
    EXPECT_TRUE(Block::parse("192.0.2.128/25")->contains(address("192.0.2.200")));
    EXPECT_FALSE(Block::parse("192.0.2.128/25")->contains(address("192.0.2.127")));
    EXPECT_TRUE(Block::parse("192.0.2.1")->contains(address("192.0.2.1")));
    EXPECT_FALSE(Block::parse("192.0.2.1")->contains(address("192.0.2.2")));
    EXPECT_TRUE(Block::parse("2001:db8::/33")->contains(address("2001:db8:7fff::1")));
    EXPECT_FALSE(Block::parse("2001:db8::/33")->contains(address("2001:db8:8000::1")));
    EXPECT_TRUE(Block::parse("0.0.0.0/0")->contains(address("8.8.8.8")));
    EXPECT_FALSE(Block::parse("0.0.0.0/0")->contains(address("2001:db8::1")));
    for (const auto* text : {"", "10.0.0.0/33", "::ffff:10.0.0.0/104", "10.0.0.1/8", "::/129", "10.0.0.0/",
                             "10.0.0.0/-1", "10.0.0.0/8x", "all"}) {
        EXPECT_FALSE(Block::parse(text)) << text;
    }
}

TEST(AddressEndpoint, IsAddressAndPort) {
    EXPECT_EQ(parse_endpoint("127.0.0.1:8080")->port, 8080);
    EXPECT_EQ(parse_endpoint("[::1]:0")->address, address("::1"));
    for (const auto* text : {"", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "::1:80", "[127.0.0.1]:80",
                             "localhost:80", ":80", "[::1]", "127.0.0.1:80x"}) {
        EXPECT_FALSE(parse_endpoint(text)) << text;
    }
}

TEST(ForwardedClient, IsTheRightmostThatIsNotTrusted) {
    const std::vector<Block> trusted{*Block::parse("10.0.0.0/8"), *Block::parse("2001:db8::/32")};
    const auto client = [&](const std::vector<std::string_view>& list) {
        return forwarded_client("10.0.0.1", list, trusted);
    };
    EXPECT_EQ(client({}), "10.0.0.1");
    EXPECT_EQ(client({"203.0.113.9"}), "203.0.113.9");
    EXPECT_EQ(client({"6.6.6.6, 203.0.113.9"}), "203.0.113.9");
    EXPECT_EQ(client({"6.6.6.6", "203.0.113.9, 10.1.1.1"}), "203.0.113.9");
    EXPECT_EQ(client({"10.9.9.9, 10.1.1.1"}), "10.9.9.9");
    EXPECT_EQ(client({"203.0.113.9:4711"}), "203.0.113.9");
    EXPECT_EQ(client({"[2001:db9::1]:443, 2001:db8::5"}), "2001:db9::1");
    EXPECT_EQ(client({"203.0.113.9, unknown"}), "10.0.0.1");
    EXPECT_EQ(client({"203.0.113.9, unknown, 10.1.1.1"}), "10.1.1.1");
    EXPECT_EQ(client({"203.0.113.9, "}), "10.0.0.1");
}

// However somebody writes an address: whom a list makes the client, behind proxies at 10.0.0.0/8 and 2001:db8::/32.
TEST(ForwardedClient, IsReadByOneTable) {
    const std::vector<Block> trusted{*Block::parse("10.0.0.0/8"), *Block::parse("2001:db8::/32")};
    const std::vector<std::pair<std::string, std::string>> table{
        // A proxy's address inside IPv6 is that proxy's, a stranger's is a stranger's.
        {"203.0.113.9, ::ffff:10.1.1.1", "203.0.113.9"},
        {"::ffff:203.0.113.9", "203.0.113.9"},
        {"::ffff:203.0.113.9, 10.1.1.1", "203.0.113.9"},
        {"6.6.6.6, ::ffff:cb00:7109", "203.0.113.9"},
        {"[::ffff:203.0.113.9]:4711", "203.0.113.9"},
        {"203.0.113.9, ::10.1.1.1", "::10.1.1.1"},               // IPv4-compatible is not IPv4
        {"203.0.113.9, 64:ff9b::10.1.1.1", "64:ff9b::a01:101"},  // nor is what NAT64 makes of it
        {"203.0.113.9, 2002:a01:101::", "2002:a01:101::"},
        {"2001:0db8:0000::0001, 2001:DB8::2", "2001:db8::1"},
        {"2001:db9::1, 2001:db8::ffff", "2001:db9::1"},
        // The last entry that is not trusted, wherever the line is cut.
        {"6.6.6.6,203.0.113.9", "203.0.113.9"},
        {"  6.6.6.6  ,\t203.0.113.9\t", "203.0.113.9"},
        {"10.1.1.1", "10.1.1.1"},
        {"10.1.1.1,10.1.1.2,10.1.1.3", "10.1.1.1"},
        {"10.1.1.1, 6.6.6.6, 10.1.1.3", "6.6.6.6"},
        {"11.0.0.1", "11.0.0.1"},
        {"9.255.255.255, 10.255.255.255", "9.255.255.255"},
        {"255.255.255.255", "255.255.255.255"},
        {"0.0.0.0", "0.0.0.0"},
        {"127.0.0.1", "127.0.0.1"},
        // What is no address ends the search at the hop before it.
        {"", "10.0.0.1"},
        {" ", "10.0.0.1"},
        {",", "10.0.0.1"},
        {",203.0.113.9", "203.0.113.9"},
        {"203.0.113.9,,10.1.1.1", "10.1.1.1"},
        {"203.0.113.9 6.6.6.6", "10.0.0.1"},
        {"203.0.113.9;6.6.6.6", "10.0.0.1"},
        {"for=203.0.113.9", "10.0.0.1"},
        {"\"203.0.113.9\"", "10.0.0.1"},
        {"unknown", "10.0.0.1"},
        {"_hidden", "10.0.0.1"},
        {"localhost", "10.0.0.1"},
        {"0x0a.1.1.1", "10.0.0.1"},
        {"012.1.1.1", "10.0.0.1"},
        {"10.1", "10.0.0.1"},
        {"167837953", "10.0.0.1"},
        {"203.0.113.9.", "10.0.0.1"},
        {"203.0.113.256", "10.0.0.1"},
        {"203.0.113.9/32", "10.0.0.1"},
        {"fe80::1%eth0", "10.0.0.1"},
        {"[203.0.113.9]", "203.0.113.9"},
        {"[2001:db9::1", "10.0.0.1"},
        {"2001:db9::1]", "10.0.0.1"},
        {"[]", "10.0.0.1"},
        {"::g", "10.0.0.1"},
        {"1:2:3:4:5:6:7:8:9", "10.0.0.1"},
        {"\xd9\xa1.1.1.1", "10.0.0.1"},
        {std::string("203.0.113.9\0", 12), "10.0.0.1"},
        {std::string("6.6.6.6\0, 203.0.113.9", 21), "203.0.113.9"},
        // The port some add says nothing.
        {"203.0.113.9:0", "203.0.113.9"},
        {"203.0.113.9:99999", "203.0.113.9"},
        {"203.0.113.9:x", "203.0.113.9"},
        {"203.0.113.9:", "203.0.113.9"},
        {":203.0.113.9", "10.0.0.1"},
        {"203.0.113.9:1:2", "10.0.0.1"},
        {"[2001:db9::1]", "2001:db9::1"},
        {"[2001:db9::1]:443", "2001:db9::1"},
        {"6.6.6.6, 10.1.1.1:8080", "6.6.6.6"},
    };
    for (const auto& [list, client] : table) EXPECT_EQ(forwarded_client("10.0.0.1", {list}, trusted), client) << list;
}

TEST(ForwardedClient, IsFoundBehindAnyNumberOfHops) {
    const std::vector<Block> trusted{*Block::parse("10.0.0.0/8")};
    std::string hops;
    for (int i = 0; i < 5000; ++i) hops += ", 10.1.1.1";
    EXPECT_EQ(forwarded_client("10.0.0.1", {"6.6.6.6, 203.0.113.9" + hops}, trusted), "203.0.113.9");
    std::vector<std::string_view> lines(100, "10.1.1.1");
    lines.insert(lines.begin(), "6.6.6.6, 203.0.113.9");
    EXPECT_EQ(forwarded_client("10.0.0.1", lines, trusted), "203.0.113.9");
    lines.insert(lines.begin() + 50, "198.51.100.7");
    EXPECT_EQ(forwarded_client("10.0.0.1", lines, trusted), "198.51.100.7");
}

TEST(HeaderScanning, FindsTheEndInAnyPieces) {
    const std::string block = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for (std::size_t step = 1; step <= block.size(); ++step) {
        HeaderScan scan(100, 100);
        for (std::size_t seen = step; seen < block.size(); seen += step) {
            EXPECT_EQ(scan.look_at(std::string_view(block).substr(0, seen)), HeaderScan::Verdict::incomplete);
        }
        EXPECT_EQ(scan.look_at(block + "rest"), HeaderScan::Verdict::complete);
        EXPECT_EQ(scan.length(), block.size());
    }
}

TEST(HeaderScanning, SaysEarlyThatThereWillBeNoHead) {
    EXPECT_EQ(HeaderScan(100, 100).look_at("\x16\x03"), HeaderScan::Verdict::not_http);
    EXPECT_EQ(HeaderScan(100, 100).look_at("GET / HTTP/1.0\n"), HeaderScan::Verdict::not_http);
    EXPECT_EQ(HeaderScan(20, 100).look_at("GET /" + std::string(20, 'x')), HeaderScan::Verdict::line_too_long);
    EXPECT_EQ(HeaderScan(20, 100).look_at("GET / HTTP/1.1\r\nX: " + std::string(100, 'x')),
              HeaderScan::Verdict::block_too_long);
    EXPECT_EQ(HeaderScan(14, 18).look_at("GET / HTTP/1.1\r\n\r\n"), HeaderScan::Verdict::complete);
    EXPECT_EQ(HeaderScan(14, 17).look_at("GET / HTTP/1.1\r\n\r\n"), HeaderScan::Verdict::block_too_long);
    EXPECT_EQ(HeaderScan(13, 100).look_at("GET / HTTP/1.1\r\n\r\n"), HeaderScan::Verdict::line_too_long);
}

ChunkedBody::State feed(std::string_view raw, std::size_t limit, std::size_t step, std::string& body,
                        std::string& rest) {
    ChunkedBody chunks(limit);
    Bytes octets;
    auto state = ChunkedBody::State::incomplete;
    std::string pending;
    for (std::size_t at = 0; at < raw.size(); at += step) {
        pending += raw.substr(at, step);
        if (state != ChunkedBody::State::incomplete) continue;
        std::string_view view = pending;
        state = chunks.take(view, octets);
        pending = std::string(view);
    }
    body = as_text(octets);
    rest = pending;
    return state;
}

TEST(Chunks, AreReadInAnyPieces) {
    const std::string raw = "4\r\nwiki\r\n0A;n=\"v\"\r\n0123456789\r\n000\r\n\r\nnext";
    for (std::size_t step = 1; step <= raw.size(); ++step) {
        std::string body;
        std::string rest;
        EXPECT_EQ(feed(raw, 14, step, body, rest), ChunkedBody::State::complete) << step;
        EXPECT_EQ(body, "wiki0123456789");
        EXPECT_EQ(rest, "next");
        EXPECT_EQ(feed(raw, 13, step, body, rest), ChunkedBody::State::too_large) << step;
    }
}

TEST(Chunks, AreRefusedInAnyPieces) {
    for (const std::string raw : {"g\r\n", "\r\n", "4\nwiki", "4\r\nwikiX", "4\r\nwiki\n", "4\r\nwiki\r\r", "0\r\nX",
                                  "0\r\n\rX", "4 \r\n", "123456789\r\n", "4;\x01\r\n"}) {
        for (std::size_t step = 1; step <= raw.size(); ++step) {
            std::string body;
            std::string rest;
            EXPECT_EQ(feed(raw, 1000, step, body, rest), ChunkedBody::State::malformed) << raw;
        }
    }
    std::string body;
    std::string rest;
    EXPECT_EQ(feed("ffffffff\r\n", 1000, 1, body, rest), ChunkedBody::State::too_large);
}

TEST(Chunks, ExtensionsAreBoundedInTheWholeBody) {
    std::string body;
    std::string rest;
    const std::string chunk = "1;" + std::string(100, 'e') + "\r\nx\r\n";
    std::string raw;
    for (int i = 0; i < 10; ++i) raw += chunk;
    EXPECT_EQ(feed(raw + "0\r\n\r\n", 1000, 7, body, rest), ChunkedBody::State::complete);
    EXPECT_EQ(feed(raw + chunk + "0\r\n\r\n", 1000, 7, body, rest), ChunkedBody::State::malformed);
}

TEST(Wire, ReadsAHead) {
    const auto head = read_head(
        "POST /a%20b/?x=%41&y=+ HTTP/1.0\r\nHOST: h\r\nX-A: 1\r\nx-a: 2\r\nB_C: d\r\nContent-Length: 7\r\n\r\n");
    ASSERT_TRUE(head) << head.error().detail;
    EXPECT_EQ(head->request.method, "POST");
    EXPECT_EQ(head->request.path, "/a b/");
    EXPECT_EQ(head->request.query, "x=%41&y=+");
    EXPECT_EQ(head->request.header("host"), "h");
    EXPECT_EQ(head->request.header("x-a"), "1");
    EXPECT_EQ(head->request.header("b_c"), std::nullopt);
    EXPECT_EQ(head->content_length, 7U);
    EXPECT_FALSE(head->http11);
    EXPECT_FALSE(head->keep_alive);
    EXPECT_FALSE(head->chunked);
}

TEST(Wire, KeepAliveIsWhatTheVersionAndTheFieldSay) {
    const auto keeps = [](const std::string& version, const std::string& field) {
        return read_head("GET / HTTP/" + version + "\r\n" + field + "\r\n")->keep_alive;
    };
    EXPECT_TRUE(keeps("1.1", ""));
    EXPECT_FALSE(keeps("1.1", "Connection: close\r\n"));
    EXPECT_FALSE(keeps("1.1", "Connection: x, Close\r\n"));
    EXPECT_FALSE(keeps("1.0", ""));
    EXPECT_TRUE(keeps("1.0", "Connection: Keep-Alive\r\n"));
}

TEST(Wire, RefusesPathsThatDoNotDecode) {
    for (const std::string path : {"/%", "/%4", "/%zz", "/%00", "/%0d%0a", "/%7f"}) {
        EXPECT_FALSE(read_head("GET " + path + " HTTP/1.1\r\n\r\n")) << path;
    }
}

TEST(Wire, RefusesPathsThatOthersReadOtherwise) {
    for (const std::string path : {"/..", "/a/../b", "/a/.", "/./a", "/%2e%2E/a", "/a/.%2e", "/a/..;x/b", "/a%2fb",
                                   "/a%2Fb", "/a%5cb", "/a\\b"}) {
        EXPECT_FALSE(read_head("GET " + path + " HTTP/1.1\r\n\r\n")) << path;
    }
    for (const std::string path : {"/a.b/..c/d..", "/...", "//a", "/a;b", "/%41"}) {
        EXPECT_TRUE(read_head("GET " + path + " HTTP/1.1\r\n\r\n")) << path;
    }
}

TEST(Wire, WritesAHead) {
    auto response = Response::bytes(200, "application/x-pki-message", Bytes(3));
    response.headers.emplace_back("Cache-Control", "no-store");
    std::string out;
    ASSERT_TRUE(write_head(response, Persistence::close, "D", out));
    EXPECT_EQ(out,
              "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Type: application/x-pki-message\r\nCache-Control: no-store\r\n"
              "Content-Length: 3\r\nConnection: close\r\n\r\n");
    out.clear();
    ASSERT_TRUE(write_head(Response{204, "", {}, nullptr}, Persistence::keep_alive_11, "D", out));
    EXPECT_EQ(out, "HTTP/1.1 204 No Content\r\nDate: D\r\n\r\n");
}

TEST(Wire, NeverSplitsAResponse) {
    std::string out;
    for (const std::string& bad : std::vector<std::string>{"a\r\nb", "a\nb", "a\rb", std::string("a\0b", 3)}) {
        EXPECT_FALSE(write_head(Response{200, bad, {}, nullptr}, Persistence::close, "D", out));
        EXPECT_FALSE(write_head(Response{200, "", {{"X", bad}}, nullptr}, Persistence::close, "D", out));
        EXPECT_FALSE(write_head(Response{200, "", {{bad, "x"}}, nullptr}, Persistence::close, "D", out));
    }
    EXPECT_FALSE(write_head(Response{200, "", {{"X: y", "z"}}, nullptr}, Persistence::close, "D", out));
    EXPECT_FALSE(write_head(Response{200, "", {{"", "z"}}, nullptr}, Persistence::close, "D", out));
    EXPECT_EQ(out, "");
}

TEST(ReceiveBuffer, KeepsItsOrderThroughGrowthAndReuse) {
    Inbox inbox;
    std::string sent;
    std::string got;
    unsigned next = 0;
    for (int round = 0; round < 2000; ++round) {
        auto room = inbox.room();
        ASSERT_FALSE(room.empty());
        const auto count = std::min<std::size_t>(room.size(), 1 + static_cast<std::size_t>(round * 7) % 3000);
        for (std::size_t i = 0; i < count; ++i) sent += room[i] = static_cast<char>(next++ % 251);
        inbox.received(count);
        const auto take = std::min<std::size_t>(inbox.unread().size(), static_cast<std::size_t>(round * 13) % 4000);
        got += inbox.unread().substr(0, take);
        inbox.consume(take);
    }
    got += inbox.unread();
    EXPECT_TRUE(got == sent);
}

TEST(AttendanceCaps, CountPerSourceAndInTotal) {
    Attendance attendance(3, 2);
    auto a1 = attendance.enter(address("192.0.2.1")).seat;
    auto a2 = attendance.enter(address("192.0.2.1")).seat;
    EXPECT_TRUE(a1 && a2);
    EXPECT_FALSE(attendance.enter(address("192.0.2.1")).seat);
    auto proxy = attendance.enter(std::nullopt).seat;
    EXPECT_TRUE(proxy);
    EXPECT_FALSE(attendance.enter(address("192.0.2.2")).seat);
    EXPECT_EQ(attendance.count(), 3U);
    a1.reset();
    EXPECT_TRUE(attendance.enter(address("192.0.2.1")).seat);
    a2.reset();
    proxy.reset();
    EXPECT_TRUE(attendance.wait_until_empty(std::chrono::milliseconds(0)));
}

struct Nothing final : Endpoint {
    std::string_view serves() const override { return "scep"; }
    std::optional<Response> answer_at_once(const Request&) override { return std::nullopt; }
    Response answer(const Request&) override { return {}; }
};

TEST(Routing, MatchesAnyCaseAndOneTrailingSlash) {
    Router router;
    const auto endpoint = std::make_shared<Nothing>();
    router.add("/certsrv/mscep/mscep.dll", endpoint);
    router.add("/", std::make_shared<Nothing>());
    Request request;
    request.serves = {"admin", "scep"};
    for (const auto* path : {"/certsrv/mscep/mscep.dll", "/CertSrv/MSCEP/mscep.dll/"}) {
        request.path = path;
        EXPECT_EQ(router.find(request), endpoint.get()) << path;
    }
    for (const auto* path :
         {"", "/certsrv/mscep/mscep.dll//", "/certsrv/mscep", "/certsrv/mscep/mscep.dll/pkiclient.exe"}) {
        request.path = path;
        EXPECT_EQ(router.find(request), nullptr) << path;
    }
    request.path = "/";
    EXPECT_NE(router.find(request), nullptr);
    request.serves = {"admin"};
    EXPECT_EQ(router.find(request), nullptr);
}

TEST(Routing, RefusesOverlapsNamingThem) {
    Router router;
    router.add("/a/b", std::make_shared<Nothing>());
    try {
        router.add("/A/B/", std::make_shared<Nothing>());
        FAIL() << "an overlap was taken";
    } catch (const StartupError& error) {
        EXPECT_THAT(error.what(), HasSubstr("/A/B/"));
    }
    EXPECT_THROW(router.add("relative", std::make_shared<Nothing>()), StartupError);
}

}  // namespace
}  // namespace countersign::http
