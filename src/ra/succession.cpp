#include "countersign/ra/succession.hpp"

#include <algorithm>

namespace countersign::ra {

using namespace std::chrono_literals;

std::string_view name(Role role) {
    return role == Role::agent ? "agent" : "encryption";
}

Time due_at(const crypto::Certificate& certificate, unsigned percent) {
    return certificate.not_before() + (certificate.not_after() - certificate.not_before()) * percent / 100;
}

const Identity& in_force(const Succession& succession, Role role, const Identity& configured) {
    const auto heir = succession.heirs.find(role);
    const bool follows =
        heir != succession.heirs.end() && heir->second.origin == configured.certificate.fingerprint_sha256();
    return follows ? heir->second.identity : configured;
}

std::vector<Retired> overlapping(const Succession& succession, std::chrono::hours overlap, Time now) {
    std::vector<Retired> found;
    std::ranges::copy_if(succession.retired, std::back_inserter(found),
                         [&](const Retired& one) { return now < one.at + overlap; });
    return found;
}

std::chrono::milliseconds pause_after(unsigned tries, std::chrono::milliseconds life_left, std::uint8_t dice) {
    constexpr std::chrono::milliseconds shortest = 5s;
    constexpr std::chrono::milliseconds longest = 1h;
    const std::chrono::milliseconds doubled = 1min * (1U << std::min(tries == 0 ? 0 : tries - 1, 6U));
    // Where nothing is left, haste helps nobody.
    const auto most = life_left > 0s ? std::clamp(life_left / 8, shortest, longest) : longest;
    const auto pause = std::min(doubled, most);
    return pause * (3 * 255 + 2 * dice) / (4 * 255);
}

}  // namespace countersign::ra
