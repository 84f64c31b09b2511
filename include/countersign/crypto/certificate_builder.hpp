// Makes certificates, requests and CRLs. What signs is a callback, so that the key may sit anywhere; this
// file knows encodings, not keys. Pure functions but for the callback; safe on any thread if it is.
#pragma once

#include "countersign/core/clock.hpp"
#include "countersign/core/secret.hpp"
#include "countersign/crypto/certificate.hpp"
#include "countersign/crypto/certificate_request.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace countersign::crypto {

// Signs `to_be_signed` under the scheme the caller also names to the builder.
using SignCallback = std::function<Result<Bytes>(ByteView to_be_signed)>;

// Everything a certificate shall say about its subject: the plan that policy approves, the RA countersigns,
// the CA fills in, and that is compared with what came back.
struct CertificateContent {
    Name subject;
    Bytes spki;
    std::vector<GeneralName> subject_alt_names;      // critical when the subject is empty (RFC 5280 4.2.1.6)
    KeyUsage key_usage = 0;                          // 0: no extension
    std::vector<std::string> extended_key_usage;     // dotted OIDs; empty: no extension
    BasicConstraints basic_constraints;              // always written, critical
    std::vector<Extension> further_extensions;       // e.g. name constraints of a CA certificate
    Time not_before{};
    Time not_after{};                                // both written in whole seconds
};

// What the issuer adds.
struct IssuerContent {
    Name subject;
    Bytes key_identifier;                            // authorityKeyIdentifier; empty: none
    SignatureScheme scheme;
    std::vector<std::string> crl_urls;
    std::vector<std::string> ca_issuers_urls;
};

// `serial`: positive, at most 20 octets, big endian. The result has been parsed back with Certificate.
Result<Certificate> build_certificate(const CertificateContent& content, const IssuerContent& issuer,
                                      ByteView serial, const SignCallback& sign);

struct RequestContent {
    Name subject;
    Bytes spki;
    std::optional<std::string_view> challenge_password;  // written as PrintableString or UTF8String
    std::vector<Extension> extensions;
    SignatureScheme scheme;
};
Result<CertificateRequest> build_request(const RequestContent& content, const SignCallback& sign);

struct RevokedEntry {
    Bytes serial;      // big endian
    Time when{};
    int reason = 0;    // CRLReason; 0 writes no extension
};
struct CrlContent {
    Time this_update{};
    Time next_update{};
    std::uint64_t number = 1;
    std::vector<RevokedEntry> revoked;
};
// A version 2 CRL, DER.
Result<Bytes> build_crl(const CrlContent& content, const IssuerContent& issuer, const SignCallback& sign);

}  // namespace countersign::crypto
