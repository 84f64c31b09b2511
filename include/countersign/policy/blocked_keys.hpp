// Public keys that are certified for nobody, however sound they look: what Debian's broken generator made
// (CVE-2008-0166), what somebody lost. Immutable once parsed; any thread.
#pragma once

#include "countersign/core/result.hpp"
#include "countersign/crypto/public_key.hpp"

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace countersign::policy {

class BlockedKeys {
public:
    // One key a line, in hexadecimal of either case; '#' begins a comment. 64 digits: SHA-256 of the DER
    // SubjectPublicKeyInfo. 20 digits: the last of the 40 of SHA-1 over "Modulus=HEX\n", as `openssl rsa -modulus`
    // prints it: the lines of Debian's openssl-blacklist. malformed: anything else, with the number of the line.
    static Result<BlockedKeys> parse(std::string_view text);

    bool contains(const crypto::PublicKey& key) const;
    std::size_t size() const { return by_spki_.size() + by_modulus_.size(); }

private:
    std::vector<std::array<std::uint8_t, 32>> by_spki_;     // sorted, as is
    std::vector<std::array<std::uint8_t, 10>> by_modulus_;  // this one
};

}  // namespace countersign::policy
