// Unpredictable octets from an injected source. Implementations are safe on any thread.
#pragma once

#include "countersign/core/bytes.hpp"

#include <cstddef>
#include <span>

namespace countersign {

class Random {
public:
    virtual ~Random() = default;
    // Fills all of `out`; never returns less. Throws std::system_error if the system has no randomness,
    // which nothing in this program can go on without.
    virtual void fill(std::span<std::uint8_t> out) = 0;

    Bytes bytes(std::size_t count) {
        Bytes result(count);
        fill(result);
        return result;
    }
};

// getrandom(2).
class SystemRandom final : public Random {
public:
    void fill(std::span<std::uint8_t> out) override;
};

}  // namespace countersign
