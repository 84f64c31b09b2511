#include "countersign/crypto/key_agreement.hpp"

#include "countersign/crypto/ossl.hpp"

#include <openssl/kdf.h>

#include <array>
#include <stdexcept>

namespace countersign::crypto {
namespace {

struct FreeKdf {
    void operator()(EVP_KDF* p) const { EVP_KDF_free(p); }
    void operator()(EVP_KDF_CTX* p) const { EVP_KDF_CTX_free(p); }
};

const char* group_of(KeyAlgorithm algorithm) {
    switch (algorithm) {
        case KeyAlgorithm::ec_p256: return "P-256";
        case KeyAlgorithm::ec_p384: return "P-384";
        case KeyAlgorithm::ec_p521: return "P-521";
        case KeyAlgorithm::rsa: break;
    }
    return nullptr;
}

}  // namespace

Result<OneTimeAgreement> agree_once_with(const PublicKey& receiver) {
    const char* group = group_of(receiver.algorithm());
    if (group == nullptr) return fail::malformed("only an EC key agrees on a secret");
    const ErrorMark mark;
    const Ossl<EVP_PKEY> own(EVP_EC_gen(group));
    const Bytes spki = to_bytes(receiver.spki());
    const unsigned char* at = spki.data();
    const Ossl<EVP_PKEY> peer(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
    const Ossl<EVP_PKEY_CTX> context(own ? EVP_PKEY_CTX_new_from_pkey(nullptr, own.get(), nullptr) : nullptr);
    std::size_t length = (receiver.bits() + 7) / 8;
    Secret shared = Secret::of_size(length);
    if (!peer || !context || EVP_PKEY_derive_init(context.get()) != 1 ||
        EVP_PKEY_derive_set_peer(context.get(), peer.get()) != 1 ||
        EVP_PKEY_derive(context.get(), shared.writable().data(), &length) != 1 || length != shared.size()) {
        return fail::internal("agreeing on a secret: " + openssl_error());
    }
    TRY(auto one_time, PublicKey::from_spki(to_der(own.get(), i2d_PUBKEY)));
    return OneTimeAgreement{std::move(one_time), std::move(shared)};
}

Secret concat_kdf_sha256(ByteView shared, ByteView other_info, std::size_t length) {
    const std::unique_ptr<EVP_KDF, FreeKdf> kdf(EVP_KDF_fetch(nullptr, "SSKDF", nullptr));
    const std::unique_ptr<EVP_KDF_CTX, FreeKdf> context(kdf ? EVP_KDF_CTX_new(kdf.get()) : nullptr);
    std::string sha256 = "SHA256";
    Secret z(shared);
    Bytes info = to_bytes(other_info);
    const std::array<OSSL_PARAM, 4> parameters{
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, sha256.data(), 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, z.writable().data(), z.size()),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info.data(), info.size()), OSSL_PARAM_construct_end()};
    Secret derived = Secret::of_size(length);
    if (!context || EVP_KDF_derive(context.get(), derived.writable().data(), length, parameters.data()) != 1) {
        throw std::runtime_error("OpenSSL's single-step KDF: " + openssl_error());
    }
    return derived;
}

}  // namespace countersign::crypto
