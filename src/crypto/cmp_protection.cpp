// The protection of CMP messages: made by a signature or a secret, checked by OpenSSL.
#include <openssl/cmp.h>
#include <openssl/crmf.h>

#include "countersign/crypto/cmp.hpp"
#include "countersign/crypto/oid.hpp"
#include "countersign/crypto/ossl.hpp"
#include "der.hpp"

namespace countersign::crypto::cmp {
namespace {

constexpr std::string_view id_password_based_mac = "1.2.840.113533.7.66.13";
constexpr std::string_view id_hmac_with_sha256 = "1.2.840.113549.2.9";
constexpr std::uint64_t iterations = 10'000;

struct Free {
    void operator()(OSSL_CMP_CTX* p) const { OSSL_CMP_CTX_free(p); }
    void operator()(OSSL_CMP_MSG* p) const { OSSL_CMP_MSG_free(p); }
    void operator()(OSSL_CRMF_PBMPARAMETER* p) const { OSSL_CRMF_PBMPARAMETER_free(p); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

Bytes pbm_parameter(ByteView salt) {
    return DerWriter()
        .nest(tag::sequence,
              [&](DerWriter& out) {
                  out.octet_string(salt);
                  out.nest(tag::sequence, [](DerWriter& owf) { owf.oid(oid_of(DigestAlgorithm::sha256)); });
                  out.integer(iterations);
                  out.nest(tag::sequence, [](DerWriter& mac) { mac.oid(id_hmac_with_sha256); });
              })
        .take();
}

Result<Bytes> password_based_mac(ByteView parameter, const Secret& secret, ByteView part) {
    const ErrorMark mark;
    const unsigned char* next = parameter.data();
    const Owned<OSSL_CRMF_PBMPARAMETER> read(
        d2i_OSSL_CRMF_PBMPARAMETER(nullptr, &next, static_cast<long>(parameter.size())));
    unsigned char* mac = nullptr;
    std::size_t size = 0;
    if (!read || OSSL_CRMF_pbm_new(nullptr, nullptr, read.get(), part.data(), part.size(), secret.reveal().data(),
                                   secret.size(), &mac, &size) != 1) {
        return fail::internal("the password based MAC cannot be made: " + openssl_error());
    }
    Bytes result(mac, mac + size);
    OPENSSL_free(mac);
    return result;
}

// OpenSSL's default prints to standard error.
int say_nothing(const char*, const char*, int, OSSL_CMP_severity, const char*) {
    return 1;
}

template <class Arm>
Result<void> verify(ByteView message, const Arm& arm) {
    if (message.empty()) return fail::unauthenticated("no CMP message");
    const ErrorMark mark;
    const Ossl<BIO> octets(BIO_new_mem_buf(message.data(), static_cast<int>(message.size())));
    const Owned<OSSL_CMP_CTX> context(OSSL_CMP_CTX_new(nullptr, nullptr));
    if (!octets || !context) throw std::bad_alloc();
    OSSL_CMP_CTX_set_log_cb(context.get(), say_nothing);
    const Owned<OSSL_CMP_MSG> parsed(d2i_OSSL_CMP_MSG_bio(octets.get(), nullptr));
    if (!parsed) return fail::unauthenticated("OpenSSL cannot read the CMP message: " + openssl_error());
    if (!arm(context.get())) throw std::bad_alloc();
    if (OSSL_CMP_validate_msg(context.get(), parsed.get()) == 1) return {};
    return fail::unauthenticated("the CMP message's protection does not hold: " + openssl_error());
}

}  // namespace

Protection protection_by_signature(SignatureScheme scheme, SignCallback sign, std::vector<Certificate> certificates) {
    return {algorithm_identifier(scheme), std::move(sign), std::move(certificates)};
}

Protection protection_by_secret(const Secret& secret, Bytes salt) {
    const auto parameter = pbm_parameter(salt);
    const auto write = [&](DerWriter& out) { out.oid(id_password_based_mac).raw(parameter); };
    return {DerWriter().nest(tag::sequence, write).take(),
            [&secret, parameter](ByteView part) { return password_based_mac(parameter, secret, part); }};
}

Result<void> verify_by_secret(ByteView message, const Secret& secret) {
    return verify(message, [&](OSSL_CMP_CTX* context) {
        return OSSL_CMP_CTX_set1_secretValue(context, secret.reveal().data(), static_cast<int>(secret.size())) == 1;
    });
}

Result<void> verify_by_certificate(ByteView message, const Certificate& signer) {
    return verify(message, [&](OSSL_CMP_CTX* context) {
        const auto der = signer.der();
        const unsigned char* next = der.data();
        const Ossl<X509> certificate(d2i_X509(nullptr, &next, static_cast<long>(der.size())));
        // The one certificate that is believed: a CA that signs its answers itself need not be marked for that.
        return certificate && OSSL_CMP_CTX_set1_srvCert(context, certificate.get()) == 1 &&
               OSSL_CMP_CTX_set_option(context, OSSL_CMP_OPT_IGNORE_KEYUSAGE, 1) == 1;
    });
}

}  // namespace countersign::crypto::cmp
