#include "raw_rsa.hpp"

#include "countersign/crypto/ossl.hpp"

#include <openssl/bn.h>
#include <memory>
#include <stdexcept>

namespace countersign::bench {
namespace {

struct Free {
    void operator()(BIGNUM* number) const { BN_free(number); }
    void operator()(BN_CTX* context) const { BN_CTX_free(context); }
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

}  // namespace countersign::bench
