// Keys, certificates and requests for tests, in one line each. Keys are parsed once per process and shared;
// everything here is safe on many threads. Header-only, so that a test links no room it does not use.
#pragma once

#include "countersign/core/secret.hpp"
#include "countersign/crypto/certificate_builder.hpp"
#include "countersign/crypto/ossl.hpp"
#include "test_key_texts.hpp"

#include <openssl/pem.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace countersign::test {

class TestKey {
public:
    explicit TestKey(std::string_view pem) : pem_(pem), key_(parse(pem)), public_key_(public_part(key_.get())) {}

    std::string_view pem() const { return pem_; }  // PKCS#8
    const crypto::PublicKey& public_key() const { return public_key_; }
    Bytes spki() const { return to_bytes(public_key_.spki()); }
    EVP_PKEY* openssl_key() const { return key_.get(); }

    Bytes sign(crypto::SignatureScheme scheme, ByteView message) const {
        const crypto::Ossl<EVP_MD_CTX> context(EVP_MD_CTX_new());
        EVP_PKEY_CTX* key_context = nullptr;
        const EVP_MD* md = crypto::evp_md(scheme.digest);
        must(EVP_DigestSignInit(context.get(), &key_context, md, nullptr, key_.get()));
        if (scheme.padding == crypto::Padding::rsa_pss) {
            must(EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING));
            must(EVP_PKEY_CTX_set_rsa_pss_saltlen(key_context, RSA_PSS_SALTLEN_DIGEST));
        }
        std::size_t length = 0;
        must(EVP_DigestSign(context.get(), nullptr, &length, message.data(), message.size()));
        Bytes signature(length);
        must(EVP_DigestSign(context.get(), signature.data(), &length, message.data(), message.size()));
        signature.resize(length);
        return signature;
    }

    // This key must outlive the callback.
    crypto::SignCallback signer(crypto::SignatureScheme scheme) const {
        return [this, scheme](ByteView message) -> Result<Bytes> { return sign(scheme, message); };
    }
    crypto::SignatureScheme sha256_scheme() const { return public_key_.scheme_with(crypto::DigestAlgorithm::sha256); }

private:
    static void must(int result) {
        if (result != 1) throw std::runtime_error("test key: " + crypto::openssl_error());
    }
    static crypto::Ossl<EVP_PKEY> parse(std::string_view pem) {
        const crypto::Ossl<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
        crypto::Ossl<EVP_PKEY> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
        must(key ? 1 : 0);
        return key;
    }
    static crypto::PublicKey public_part(const EVP_PKEY* key) {
        return crypto::PublicKey::from_spki(crypto::to_der(key, i2d_PUBKEY)).value();
    }

    std::string_view pem_;
    crypto::Ossl<EVP_PKEY> key_;
    crypto::PublicKey public_key_;
};

// RSA 2048, `which` 0 to 3: give every part of a test its own.
inline const TestKey& rsa_key(std::size_t which = 0) {
    static const std::array<TestKey, 4> keys{TestKey(rsa2048_pem[0]), TestKey(rsa2048_pem[1]), TestKey(rsa2048_pem[2]),
                                             TestKey(rsa2048_pem[3])};
    return keys.at(which);
}
inline const TestKey& p256_key(std::size_t which = 0) {
    static const std::array<TestKey, 2> keys{TestKey(p256_pem[0]), TestKey(p256_pem[1])};
    return keys.at(which);
}
inline const TestKey& p384_key() {
    static const TestKey key(p384_pem[0]);
    return key;
}

// From 2026-01-01 to 2036-01-01: around the time FixedClock shows.
inline constexpr Time certificates_begin{std::chrono::milliseconds{1767225600000}};
inline constexpr Time certificates_end{std::chrono::milliseconds{2082758400000}};

inline crypto::CertificateContent content_for(const crypto::PublicKey& key, std::string_view subject) {
    crypto::CertificateContent content;
    content.subject = crypto::Name::from_text(subject).value();
    content.spki = to_bytes(key.spki());
    content.not_before = certificates_begin;
    content.not_after = certificates_end;
    return content;
}

// A certificate over `content` issued under `issuer_subject` by `issuer`.
inline crypto::Certificate issue(const crypto::CertificateContent& content, std::string_view issuer_subject,
                                 const TestKey& issuer, std::uint8_t serial = 1) {
    crypto::IssuerContent by;
    by.subject = crypto::Name::from_text(issuer_subject).value();
    by.key_identifier = issuer.public_key().key_identifier();
    by.scheme = issuer.sha256_scheme();
    return crypto::build_certificate(content, by, ByteView(&serial, 1), issuer.signer(by.scheme)).value();
}

// A client's self-signed signer certificate (RFC 8894 section 2.3).
inline crypto::Certificate self_signed(const TestKey& key, std::string_view subject = "CN=device-7",
                                       crypto::KeyUsage usage = crypto::usage::digital_signature |
                                                                crypto::usage::key_encipherment) {
    crypto::CertificateContent content = content_for(key.public_key(), subject);
    content.key_usage = usage;
    return issue(content, subject, key);
}

inline crypto::Certificate self_signed_ca(const TestKey& key, std::string_view subject = "CN=Test CA") {
    crypto::CertificateContent content = content_for(key.public_key(), subject);
    content.key_usage = crypto::usage::key_cert_sign | crypto::usage::crl_sign | crypto::usage::digital_signature;
    content.basic_constraints.ca = true;
    return issue(content, subject, key);
}

// A device certificate under self_signed_ca(ca_key).
inline crypto::Certificate issued_by_ca(const TestKey& ca_key, const crypto::PublicKey& key,
                                        std::string_view subject = "CN=device-7", std::uint8_t serial = 2,
                                        std::string_view ca_subject = "CN=Test CA") {
    crypto::CertificateContent content = content_for(key, subject);
    content.key_usage = crypto::usage::digital_signature | crypto::usage::key_encipherment;
    content.extended_key_usage = {"1.3.6.1.5.5.7.3.2"};
    return issue(content, ca_subject, ca_key, serial);
}

// `sans` in the form of crypto::to_text: "dns:host.example".
inline crypto::CertificateRequest request_for(const TestKey& key, std::string_view subject = "CN=device-7",
                                              std::optional<std::string_view> challenge = std::nullopt,
                                              const std::vector<std::string>& sans = {},
                                              std::vector<crypto::Extension> extensions = {}) {
    crypto::RequestContent content;
    content.subject = crypto::Name::from_text(subject).value();
    content.spki = key.spki();
    content.challenge_password = challenge;
    content.extensions = std::move(extensions);
    content.scheme = key.sha256_scheme();
    if (!sans.empty()) {
        std::vector<crypto::GeneralName> names;
        for (const std::string& san : sans) names.push_back(crypto::general_name_from_text(san).value());
        content.extensions.push_back({"2.5.29.17", false, crypto::encode_general_names(names)});
    }
    return crypto::build_request(content, key.signer(content.scheme)).value();
}

}  // namespace countersign::test
