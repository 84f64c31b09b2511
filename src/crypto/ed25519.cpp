#include "countersign/crypto/ed25519.hpp"

#include "countersign/crypto/ossl.hpp"

#include <array>

namespace countersign::crypto {
namespace {

constexpr std::size_t key_octets = 32;
// SEQUENCE { SEQUENCE { OID 1.3.101.112 }, BIT STRING (33 octets, none unused) }: the one form RFC 8410 has.
constexpr std::array<std::uint8_t, 12> spki_prefix{0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                                   0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};

}  // namespace

struct Ed25519PublicKey::State {
    Bytes raw;
    Ossl<EVP_PKEY> key;
};

Result<Ed25519PublicKey> Ed25519PublicKey::from_raw(ByteView key) {
    if (key.size() != key_octets) return fail::malformed("an Ed25519 key that is not 32 octets long");
    const ErrorMark mark;
    const auto state = std::make_shared<State>();
    state->raw = to_bytes(key);
    state->key.reset(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.data(), key.size()));
    if (!state->key) {
        throw_if_memory_was_short();
        return fail::malformed("no Ed25519 key");
    }
    return Ed25519PublicKey(state);
}

Result<Ed25519PublicKey> Ed25519PublicKey::from_spki(ByteView spki) {
    if (spki.size() != spki_prefix.size() + key_octets || !equal(spki.first(spki_prefix.size()), spki_prefix)) {
        return fail::malformed("no Ed25519 key");
    }
    return from_raw(spki.last(key_octets));
}

Bytes Ed25519PublicKey::raw() const {
    return state_->raw;
}

Result<void> Ed25519PublicKey::verify(ByteView message, ByteView signature) const {
    const ErrorMark mark;
    const Ossl<EVP_MD_CTX> context(EVP_MD_CTX_new());
    const bool holds =
        context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, state_->key.get()) == 1 &&
        EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(), message.size()) == 1;
    if (holds) return boost::system::in_place_value;
    throw_if_memory_was_short();
    return fail::unauthenticated("the signature does not hold");
}

}  // namespace countersign::crypto
