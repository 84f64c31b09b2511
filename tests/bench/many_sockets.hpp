// Client sockets by the thousand for the load generators: non-blocking, from many addresses of the loopback network, so
// that the server's limits for one client do not hide what many clients do. One thread at a time.
#pragma once

#include "instance.hpp"

#include <sys/epoll.h>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace countersign::bench {

// A descriptor that closes itself.
class Socket {
public:
    Socket() = default;
    explicit Socket(int descriptor) : descriptor_(descriptor) {}
    Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    Socket& operator=(Socket&& other) noexcept {
        std::swap(descriptor_, other.descriptor_);
        return *this;
    }
    ~Socket() { close(); }

    int get() const { return descriptor_; }
    bool open() const { return descriptor_ >= 0; }
    void close();

private:
    int descriptor_ = -1;
};

// A connection begun from the loopback address of number `source` (127.16.0.0/12 holds a million). Not open: the system
// has no socket, port or descriptor left. `receive_octets`: how small its receive buffer is made; 0: as the system has
// it.
Socket begin_connection(const test::Endpoint& endpoint, std::size_t source, int receive_octets = 0);

// How many descriptors this process and its children may have; raised to what the system lets us.
std::size_t raise_descriptor_limit();

// epoll with a number for each descriptor.
class Readiness {
public:
    Readiness();
    void watch(int descriptor, std::uint32_t events, std::size_t number);
    void change(int descriptor, std::uint32_t events, std::size_t number);
    // Valid until the next call.
    std::span<const epoll_event> wait(int milliseconds);

private:
    Socket epoll_;
    std::vector<epoll_event> events_;
};

}  // namespace countersign::bench
