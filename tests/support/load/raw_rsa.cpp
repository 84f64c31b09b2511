#include "raw_rsa.hpp"

#include "countersign/crypto/ossl.hpp"

#include <openssl/bn.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <memory>
#include <stdexcept>
#include <string>

namespace countersign::test {
namespace {

struct Free {
    void operator()(BIGNUM* number) const { BN_free(number); }
    void operator()(BN_CTX* context) const { BN_CTX_free(context); }
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
    void operator()(BIO* bio) const { BIO_free(bio); }
};
using Number = std::unique_ptr<BIGNUM, Free>;

Number number_of(ByteView octets) {
    return Number(BN_bin2bn(octets.data(), static_cast<int>(octets.size()), nullptr));
}

}  // namespace

Bytes raw_rsa(const crypto::PublicKey& key, ByteView block) {
    constexpr std::uint8_t f4[] = {1, 0, 1};  // the only exponent this program makes keys with
    const auto modulus = key.rsa_modulus();
    const auto n = number_of(modulus);
    const auto e = number_of(f4);
    const auto m = number_of(block);
    const std::unique_ptr<BN_CTX, Free> context(BN_CTX_new());
    const Number reduced(BN_new());
    const Number c(BN_new());
    if (BN_nnmod(reduced.get(), m.get(), n.get(), context.get()) != 1 ||
        BN_mod_exp(c.get(), reduced.get(), e.get(), n.get(), context.get()) != 1)
        throw std::runtime_error("raw RSA failed");
    Bytes result(modulus.size());
    if (BN_bn2binpad(c.get(), result.data(), static_cast<int>(result.size())) < 0)
        throw std::runtime_error("raw RSA failed");
    return result;
}

Secret rsa_key_pem(unsigned bits, std::uint64_t exponent) {
    const std::unique_ptr<EVP_PKEY_CTX, Free> context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
    const Number e(BN_new());
    EVP_PKEY* made = nullptr;
    if (BN_set_word(e.get(), exponent) != 1 || EVP_PKEY_keygen_init(context.get()) != 1 ||
        EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), static_cast<int>(bits)) != 1 ||
        EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context.get(), e.get()) != 1 ||
        EVP_PKEY_generate(context.get(), &made) != 1)
        throw std::runtime_error("no RSA key of " + std::to_string(bits) + " bits");
    const std::unique_ptr<EVP_PKEY, Free> key(made);
    const std::unique_ptr<BIO, Free> bio(BIO_new(BIO_s_mem()));
    if (PEM_write_bio_PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
        throw std::runtime_error("a key cannot be written");
    char* text = nullptr;
    const auto size = BIO_get_mem_data(bio.get(), &text);
    return Secret(std::string_view(text, static_cast<std::size_t>(size)));
}

}  // namespace countersign::test
