#include "objects.hpp"

#include "countersign/crypto/certificate.hpp"
#include "countersign/crypto/ossl.hpp"
#include "return_value.hpp"

#include <algorithm>

namespace countersign::keys::pkcs11 {

namespace {

constexpr std::uint8_t p256_oid[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
constexpr std::uint8_t p384_oid[] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};

Error call_failed(const Session& session, std::string_view what) {
    return fail::unavailable(std::string(what) + ": " + name_of(session.failure()));
}

CK_ATTRIBUTE attribute_of(CK_ATTRIBUTE_TYPE type, ByteView value) {
    return {type, const_cast<std::uint8_t*>(value.data()), value.size()};
}

Result<crypto::PublicKey> from_parameters(const char* algorithm, OSSL_PARAM_BLD* builder) {
    const crypto::Ossl<OSSL_PARAM> parameters(OSSL_PARAM_BLD_to_param(builder));
    const crypto::Ossl<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_name(nullptr, algorithm, nullptr));
    EVP_PKEY* made = nullptr;
    const bool good = parameters && context && EVP_PKEY_fromdata_init(context.get()) == 1 &&
                      EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, parameters.get()) == 1;
    const crypto::Ossl<EVP_PKEY> key(made);
    if (!good) return fail::malformed("the token's public key makes no sense to OpenSSL");
    return crypto::PublicKey::from_spki(crypto::to_der(key.get(), i2d_PUBKEY));
}

Result<crypto::PublicKey> rsa_from(const Bytes& modulus, const Bytes& exponent) {
    const crypto::ErrorMark mark;
    const crypto::Ossl<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
    const crypto::Ossl<BIGNUM> n(BN_bin2bn(modulus.data(), static_cast<int>(modulus.size()), nullptr));
    const crypto::Ossl<BIGNUM> e(BN_bin2bn(exponent.data(), static_cast<int>(exponent.size()), nullptr));
    if (!builder || !n || !e || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
        throw std::bad_alloc();
    }
    return from_parameters("RSA", builder.get());
}

Result<crypto::PublicKey> ec_from(const Bytes& curve, ByteView point) {
    const crypto::ErrorMark mark;
    const bool p256 = equal(curve, p256_oid);
    if (!p256 && !equal(curve, p384_oid)) return fail::malformed("an EC key on another curve than P-256 and P-384");
    // PKCS#11 wraps the point into an OCTET STRING; some tokens do not.
    const unsigned char* at = point.data();
    const crypto::Ossl<ASN1_BIT_STRING> wrapped(d2i_ASN1_OCTET_STRING(nullptr, &at, static_cast<long>(point.size())));
    if (wrapped && at == point.data() + point.size())
        point = {ASN1_STRING_get0_data(wrapped.get()), static_cast<std::size_t>(ASN1_STRING_length(wrapped.get()))};
    const crypto::Ossl<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
    if (!builder ||
        OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, p256 ? "P-256" : "P-384", 0) != 1 ||
        OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) != 1) {
        throw std::bad_alloc();
    }
    return from_parameters("EC", builder.get());
}

// What this object alone says of the public key; nothing when that is not enough.
std::optional<Result<crypto::PublicKey>> public_key_in(Session& session, CK_OBJECT_HANDLE object) {
    const auto modulus = session.attribute(object, CKA_MODULUS);
    if (session.failure() != CKR_OK) return call_failed(session, "reading the modulus");
    if (modulus) {
        const auto exponent = session.attribute(object, CKA_PUBLIC_EXPONENT);
        if (session.failure() != CKR_OK) return call_failed(session, "reading the exponent");
        if (exponent) return rsa_from(*modulus, *exponent);
        return std::nullopt;
    }
    const auto curve = session.attribute(object, CKA_EC_PARAMS);
    if (session.failure() != CKR_OK) return call_failed(session, "reading the curve");
    if (!curve) return std::nullopt;
    const auto point = session.attribute(object, CKA_EC_POINT);
    if (session.failure() != CKR_OK) return call_failed(session, "reading the point");
    if (point) return ec_from(*curve, *point);
    return std::nullopt;
}

// Objects that belong to the key: same id, or same label where there is no id.
Result<std::vector<CK_OBJECT_HANDLE>> companions(Session& session, CK_OBJECT_HANDLE key, CK_OBJECT_CLASS kind) {
    for (const CK_ATTRIBUTE_TYPE type : {CKA_ID, CKA_LABEL}) {
        const auto value = session.attribute(key, type);
        if (session.failure() != CKR_OK) return call_failed(session, "reading the key's name");
        if (!value) continue;
        CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &kind, sizeof kind}, attribute_of(type, *value)};
        auto found = session.find(wanted);
        if (!found) return call_failed(session, "finding the public half");
        return *std::move(found);
    }
    return std::vector<CK_OBJECT_HANDLE>();
}

Result<crypto::PublicKey> acceptable(crypto::PublicKey key) {
    const bool good = key.is_rsa() ? key.bits() >= 2048 && key.bits() <= 4096
                                   : key.algorithm() == crypto::KeyAlgorithm::ec_p256 ||
                                         key.algorithm() == crypto::KeyAlgorithm::ec_p384;
    if (good) return key;
    return fail::malformed("a key of type " + std::string(crypto::name(key.algorithm())) + " with " +
                           std::to_string(key.bits()) + " bits; use RSA 2048 to 4096, P-256 or P-384");
}

}  // namespace

std::optional<std::vector<CK_OBJECT_HANDLE>> find_objects(Session& session, const Uri& uri, CK_OBJECT_CLASS kind) {
    std::vector<CK_ATTRIBUTE> wanted{{CKA_CLASS, &kind, sizeof kind}};
    if (uri.id()) wanted.push_back(attribute_of(CKA_ID, *uri.id()));
    if (uri.label()) wanted.push_back(attribute_of(CKA_LABEL, as_bytes(*uri.label())));
    return session.find(wanted);
}

Result<crypto::PublicKey> read_public_key(Session& session, CK_OBJECT_HANDLE private_key) {
    if (auto found = public_key_in(session, private_key)) {
        TRY(auto key, *std::move(found));
        return acceptable(std::move(key));
    }
    TRY(const auto publics, companions(session, private_key, CKO_PUBLIC_KEY));
    for (const CK_OBJECT_HANDLE object : publics) {
        if (auto found = public_key_in(session, object)) {
            TRY(auto key, *std::move(found));
            return acceptable(std::move(key));
        }
    }
    TRY(const auto certificates, companions(session, private_key, CKO_CERTIFICATE));
    for (const CK_OBJECT_HANDLE object : certificates) {
        const auto der = session.attribute(object, CKA_VALUE);
        if (session.failure() != CKR_OK) return call_failed(session, "reading the certificate");
        if (!der) continue;
        TRY(const auto certificate, crypto::Certificate::from_der(*der));
        return acceptable(certificate.public_key());
    }
    return fail::malformed(
        "the token does not tell the public half of this key; put its public key object or certificate beside it, "
        "with the same id");
}

bool flag(Session& session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, bool otherwise) {
    const auto value = session.attribute(object, type);
    return value && value->size() == sizeof(CK_BBOOL) ? value->front() != CK_FALSE : otherwise;
}

}  // namespace countersign::keys::pkcs11
