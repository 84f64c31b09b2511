#include "slow_crowd.hpp"

#include "many_sockets.hpp"

#include <sys/socket.h>
#include <chrono>
#include <string>
#include <vector>

namespace countersign::bench {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::size_t connections_per_source = 50;
constexpr auto between_bytes = 3s;
constexpr std::size_t kinds = 3;
constexpr std::size_t reader = 2;

struct Loiterer {
    Socket socket;
    bool greeted = false;
    Clock::time_point next_byte{};
};

// What each kind says first; from then on it sends a byte now and then, or nothing.
std::vector<std::string> greetings(const test::Endpoint& endpoint) {
    const std::string host = " HTTP/1.1\r\nHost: " + endpoint.host + "\r\n";
    std::string greedy;
    for (int i = 0; i < 10; ++i) greedy += "GET " + endpoint.path + "?operation=GetCACert" + host + "\r\n";
    return {"GET " + endpoint.path + "?operation=GetCACaps" + host + "X-Slow: ",
            "POST " + endpoint.path + "?operation=PKIOperation" + host +
                "Content-Type: application/x-pki-message\r\nContent-Length: 3000\r\n\r\n",
            greedy};
}

}  // namespace

SlowCrowd::SlowCrowd(const test::Endpoint& endpoint, std::size_t count)
    : thread_([this, endpoint, count](const std::stop_token& stop) { crowd(stop, endpoint, count); }) {
    while (begun_ < count) std::this_thread::sleep_for(10ms);
}

void SlowCrowd::crowd(const std::stop_token& stop, const test::Endpoint& endpoint, std::size_t count) {
    const auto greeting = greetings(endpoint);
    std::vector<Loiterer> loiterers(count);
    std::vector<bool> met(count);  // connected, or thrown out, once
    const auto meet = [&](std::size_t number) {
        if (!met[number]) ++begun_;
        met[number] = true;
    };
    Readiness readiness;
    std::size_t next = 0;  // whose turn it is to come back or to send a byte
    while (!stop.stop_requested()) {
        for (std::size_t looked = 0; looked < 200; ++looked, next = (next + 1) % count) {
            auto& one = loiterers[next];
            if (!one.socket.open()) {
                one = {begin_connection(endpoint, next / connections_per_source, next % kinds == reader ? 2048 : 0)};
                if (one.socket.open()) readiness.watch(one.socket.get(), EPOLLOUT | EPOLLIN | EPOLLRDHUP, next);
            } else if (one.greeted && next % kinds != reader && Clock::now() >= one.next_byte) {
                one.next_byte = Clock::now() + between_bytes;
                ::send(one.socket.get(), "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
            }
        }
        for (const auto& event : readiness.wait(1)) {
            const auto number = static_cast<std::size_t>(event.data.u64);
            auto& one = loiterers[number];
            if (!one.socket.open()) continue;
            if ((event.events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) != 0) {
                if (one.greeted) --connected_;
                one.socket.close();
                ++thrown_out_;
                meet(number);
            } else if (!one.greeted && (event.events & EPOLLOUT) != 0) {
                one.greeted = true;
                one.next_byte = Clock::now() + between_bytes;
                ++connected_;
                meet(number);
                const auto& words = greeting[number % kinds];
                ::send(one.socket.get(), words.data(), words.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
                // From here on only the end is of interest; what comes is left unread.
                readiness.change(one.socket.get(), EPOLLRDHUP, number);
            }
        }
    }
}

}  // namespace countersign::bench
