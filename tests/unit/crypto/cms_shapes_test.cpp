// EnvelopedData in the shapes that broke OpenSSL's own reader (security reference 1.5), put together octet by octet:
// each is refused by the structure alone, before any key or cipher is touched, or read as what it says.
#include "countersign/crypto/cms.hpp"
#include "countersign/crypto/oid.hpp"
#include "crypto/der.hpp"
#include "test_keys.hpp"

#include <gtest/gtest.h>

namespace countersign::crypto {
namespace {

constexpr std::string_view rsa_encryption = "1.2.840.113549.1.1.1";
constexpr std::string_view rsaes_oaep = "1.2.840.113549.1.1.7";
constexpr std::string_view mgf1 = "1.2.840.113549.1.1.8";
constexpr std::string_view p_specified = "1.2.840.113549.1.1.9";
constexpr std::string_view sha256_oid = "2.16.840.1.101.3.4.2.1";
constexpr std::string_view sha1_oid = "1.3.14.3.2.26";
constexpr std::string_view aes128_cbc = "2.16.840.1.101.3.4.1.2";
constexpr std::string_view aes128_gcm = "2.16.840.1.101.3.4.1.6";
constexpr std::string_view aes256_gcm = "2.16.840.1.101.3.4.1.46";
constexpr std::string_view chacha20_poly1305 = "1.2.840.113549.1.9.16.3.18";

// An AlgorithmIdentifier whose parameters are these octets; none at all when they are empty.
Bytes algorithm(std::string_view oid, const Bytes& parameters = {}) {
    return DerWriter().nest(tag::sequence, [&](DerWriter& out) { out.oid(oid).raw(parameters); }).take();
}
Bytes octets(std::size_t size) {
    return DerWriter().octet_string(Bytes(size, 0x5a)).take();
}
Bytes null() {
    return DerWriter().null().take();
}
Bytes sequence(const Bytes& content) {
    return DerWriter().tlv(tag::sequence, content).take();
}
Bytes explicitly(unsigned number, const Bytes& content) {
    return DerWriter().tlv(tag::context_constructed(number), content).take();
}

Bytes key_transport(const Bytes& transport) {
    const auto certificate = test::self_signed(test::rsa_key());
    return DerWriter()
        .nest(tag::sequence,
              [&](DerWriter& out) {
                  out.integer(0)
                      .raw(encode_issuer_and_serial({certificate.issuer(), to_bytes(certificate.serial())}))
                      .raw(transport)
                      .octet_string(Bytes(256, 0x5a));
              })
        .take();
}

Bytes enveloped(const Bytes& recipient, const Bytes& cipher) {
    return DerWriter()
        .nest(tag::sequence,
              [&](DerWriter& info) {
                  info.oid(oid::enveloped_data).nest(tag::context_constructed(0), [&](DerWriter& outer) {
                      outer.nest(tag::sequence, [&](DerWriter& data) {
                          data.integer(0).tlv(tag::set, recipient).nest(tag::sequence, [&](DerWriter& content) {
                              content.oid(oid::data).raw(cipher).tlv(tag::context(0), Bytes(32, 0x5a));
                          });
                      });
                  });
              })
        .take();
}
Result<EnvelopedData> with_cipher(const Bytes& cipher) {
    return EnvelopedData::from_ber(enveloped(key_transport(algorithm(rsa_encryption, null())), cipher));
}
Result<EnvelopedData> with_transport(const Bytes& transport) {
    return EnvelopedData::from_ber(enveloped(key_transport(transport), algorithm(aes128_cbc, octets(16))));
}
Result<EnvelopedData> with_recipient(const Bytes& recipient) {
    return EnvelopedData::from_ber(enveloped(recipient, algorithm(aes128_cbc, octets(16))));
}

TEST(CmsShapes, TheShapeItselfIsGood) {
    EXPECT_TRUE(with_cipher(algorithm(aes128_cbc, octets(16))));
}

// CVE-2025-15467: the nonce of an AEAD cipher was copied to the stack whatever its length.
TEST(CmsShapes, AuthenticatedCiphersAreDeniedWhateverTheirNonce) {
    for (const auto oid : {aes128_gcm, aes256_gcm, chacha20_poly1305}) {
        for (std::size_t size = 0; size <= 4096; size += size < 70 ? 1 : 61) {
            const auto tag_length = DerWriter().integer(16).take();
            auto parameters = octets(size);
            parameters.insert(parameters.end(), tag_length.begin(), tag_length.end());
            for (const auto& shape : {sequence(parameters), octets(size), sequence(octets(size))}) {
                const auto data = with_cipher(algorithm(oid, shape));
                ASSERT_FALSE(data) << oid << " " << size;
                EXPECT_EQ(data.error().kind, ErrorKind::denied);
            }
        }
        EXPECT_EQ(with_cipher(algorithm(oid)).error().kind, ErrorKind::denied);
    }
}

TEST(CmsShapes, AnInitializationVectorHasOneLength) {
    for (std::size_t size = 0; size <= 4096; size += size < 300 ? 1 : 97) {
        EXPECT_EQ(with_cipher(algorithm(aes128_cbc, octets(size))).has_value(), size == 16) << size;
        EXPECT_EQ(with_cipher(algorithm("1.2.840.113549.3.7", octets(size))).has_value(), size == 8) << size;
    }
    for (const auto& parameters :
         {Bytes{}, null(), sequence(octets(16)), sequence({}), Bytes{0x02, 0x01, 0x10}, Bytes{0x01, 0x01, 0xff},
          Bytes{0x06, 0x01, 0x2a}, Bytes{0x03, 0x02, 0x00, 0x5a}, explicitly(0, octets(16))}) {
        EXPECT_FALSE(with_cipher(algorithm(aes128_cbc, parameters)));
    }
}

// CVE-2026-28390: parameters of RSAES-OAEP, or of what stands in them, that are not there.
TEST(CmsShapes, OaepSaysSha1BySayingNothing) {
    const KeyTransport by_default{true, DigestAlgorithm::sha1, DigestAlgorithm::sha1};
    const auto transport_of = [](const Bytes& transport) {
        const auto data = with_transport(transport);
        return data ? std::optional(data->recipients.back().transport) : std::nullopt;
    };
    EXPECT_EQ(transport_of(algorithm(rsaes_oaep)), by_default);
    EXPECT_EQ(transport_of(algorithm(rsaes_oaep, sequence({}))), by_default);
    EXPECT_EQ(transport_of(algorithm(rsaes_oaep, sequence(explicitly(0, algorithm(sha1_oid))))), by_default);
    EXPECT_EQ(transport_of(algorithm(rsaes_oaep, sequence(explicitly(0, algorithm(sha256_oid))))),
              (KeyTransport{true, DigestAlgorithm::sha256, DigestAlgorithm::sha1}));
    EXPECT_EQ(transport_of(algorithm(rsaes_oaep, sequence(explicitly(1, algorithm(mgf1, algorithm(sha256_oid)))))),
              (KeyTransport{true, DigestAlgorithm::sha1, DigestAlgorithm::sha256}));
    EXPECT_EQ(transport_of(algorithm(rsaes_oaep, sequence(explicitly(2, algorithm(p_specified, octets(0)))))),
              by_default);

    for (const auto& parameters :
         {null(), octets(0), sequence(null()), sequence(octets(4)), sequence(explicitly(0, {})),
          sequence(explicitly(0, sequence({}))), sequence(explicitly(0, algorithm("1.2.3.4"))),
          sequence(explicitly(0, algorithm(sha256_oid, octets(1)))), sequence(explicitly(1, algorithm(mgf1))),
          sequence(explicitly(1, algorithm(mgf1, null()))), sequence(explicitly(1, algorithm(mgf1, sequence({})))),
          sequence(explicitly(1, algorithm(mgf1, octets(0)))),
          sequence(explicitly(1, algorithm(sha256_oid, algorithm(sha256_oid)))),
          sequence(explicitly(2, algorithm(p_specified))), sequence(explicitly(2, algorithm(p_specified, null()))),
          sequence(explicitly(2, algorithm(p_specified, octets(1)))),
          sequence(explicitly(2, algorithm(mgf1, octets(0)))), sequence(explicitly(3, null()))}) {
        EXPECT_FALSE(with_transport(algorithm(rsaes_oaep, parameters)));
    }
    for (const auto& parameters : {octets(0), sequence({}), Bytes{0x02, 0x01, 0x00}}) {
        EXPECT_FALSE(with_transport(algorithm(rsa_encryption, parameters)));
    }
    EXPECT_TRUE(with_transport(algorithm(rsa_encryption))) << "no NULL, as some clients write it";
}

// CVE-2025-9230, CVE-2026-28389, CVE-2026-63072: key agreement, key encryption keys and passwords. What stands inside
// them is not even looked at.
TEST(CmsShapes, NoRecipientButKeyTransportIsRead) {
    const auto transport = key_transport(algorithm(rsa_encryption, null()));
    const Bytes inside(transport.begin() + 4, transport.end());
    for (unsigned kind = 0; kind <= 5; ++kind) {
        for (const auto& content : {Bytes{}, null(), octets(4000), inside, sequence(inside), Bytes{0x02, 0x01, 0x03}}) {
            const auto alone = with_recipient(explicitly(kind, content));
            ASSERT_FALSE(alone) << kind;
            EXPECT_EQ(alone.error().kind, ErrorKind::malformed);
            auto both = transport;
            const auto other = explicitly(kind, content);
            both.insert(both.end(), other.begin(), other.end());
            EXPECT_FALSE(with_recipient(both)) << kind << ": not beside a good one either";
        }
    }
    EXPECT_FALSE(with_recipient({}));
    EXPECT_TRUE(with_recipient(transport));
}

// CVE-2026-34182, CVE-2026-45447: other content types around the same octets.
TEST(CmsShapes, OnlyEnvelopedDataIsEnvelopedData) {
    const Bytes good = enveloped(key_transport(algorithm(rsa_encryption, null())), algorithm(aes128_cbc, octets(16)));
    const Bytes own = DerWriter().oid(oid::enveloped_data).take();
    const auto at = std::search(good.begin(), good.end(), own.begin(), own.end());
    ASSERT_NE(at, good.end());
    for (int last = 0; last < 256; ++last) {
        Bytes other = good;
        other[static_cast<std::size_t>(at - good.begin()) + own.size() - 1] = static_cast<std::uint8_t>(last);
        EXPECT_EQ(EnvelopedData::from_ber(other).has_value(), last == own.back()) << last;
    }
}

// CVE-2026-34180 and its like: lengths beyond what there is, in each place where a length stands.
TEST(CmsShapes, LengthsBeyondTheMessageAreRefused) {
    const Bytes good = enveloped(key_transport(algorithm(rsa_encryption, null())), algorithm(aes128_cbc, octets(16)));
    for (const Bytes& length :
         {Bytes{0x84, 0x7f, 0xff, 0xff, 0xff}, Bytes{0x84, 0x80, 0x00, 0x00, 0x00}, Bytes{0x84, 0xff, 0xff, 0xff, 0xff},
          Bytes{0x85, 0x01, 0x00, 0x00, 0x00, 0x00}, Bytes{0x88, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
          Bytes{0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}) {
        for (std::size_t at = 1; at < good.size(); ++at) {
            Bytes longer(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(at));
            longer.insert(longer.end(), length.begin(), length.end());
            longer.insert(longer.end(), good.begin() + static_cast<std::ptrdiff_t>(at) + 1, good.end());
            EXPECT_FALSE(EnvelopedData::from_ber(longer)) << at;
        }
    }
}

}  // namespace
}  // namespace countersign::crypto
