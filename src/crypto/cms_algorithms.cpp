#include "cms_algorithms.hpp"

#include "countersign/crypto/oid.hpp"
#include "countersign/crypto/ossl.hpp"

#include <openssl/objects.h>
#include <openssl/rsa.h>

#include <array>
#include <memory>

#include "asn1_cms.hpp"
#include "signature_algorithm.hpp"

namespace countersign::crypto::cms {

namespace {

constexpr std::string_view rsaes_oaep = "1.2.840.113549.1.1.7";
constexpr std::string_view mgf1 = "1.2.840.113549.1.1.8";
constexpr std::string_view p_specified = "1.2.840.113549.1.1.9";
constexpr std::string_view rsassa_pss = "1.2.840.113549.1.1.10";

struct NamedSignature {
    std::string_view oid;
    SignatureScheme scheme;
};
constexpr std::array named_signatures{
    NamedSignature{"1.2.840.113549.1.1.4", {Padding::rsa_pkcs1, DigestAlgorithm::md5}},
    NamedSignature{"1.2.840.113549.1.1.5", {Padding::rsa_pkcs1, DigestAlgorithm::sha1}},
    NamedSignature{"1.2.840.113549.1.1.11", {Padding::rsa_pkcs1, DigestAlgorithm::sha256}},
    NamedSignature{"1.2.840.113549.1.1.12", {Padding::rsa_pkcs1, DigestAlgorithm::sha384}},
    NamedSignature{"1.2.840.113549.1.1.13", {Padding::rsa_pkcs1, DigestAlgorithm::sha512}},
    NamedSignature{"1.2.840.10045.4.1", {Padding::ecdsa, DigestAlgorithm::sha1}},
    NamedSignature{"1.2.840.10045.4.3.2", {Padding::ecdsa, DigestAlgorithm::sha256}},
    NamedSignature{"1.2.840.10045.4.3.3", {Padding::ecdsa, DigestAlgorithm::sha384}},
    NamedSignature{"1.2.840.10045.4.3.4", {Padding::ecdsa, DigestAlgorithm::sha512}},
};

struct AlgorithmView {
    std::string oid;
    int parameter_type = V_ASN1_UNDEF;  // V_ASN1_UNDEF: absent
    const ASN1_STRING* parameter = nullptr;
};

AlgorithmView open(const X509_ALGOR* algorithm) {
    const ASN1_OBJECT* object = nullptr;
    const void* value = nullptr;
    AlgorithmView view;
    X509_ALGOR_get0(&object, &view.parameter_type, &value, algorithm);
    view.oid = asn1::oid_text(object);
    if (view.parameter_type != V_ASN1_UNDEF && view.parameter_type != V_ASN1_NULL &&
        view.parameter_type != V_ASN1_OBJECT && view.parameter_type != V_ASN1_BOOLEAN) {
        view.parameter = static_cast<const ASN1_STRING*>(value);
    }
    return view;
}

bool absent_or_null(const AlgorithmView& view) {
    return view.parameter_type == V_ASN1_UNDEF || view.parameter_type == V_ASN1_NULL;
}

template <auto free_function>
struct FreeWith {
    template <class T>
    void operator()(T* value) const {
        free_function(value);
    }
};
using PssParameters = std::unique_ptr<RSA_PSS_PARAMS, FreeWith<RSA_PSS_PARAMS_free>>;
using OaepParameters = std::unique_ptr<RSA_OAEP_PARAMS, FreeWith<RSA_OAEP_PARAMS_free>>;
using AlgorithmIdentifier = std::unique_ptr<X509_ALGOR, FreeWith<X509_ALGOR_free>>;

template <class Owner, auto decode>
Owner decode_all(const ASN1_STRING* string) {
    if (string == nullptr) return {};
    const unsigned char* at = ASN1_STRING_get0_data(string);
    const unsigned char* const end = at + ASN1_STRING_length(string);
    Owner value(decode(nullptr, &at, ASN1_STRING_length(string)));
    if (!value) openssl_refused();
    if (at != end) return {};
    return value;
}

// Both PSS and OAEP say SHA-1 by saying nothing.
Result<DigestAlgorithm> digest_or_sha1(const X509_ALGOR* algorithm) {
    if (algorithm == nullptr) return DigestAlgorithm::sha1;
    return digest_of(algorithm);
}

Result<DigestAlgorithm> mgf1_digest_or_sha1(const X509_ALGOR* algorithm) {
    if (algorithm == nullptr) return DigestAlgorithm::sha1;
    const AlgorithmView view = open(algorithm);
    if (view.oid != mgf1 || view.parameter_type != V_ASN1_SEQUENCE)
        return fail::denied("a mask generation other than MGF1");
    const auto inner = decode_all<AlgorithmIdentifier, d2i_X509_ALGOR>(view.parameter);
    if (!inner) return fail::malformed("unreadable MGF1 parameters");
    return digest_of(inner.get());
}

std::optional<SignatureScheme> pss_scheme(const AlgorithmView& view, DigestAlgorithm digest) {
    if (view.parameter_type != V_ASN1_SEQUENCE) return std::nullopt;
    const auto parameters = decode_all<PssParameters, d2i_RSA_PSS_PARAMS>(view.parameter);
    if (!parameters) return std::nullopt;
    const auto hash = digest_or_sha1(parameters->hashAlgorithm);
    const auto mask = mgf1_digest_or_sha1(parameters->maskGenAlgorithm);
    if (!hash || !mask || *hash != digest || *mask != digest) return std::nullopt;
    std::int64_t salt = 20;
    if (parameters->saltLength != nullptr && ASN1_INTEGER_get_int64(&salt, parameters->saltLength) != 1) {
        openssl_refused();
        return std::nullopt;
    }
    if (salt != static_cast<std::int64_t>(digest_size(digest))) return std::nullopt;
    std::int64_t trailer = 1;
    if (parameters->trailerField != nullptr && ASN1_INTEGER_get_int64(&trailer, parameters->trailerField) != 1) {
        openssl_refused();
        return std::nullopt;
    }
    if (trailer != 1) return std::nullopt;
    return SignatureScheme{Padding::rsa_pss, digest};
}

Result<KeyTransport> oaep_transport(const AlgorithmView& view) {
    KeyTransport transport{.oaep = true};
    if (view.parameter_type == V_ASN1_UNDEF) return transport;
    if (view.parameter_type != V_ASN1_SEQUENCE) return fail::malformed("unreadable RSAES-OAEP parameters");
    const auto parameters = decode_all<OaepParameters, d2i_RSA_OAEP_PARAMS>(view.parameter);
    if (!parameters) return fail::malformed("unreadable RSAES-OAEP parameters");
    TRY(transport.oaep_digest, digest_or_sha1(parameters->hashFunc));
    TRY(transport.mgf1_digest, mgf1_digest_or_sha1(parameters->maskGenFunc));
    if (transport.oaep_digest == DigestAlgorithm::md5 || transport.mgf1_digest == DigestAlgorithm::md5) {
        return fail::denied("RSAES-OAEP with MD5");
    }
    if (parameters->pSourceFunc != nullptr) {
        const AlgorithmView source = open(parameters->pSourceFunc);
        if (source.oid != p_specified || source.parameter_type != V_ASN1_OCTET_STRING ||
            ASN1_STRING_length(source.parameter) != 0) {
            return fail::denied("RSAES-OAEP with a label");
        }
    }
    return transport;
}

}  // namespace

Result<DigestAlgorithm> digest_of(const X509_ALGOR* algorithm) {
    const AlgorithmView view = open(algorithm);
    if (!absent_or_null(view)) return fail::malformed("a digest algorithm with parameters");
    const auto digest = digest_from_oid(view.oid);
    if (!digest) return fail::denied("an unknown digest algorithm: " + view.oid);
    return *digest;
}

std::optional<SignatureScheme> signature_scheme_of(const X509_ALGOR* algorithm, DigestAlgorithm digest) {
    const AlgorithmView view = open(algorithm);
    if (view.oid == rsassa_pss) return pss_scheme(view, digest);
    if (!absent_or_null(view)) return std::nullopt;
    if (view.oid == oid::rsa_encryption) return SignatureScheme{Padding::rsa_pkcs1, digest};
    for (const auto& known : named_signatures) {
        if (known.oid == view.oid && known.scheme.digest == digest) return known.scheme;
    }
    return std::nullopt;
}

Result<KeyTransport> key_transport_of(const X509_ALGOR* algorithm) {
    const AlgorithmView view = open(algorithm);
    if (view.oid == rsaes_oaep) return oaep_transport(view);
    if (view.oid != oid::rsa_encryption) return fail::denied("an unknown key transport: " + view.oid);
    if (!absent_or_null(view)) return fail::malformed("rsaEncryption with parameters");
    return KeyTransport{};
}

Result<CipherParameters> cipher_of(const X509_ALGOR* algorithm) {
    const AlgorithmView view = open(algorithm);
    const auto cipher = cipher_from_oid(view.oid);
    if (!cipher) return fail::denied("an unknown content cipher: " + view.oid);
    if (view.parameter_type != V_ASN1_OCTET_STRING) return fail::malformed("a content cipher without an IV");
    const ByteView iv = asn1::view(view.parameter);
    if (iv.size() != iv_size(*cipher)) return fail::malformed("an IV of the wrong length");
    return CipherParameters{*cipher, to_bytes(iv)};
}

}  // namespace countersign::crypto::cms
