// The Cryptographic Message Syntax (RFC 5652) as far as SCEP uses it, and no further.
//
// Readers accept BER outside (indefinite lengths, constructed OCTET STRINGs: Apple and BouncyCastle send
// them), refuse everything SCEP has no use for, and bound sizes, depths and counts before any arithmetic.
// OpenSSL's CMS_* and PKCS7_* functions are not used on foreign bytes (security reference 0.4, 1.5): the
// structures are declared as ASN.1 templates and the cryptography is EVP on their parsed fields.
// Values only; safe on any thread.
#pragma once

#include "countersign/core/clock.hpp"
#include "countersign/crypto/certificate.hpp"
#include "countersign/crypto/certificate_builder.hpp"
#include "countersign/crypto/cipher.hpp"

#include <optional>
#include <string>
#include <vector>

namespace countersign::crypto {

struct CmsLimits {
    std::size_t message_octets = 2 * 1024 * 1024;
    int depth = 16;                // nested constructed encodings
    std::size_t certificates = 8;
    std::size_t recipients = 8;    // Debian's scepclient encrypts to every certificate of GetCACert
    std::size_t attributes = 32;
    std::size_t attribute_octets = 16 * 1024;
};

struct Attribute {
    std::string oid;
    std::vector<Bytes> values;  // each a complete DER value
};

// A parsed SignedData with exactly one SignerInfo. Parsing verifies nothing.
struct SignedData {
    std::string content_type;         // eContentType
    Bytes content;                    // the octets of eContent; empty when detached or absent
    bool has_content = false;
    std::vector<Certificate> certificates;  // those this program can parse, in order of appearance
    std::size_t unparsed_certificates = 0;

    // The signer, named by issuer and serial number or by subjectKeyIdentifier.
    std::optional<Bytes> signer_issuer;  // DER Name
    Bytes signer_serial;                 // content octets
    std::optional<Bytes> signer_key_identifier;
    DigestAlgorithm digest = DigestAlgorithm::sha256;
    std::optional<SignatureScheme> signature_scheme;  // nullopt: an algorithm this program does not know
    std::vector<Attribute> signed_attributes;
    Bytes signed_attributes_der;  // re-encoded as DER SET OF: what the signature covers (RFC 5652 5.4)
    Bytes signed_attributes_received;  // the SET as sent, when it had definite length and differs from the above
    Bytes signature;

    // ContentInfo { signedData }. malformed: another type, trailing octets, zero or several signers, no
    // signed attributes, an attribute type twice, a limit passed, an unknown digest or an empty digestAlgorithms set.
    static Result<SignedData> from_ber(ByteView message, const CmsLimits& limits = {});

    // The certificate among `certificates` that the signer info names; not_found otherwise.
    Result<Certificate> signer_certificate() const;

    // contentType and messageDigest attributes are present once and match, and the signature holds under
    // `signer` (RFC 5652 5.4, 5.6), over the attributes in DER order or as sent. unauthenticated otherwise. MD5 and,
    // unless allowed, SHA-1 are refused.
    Result<void> verify(const PublicKey& signer, bool allow_sha1) const;
};

// A degenerate SignedData (certs-only): certificates and CRLs, no content, no signer.
struct CertificateBag {
    std::vector<Certificate> certificates;
    std::vector<Bytes> crls;
    static Result<CertificateBag> from_ber(ByteView message, std::size_t limit = 64);
};

// A parsed EnvelopedData: key-transport recipients only; any other kind (KARI, KEKRI, PWRI) is malformed.
struct EnvelopedData {
    struct Recipient {
        std::optional<Bytes> issuer;  // DER Name
        Bytes serial;
        std::optional<Bytes> key_identifier;
        KeyTransport transport;
        Bytes encrypted_key;
    };
    std::vector<Recipient> recipients;
    std::string content_type;  // of the encrypted content
    ContentCipher cipher = ContentCipher::aes128_cbc;
    Bytes iv;
    Bytes ciphertext;

    // malformed: not such a message, an originatorInfo, no recipient, no content, a limit passed, an IV of the wrong
    // length. denied: readable, but a content cipher or key transport this program has no name for.
    static Result<EnvelopedData> from_ber(ByteView message, const CmsLimits& limits = {});
};

// Whether a signer or recipient that gives (issuer, serial) or a key identifier means this certificate. Issuers
// that differ in string types alone are the same name: some clients write it again in another type.
bool names_certificate(const std::optional<Bytes>& issuer, ByteView serial, const std::optional<Bytes>& key_identifier,
                       const Certificate& certificate);

// Writers. DER throughout; certificates keep the order given (interop reference, facts 9 and 10).

struct SignerParameters {
    const Certificate* certificate = nullptr;  // its issuer and serial name the signer
    SignatureScheme scheme;
    std::optional<Time> signing_time;
    std::vector<Attribute> further_attributes;  // contentType and messageDigest are added here
};
Result<Bytes> build_signed_data(std::string_view content_type, ByteView content,
                                const std::vector<Certificate>& certificates,
                                const SignerParameters& signer, const SignCallback& sign);
// The same with no encapsulated content at all: messageDigest is over zero octets. Some servers answer so; ours writes empty
// content instead, which every client can verify.
Result<Bytes> build_signed_data_without_content(const std::vector<Certificate>& certificates,
                                                const SignerParameters& signer, const SignCallback& sign);

Bytes build_certs_only(const std::vector<Certificate>& certificates, const std::vector<Bytes>& crls = {});

// One recipient, named by issuer and serial number.
Result<Bytes> build_enveloped_data(ByteView plaintext, const Certificate& recipient, ContentCipher cipher,
                                   const KeyTransport& transport, Random& random);

// DER of single values, for attributes.
Bytes der_printable_string(std::string_view text);
Bytes der_utf8_string(std::string_view text);
Bytes der_octet_string(ByteView octets);
// The octets of one DER value if it has that type and nothing follows; malformed otherwise.
Result<std::string> read_printable_string(ByteView der);
Result<Bytes> read_octet_string(ByteView der);
Result<std::string> read_utf8_string(ByteView der);  // well-formed UTF-8

// IssuerAndSerialNumber (GetCert, GetCRL) and SCEP's IssuerAndSubject (RFC 8894 3.3.3). Strict DER.
struct IssuerAndSerial {
    Name issuer;
    Bytes serial;
};
struct IssuerAndSubject {
    Name issuer;
    Name subject;
};
Result<IssuerAndSerial> parse_issuer_and_serial(ByteView der);
Result<IssuerAndSubject> parse_issuer_and_subject(ByteView der);
Bytes encode_issuer_and_serial(const IssuerAndSerial& value);
Bytes encode_issuer_and_subject(const IssuerAndSubject& value);

}  // namespace countersign::crypto
