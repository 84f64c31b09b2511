#include "signature_algorithm.hpp"

#include "countersign/crypto/oid.hpp"
#include "der.hpp"

#include <array>
#include <stdexcept>

namespace countersign::crypto {
namespace {

constexpr std::string_view rsa_pss = "1.2.840.113549.1.1.10";
constexpr std::string_view mgf1 = "1.2.840.113549.1.1.8";

struct Known {
    SignatureScheme scheme;
    std::string_view oid;
};
constexpr std::array<Known, 9> known{{
    {{Padding::rsa_pkcs1, DigestAlgorithm::md5}, "1.2.840.113549.1.1.4"},
    {{Padding::rsa_pkcs1, DigestAlgorithm::sha1}, "1.2.840.113549.1.1.5"},
    {{Padding::rsa_pkcs1, DigestAlgorithm::sha256}, "1.2.840.113549.1.1.11"},
    {{Padding::rsa_pkcs1, DigestAlgorithm::sha384}, "1.2.840.113549.1.1.12"},
    {{Padding::rsa_pkcs1, DigestAlgorithm::sha512}, "1.2.840.113549.1.1.13"},
    {{Padding::ecdsa, DigestAlgorithm::sha1}, "1.2.840.10045.4.1"},
    {{Padding::ecdsa, DigestAlgorithm::sha256}, "1.2.840.10045.4.3.2"},
    {{Padding::ecdsa, DigestAlgorithm::sha384}, "1.2.840.10045.4.3.3"},
    {{Padding::ecdsa, DigestAlgorithm::sha512}, "1.2.840.10045.4.3.4"},
}};

// RFC 4055 section 3.1; DER leaves out what is SHA-1's default.
void write_pss_parameters(DerWriter& out, DigestAlgorithm algorithm) {
    out.nest(tag::sequence, [&](DerWriter& parameters) {
        if (algorithm == DigestAlgorithm::sha1) return;
        parameters.nest(tag::context_constructed(0), [&](DerWriter& w) { w.algorithm_with_null(oid_of(algorithm)); });
        parameters.nest(tag::context_constructed(1), [&](DerWriter& w) {
            w.nest(tag::sequence, [&](DerWriter& mask) { mask.oid(mgf1).algorithm_with_null(oid_of(algorithm)); });
        });
        parameters.nest(tag::context_constructed(2), [&](DerWriter& w) { w.integer(digest_size(algorithm)); });
    });
}

// AlgorithmIdentifier of a hash: parameters NULL or absent (RFC 4055 section 2.1).
Result<DigestAlgorithm> read_digest(DerReader& reader) {
    TRY(DerReader algorithm, reader.enter(tag::sequence, "hash algorithm"));
    TRY(const std::string oid, algorithm.oid("hash algorithm"));
    if (!algorithm.at_end()) CHECK(algorithm.null("hash parameters"));
    CHECK(algorithm.finish("hash algorithm"));
    return digest_from_oid(oid);
}

Result<DigestAlgorithm> read_mask_digest(DerReader& reader) {
    TRY(DerReader mask, reader.enter(tag::sequence, "mask generation"));
    TRY(const std::string oid, mask.oid("mask generation"));
    if (oid != mgf1) return fail::malformed("an unknown mask generation function");
    TRY(const DigestAlgorithm algorithm, read_digest(mask));
    CHECK(mask.finish("mask generation"));
    return algorithm;
}

Result<SignatureScheme> read_pss(DerReader& reader) {
    TRY(DerReader parameters, reader.enter(tag::sequence, "PSS parameters"));
    DigestAlgorithm hash = DigestAlgorithm::sha1;
    DigestAlgorithm mask = DigestAlgorithm::sha1;
    std::uint64_t salt = 20;
    if (parameters.next_is(tag::context_constructed(0))) {
        TRY(DerReader inside, parameters.enter(tag::context_constructed(0), "PSS hash"));
        TRY(hash, read_digest(inside));
        CHECK(inside.finish("PSS hash"));
    }
    if (parameters.next_is(tag::context_constructed(1))) {
        TRY(DerReader inside, parameters.enter(tag::context_constructed(1), "PSS mask"));
        TRY(mask, read_mask_digest(inside));
        CHECK(inside.finish("PSS mask"));
    }
    if (parameters.next_is(tag::context_constructed(2))) {
        TRY(DerReader inside, parameters.enter(tag::context_constructed(2), "PSS salt"));
        TRY(salt, inside.small_integer("PSS salt"));
        CHECK(inside.finish("PSS salt"));
    }
    if (parameters.next_is(tag::context_constructed(3))) {
        TRY(DerReader inside, parameters.enter(tag::context_constructed(3), "PSS trailer"));
        TRY(const std::uint32_t trailer, inside.small_integer("PSS trailer"));
        CHECK(inside.finish("PSS trailer"));
        if (trailer != 1) return fail::malformed("an unknown PSS trailer");
    }
    CHECK(parameters.finish("PSS parameters"));
    if (hash != mask || salt != digest_size(hash)) return fail::malformed("PSS parameters that are not used here");
    return SignatureScheme{Padding::rsa_pss, hash};
}

Result<SignatureScheme> read_scheme(ByteView der) {
    TRY(DerReader algorithm, enter_single(der, tag::sequence, "signature algorithm"));
    TRY(const std::string oid, algorithm.oid("signature algorithm"));
    if (oid == rsa_pss) {
        TRY(const SignatureScheme scheme, read_pss(algorithm));
        CHECK(algorithm.finish("signature algorithm"));
        return scheme;
    }
    // NULL and absent parameters are both seen in the field, for RSA and for ECDSA.
    if (!algorithm.at_end()) CHECK(algorithm.null("signature parameters"));
    CHECK(algorithm.finish("signature algorithm"));
    for (const Known& one : known) {
        if (one.oid == oid) return one.scheme;
    }
    return fail::malformed("an unknown signature algorithm");
}

}  // namespace

std::size_t digest_size(DigestAlgorithm algorithm) {
    switch (algorithm) {
        case DigestAlgorithm::md5: return 16;
        case DigestAlgorithm::sha1: return 20;
        case DigestAlgorithm::sha256: return 32;
        case DigestAlgorithm::sha384: return 48;
        case DigestAlgorithm::sha512: return 64;
    }
    return 0;
}

std::optional<SignatureScheme> signature_scheme_from(ByteView algorithm_identifier) {
    const auto scheme = read_scheme(algorithm_identifier);
    return scheme ? std::optional<SignatureScheme>(*scheme) : std::nullopt;
}

Bytes algorithm_identifier(SignatureScheme scheme, bool in_cms) {
    DerWriter out;
    if (scheme.padding == Padding::rsa_pss) {
        out.nest(tag::sequence, [&](DerWriter& w) { write_pss_parameters(w.oid(rsa_pss), scheme.digest); });
        return out.take();
    }
    if (scheme.padding == Padding::rsa_pkcs1 && in_cms) return out.algorithm_with_null(oid::rsa_encryption).take();
    for (const Known& one : known) {
        if (one.scheme != scheme) continue;
        if (scheme.padding == Padding::rsa_pkcs1) return out.algorithm_with_null(one.oid).take();
        return out.nest(tag::sequence, [&](DerWriter& w) { w.oid(one.oid); }).take();
    }
    throw std::invalid_argument("no identifier exists for " + name(scheme));
}

std::string name(SignatureScheme scheme) {
    const std::string_view how = scheme.padding == Padding::rsa_pkcs1 ? "RSA PKCS#1 v1.5"
                                 : scheme.padding == Padding::rsa_pss ? "RSA-PSS"
                                                                      : "ECDSA";
    return std::string(how) + " with " + std::string(name(scheme.digest));
}

}  // namespace countersign::crypto
