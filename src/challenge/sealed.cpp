// The outer layer: a compact JWE.
#include "countersign/challenge/signed_format.hpp"
#include "countersign/core/strict_json.hpp"
#include "countersign/core/text.hpp"
#include "countersign/crypto/aead.hpp"
#include "countersign/crypto/encoding.hpp"
#include "countersign/crypto/key_agreement.hpp"
#include "countersign/crypto/public_key_parts.hpp"
#include "countersign/keys/unwrap.hpp"
#include "unreadable.hpp"

namespace countersign::challenge {
namespace {

using crypto::KeyAlgorithm;

constexpr crypto::KeyTransport oaep_sha256{true, crypto::DigestAlgorithm::sha256, crypto::DigestAlgorithm::sha256};
constexpr std::string_view content_encryption = "A256GCM";

// ECDH-ES keys are on the curves file keys have, but for P-521, which nobody wants here.
Result<crypto::PublicKey> one_time_key_from(const nlohmann::json& header) {
    const auto found = header.find("epk");
    if (found == header.end() || !found->is_object()) return fail::malformed("ECDH-ES without an epk");
    const ObjectReader jwk(*found, "epk");
    CHECK(jwk.nothing_beyond({"kty", "crv", "x", "y"}));
    TRY(const auto kind, jwk.text("kty"));
    TRY(const auto curve, jwk.text("crv"));
    TRY(const auto x_text, jwk.text("x"));
    TRY(const auto y_text, jwk.text("y"));
    TRY(const Bytes x, crypto::from_base64url(x_text));
    TRY(const Bytes y, crypto::from_base64url(y_text));
    if (kind != "EC" || (curve != "P-256" && curve != "P-384")) return fail::malformed("an epk on another curve");
    return crypto::ec_public_key(curve == "P-256" ? KeyAlgorithm::ec_p256 : KeyAlgorithm::ec_p384, x, y);
}

Result<Bytes> party_info(const ObjectReader& header, const char* name) {
    TRY(const auto text, header.optional_text(name));
    return crypto::from_base64url(text);
}

Result<void> read_header(const std::string& text, SealedChallenge& sealed) {
    TRY(const auto object, parse_object(text));
    const ObjectReader header(object, "header");
    TRY(sealed.key_management, header.text("alg"));
    TRY(const auto encryption, header.text("enc"));
    const bool agreed = sealed.key_management == "ECDH-ES";
    if ((!agreed && sealed.key_management != "RSA-OAEP-256") || encryption != content_encryption) {
        return fail::denied("ChallengeAlgorithmForbidden: encrypted with " + printable(sealed.key_management, 40) +
                            " and " + printable(encryption, 40));
    }
    if (agreed) {
        CHECK(header.nothing_beyond({"alg", "enc", "kid", "typ", "cty", "epk", "apu", "apv"}));
        TRY(sealed.one_time_key, one_time_key_from(object));
        TRY(sealed.party_u_info, party_info(header, "apu"));
        TRY(sealed.party_v_info, party_info(header, "apv"));
    } else {
        CHECK(header.nothing_beyond({"alg", "enc", "kid", "typ", "cty"}));
    }
    TRY(sealed.key_id, header.optional_text("kid"));
    TRY(const auto content_type, header.text("cty"));
    if (!equals_ignoring_case(content_type, "JWT")) return fail::malformed("header.cty is not \"JWT\"");
    return boost::system::in_place_value;
}

void append_with_length(Bytes& out, ByteView data) {
    for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(data.size() >> shift));
    out.insert(out.end(), data.begin(), data.end());
}

// nullopt: this key cannot have been meant.
std::optional<Result<Secret>> content_key(const SealedChallenge& sealed, keys::Key& key,
                                          const Secret& substitute_secret) {
    if (!sealed.one_time_key) {
        if (!keys::unwraps(key, oaep_sha256)) return std::nullopt;
        return keys::unwrap_content_key(key, oaep_sha256, sealed.encrypted_key, crypto::gcm_key_size,
                                        substitute_secret);
    }
    if (!key.agrees() || key.public_key().algorithm() != sealed.one_time_key->algorithm()) return std::nullopt;
    auto shared = key.agree(*sealed.one_time_key);
    if (!shared) return Result<Secret>(std::move(shared).error());
    return Result<Secret>(content_key_of(shared->reveal(), sealed.party_u_info, sealed.party_v_info));
}

}  // namespace

bool looks_signed(std::string_view challenge) {
    challenge = trim(challenge);
    return challenge.find('.') != std::string_view::npos || challenge.starts_with("eyJ");
}

Secret content_key_of(ByteView shared, ByteView party_u_info, ByteView party_v_info) {
    Bytes info;
    append_with_length(info, as_bytes(content_encryption));
    append_with_length(info, party_u_info);
    append_with_length(info, party_v_info);
    constexpr std::array<std::uint8_t, 4> bits_wanted{0, 0, 1, 0};  // SuppPubInfo: 256
    info.insert(info.end(), bits_wanted.begin(), bits_wanted.end());
    return crypto::concat_kdf_sha256(shared, info, crypto::gcm_key_size);
}

Result<SealedChallenge> read_sealed(std::string_view challenge) {
    if (challenge.size() > longest_signed_challenge) return unreadable("longer than 32 KiB");
    const auto parts = split(trim(challenge), '.');
    if (parts.size() != 5) return unreadable("not the five parts of a compact JWE");
    SealedChallenge sealed;
    sealed.protected_header = parts[0];
    const auto header = crypto::from_base64url(parts[0]);
    if (!header) return unreadable("a header that is not base64url");
    if (auto read = read_header(std::string(as_text(*header)), sealed); !read) {
        return read.error().kind == ErrorKind::denied ? read.error() : unreadable(read.error().detail);
    }
    const std::array<Bytes*, 4> fields{&sealed.encrypted_key, &sealed.iv, &sealed.ciphertext, &sealed.tag};
    for (std::size_t i = 0; i < fields.size(); ++i) {
        auto octets = crypto::from_base64url(parts[i + 1]);
        if (!octets) return unreadable("part " + std::to_string(i + 2) + " is not base64url");
        *fields.at(i) = *std::move(octets);
    }
    const bool agreed = sealed.one_time_key.has_value();
    if (agreed != sealed.encrypted_key.empty() || sealed.iv.size() != crypto::gcm_iv_size ||
        sealed.tag.size() != crypto::gcm_tag_size) {
        return unreadable("a part has the wrong length");
    }
    return sealed;
}

Result<Secret> open_sealed(const SealedChallenge& sealed, const std::vector<ChallengeKey>& keys,
                           const Secret& substitute_secret) {
    const crypto::Sealed content{sealed.ciphertext, sealed.tag};
    for (const auto& candidate : keys) {
        if (!sealed.key_id.empty() && sealed.key_id != candidate.id) continue;
        auto key = content_key(sealed, *candidate.key, substitute_secret);
        if (!key) continue;
        if (!*key) {
            // Only a peer's bad point is the message's fault; the rest is our key's.
            if (key->error().kind == ErrorKind::malformed) continue;
            return std::move(*key).error();
        }
        auto opened = crypto::open_aes256_gcm((*key)->reveal(), sealed.iv, as_bytes(sealed.protected_header), content);
        if (opened) return opened;
    }
    return fail::denied("ChallengeDecryptionError: no challenge key of this profile opens it");
}

}  // namespace countersign::challenge
