#include "countersign/keys/possession.hpp"

#include "countersign/crypto/digest.hpp"

#include <algorithm>
#include <array>

namespace countersign::keys {
namespace {

// RFC 8017 9.2, note 1: DigestInfo of SHA-256, up to the digest.
constexpr std::array<std::uint8_t, 19> sha256_digest_info{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                                          0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};

// EMSA-PKCS1-v1_5 (RFC 8017 9.2).
Bytes encoded(ByteView message, std::size_t octets) {
    const auto digest = crypto::sha256(message);
    Bytes block(octets, 0xff);
    block[0] = 0x00;
    block[1] = 0x01;
    auto at = block.end() - static_cast<std::ptrdiff_t>(digest.size());
    std::ranges::copy(digest, at);
    at -= sha256_digest_info.size();
    std::ranges::copy(sha256_digest_info, at);
    *--at = 0x00;
    return block;
}

}  // namespace

Result<Bytes> prove_possession(Key& key, ByteView message) {
    const auto scheme = key.public_key().scheme_with(crypto::DigestAlgorithm::sha256);
    if (key.suits(KeyUse::sign)) return key.sign(scheme, message);
    if (!key.offers(DecryptScheme::rsa_raw)) {
        return fail::denied(key.describe() +
                            " neither signs nor decrypts without padding, so it cannot ask for its own certificate; "
                            "have the CA certify it by hand and configure the certificate");
    }
    TRY(const Secret signature,
        key.decrypt(DecryptScheme::rsa_raw, encoded(message, key.public_key().rsa_modulus().size())));
    CHECK(key.public_key().verify(scheme, message, signature.reveal()));
    return to_bytes(signature.reveal());
}

}  // namespace countersign::keys
