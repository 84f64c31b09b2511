// Arithmetic whose time does not depend on its operands. Private to the keys room; pure functions.
#pragma once

#include <cstdint>

namespace countersign::keys::constant_time {

using Mask = std::uint32_t;  // all ones or all zeros

// Keeps the compiler from learning that a mask has two values only, and from branching on it.
inline std::uint32_t barrier(std::uint32_t value) {
    asm volatile("" : "+r"(value));
    return value;
}

inline Mask is_zero(std::uint32_t value) {
    const std::uint32_t v = barrier(value);
    return barrier(0U - ((~v & (v - 1U)) >> 31));
}
inline Mask equal(std::uint32_t a, std::uint32_t b) {
    return is_zero(a ^ b);
}
inline Mask mask_of(bool value) {
    return barrier(0U - static_cast<std::uint32_t>(value));
}
inline std::uint8_t select(Mask mask, std::uint8_t if_ones, std::uint8_t if_zeros) {
    return static_cast<std::uint8_t>((barrier(mask) & if_ones) | (barrier(~mask) & if_zeros));
}

}  // namespace countersign::keys::constant_time
