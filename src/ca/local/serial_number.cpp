#include "serial_number.hpp"

#include "countersign/crypto/digest.hpp"

namespace countersign::ca {
namespace {

constexpr std::size_t serial_octets = 20;

// RFC 5280 4.1.2.2: positive. The second bit keeps the length at 20 octets, so that no encoding is shorter than its
// hex.
Bytes shaped(Bytes octets) {
    octets.resize(serial_octets);
    octets[0] = static_cast<std::uint8_t>((octets[0] & 0x3fU) | 0x40U);
    return octets;
}

}  // namespace

Bytes serial_for(const Secret& serial_secret, const std::string& idempotency_key) {
    return shaped(crypto::hmac_sha256(serial_secret.reveal(), as_bytes(idempotency_key)));
}

Bytes random_serial(Random& random) {
    return shaped(random.bytes(serial_octets));
}

}  // namespace countersign::ca
