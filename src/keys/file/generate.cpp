#include <openssl/pem.h>

#include "countersign/crypto/ossl.hpp"
#include "countersign/keys/file_key.hpp"
#include "openssl_key.hpp"

namespace countersign::keys {

namespace {

EVP_PKEY* generate(GeneratedKey kind) {
    switch (kind) {
        case GeneratedKey::rsa2048: return EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048});
        case GeneratedKey::rsa3072: return EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{3072});
        case GeneratedKey::rsa4096: return EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{4096});
        case GeneratedKey::ec_p256: return EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
        case GeneratedKey::ec_p384: return EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-384");
    }
    return nullptr;
}

}  // namespace

Result<Secret> generate_private_key_pem(GeneratedKey kind) {
    const crypto::Ossl<EVP_PKEY> key(generate(kind));
    const crypto::Ossl<BIO> bio(BIO_new(BIO_s_secmem()));
    if (!key || !bio ||
        PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1) {
        ERR_clear_error();
        return fail::internal("OpenSSL could not make a private key");
    }
    char* text = nullptr;  // owned by bio
    const long size = BIO_get_mem_data(bio.get(), &text);
    return Secret(std::string_view(text, static_cast<std::size_t>(size)));
}

Result<std::shared_ptr<Key>> key_from_pem(const Secret& pem, std::string description) {
    return openssl_key_from_pem(pem.reveal(), std::move(description));
}

}  // namespace countersign::keys
