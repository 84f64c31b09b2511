// What every fuzz target shares. A target is one function over foreign octets that ends the process when something that must
// hold does not; sanitizers watch the rest. libFuzzer (run.sh) or replay.cpp (the tests) call it.
#pragma once

#include "countersign/core/bytes.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace countersign::fuzz {

inline void expect(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "must hold, and does not: %s\n", what);
    std::abort();
}

}  // namespace countersign::fuzz

// FUZZ_TARGET(input) { ... }: `input` is a ByteView.
#define FUZZ_TARGET(input)                                                              \
    static void fuzz_one(countersign::ByteView input);                                  \
    extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) { \
        fuzz_one({data, size});                                                         \
        return 0;                                                                       \
    }                                                                                   \
    static void fuzz_one(countersign::ByteView input)
