#include "countersign/crypto/pkcs12.hpp"

#include "countersign/crypto/ossl.hpp"

#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include <algorithm>

namespace countersign::crypto {
namespace {

constexpr int iterations = 10000;

struct FreeStack {
    void operator()(STACK_OF(X509) * stack) const { sk_X509_pop_free(stack, X509_free); }
};
struct FreePkcs12 {
    void operator()(PKCS12* p) const { PKCS12_free(p); }
};

Ossl<X509> decoded(const Certificate& certificate) {
    const unsigned char* at = certificate.der().data();
    return Ossl<X509>(d2i_X509(nullptr, &at, static_cast<long>(certificate.der().size())));
}

Ossl<EVP_PKEY> key_from(const Secret& pem) {
    const Ossl<BIO> bio(BIO_new_mem_buf(pem.reveal().data(), static_cast<int>(pem.size())));
    if (bio == nullptr) return nullptr;
    // Without this callback OpenSSL would ask at the terminal for the password of an encrypted key.
    return Ossl<EVP_PKEY>(PEM_read_bio_PrivateKey(
        bio.get(), nullptr, [](char*, int, int, void*) { return -1; }, nullptr));
}

}  // namespace

Result<Secret> build_pkcs12(const Secret& private_key_pem, const Certificate& certificate,
                            const std::vector<Certificate>& chain, const Secret& password,
                            const std::string& friendly_name) {
    const ErrorMark mark;
    const Ossl<EVP_PKEY> key = key_from(private_key_pem);
    throw_if_memory_was_short();
    if (key == nullptr) return fail::malformed("no unencrypted private key in PEM");
    const Ossl<X509> leaf = decoded(certificate);
    if (leaf == nullptr) return fail::internal("a certificate that cannot be decoded again");
    if (X509_check_private_key(leaf.get(), key.get()) != 1)
        return fail::malformed("the key is not that of the certificate");
    const std::unique_ptr<STACK_OF(X509), FreeStack> others(sk_X509_new_null());
    for (const Certificate& one : chain) {
        Ossl<X509> other = decoded(one);
        if (other == nullptr || others == nullptr || sk_X509_push(others.get(), other.get()) == 0)
            return fail::internal("a certificate that cannot be decoded again");
        static_cast<void>(other.release());
    }
    Secret terminated = Secret::of_size(password.size() + 1);
    std::ranges::copy(password.reveal(), terminated.writable().begin());
    const std::unique_ptr<PKCS12, FreePkcs12> made(PKCS12_create(terminated.reveal_text().data(), friendly_name.c_str(),
                                                                 key.get(), leaf.get(), others.get(), NID_aes_256_cbc,
                                                                 NID_aes_256_cbc, iterations, iterations, 0));
    if (made == nullptr) return fail::internal("PKCS#12: " + openssl_error());
    return Secret(to_der(made.get(), i2d_PKCS12));
}

}  // namespace countersign::crypto
