#include "countersign/scep/reply.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/cms.h>

#include "crypto/der.hpp"
#include "pieces.hpp"

namespace countersign::scep {
namespace {

using test::Pieces;
using ::testing::ElementsAre;

class Reply : public ::testing::Test {
protected:
    ReplyContext context(const EnvelopeStyle& style = {}) {
        return ReplyContext::of(pieces_.verify(pieces_.build(pieces_.client_message())).value(), style);
    }
    Bytes build(const ReplyContext& context, const ReplyContent& content) {
        return build_reply(context, content, pieces_.agent, pieces_.now, pieces_.random).value();
    }
    Result<CertRep> read(ByteView reply) {
        return read_cert_rep(reply, {pieces_.agent_certificate}, pieces_.device, *pieces_.device_key);
    }

    Pieces pieces_;
    crypto::Certificate issued_ =
        countersign::test::issued_by_ca(countersign::test::rsa_key(0), countersign::test::rsa_key(3).public_key());
};

TEST_F(Reply, success_carries_the_certificates_in_the_order_given) {
    for (const auto& list :
         {std::vector{issued_}, std::vector{issued_, pieces_.ca}, std::vector{pieces_.ca, issued_}}) {
        const auto rep = read(build(context(), ReplySuccess{list, {}}));
        ASSERT_TRUE(rep) << describe(rep.error());
        EXPECT_EQ(rep->status, PkiStatus::success);
        EXPECT_EQ(rep->fail_info, std::nullopt);
        EXPECT_EQ(rep->transaction_id, "TRANSACTION-1");
        EXPECT_EQ(rep->recipient_nonce, Bytes(16, 0x11));
        EXPECT_EQ(rep->signer, pieces_.agent_certificate);
        EXPECT_EQ(rep->certificates, list);
        EXPECT_TRUE(rep->crls.empty());
    }
}

TEST_F(Reply, cipher_and_transport_follow_the_request) {
    using crypto::ContentCipher;
    for (const auto cipher :
         {ContentCipher::des_cbc, ContentCipher::des_ede3_cbc, ContentCipher::aes128_cbc, ContentCipher::aes256_cbc}) {
        for (const bool oaep : {false, true}) {
            EnvelopeStyle style{cipher, {}};
            style.transport.oaep = oaep;
            const auto rep = read(build(context(style), ReplySuccess{{issued_}, {}}));
            ASSERT_TRUE(rep);
            EXPECT_EQ(rep->style, style);
        }
    }
}

TEST_F(Reply, digest_follows_the_request_and_is_never_sha1_or_md5) {
    using crypto::DigestAlgorithm;
    const std::vector<std::pair<DigestAlgorithm, DigestAlgorithm>> expectations{
        {DigestAlgorithm::md5, DigestAlgorithm::sha256},
        {DigestAlgorithm::sha1, DigestAlgorithm::sha256},
        {DigestAlgorithm::sha256, DigestAlgorithm::sha256},
        {DigestAlgorithm::sha384, DigestAlgorithm::sha384},
        {DigestAlgorithm::sha512, DigestAlgorithm::sha512}};
    for (const auto& [asked, answered] : expectations) {
        auto to = context();
        to.digest = asked;
        for (const ReplyContent& content :
             {ReplyContent(ReplySuccess{{issued_}, {}}), ReplyContent(ReplyFailure{}), ReplyContent(ReplyPending{})}) {
            const auto rep = read(build(to, content));
            ASSERT_TRUE(rep);
            EXPECT_EQ(rep->digest, answered);
        }
    }
}

// certmonger refuses a message whose content is absent; what RFC 8894 3.3.2.2 omits is the envelope in it.
TEST_F(Reply, failure_and_pending_have_empty_content) {
    const auto failed = build(context(), ReplyFailure{FailInfo::bad_time, "reference 4711"});
    const auto rep = read(failed);
    ASSERT_TRUE(rep) << describe(rep.error());
    EXPECT_EQ(rep->status, PkiStatus::failure);
    EXPECT_EQ(rep->fail_info, FailInfo::bad_time);
    EXPECT_EQ(rep->fail_info_text, "reference 4711");
    EXPECT_TRUE(crypto::SignedData::from_ber(failed)->has_content);
    EXPECT_TRUE(crypto::SignedData::from_ber(failed)->content.empty());

    const auto pending = build(context(), ReplyPending{});
    const auto waiting = read(pending);
    ASSERT_TRUE(waiting);
    EXPECT_EQ(waiting->status, PkiStatus::pending);
    EXPECT_EQ(waiting->fail_info, std::nullopt);
    EXPECT_TRUE(crypto::SignedData::from_ber(pending)->has_content);
    EXPECT_TRUE(crypto::SignedData::from_ber(pending)->content.empty());
    EXPECT_FALSE(crypto::SignedData::from_ber(build(context(), ReplySuccess{{issued_}, {}}))->content.empty());
}

TEST_F(Reply, every_fail_info_is_written_as_its_number) {
    for (int info = 0; info <= 4; ++info) {
        const auto rep = read(build(context(), ReplyFailure{static_cast<FailInfo>(info), ""}));
        ASSERT_TRUE(rep);
        EXPECT_EQ(rep->fail_info, static_cast<FailInfo>(info));
        EXPECT_EQ(rep->fail_info_text, "");
    }
}

TEST_F(Reply, attributes_have_the_types_old_clients_ask_for) {
    const auto data = crypto::SignedData::from_ber(build(context(), ReplyFailure{FailInfo::bad_request, "x"}));
    ASSERT_TRUE(data);
    std::map<std::string, crypto::Tag> tags;
    for (const auto& attribute : data->signed_attributes) {
        ASSERT_EQ(attribute.values.size(), 1u);
        tags[attribute.oid] = attribute.values[0][0];
    }
    EXPECT_EQ(tags[std::string(oid::scep_message_type)], crypto::tag::printable_string);
    EXPECT_EQ(tags[std::string(oid::scep_pki_status)], crypto::tag::printable_string);
    EXPECT_EQ(tags[std::string(oid::scep_fail_info)], crypto::tag::printable_string);
    EXPECT_EQ(tags[std::string(oid::scep_transaction_id)], crypto::tag::printable_string);
    EXPECT_EQ(tags[std::string(oid::scep_sender_nonce)], crypto::tag::octet_string);
    EXPECT_EQ(tags[std::string(oid::scep_recipient_nonce)], crypto::tag::octet_string);
    EXPECT_EQ(tags[std::string(oid::scep_fail_info_text)], crypto::tag::utf8_string);
    EXPECT_EQ(tags[std::string(oid::signing_time)], crypto::tag::utc_time);
    EXPECT_EQ(data->certificates, std::vector{pieces_.agent_certificate});
}

TEST_F(Reply, the_clients_nonce_comes_back_octet_for_octet_and_ours_is_new_each_time) {
    auto to = context();
    std::set<Bytes> ours;
    for (const auto& nonce :
         {std::optional<Bytes>(), std::optional(Bytes()), std::optional(Bytes(8, 3)), std::optional(Bytes(20, 4))}) {
        to.sender_nonce = nonce;
        for (const ReplyContent& content :
             {ReplyContent(ReplySuccess{{issued_}, {}}), ReplyContent(ReplyFailure{}), ReplyContent(ReplyPending{})}) {
            const auto rep = read(build(to, content));
            ASSERT_TRUE(rep);
            EXPECT_EQ(rep->recipient_nonce, nonce.value_or(Bytes(16, 0)));
            ASSERT_TRUE(rep->sender_nonce);
            EXPECT_EQ(rep->sender_nonce->size(), 16u);
            EXPECT_TRUE(ours.insert(*rep->sender_nonce).second);
        }
    }
}

TEST_F(Reply, get_crl_is_answered_with_a_crl_alone) {
    crypto::IssuerContent issuer;
    issuer.subject = pieces_.ca.subject();
    issuer.scheme = countersign::test::rsa_key(0).sha256_scheme();
    const auto crl = crypto::build_crl({pieces_.now, pieces_.now + std::chrono::hours(24), 7, {}}, issuer,
                                       countersign::test::rsa_key(0).signer(issuer.scheme));
    ASSERT_TRUE(crl);
    const auto rep = read(build(context(), ReplySuccess{{}, {*crl}}));
    ASSERT_TRUE(rep) << describe(rep.error());
    EXPECT_TRUE(rep->certificates.empty());
    EXPECT_THAT(rep->crls, ElementsAre(*crl));
}

TEST_F(Reply, a_signer_that_cannot_be_encrypted_to_is_denied_success_and_gets_failure) {
    auto to = context();
    to.signer = countersign::test::self_signed(countersign::test::p256_key());
    const auto success = build_reply(to, ReplySuccess{{issued_}, {}}, pieces_.agent, pieces_.now, pieces_.random);
    ASSERT_FALSE(success);
    EXPECT_EQ(success.error().kind, ErrorKind::denied);
    EXPECT_TRUE(build_reply(to, ReplyFailure{}, pieces_.agent, pieces_.now, pieces_.random));
}

TEST_F(Reply, an_agent_with_an_ec_key_signs_too) {
    const auto agent = countersign::test::issued_by_ca(countersign::test::rsa_key(0),
                                                       countersign::test::p256_key().public_key(), "CN=EC agent", 12);
    const ReplySigner signer{agent, test::private_key(countersign::test::p256_key())};
    const auto reply = build_reply(context(), ReplyPending{}, signer, pieces_.now, pieces_.random);
    ASSERT_TRUE(reply);
    EXPECT_TRUE(read_cert_rep(*reply, {agent}, pieces_.device, *pieces_.device_key));
    EXPECT_FALSE(read(*reply));
}

// OpenSSL's CMS as the client: another implementation reads what is written here.
TEST_F(Reply, openssl_verifies_and_decrypts_it) {
    const Bytes reply = build(context(), ReplySuccess{{issued_, pieces_.ca}, {}});
    const unsigned char* at = reply.data();
    const std::unique_ptr<CMS_ContentInfo, void (*)(CMS_ContentInfo*)> cms(
        d2i_CMS_ContentInfo(nullptr, &at, static_cast<long>(reply.size())), CMS_ContentInfo_free);
    ASSERT_TRUE(cms);
    const crypto::Ossl<BIO> content(BIO_new(BIO_s_mem()));
    ASSERT_EQ(CMS_verify(cms.get(), nullptr, nullptr, nullptr, content.get(), CMS_NO_SIGNER_CERT_VERIFY | CMS_BINARY),
              1)
        << crypto::openssl_error();

    const std::unique_ptr<CMS_ContentInfo, void (*)(CMS_ContentInfo*)> enveloped(d2i_CMS_bio(content.get(), nullptr),
                                                                                 CMS_ContentInfo_free);
    ASSERT_TRUE(enveloped);
    const unsigned char* certificate_at = pieces_.device.der().data();
    const crypto::Ossl<X509> recipient(
        d2i_X509(nullptr, &certificate_at, static_cast<long>(pieces_.device.der().size())));
    const crypto::Ossl<BIO> plaintext(BIO_new(BIO_s_mem()));
    ASSERT_EQ(CMS_decrypt(enveloped.get(), countersign::test::rsa_key(3).openssl_key(), recipient.get(), nullptr,
                          plaintext.get(), CMS_BINARY),
              1)
        << crypto::openssl_error();
    char* octets = nullptr;
    const long size = BIO_get_mem_data(plaintext.get(), &octets);
    const auto bag = crypto::CertificateBag::from_ber(as_bytes({octets, static_cast<std::size_t>(size)}));
    ASSERT_TRUE(bag);
    EXPECT_THAT(bag->certificates, ElementsAre(issued_, pieces_.ca));
}

TEST_F(Reply, is_read_only_from_the_expected_signer_and_by_the_recipient) {
    const Bytes reply = build(context(), ReplySuccess{{issued_}, {}});
    const auto stranger =
        read_cert_rep(reply, {pieces_.encryption_certificate, pieces_.ca}, pieces_.device, *pieces_.device_key);
    ASSERT_FALSE(stranger);
    EXPECT_EQ(stranger.error().kind, ErrorKind::unauthenticated);
    EXPECT_FALSE(read_cert_rep(reply, {pieces_.agent_certificate}, pieces_.ca, *pieces_.device_key));
    EXPECT_FALSE(read_cert_rep(reply, {pieces_.agent_certificate}, pieces_.device, *pieces_.agent.key));
    for (std::size_t at = 0; at < reply.size(); at += 11) EXPECT_FALSE(read(ByteView(reply).first(at)));
}

TEST_F(Reply, a_request_is_no_reply) {
    const auto request = pieces_.build(pieces_.client_message());
    const auto rep = read_cert_rep(request, {pieces_.device}, pieces_.device, *pieces_.device_key);
    ASSERT_FALSE(rep);
    EXPECT_EQ(rep.error().kind, ErrorKind::malformed);
}

TEST(ClientSide, makes_a_signer_certificate_that_verifies_itself) {
    Pieces pieces;
    const auto name = *crypto::Name::from_text("CN=probe,O=Example");
    const auto certificate = self_signed_signer(name, *pieces.device_key, pieces.now, pieces.random);
    ASSERT_TRUE(certificate) << describe(certificate.error());
    EXPECT_TRUE(certificate->self_issued());
    EXPECT_EQ(certificate->subject(), name);
    EXPECT_TRUE(certificate->verify_signed_by(pieces.device_key->public_key()));
    EXPECT_TRUE(certificate->valid_at(pieces.now));
    EXPECT_EQ(certificate->serial().size(), 16u);
    const auto other = self_signed_signer(name, *pieces.device_key, pieces.now, pieces.random);
    EXPECT_NE(certificate->serial_hex(), other->serial_hex());
}

TEST(ClientSide, names_a_transaction_by_its_key) {
    Pieces pieces;
    const std::string id = transaction_id_for(pieces.device_key->public_key());
    EXPECT_EQ(id.size(), 64u);
    EXPECT_THAT(id, ::testing::MatchesRegex("[0-9A-F]+"));
    EXPECT_NE(id, transaction_id_for(pieces.agent.key->public_key()));
}

}  // namespace
}  // namespace countersign::scep
