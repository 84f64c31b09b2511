#include "countersign/policy/blocked_keys.hpp"

#include "countersign/core/text.hpp"
#include "countersign/crypto/digest.hpp"

#include <algorithm>

namespace countersign::policy {
namespace {

template <std::size_t size>
std::array<std::uint8_t, size> last_octets(ByteView octets) {
    std::array<std::uint8_t, size> result{};
    std::ranges::copy(octets.last(size), result.begin());
    return result;
}

std::string_view without_comment(std::string_view line) {
    return trim(line.substr(0, line.find('#')));
}

}  // namespace

Result<BlockedKeys> BlockedKeys::parse(std::string_view text) {
    BlockedKeys keys;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const auto end = text.find('\n');
        const auto entry = without_comment(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (entry.empty()) continue;
        const auto octets = from_hex(entry);
        const std::size_t size = octets ? octets->size() : 0;
        if (size == 32) {
            keys.by_spki_.push_back(last_octets<32>(*octets));
        } else if (size == 10) {
            keys.by_modulus_.push_back(last_octets<10>(*octets));
        } else {
            return fail::malformed("line " + std::to_string(number) +
                                   " is neither 64 hexadecimal digits (SHA-256 of a SubjectPublicKeyInfo) nor 20 "
                                   "(openssl-blacklist)");
        }
    }
    std::ranges::sort(keys.by_spki_);
    std::ranges::sort(keys.by_modulus_);
    return keys;
}

bool BlockedKeys::contains(const crypto::PublicKey& key) const {
    if (std::ranges::binary_search(by_spki_, crypto::sha256(key.spki()))) return true;
    if (by_modulus_.empty() || !key.is_rsa()) return false;
    const auto line = "Modulus=" + upper_hex(key.rsa_modulus()) + "\n";
    const Bytes hash = crypto::digest(crypto::DigestAlgorithm::sha1, as_bytes(line));
    return std::ranges::binary_search(by_modulus_, last_octets<10>(hash));
}

}  // namespace countersign::policy
