// Random octets that are the same in every run and never twice the same in one: eight-octet blocks of a counter,
// scrambled by splitmix64. Safe on many threads.
#pragma once

#include "countersign/core/random.hpp"

#include <atomic>

namespace countersign::test {

class CountingRandom final : public Random {
public:
    explicit CountingRandom(std::uint64_t seed = 1) : next_(seed) {}

    void fill(std::span<std::uint8_t> out) override {
        std::uint64_t block = 0;
        for (std::size_t i = 0; i < out.size(); ++i) {
            if (i % 8 == 0) block = scramble(next_.fetch_add(1));
            out[i] = static_cast<std::uint8_t>(block >> (8 * (i % 8)));
        }
    }

private:
    static std::uint64_t scramble(std::uint64_t value) {
        value += 0x9e3779b97f4a7c15;
        value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
        value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
        return value ^ (value >> 31);
    }

    std::atomic<std::uint64_t> next_;
};

}  // namespace countersign::test
