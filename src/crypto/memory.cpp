#include "countersign/crypto/memory.hpp"

#include <openssl/crypto.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace countersign::crypto {
namespace {

std::atomic<std::uint64_t> wants{0};
thread_local bool was_short = false;

void* remember_if_short(void* memory) {
    if (memory != nullptr) return memory;
    was_short = true;
    wants.fetch_add(1);
    return nullptr;
}

// Nothing of size zero, as OpenSSL's own functions have it: null is no failure then.
void* allocate(std::size_t size, const char*, int) {
    return size == 0 ? nullptr : remember_if_short(std::malloc(size));
}

void release(void* memory, const char*, int) {
    std::free(memory);
}

void* reallocate(void* memory, std::size_t size, const char*, int) {
    if (size != 0) return remember_if_short(std::realloc(memory, size));
    std::free(memory);
    return nullptr;
}

}  // namespace

bool watch_openssl_memory() {
    return CRYPTO_set_mem_functions(allocate, reallocate, release) == 1;
}

void throw_if_memory_was_short() {
    if (!was_short) return;
    was_short = false;
    throw std::bad_alloc();
}

std::uint64_t openssl_wants_of_memory() {
    return wants.load();
}

}  // namespace countersign::crypto
