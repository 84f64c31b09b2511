// Network addresses as values: parsing, blocks, and who a request really comes from. Pure functions; any thread.
#pragma once

#include "countersign/core/result.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct sockaddr;

namespace countersign::http {

// An IPv4 address is kept in its mapped IPv6 form, so that ::ffff:192.0.2.1 and 192.0.2.1 are one.
struct Address {
    std::array<std::uint8_t, 16> octets{};

    static std::optional<Address> parse(std::string_view text);
    static std::optional<Address> from(const sockaddr& socket_address);  // nullopt: neither IPv4 nor IPv6
    bool is_v4() const;
    bool is_loopback() const;
    std::string text() const;
    // What counts as one source: the address in IPv4, the /64 in IPv6, where a host owns at least that much.
    Address source() const;
    auto operator<=>(const Address&) const = default;
};

struct Block {
    Address address;
    unsigned prefix = 128;  // of the mapped form

    // "192.0.2.1", "192.0.2.0/24", "2001:db8::/32". malformed: anything else, or bits set beyond the prefix.
    static Result<Block> parse(std::string_view text);
    bool contains(const Address& candidate) const;
};

bool any_contains(std::span<const Block> blocks, const Address& candidate);

// Where a listener listens.
struct HostPort {
    Address address;
    std::uint16_t port = 0;
};
// "127.0.0.1:8080" or "[::1]:8080"; names are not resolved.
Result<HostPort> parse_endpoint(std::string_view text);

// The rightmost address of X-Forwarded-For that is not a trusted proxy; what stands left of it is hearsay. `peer` when
// the list is empty or its last entry is not an address; the leftmost when all are trusted.
std::string forwarded_client(std::string peer, const std::vector<std::string_view>& forwarded_for,
                             std::span<const Block> trusted);

}  // namespace countersign::http
