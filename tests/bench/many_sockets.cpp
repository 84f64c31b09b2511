#include "many_sockets.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cerrno>
#include <stdexcept>
#include <utility>

namespace countersign::bench {
namespace {

constexpr std::uint32_t first_source = 0x7f100001;  // 127.16.0.1
constexpr std::size_t events_at_once = 512;

}  // namespace

void Socket::close() {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
}

Socket begin_connection(const test::Endpoint& endpoint, std::size_t source, int receive_octets) {
    Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket.open()) return socket;
    const int on = 1;
    // The port is chosen at connect(), so that one address is good for as many connections as there are ports.
    ::setsockopt(socket.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (receive_octets > 0) ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &receive_octets, sizeof receive_octets);
    sockaddr_in from{};
    from.sin_family = AF_INET;
    from.sin_addr.s_addr = htonl(first_source + static_cast<std::uint32_t>(source));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(endpoint.port);
    inet_pton(AF_INET, endpoint.host.c_str(), &to.sin_addr);
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0 ||
        (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 && errno != EINPROGRESS)) {
        socket.close();
    }
    return socket;
}

std::size_t raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) throw std::runtime_error("getrlimit failed");
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}

Readiness::Readiness() : epoll_(::epoll_create1(EPOLL_CLOEXEC)), events_(events_at_once) {
    if (!epoll_.open()) throw std::runtime_error("epoll_create1 failed");
}

void Readiness::watch(int descriptor, std::uint32_t events, std::size_t number) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = number;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &event) != 0) throw std::runtime_error("epoll_ctl failed");
}

void Readiness::change(int descriptor, std::uint32_t events, std::size_t number) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = number;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, descriptor, &event) != 0) throw std::runtime_error("epoll_ctl failed");
}

std::span<const epoll_event> Readiness::wait(int milliseconds) {
    const int count = ::epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()), milliseconds);
    return {events_.data(), count > 0 ? static_cast<std::size_t>(count) : 0};
}

}  // namespace countersign::bench
