#include "countersign/keys/unwrap.hpp"

#include <algorithm>
#include <optional>

#include "constant_time.hpp"
#include "countersign/crypto/digest.hpp"
#include "oaep.hpp"

namespace countersign::keys {

namespace {

void append_be32(Bytes& out, std::size_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(value >> shift));
}

// HMAC in counter mode. The length is part of the input, so that asking for another cipher says nothing new about
// the same ciphertext.
Secret substitute_key(const Secret& substitute_secret, ByteView ciphertext, std::size_t length) {
    Secret key = Secret::of_size(length);
    const auto out = key.writable();
    std::size_t done = 0;
    for (std::size_t counter = 0; done < length; ++counter) {
        Bytes input;
        input.reserve(8 + ciphertext.size());
        append_be32(input, length);
        append_be32(input, counter);
        input.insert(input.end(), ciphertext.begin(), ciphertext.end());
        Bytes block = crypto::hmac_sha256(substitute_secret.reveal(), input);
        for (std::size_t i = 0; i < block.size() && done < length; ++i) out[done++] = block[i];
        wipe_memory(block.data(), block.size());
    }
    return key;
}

// Public knowledge: as long as the modulus, and smaller. Both are big endian.
bool within_modulus(ByteView ciphertext, ByteView modulus) {
    return ciphertext.size() == modulus.size() &&
           std::lexicographical_compare(ciphertext.begin(), ciphertext.end(), modulus.begin(), modulus.end());
}

// Whether the key's answer depends on what the ciphertext holds; anything else is the key's own trouble.
bool about_the_input(const Error& error) {
    return error.kind == ErrorKind::malformed;
}

Secret select(constant_time::Mask use_first, ByteView first, const Secret& second) {
    Secret result = Secret::of_size(second.size());
    const auto out = result.writable();
    for (std::size_t i = 0; i < out.size(); ++i) {
        out[i] = constant_time::select(use_first, first[i], second.reveal()[i]);
    }
    return result;
}

// RFC 8017 7.2.2 for a message of exactly `length` octets, whose separator hence has one possible place.
// Every octet is looked at, whatever the earlier ones were.
constant_time::Mask pkcs1_holds(ByteView block, std::size_t length) {
    const std::size_t separator = block.size() - length - 1;
    constant_time::Mask good = constant_time::is_zero(block[0]);
    good &= constant_time::equal(block[1], 2);
    for (std::size_t i = 2; i < separator; ++i) good &= ~constant_time::is_zero(block[i]);
    good &= constant_time::is_zero(block[separator]);
    return good;
}

Secret open_pkcs1(const Secret& block, std::size_t length, const Secret& substitute) {
    const ByteView octets = block.reveal();
    return select(pkcs1_holds(octets, length), octets.last(length), substitute);
}

Result<Secret> open_oaep(const Secret& block, const crypto::KeyTransport& transport, std::size_t length,
                         const Secret& substitute) {
    Secret message = Secret::of_size(block.size());
    TRY(const int found, decode_oaep(block.reveal(), transport, message.writable()));
    const auto mask = constant_time::equal(static_cast<std::uint32_t>(found), static_cast<std::uint32_t>(length));
    return select(mask, message.reveal().first(length), substitute);
}

// A token without raw RSA checks the padding itself; its answer becomes a key either way.
Result<Secret> unwrap_padded(Key& key, DecryptScheme scheme, ByteView encrypted_key, std::size_t length,
                             Secret substitute) {
    auto opened = key.decrypt(scheme, encrypted_key);
    if (!opened) {
        if (!about_the_input(opened.error())) return std::move(opened).error();
        return substitute;
    }
    const bool fits = opened->size() == length;
    return select(constant_time::mask_of(fits), fits ? opened->reveal() : substitute.reveal(), substitute);
}

// Raw RSA wherever it is offered: unpadding is then our own.
std::optional<DecryptScheme> scheme_for(const Key& key, const crypto::KeyTransport& transport) {
    if (key.offers(DecryptScheme::rsa_raw)) return DecryptScheme::rsa_raw;
    std::optional<DecryptScheme> scheme;
    if (!transport.oaep) {
        scheme = DecryptScheme::rsa_pkcs1;
    } else if (transport.oaep_digest == transport.mgf1_digest) {
        if (transport.oaep_digest == crypto::DigestAlgorithm::sha1) scheme = DecryptScheme::rsa_oaep_sha1;
        if (transport.oaep_digest == crypto::DigestAlgorithm::sha256) scheme = DecryptScheme::rsa_oaep_sha256;
    }
    return scheme && key.offers(*scheme) ? scheme : std::nullopt;
}

}  // namespace

bool unwraps(const Key& key, const crypto::KeyTransport& transport) {
    return key.public_key().is_rsa() && scheme_for(key, transport).has_value();
}

Result<Secret> unwrap_content_key(Key& key, const crypto::KeyTransport& transport, ByteView encrypted_key,
                                  std::size_t length, const Secret& substitute_secret) {
    constexpr std::size_t least_padding = 11;  // RFC 8017 7.2.1: 00 02, eight octets, 00
    if (!key.public_key().is_rsa()) return fail::internal("a content key can only be unwrapped with an RSA key");
    const Bytes modulus = key.public_key().rsa_modulus();
    if (length == 0 || modulus.size() < length + least_padding) {
        return fail::internal("no content key of that length fits the RSA key");
    }
    Secret substitute = substitute_key(substitute_secret, encrypted_key, length);
    if (!within_modulus(encrypted_key, modulus)) return substitute;

    const auto scheme = scheme_for(key, transport);
    if (!scheme) return fail::internal("a key transport that the key does not offer");
    if (*scheme != DecryptScheme::rsa_raw)
        return unwrap_padded(key, *scheme, encrypted_key, length, std::move(substitute));
    auto block = key.decrypt(DecryptScheme::rsa_raw, encrypted_key);
    if (!block) {
        if (!about_the_input(block.error())) return std::move(block).error();
        return substitute;
    }
    if (block->size() != modulus.size()) return fail::internal("raw RSA gave a block of another size");
    if (transport.oaep) return open_oaep(*block, transport, length, substitute);
    return open_pkcs1(*block, length, substitute);
}

}  // namespace countersign::keys
