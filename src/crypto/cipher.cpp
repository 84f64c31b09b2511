#include "countersign/crypto/cipher.hpp"

#include "countersign/core/text.hpp"
#include "countersign/crypto/ossl.hpp"

#include <array>
#include <limits>
#include <stdexcept>

namespace countersign::crypto {
namespace {

struct Known {
    ContentCipher cipher;
    std::string_view name;
    std::string_view oid;
    std::size_t key_size;
    std::size_t block;
    const char* openssl_name;
};
constexpr std::array<Known, 5> known{{
    {ContentCipher::des_cbc, "DES-CBC", "1.3.14.3.2.7", 8, 8, "DES-EDE3-CBC"},
    {ContentCipher::des_ede3_cbc, "DES-EDE3-CBC", "1.2.840.113549.3.7", 24, 8, "DES-EDE3-CBC"},
    {ContentCipher::aes128_cbc, "AES-128-CBC", "2.16.840.1.101.3.4.1.2", 16, 16, "AES-128-CBC"},
    {ContentCipher::aes192_cbc, "AES-192-CBC", "2.16.840.1.101.3.4.1.22", 24, 16, "AES-192-CBC"},
    {ContentCipher::aes256_cbc, "AES-256-CBC", "2.16.840.1.101.3.4.1.42", 32, 16, "AES-256-CBC"},
}};

const Known& entry(ContentCipher cipher) {
    return known.at(static_cast<std::size_t>(cipher));
}

std::array<EVP_CIPHER*, known.size()> fetch_all() {
    const ErrorMark mark;
    std::array<EVP_CIPHER*, known.size()> all{};
    for (std::size_t i = 0; i < known.size(); ++i) all[i] = EVP_CIPHER_fetch(nullptr, known[i].openssl_name, nullptr);
    throw_if_memory_was_short();  // or a cipher would be missing for good
    return all;
}

// Fetched once and kept until the process ends, like the digests.
const EVP_CIPHER* evp_cipher(ContentCipher cipher) {
    static const std::array<EVP_CIPHER*, known.size()> all = fetch_all();
    const EVP_CIPHER* found = all.at(static_cast<std::size_t>(cipher));
    if (found == nullptr) throw std::runtime_error("OpenSSL offers no " + std::string(name(cipher)));
    return found;
}

Secret key_for_openssl(ContentCipher cipher, ByteView key) {
    if (cipher != ContentCipher::des_cbc) return Secret(key);
    Secret tripled = Secret::of_size(3 * key.size());
    for (std::size_t i = 0; i < tripled.size(); ++i) tripled.writable()[i] = key[i % key.size()];
    return tripled;
}

bool fits(ContentCipher cipher, ByteView key, ByteView iv, ByteView data) {
    constexpr std::size_t limit = std::numeric_limits<int>::max() - 64;
    return key.size() == key_size(cipher) && iv.size() == iv_size(cipher) && data.size() <= limit;
}

}  // namespace

std::string_view name(ContentCipher cipher) {
    return entry(cipher).name;
}
std::string_view oid_of(ContentCipher cipher) {
    return entry(cipher).oid;
}
std::size_t key_size(ContentCipher cipher) {
    return entry(cipher).key_size;
}
std::size_t iv_size(ContentCipher cipher) {
    return entry(cipher).block;
}

Result<ContentCipher> cipher_from_name(std::string_view name) {
    for (const Known& one : known) {
        if (equals_ignoring_case(one.name, name)) return one.cipher;
    }
    return fail::malformed("an unknown content cipher " + printable(name, 60));
}

Result<ContentCipher> cipher_from_oid(std::string_view oid) {
    for (const Known& one : known) {
        if (one.oid == oid) return one.cipher;
    }
    return fail::malformed("an unknown content cipher " + printable(oid, 60));
}

Result<Bytes> encrypt(ContentCipher cipher, ByteView key, ByteView iv, ByteView plaintext) {
    if (!fits(cipher, key, iv, plaintext)) return fail::malformed("a key, IV or text of the wrong size");
    const ErrorMark mark;
    const Secret expanded = key_for_openssl(cipher, key);
    const Ossl<EVP_CIPHER_CTX> context(EVP_CIPHER_CTX_new());
    Bytes out(plaintext.size() + iv_size(cipher));
    int length = 0;
    int tail = 0;
    if (!context ||
        EVP_EncryptInit_ex2(context.get(), evp_cipher(cipher), expanded.reveal().data(), iv.data(), nullptr) != 1 ||
        EVP_EncryptUpdate(context.get(), out.data(), &length, plaintext.data(), static_cast<int>(plaintext.size())) !=
            1 ||
        EVP_EncryptFinal_ex(context.get(), out.data() + length, &tail) != 1) {
        return fail::internal("content encryption: " + openssl_error());
    }
    out.resize(static_cast<std::size_t>(length) + static_cast<std::size_t>(tail));
    return out;
}

Result<Secret> decrypt(ContentCipher cipher, ByteView key, ByteView iv, ByteView ciphertext) {
    const Error refused = fail::malformed("the content cannot be decrypted");
    if (!fits(cipher, key, iv, ciphertext)) return refused;
    if (ciphertext.empty() || ciphertext.size() % iv_size(cipher) != 0) return refused;
    const ErrorMark mark;
    const Secret expanded = key_for_openssl(cipher, key);
    const Ossl<EVP_CIPHER_CTX> context(EVP_CIPHER_CTX_new());
    Secret out = Secret::of_size(ciphertext.size() + iv_size(cipher));
    int length = 0;
    int tail = 0;
    if (!context ||
        EVP_DecryptInit_ex2(context.get(), evp_cipher(cipher), expanded.reveal().data(), iv.data(), nullptr) != 1 ||
        EVP_DecryptUpdate(context.get(), out.writable().data(), &length, ciphertext.data(),
                          static_cast<int>(ciphertext.size())) != 1 ||
        EVP_DecryptFinal_ex(context.get(), out.writable().data() + length, &tail) != 1) {
        throw_if_memory_was_short();
        return refused;
    }
    out.truncate(static_cast<std::size_t>(length) + static_cast<std::size_t>(tail));
    return out;
}

}  // namespace countersign::crypto
