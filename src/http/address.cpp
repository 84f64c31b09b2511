#include "address.hpp"

#include "countersign/core/text.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <algorithm>
#include <charconv>
#include <cstring>

namespace countersign::http {
namespace {

constexpr std::array<std::uint8_t, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr unsigned mapped_bits = 96;

std::optional<unsigned> parse_number(std::string_view text, unsigned most) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size() || value > most) return std::nullopt;
    return value;
}

// An entry of X-Forwarded-For: some proxies add the port.
std::optional<Address> parse_hop(std::string_view text) {
    text = trim(text);
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        return close == std::string_view::npos ? std::nullopt : Address::parse(text.substr(1, close - 1));
    }
    if (std::ranges::count(text, ':') == 1) text = text.substr(0, text.find(':'));
    return Address::parse(text);
}

}  // namespace

std::optional<Address> Address::parse(std::string_view text) {
    const std::string terminated(text);
    if (terminated.find('\0') != std::string::npos) return std::nullopt;
    Address result;
    if (inet_pton(AF_INET6, terminated.c_str(), result.octets.data()) == 1) return result;
    std::ranges::copy(mapped_prefix, result.octets.begin());
    if (inet_pton(AF_INET, terminated.c_str(), result.octets.data() + mapped_prefix.size()) == 1) return result;
    return std::nullopt;
}

std::optional<Address> Address::from(const sockaddr& socket_address) {
    Address result;
    if (socket_address.sa_family == AF_INET6) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, &socket_address, sizeof v6);
        std::memcpy(result.octets.data(), &v6.sin6_addr, 16);
        return result;
    }
    if (socket_address.sa_family != AF_INET) return std::nullopt;
    sockaddr_in v4{};
    std::memcpy(&v4, &socket_address, sizeof v4);
    std::ranges::copy(mapped_prefix, result.octets.begin());
    std::memcpy(result.octets.data() + mapped_prefix.size(), &v4.sin_addr, 4);
    return result;
}

bool Address::is_v4() const {
    return std::equal(mapped_prefix.begin(), mapped_prefix.end(), octets.begin());
}

bool Address::is_loopback() const {
    if (is_v4()) return octets[12] == 127;
    return std::all_of(octets.begin(), octets.end() - 1, [](auto octet) { return octet == 0; }) && octets[15] == 1;
}

std::string Address::text() const {
    std::array<char, INET6_ADDRSTRLEN> buffer{};
    const bool v4 = is_v4();
    inet_ntop(v4 ? AF_INET : AF_INET6, octets.data() + (v4 ? 12 : 0), buffer.data(), buffer.size());
    return buffer.data();
}

Address Address::source() const {
    auto result = *this;
    if (!is_v4()) std::fill(result.octets.begin() + 8, result.octets.end(), std::uint8_t{0});
    return result;
}

Result<Block> Block::parse(std::string_view text) {
    const auto slash = text.find('/');
    const auto address = Address::parse(text.substr(0, slash));
    if (!address) return fail::malformed("not an address or CIDR block: " + printable(text));
    Block block{*address, 128};
    if (slash == std::string_view::npos) return block;
    const unsigned shift = address->is_v4() ? mapped_bits : 0;
    const auto prefix = parse_number(text.substr(slash + 1), 128 - shift);
    if (!prefix) return fail::malformed("not a prefix length: " + printable(text));
    block.prefix = *prefix + shift;
    for (unsigned bit = block.prefix; bit < 128; ++bit) {
        if ((block.address.octets[bit / 8] >> (7 - bit % 8)) & 1) {
            return fail::malformed("address bits set beyond the prefix: " + printable(text));
        }
    }
    return block;
}

bool Block::contains(const Address& candidate) const {
    const auto whole = prefix / 8;
    if (!std::equal(address.octets.begin(), address.octets.begin() + whole, candidate.octets.begin())) return false;
    const auto rest = prefix % 8;
    if (rest == 0) return true;
    const auto difference = static_cast<unsigned>(address.octets[whole] ^ candidate.octets[whole]);
    return (difference >> (8 - rest)) == 0;
}

bool any_contains(std::span<const Block> blocks, const Address& candidate) {
    return std::ranges::any_of(blocks, [&](const Block& block) { return block.contains(candidate); });
}

Result<HostPort> parse_endpoint(std::string_view text) {
    const auto colon = text.rfind(':');
    const auto wrong = [&] {
        return fail::malformed("not ADDRESS:PORT, as in 127.0.0.1:8080 or [::1]:8080: " + printable(text));
    };
    if (colon == std::string_view::npos) return wrong();
    auto host = text.substr(0, colon);
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    const auto address = Address::parse(host);
    const auto port = parse_number(text.substr(colon + 1), 65535);
    if (!address || !port || bracketed == (host.find(':') == std::string_view::npos)) return wrong();
    return HostPort{*address, static_cast<std::uint16_t>(*port)};
}

std::string forwarded_client(std::string peer, const std::vector<std::string_view>& forwarded_for,
                             std::span<const Block> trusted) {
    for (auto list = forwarded_for.rbegin(); list != forwarded_for.rend(); ++list) {
        const auto hops = split(*list, ',');
        for (auto hop = hops.rbegin(); hop != hops.rend(); ++hop) {
            const auto address = parse_hop(*hop);
            if (!address) return peer;
            peer = address->text();
            if (!any_contains(trusted, *address)) return peer;
        }
    }
    return peer;
}

}  // namespace countersign::http
