#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "countersign/crypto/cms.hpp"
#include "countersign/crypto/oid.hpp"
#include "crypto/der.hpp"
#include "fixed_clock.hpp"
#include "test_keys.hpp"
#include "vectors.hpp"

namespace countersign::crypto {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Bytes vector(const std::string& name) {
    return test::vector_octets("cms/" + name);
}
Certificate certificate(const std::string& name) {
    return *Certificate::from_pem(test::vector_text("cms/" + name));
}

struct Signed {
    const char* file;
    SignatureScheme scheme;
    const char* signer;
};
void PrintTo(const Signed& value, std::ostream* out) {
    *out << value.file;
}

class SignedByOpenssl : public ::testing::TestWithParam<Signed> {};

TEST_P(SignedByOpenssl, verifies_under_its_signer_alone) {
    const auto data = SignedData::from_ber(vector(GetParam().file));
    ASSERT_TRUE(data) << describe(data.error());
    EXPECT_EQ(data->content_type, oid::data);
    EXPECT_EQ(as_text(data->content), "attack at dawn\n");
    EXPECT_EQ(data->signature_scheme, GetParam().scheme);
    const auto signer = data->signer_certificate();
    ASSERT_TRUE(signer);
    EXPECT_EQ(*signer, certificate(GetParam().signer));
    EXPECT_TRUE(data->verify(signer->public_key(), GetParam().scheme.digest == DigestAlgorithm::sha1));
    EXPECT_FALSE(data->verify(test::rsa_key().public_key(), true));
    EXPECT_FALSE(data->verify(test::p256_key().public_key(), true));
}

TEST_P(SignedByOpenssl, does_not_verify_once_content_attributes_or_signature_change) {
    const auto data = SignedData::from_ber(vector(GetParam().file));
    const auto key = data->signer_certificate()->public_key();
    auto changed = *data;
    changed.content[0] ^= 1;
    EXPECT_FALSE(changed.verify(key, true));
    changed = *data;
    changed.signature.back() ^= 1;
    EXPECT_FALSE(changed.verify(key, true));
    changed = *data;
    changed.signed_attributes_der.back() ^= 1;
    EXPECT_FALSE(changed.verify(key, true));
    changed = *data;
    changed.content_type = oid::enveloped_data;
    EXPECT_FALSE(changed.verify(key, true));
    for (const std::string_view needed : {oid::content_type, oid::message_digest}) {
        changed = *data;
        std::erase_if(changed.signed_attributes, [&](const Attribute& attribute) { return attribute.oid == needed; });
        EXPECT_FALSE(changed.verify(key, true)) << needed;
    }
}

constexpr SignatureScheme pkcs1(DigestAlgorithm digest) {
    return {Padding::rsa_pkcs1, digest};
}
INSTANTIATE_TEST_SUITE_P(
    Forms, SignedByOpenssl,
    ::testing::Values(Signed{"signed-rsa.der", pkcs1(DigestAlgorithm::sha256), "rsa-signer.pem"},
                      Signed{"signed-sha512.der", pkcs1(DigestAlgorithm::sha512), "rsa-signer.pem"},
                      Signed{"signed-sha1.der", pkcs1(DigestAlgorithm::sha1), "rsa-signer.pem"},
                      Signed{"signed-pss.der", {Padding::rsa_pss, DigestAlgorithm::sha256}, "rsa-signer.pem"},
                      Signed{"signed-ecdsa.der", {Padding::ecdsa, DigestAlgorithm::sha256}, "ec-signer.pem"},
                      Signed{"signed-keyid.der", pkcs1(DigestAlgorithm::sha256), "rsa-signer.pem"},
                      Signed{"signed-ber.der", pkcs1(DigestAlgorithm::sha256), "rsa-signer.pem"}));

TEST(SignedDataReader, refuses_old_digests_and_unknown_schemes_when_verifying) {
    const auto key = certificate("rsa-signer.pem").public_key();
    const auto sha1 = SignedData::from_ber(vector("signed-sha1.der"));
    EXPECT_EQ(sha1->verify(key, false).error().kind, ErrorKind::unauthenticated);
    const auto md5 = SignedData::from_ber(vector("signed-md5.der"));
    ASSERT_TRUE(md5);
    EXPECT_EQ(md5->verify(key, true).error().kind, ErrorKind::unauthenticated);
    const auto salt = SignedData::from_ber(vector("signed-pss-long-salt.der"));
    ASSERT_TRUE(salt);
    EXPECT_EQ(salt->signature_scheme, std::nullopt);
    EXPECT_EQ(salt->verify(key, true).error().kind, ErrorKind::unauthenticated);
}

TEST(SignedDataReader, refuses_everything_that_is_not_one_signer_with_attributes) {
    for (const char* file : {"no-attributes.der", "two-signers.der", "no-signer.der", "data.der", "digested.der",
                             "enveloped-aes128.der", "encrypted-data.der", "crl.der", "content.txt"}) {
        const auto data = SignedData::from_ber(vector(file));
        ASSERT_FALSE(data) << file;
        EXPECT_EQ(data.error().kind, ErrorKind::malformed) << file;
    }
}

TEST(SignedDataReader, tells_detached_content_and_a_missing_certificate) {
    const auto detached = SignedData::from_ber(vector("signed-detached.der"));
    ASSERT_TRUE(detached);
    EXPECT_FALSE(detached->has_content);
    EXPECT_FALSE(detached->verify(certificate("rsa-signer.pem").public_key(), true));
    const auto bare = SignedData::from_ber(vector("signed-without-certificate.der"));
    ASSERT_TRUE(bare);
    EXPECT_EQ(bare->signer_certificate().error().kind, ErrorKind::not_found);
    EXPECT_TRUE(bare->verify(certificate("rsa-signer.pem").public_key(), false));
}

TEST(SignedDataReader, survives_being_cut_at_every_octet_and_refuses_what_follows) {
    for (const char* file : {"signed-rsa.der", "signed-ber.der"}) {
        Bytes message = vector(file);
        for (std::size_t size = 0; size < message.size(); ++size) {
            EXPECT_FALSE(SignedData::from_ber(ByteView(message).first(size))) << file << " " << size;
        }
        message.push_back(0);
        EXPECT_FALSE(SignedData::from_ber(message)) << file;
        message.push_back(0);
        EXPECT_FALSE(SignedData::from_ber(message)) << file;
    }
}

TEST(SignedDataReader, never_trips_over_changed_octets) {
    for (const char* file : {"signed-ber.der", "signed-ecdsa.der"}) {
        const Bytes message = vector(file);
        const auto key = SignedData::from_ber(message)->signer_certificate()->public_key();
        for (std::size_t at = 0; at < message.size(); ++at) {
            for (const int value : {0x00, 0x80, 0xff}) {
                Bytes changed = message;
                if (changed[at] == value) continue;
                changed[at] = static_cast<std::uint8_t>(value);
                const auto data = SignedData::from_ber(changed);
                // What still verifies has the content it had.
                if (data && data->verify(key, false)) {
                    EXPECT_EQ(as_text(data->content), "attack at dawn\n");
                }
            }
        }
    }
}

TEST(SignedDataReader, keeps_its_limits) {
    const Bytes message = vector("signed-rsa.der");
    const auto kind_with = [&](const CmsLimits& limits) {
        const auto data = SignedData::from_ber(message, limits);
        return data ? std::string("read") : describe(data.error());
    };
    EXPECT_EQ(kind_with({}), "read");
    EXPECT_THAT(kind_with({.message_octets = message.size() - 1}), HasSubstr("too large"));
    EXPECT_THAT(kind_with({.depth = 4}), HasSubstr("deep"));
    EXPECT_THAT(kind_with({.certificates = 0}), HasSubstr("certificates"));
    EXPECT_THAT(kind_with({.attributes = 2}), HasSubstr("attributes"));
    EXPECT_THAT(kind_with({.attribute_octets = 50}), HasSubstr("attributes"));
}

TEST(SignedDataReader, refuses_deep_and_endless_nesting_before_reading_it) {
    Bytes deep;
    for (int i = 0; i < 100000; ++i) deep.insert(deep.end(), {0x30, 0x80});
    EXPECT_FALSE(SignedData::from_ber(deep));
    EXPECT_FALSE(SignedData::from_ber(Bytes{0x30, 0x84, 0xff, 0xff, 0xff, 0xff}));
    EXPECT_FALSE(SignedData::from_ber(Bytes{0x30, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}));
    EXPECT_FALSE(SignedData::from_ber(Bytes{0x04, 0x80, 0x00, 0x00}));
    EXPECT_FALSE(SignedData::from_ber(Bytes(100, 0x00)));
    EXPECT_FALSE(SignedData::from_ber(Bytes{0x1f, 0x81, 0x01, 0x00}));
}

// A SignedData of the test's own making, part by part.
class Assembled : public ::testing::Test {
protected:
    Bytes content_ = to_bytes(as_bytes("content"));
    std::vector<Attribute> attributes_{
        {std::string(oid::content_type), {DerWriter().oid(oid::data).take()}},
        {std::string(oid::message_digest), {der_octet_string(digest(DigestAlgorithm::sha256, content_))}}};
    std::vector<std::string_view> digests_{oid_of(DigestAlgorithm::sha256)};
    std::string_view signer_digest_ = oid_of(DigestAlgorithm::sha256);
    bool sorted_ = true;
    bool sign_as_sent_ = false;
    int signers_ = 1;
    std::size_t certificates_ = 1;
    bool ber_ = false;

