#include "signature.hpp"

#include "countersign/crypto/ossl.hpp"

#include <algorithm>

namespace countersign::keys::pkcs11 {

namespace {

CK_RSA_PKCS_PSS_PARAMS pss_parameters(crypto::DigestAlgorithm digest, std::size_t size) {
    switch (digest) {
        case crypto::DigestAlgorithm::sha1: return {CKM_SHA_1, CKG_MGF1_SHA1, size};
        case crypto::DigestAlgorithm::sha384: return {CKM_SHA384, CKG_MGF1_SHA384, size};
        case crypto::DigestAlgorithm::sha512: return {CKM_SHA512, CKG_MGF1_SHA512, size};
        default: return {CKM_SHA256, CKG_MGF1_SHA256, size};
    }
}

Bytes digest_info(crypto::DigestAlgorithm algorithm, ByteView digest) {
    struct Free {
        void operator()(X509_SIG* info) const { X509_SIG_free(info); }
    };
    const std::unique_ptr<X509_SIG, Free> info(X509_SIG_new());
    if (!info) throw std::bad_alloc();
    X509_ALGOR* identifier = nullptr;  // both owned by info
    ASN1_OCTET_STRING* octets = nullptr;
    X509_SIG_getm(info.get(), &identifier, &octets);
    ASN1_OBJECT* oid = OBJ_nid2obj(EVP_MD_get_type(crypto::evp_md(algorithm)));
    if (X509_ALGOR_set0(identifier, oid, V_ASN1_NULL, nullptr) != 1 ||
        ASN1_OCTET_STRING_set(octets, digest.data(), static_cast<int>(digest.size())) != 1) {
        throw std::bad_alloc();
    }
    return crypto::to_der(info.get(), i2d_X509_SIG);
}

}  // namespace

SignatureInput::SignatureInput(crypto::SignatureScheme scheme, ByteView message, unsigned key_bits)
    : octets_(crypto::digest(scheme.digest, message)) {
    switch (scheme.padding) {
        case crypto::Padding::rsa_pkcs1:
            octets_ = digest_info(scheme.digest, octets_);
            mechanism_ = {CKM_RSA_PKCS, nullptr, 0};
            return;
        case crypto::Padding::rsa_pss:
            pss_ = pss_parameters(scheme.digest, octets_.size());
            mechanism_ = {CKM_RSA_PKCS_PSS, &pss_, sizeof pss_};
            return;
        case crypto::Padding::ecdsa: break;
    }
    octets_.resize(std::min<std::size_t>(octets_.size(), (key_bits + 7) / 8));
    mechanism_ = {CKM_ECDSA, nullptr, 0};
}

Bytes to_wire_form(crypto::SignatureScheme scheme, Bytes signature) {
    if (scheme.padding != crypto::Padding::ecdsa) return signature;
    if (signature.empty() || signature.size() % 2 != 0) return {};
    const int half = static_cast<int>(signature.size() / 2);
    const crypto::Ossl<ECDSA_SIG> pair(ECDSA_SIG_new());
    crypto::Ossl<BIGNUM> r(BN_bin2bn(signature.data(), half, nullptr));
    crypto::Ossl<BIGNUM> s(BN_bin2bn(signature.data() + half, half, nullptr));
    if (!pair || !r || !s || ECDSA_SIG_set0(pair.get(), r.get(), s.get()) != 1) throw std::bad_alloc();
    static_cast<void>(r.release());
    static_cast<void>(s.release());
    return crypto::to_der(pair.get(), i2d_ECDSA_SIG);
}

}  // namespace countersign::keys::pkcs11
