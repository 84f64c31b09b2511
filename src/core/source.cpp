#include "countersign/core/source.hpp"

#include <arpa/inet.h>
#include <algorithm>
#include <array>

namespace countersign {

std::string source_of(std::string_view client) {
    std::array<unsigned char, 16> octets{};
    const std::string text(client);
    if (::inet_pton(AF_INET6, text.c_str(), octets.data()) != 1) return text;
    std::fill(octets.begin() + 8, octets.end(), static_cast<unsigned char>(0));
    std::array<char, INET6_ADDRSTRLEN> shown{};
    ::inet_ntop(AF_INET6, octets.data(), shown.data(), shown.size());
    return std::string(shown.data()) + "/64";
}

bool is_this_machine(std::string_view client) {
    return client == "unix" || client == "::1" || client.starts_with("127.");
}

}  // namespace countersign