    const test::TestKey& key_ = test::rsa_key(3);
    Certificate certificate_ = test::self_signed(key_);

    Bytes attribute_set(bool sorted, Tag tag) const {
        std::vector<Bytes> encoded;
        for (const auto& attribute : attributes_) {
            encoded.push_back(
                DerWriter()
                    .nest(tag::sequence, [&](DerWriter& out) { out.oid(attribute.oid).set_of(attribute.values); })
                    .take());
        }
        if (sorted) return DerWriter().set_of(encoded, tag).take();
        return DerWriter()
            .nest(tag,
                  [&](DerWriter& out) {
                      for (auto it = encoded.rbegin(); it != encoded.rend(); ++it) out.raw(*it);
                  })
            .take();
    }
    Bytes signer_info() const {
        const Bytes covered = attribute_set(sorted_ || !sign_as_sent_, tag::set);
        return DerWriter()
            .nest(tag::sequence,
                  [&](DerWriter& out) {
                      out.integer(1).raw(
                          encode_issuer_and_serial({certificate_.issuer(), to_bytes(certificate_.serial())}));
                      out.algorithm_with_null(signer_digest_);
                      out.raw(attribute_set(sorted_, tag::context_constructed(0)));
                      out.raw(algorithm_identifier(key_.sha256_scheme(), true));
                      out.octet_string(key_.sign(key_.sha256_scheme(), covered));
                  })
            .take();
    }
    // A constructed value, in the indefinite form where the test wants BER.
    void nest(DerWriter& out, Tag tag, const std::function<void(DerWriter&)>& body) const {
        if (!ber_) {
            out.nest(tag, body);
            return;
        }
        DerWriter inner;
        body(inner);
        out.raw(Bytes{tag, 0x80}).raw(inner.view()).raw(Bytes{0, 0});
    }
    void write_content(DerWriter& out) const {
        if (!ber_) {
            out.octet_string(content_);
            return;
        }
        out.raw(Bytes{0x24, 0x80});
        for (const auto octet : content_) out.octet_string(ByteView(&octet, 1));
        out.raw(Bytes{0, 0});
    }
    Bytes build() const {
        DerWriter message;
        nest(message, tag::sequence, [&](DerWriter& info) {
            info.oid(oid::signed_data);
            nest(info, tag::context_constructed(0), [&](DerWriter& explicitly) {
                nest(explicitly, tag::sequence, [&](DerWriter& data) { write_fields(data); });
            });
        });
        return message.take();
    }
    void write_fields(DerWriter& data) const {
        data.integer(1);
        nest(data, tag::set, [&](DerWriter& set) {
            for (const auto oid : digests_) set.algorithm_with_null(oid);
        });
        nest(data, tag::sequence, [&](DerWriter& encapsulated) {
            encapsulated.oid(oid::data);
            nest(encapsulated, tag::context_constructed(0), [&](DerWriter& octets) { write_content(octets); });
        });
        nest(data, tag::context_constructed(0), [&](DerWriter& list) {
            for (std::size_t i = 0; i < certificates_; ++i) list.raw(certificate_.der());
        });
        nest(data, tag::set, [&](DerWriter& set) {
            for (int i = 0; i < signers_; ++i) set.raw(signer_info());
        });
    }
    // "", or why it was refused.
    std::string refusal() const {
        const auto data = SignedData::from_ber(build());
        if (!data) return describe(data.error());
        const auto verified = data->verify(certificate_.public_key(), false);
        return verified ? "" : describe(verified.error());
    }
};

TEST_F(Assembled, verifies_as_it_stands) {
    EXPECT_EQ(refusal(), "");
}

TEST_F(Assembled, indefinite_lengths_and_constructed_octet_strings_say_the_same) {
    ber_ = true;
    const auto data = SignedData::from_ber(build());
    ASSERT_TRUE(data) << describe(data.error());
    EXPECT_EQ(data->content, content_);
    EXPECT_EQ(data->certificates, std::vector{certificate_});
    EXPECT_TRUE(data->verify(certificate_.public_key(), false));
    const Bytes message = build();
    for (std::size_t size = 0; size < message.size(); ++size) {
        EXPECT_FALSE(SignedData::from_ber(ByteView(message).first(size))) << size;
    }
}

TEST_F(Assembled, unsorted_attributes_verify_whether_signed_sorted_or_as_sent) {
    sorted_ = false;
    EXPECT_EQ(refusal(), "");
    sign_as_sent_ = true;
    EXPECT_EQ(refusal(), "");
    attributes_[1].values = {der_octet_string(Bytes(32, 0))};
    EXPECT_THAT(refusal(), HasSubstr("messageDigest"));
}

TEST_F(Assembled, an_attribute_twice_is_refused_even_with_the_same_value) {
    attributes_.push_back(attributes_[1]);
    EXPECT_THAT(refusal(), HasSubstr("twice"));
}

TEST_F(Assembled, needed_attributes_have_one_right_value) {
    const auto good = attributes_;
    attributes_[0].values = {DerWriter().oid(oid::signed_data).take()};
    EXPECT_THAT(refusal(), HasSubstr("contentType"));
    attributes_ = good;
    attributes_[1].values.push_back(der_octet_string(Bytes(32, 0)));
    EXPECT_THAT(refusal(), HasSubstr("single"));
    attributes_ = good;
    attributes_[1].values = {der_utf8_string("digest")};
    EXPECT_THAT(refusal(), HasSubstr("messageDigest"));
    attributes_ = good;
    attributes_[1].values.clear();
    EXPECT_THAT(refusal(), HasSubstr("without values"));
    attributes_ = {good[0]};
    EXPECT_THAT(refusal(), HasSubstr("missing"));
    attributes_ = {};
    EXPECT_THAT(refusal(), HasSubstr("no signed attributes"));
}

TEST_F(Assembled, the_signers_digest_is_the_one_its_signature_is_made_with) {
    signer_digest_ = oid_of(DigestAlgorithm::sha512);
    EXPECT_THAT(refusal(), HasSubstr("unauthenticated"));
    signer_digest_ = "1.2.3.4";
    EXPECT_THAT(refusal(), HasSubstr("malformed"));
    signer_digest_ = oid_of(DigestAlgorithm::sha256);
    digests_ = {};
    EXPECT_THAT(refusal(), HasSubstr("digest"));
}

TEST_F(Assembled, signers_and_certificates_are_counted) {
    signers_ = 0;
    EXPECT_THAT(refusal(), HasSubstr("signer"));
    signers_ = 2;
    EXPECT_THAT(refusal(), HasSubstr("signer"));
    signers_ = 1;
    certificates_ = 8;
    EXPECT_EQ(refusal(), "");
    certificates_ = 9;
    EXPECT_THAT(refusal(), HasSubstr("certificates"));
}

TEST_F(Assembled, a_certificate_that_cannot_be_read_is_counted_and_skipped) {
    Bytes message = build();
    const Bytes der = to_bytes(certificate_.der());
    const auto found = std::search(message.begin(), message.end(), der.begin(), der.end());
    ASSERT_NE(found, message.end());
    *(found + 4) = 0x31;  // TBSCertificate becomes a SET
    const auto data = SignedData::from_ber(message);
    ASSERT_TRUE(data) << describe(data.error());
    EXPECT_TRUE(data->certificates.empty());
    EXPECT_EQ(data->unparsed_certificates, 1u);
}

TEST(CertificateBagReader, reads_certificates_in_order_and_crls) {
    const auto bag = CertificateBag::from_ber(vector("bag-with-crl.der"));
    ASSERT_TRUE(bag) << describe(bag.error());
    EXPECT_THAT(bag->certificates, ElementsAre(certificate("rsa-signer.pem"), certificate("ec-signer.pem")));
    EXPECT_THAT(bag->crls, ElementsAre(vector("crl.der")));
}

TEST(CertificateBagReader, refuses_signed_messages_too_many_and_cut_ones) {
    EXPECT_FALSE(CertificateBag::from_ber(vector("signed-rsa.der")));
    EXPECT_FALSE(CertificateBag::from_ber(vector("data.der")));
    EXPECT_FALSE(CertificateBag::from_ber(vector("no-signer.der"), 1));
    EXPECT_TRUE(CertificateBag::from_ber(vector("no-signer.der"), 2));
    const Bytes bag = vector("bag-with-crl.der");
    for (std::size_t size = 0; size < bag.size(); ++size) {
        EXPECT_FALSE(CertificateBag::from_ber(ByteView(bag).first(size))) << size;
    }
}

}  // namespace
}  // namespace countersign::crypto
