// Clients that take places and time: a third sends a request's head a byte at a time, a third its body, a third asks
// for much and reads nothing. Whoever is thrown out comes back at once. On a thread of its own until it goes.
#pragma once

#include "instance.hpp"

#include <atomic>
#include <cstddef>
#include <thread>

namespace countersign::bench {

class SlowCrowd {
public:
    // Returns once all of `count` have been connected, or thrown out again, once.
    SlowCrowd(const test::Endpoint& endpoint, std::size_t count);

    // Thrown out by the server so far, refused ones included.
    std::size_t thrown_out() const { return thrown_out_; }
    std::size_t connected() const { return connected_; }

private:
    void crowd(const std::stop_token& stop, const test::Endpoint& endpoint, std::size_t count);

    std::atomic<std::size_t> thrown_out_{0};
    std::atomic<std::size_t> connected_{0};
    std::atomic<std::size_t> begun_{0};
    std::jthread thread_;
};

}  // namespace countersign::bench
