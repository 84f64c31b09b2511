#include "countersign/crypto/cms.hpp"
#include "countersign/crypto/oid.hpp"
#include "der.hpp"

namespace countersign::crypto {

namespace {

constexpr std::string_view rsaes_oaep = "1.2.840.113549.1.1.7";
constexpr std::string_view mgf1 = "1.2.840.113549.1.1.8";

Bytes content_info(std::string_view type, ByteView content) {
    return DerWriter()
        .nest(tag::sequence, [&](DerWriter& out) { out.oid(type).tlv(tag::context_constructed(0), content); })
        .take();
}

// RFC 3370 2.1 writes NULL for SHA-1; RFC 5754 2 leaves the parameters of the SHA-2 family away.
void write_digest(DerWriter& out, DigestAlgorithm digest) {
    if (digest == DigestAlgorithm::sha1 || digest == DigestAlgorithm::md5) {
        out.algorithm_with_null(oid_of(digest));
    } else {
        out.nest(tag::sequence, [&](DerWriter& inner) { inner.oid(oid_of(digest)); });
    }
}

void write_issuer_and_serial(DerWriter& out, const Certificate& certificate) {
    out.nest(tag::sequence,
             [&](DerWriter& inner) { inner.raw(certificate.issuer().der()).integer_content(certificate.serial()); });
}

Bytes encode_attribute(const Attribute& attribute) {
    return DerWriter()
        .nest(tag::sequence, [&](DerWriter& out) { out.oid(attribute.oid).set_of(attribute.values); })
        .take();
}

Bytes der_oid(std::string_view dotted) {
    return DerWriter().oid(dotted).take();
}
Bytes der_time(Time time) {
    return DerWriter().time(time).take();
}

std::vector<Bytes> signed_attributes(std::string_view content_type, ByteView content, const SignerParameters& signer) {
    std::vector<Bytes> result;
    result.push_back(encode_attribute({std::string(oid::content_type), {der_oid(content_type)}}));
    result.push_back(encode_attribute(
        {std::string(oid::message_digest), {der_octet_string(digest(signer.scheme.digest, content))}}));
    if (signer.signing_time) {
        result.push_back(encode_attribute({std::string(oid::signing_time), {der_time(*signer.signing_time)}}));
    }
    for (const auto& attribute : signer.further_attributes) result.push_back(encode_attribute(attribute));
    return result;
}

Bytes signer_info(const SignerParameters& signer, ByteView attributes_set, ByteView signature) {
    Bytes implicit = to_bytes(attributes_set);
    implicit[0] = tag::context_constructed(0);
    return DerWriter()
        .nest(tag::sequence,
              [&](DerWriter& out) {
                  out.integer(1);
                  write_issuer_and_serial(out, *signer.certificate);
                  write_digest(out, signer.scheme.digest);
                  out.raw(implicit);
                  out.raw(algorithm_identifier(signer.scheme, true));
                  out.octet_string(signature);
              })
        .take();
}

void write_certificates(DerWriter& out, const std::vector<Certificate>& certificates) {
    if (certificates.empty()) return;
    out.nest(tag::context_constructed(0), [&](DerWriter& inner) {
        for (const auto& certificate : certificates) inner.raw(certificate.der());
    });
}

// `content` null: the eContent is absent.
Result<Bytes> build(std::string_view content_type, const ByteView* content,
                    const std::vector<Certificate>& certificates, const SignerParameters& signer,
                    const SignCallback& sign) {
    if (signer.certificate == nullptr) return fail::internal("a signature without a signer's certificate");
    const ByteView digested = content == nullptr ? ByteView{} : *content;
    const Bytes attributes = DerWriter().set_of(signed_attributes(content_type, digested, signer)).take();
    TRY(const Bytes signature, sign(attributes));
    DerWriter out;
    out.nest(tag::sequence, [&](DerWriter& data) {
        data.integer(content_type == oid::data ? 1 : 3);  // RFC 5652 5.1
        data.nest(tag::set, [&](DerWriter& inner) { write_digest(inner, signer.scheme.digest); });
        data.nest(tag::sequence, [&](DerWriter& inner) {
            inner.oid(content_type);
            if (content == nullptr) return;
            inner.nest(tag::context_constructed(0), [&](DerWriter& octets) { octets.octet_string(*content); });
        });
        write_certificates(data, certificates);
        data.tlv(tag::set, signer_info(signer, attributes, signature));
    });
    return content_info(oid::signed_data, out.view());
}

void write_mgf1(DerWriter& out, DigestAlgorithm digest) {
    out.nest(tag::sequence, [&](DerWriter& inner) { inner.oid(mgf1).algorithm_with_null(oid_of(digest)); });
}

// RFC 4055 4.1; DER leaves the defaults (SHA-1) away.
void write_key_transport(DerWriter& out, const KeyTransport& transport) {
    if (!transport.oaep) {
        out.algorithm_with_null(oid::rsa_encryption);
        return;
    }
    out.nest(tag::sequence, [&](DerWriter& algorithm) {
        algorithm.oid(rsaes_oaep).nest(tag::sequence, [&](DerWriter& parameters) {
            if (transport.oaep_digest != DigestAlgorithm::sha1) {
                parameters.nest(tag::context_constructed(0),
                                [&](DerWriter& hash) { hash.algorithm_with_null(oid_of(transport.oaep_digest)); });
            }
            if (transport.mgf1_digest != DigestAlgorithm::sha1) {
                parameters.nest(tag::context_constructed(1),
                                [&](DerWriter& mask) { write_mgf1(mask, transport.mgf1_digest); });
            }
        });
    });
}

void write_recipient(DerWriter& out, const Certificate& recipient, const KeyTransport& transport,
                     ByteView encrypted_key) {
    out.nest(tag::sequence, [&](DerWriter& info) {
        info.integer(0);
        write_issuer_and_serial(info, recipient);
        write_key_transport(info, transport);
        info.octet_string(encrypted_key);
    });
}

void write_encrypted_content(DerWriter& out, ContentCipher cipher, ByteView iv, ByteView ciphertext) {
    out.nest(tag::sequence, [&](DerWriter& content) {
        content.oid(oid::data);
        content.nest(tag::sequence, [&](DerWriter& algorithm) { algorithm.oid(oid_of(cipher)).octet_string(iv); });
        content.tlv(tag::context(0), ciphertext);
    });
}

}  // namespace

Result<Bytes> build_signed_data(std::string_view content_type, ByteView content,
                                const std::vector<Certificate>& certificates, const SignerParameters& signer,
                                const SignCallback& sign) {
    return build(content_type, &content, certificates, signer, sign);
}

Result<Bytes> build_signed_data_without_content(const std::vector<Certificate>& certificates,
                                                const SignerParameters& signer, const SignCallback& sign) {
    return build(oid::data, nullptr, certificates, signer, sign);
}

Bytes build_certs_only(const std::vector<Certificate>& certificates, const std::vector<Bytes>& crls) {
    DerWriter out;
    out.nest(tag::sequence, [&](DerWriter& data) {
        data.integer(1);
        data.tlv(tag::set, {});
        data.nest(tag::sequence, [](DerWriter& inner) { inner.oid(oid::data); });
        write_certificates(data, certificates);
        if (!crls.empty()) {
            data.nest(tag::context_constructed(1), [&](DerWriter& inner) {
                for (const auto& crl : crls) inner.raw(crl);
            });
        }
        data.tlv(tag::set, {});
    });
    return content_info(oid::signed_data, out.view());
}

Result<Bytes> build_enveloped_data(ByteView plaintext, const Certificate& recipient, ContentCipher cipher,
                                   const KeyTransport& transport, Random& random) {
    Secret content_key = Secret::of_size(key_size(cipher));
    random.fill(content_key.writable());
    const Bytes iv = random.bytes(iv_size(cipher));
    TRY(const Bytes ciphertext, encrypt(cipher, content_key.reveal(), iv, plaintext));
    TRY(const Bytes encrypted_key, recipient.public_key().encrypt(transport, content_key.reveal()));
    DerWriter out;
    out.nest(tag::sequence, [&](DerWriter& data) {
        data.integer(0);  // RFC 5652 6.1: every recipient is version 0 and there are no attributes
        data.nest(tag::set, [&](DerWriter& set) { write_recipient(set, recipient, transport, encrypted_key); });
        write_encrypted_content(data, cipher, iv, ciphertext);
    });
    return content_info(oid::enveloped_data, out.view());
}

}  // namespace countersign::crypto
