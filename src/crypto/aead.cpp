#include "countersign/crypto/aead.hpp"

#include "countersign/crypto/ossl.hpp"

#include <stdexcept>

namespace countersign::crypto {
namespace {

constexpr std::size_t largest = 16U * 1024 * 1024;

// Fetched once and kept until the process ends, like the digests.
const EVP_CIPHER* aes256_gcm() {
    static const EVP_CIPHER* const fetched = [] {
        const EVP_CIPHER* const found = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
        if (found == nullptr) throw std::runtime_error("OpenSSL offers no AES-256-GCM: " + openssl_error());
        return found;
    }();
    return fetched;
}

bool fits(ByteView key, ByteView iv, ByteView associated, ByteView data) {
    return key.size() == gcm_key_size && iv.size() == gcm_iv_size && associated.size() <= largest &&
           data.size() <= largest;
}

int length_of(ByteView data) {
    return static_cast<int>(data.size());
}

}  // namespace

Result<Sealed> seal_aes256_gcm(ByteView key, ByteView iv, ByteView associated, ByteView plaintext) {
    if (!fits(key, iv, associated, plaintext)) return fail::malformed("a key, IV or text of the wrong size");
    const ErrorMark mark;
    const Ossl<EVP_CIPHER_CTX> context(EVP_CIPHER_CTX_new());
    Sealed sealed{Bytes(plaintext.size() + gcm_tag_size), Bytes(gcm_tag_size)};
    int length = 0;
    if (!context || EVP_EncryptInit_ex2(context.get(), aes256_gcm(), key.data(), iv.data(), nullptr) != 1 ||
        EVP_EncryptUpdate(context.get(), nullptr, &length, associated.data(), length_of(associated)) != 1 ||
        EVP_EncryptUpdate(context.get(), sealed.ciphertext.data(), &length, plaintext.data(), length_of(plaintext)) !=
            1 ||
        EVP_EncryptFinal_ex(context.get(), sealed.ciphertext.data() + plaintext.size(), &length) != 1 ||
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, gcm_tag_size, sealed.tag.data()) != 1) {
        return fail::internal("AES-256-GCM: " + openssl_error());
    }
    sealed.ciphertext.resize(plaintext.size());
    return sealed;
}

Result<Secret> open_aes256_gcm(ByteView key, ByteView iv, ByteView associated, const Sealed& sealed) {
    const Error refused = fail::unauthenticated("the sealed content does not open");
    if (!fits(key, iv, associated, sealed.ciphertext) || sealed.tag.size() != gcm_tag_size) return refused;
    const ErrorMark mark;
    const Ossl<EVP_CIPHER_CTX> context(EVP_CIPHER_CTX_new());
    Secret out = Secret::of_size(sealed.ciphertext.size() + gcm_tag_size);
    Bytes tag = sealed.tag;
    int length = 0;
    if (!context || EVP_DecryptInit_ex2(context.get(), aes256_gcm(), key.data(), iv.data(), nullptr) != 1 ||
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, gcm_tag_size, tag.data()) != 1 ||
        EVP_DecryptUpdate(context.get(), nullptr, &length, associated.data(), length_of(associated)) != 1 ||
        EVP_DecryptUpdate(context.get(), out.writable().data(), &length, sealed.ciphertext.data(),
                          length_of(sealed.ciphertext)) != 1 ||
        EVP_DecryptFinal_ex(context.get(), out.writable().data() + sealed.ciphertext.size(), &length) != 1) {
        throw_if_memory_was_short();
        return refused;
    }
    out.truncate(sealed.ciphertext.size());
    return out;
}

}  // namespace countersign::crypto
