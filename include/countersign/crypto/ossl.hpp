// Ownership of OpenSSL objects. The one header through which the rooms inside the OpenSSL fence (crypto, keys,
// TLS in http) meet the library: one smart pointer for every type, the error queue as text, DER by i2d.
// An Ossl<T> owns its object alone; nothing here is shared between threads.
#pragma once

#include "countersign/core/bytes.hpp"
#include "countersign/crypto/digest.hpp"
#include "countersign/crypto/memory.hpp"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

namespace countersign::crypto {

struct OsslFree {
    void operator()(ASN1_BIT_STRING* p) const { ASN1_STRING_free(p); }  // every ASN1_STRING kind is this type
    void operator()(ASN1_OBJECT* p) const { ASN1_OBJECT_free(p); }
    void operator()(ASN1_TYPE* p) const { ASN1_TYPE_free(p); }
    void operator()(BIGNUM* p) const { BN_clear_free(p); }
    void operator()(BIO* p) const { BIO_free_all(p); }
    void operator()(ECDSA_SIG* p) const { ECDSA_SIG_free(p); }
    void operator()(EC_GROUP* p) const { EC_GROUP_free(p); }
    void operator()(EC_POINT* p) const { EC_POINT_free(p); }
    void operator()(EVP_CIPHER* p) const { EVP_CIPHER_free(p); }
    void operator()(EVP_CIPHER_CTX* p) const { EVP_CIPHER_CTX_free(p); }
    void operator()(EVP_MAC* p) const { EVP_MAC_free(p); }
    void operator()(EVP_MAC_CTX* p) const { EVP_MAC_CTX_free(p); }
    void operator()(EVP_MD* p) const { EVP_MD_free(p); }
    void operator()(EVP_MD_CTX* p) const { EVP_MD_CTX_free(p); }
    void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
    void operator()(EVP_PKEY_CTX* p) const { EVP_PKEY_CTX_free(p); }
    void operator()(GENERAL_NAMES* p) const { GENERAL_NAMES_free(p); }
    void operator()(OSSL_LIB_CTX* p) const { OSSL_LIB_CTX_free(p); }
    void operator()(OSSL_PARAM* p) const { OSSL_PARAM_free(p); }
    void operator()(OSSL_PARAM_BLD* p) const { OSSL_PARAM_BLD_free(p); }
    void operator()(PKCS8_PRIV_KEY_INFO* p) const { PKCS8_PRIV_KEY_INFO_free(p); }
    void operator()(X509* p) const { X509_free(p); }
    void operator()(X509_ALGOR* p) const { X509_ALGOR_free(p); }
    void operator()(X509_CRL* p) const { X509_CRL_free(p); }
    void operator()(X509_EXTENSION* p) const { X509_EXTENSION_free(p); }
    void operator()(X509_NAME* p) const { X509_NAME_free(p); }
    void operator()(X509_PUBKEY* p) const { X509_PUBKEY_free(p); }
    void operator()(X509_REQ* p) const { X509_REQ_free(p); }
};

template <class T>
using Ossl = std::unique_ptr<T, OsslFree>;

// Drops what OpenSSL put on this thread's error queue since construction, so that a refused foreign value
// leaves no trace for the next caller to trip over.
class ErrorMark {
public:
    ErrorMark() { ERR_set_mark(); }
    ~ErrorMark() { ERR_pop_to_mark(); }
    ErrorMark(const ErrorMark&) = delete;
    ErrorMark& operator=(const ErrorMark&) = delete;
};

// The whole error queue of this thread as one line, emptied; "no OpenSSL error" if there was none. Throws
// std::bad_alloc when memory was short: then nothing else is known.
std::string openssl_error();

// To be called when OpenSSL has refused something and the reason is nobody's business: empties the queue. Throws
// std::bad_alloc when memory was short, for then it has refused nothing.
void openssl_refused();

// The digest, fetched once per process (OpenSSL 3 looks EVP_sha256() and its like up again at every use). Throws
// std::runtime_error when the library has it not, as FIPS providers lack MD5.
const EVP_MD* evp_md(DigestAlgorithm algorithm);

// DER by an i2d function: to_der(certificate, i2d_X509). Throws std::bad_alloc if the object cannot be encoded:
// for objects this program made, that is the only reason.
template <class T, class Encode>
Bytes to_der(const T* object, Encode encode) {
    const int length = encode(object, nullptr);
    if (length < 0) throw std::bad_alloc();
    Bytes der(static_cast<std::size_t>(length));
    unsigned char* out = der.data();
    if (encode(object, &out) != length) throw std::bad_alloc();
    return der;
}

}  // namespace countersign::crypto
