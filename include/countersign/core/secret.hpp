// Secret: octets that are wiped when they go, cannot be copied or printed by accident, and compare in
// constant time. Move-only; each Secret owns its memory. A Secret is not synchronised: one thread at a time.
#pragma once

#include "countersign/core/bytes.hpp"

#include <string_view>

namespace countersign {

class Secret {
public:
    Secret() = default;
    // Takes a copy; the caller wipes its own source if that held the secret too.
    explicit Secret(ByteView bytes) : bytes_(bytes.begin(), bytes.end()) {}
    explicit Secret(std::string_view text) : Secret(as_bytes(text)) {}
    static Secret of_size(std::size_t size);

    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;
    Secret(Secret&& other) noexcept : bytes_(std::move(other.bytes_)) { other.bytes_.clear(); }
    Secret& operator=(Secret&& other) noexcept;
    ~Secret() { wipe(); }

    // A copy on purpose.
    Secret duplicate() const { return Secret(reveal()); }

    // The octets, for the one use that needs them. The view dies with the Secret.
    ByteView reveal() const { return bytes_; }
    std::string_view reveal_text() const { return as_text(bytes_); }
    std::span<std::uint8_t> writable() { return bytes_; }

    std::size_t size() const { return bytes_.size(); }
    bool empty() const { return bytes_.empty(); }

    // Only shrinks; the octets cut off are wiped.
    void truncate(std::size_t size);
    void wipe();

    // Constant time in the contents; the lengths are not secret.
    bool equals(ByteView other) const;

private:
    Bytes bytes_;
};

// Overwrites memory in a way the compiler may not remove.
void wipe_memory(void* memory, std::size_t size);

}  // namespace countersign
