#include "countersign/core/secret.hpp"

#include <string.h>

namespace countersign {

void wipe_memory(void* memory, std::size_t size) {
    if (size != 0) ::explicit_bzero(memory, size);
}

Secret Secret::of_size(std::size_t size) {
    Secret secret;
    secret.bytes_.resize(size);
    return secret;
}

Secret& Secret::operator=(Secret&& other) noexcept {
    if (this != &other) {
        wipe();
        bytes_ = std::move(other.bytes_);
        other.bytes_.clear();
    }
    return *this;
}

void Secret::truncate(std::size_t size) {
    if (size >= bytes_.size()) return;
    wipe_memory(bytes_.data() + size, bytes_.size() - size);
    bytes_.resize(size);
}

void Secret::wipe() {
    wipe_memory(bytes_.data(), bytes_.size());
    bytes_.clear();
}

bool Secret::equals(ByteView other) const {
    if (bytes_.size() != other.size()) return false;
    unsigned difference = 0;
    for (std::size_t i = 0; i < bytes_.size(); ++i) {
        difference |= static_cast<unsigned>(bytes_[i] ^ other[i]);
    }
    // The barrier keeps the compiler from turning the loop into an early exit.
    asm volatile("" : "+r"(difference));
    return difference == 0;
}

}  // namespace countersign
