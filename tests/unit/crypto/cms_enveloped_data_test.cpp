#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/cms.h>

#include "countersign/crypto/cms.hpp"
#include "countersign/crypto/oid.hpp"
#include "counting_random.hpp"
#include "fixed_clock.hpp"
#include "test_keys.hpp"
#include "vectors.hpp"

namespace countersign::crypto {
namespace {

using ::testing::ElementsAre;

Bytes vector(const std::string& name) {
    return test::vector_octets("cms/" + name);
}
Certificate recipient() {
    return *Certificate::from_pem(test::vector_text("clients/encryption.pem"));
}

struct Enveloped {
    const char* file;
    ContentCipher cipher;
    KeyTransport transport;
};
void PrintTo(const Enveloped& value, std::ostream* out) {
    *out << value.file;
}

class EnvelopedByOpenssl : public ::testing::TestWithParam<Enveloped> {};

TEST_P(EnvelopedByOpenssl, is_read) {
    const auto data = EnvelopedData::from_ber(vector(GetParam().file));
    ASSERT_TRUE(data) << describe(data.error());
    EXPECT_EQ(data->content_type, oid::data);
    EXPECT_EQ(data->cipher, GetParam().cipher);
    EXPECT_EQ(data->iv.size(), iv_size(GetParam().cipher));
    EXPECT_EQ(data->ciphertext.size(), 16u);
    const auto& last = data->recipients.back();
    EXPECT_EQ(last.transport, GetParam().transport);
    EXPECT_EQ(last.encrypted_key.size(), 256u);
    EXPECT_TRUE(names_certificate(last.issuer, last.serial, last.key_identifier, recipient()));
    EXPECT_FALSE(names_certificate(last.issuer, last.serial, last.key_identifier, test::self_signed(test::rsa_key())));
}

TEST_P(EnvelopedByOpenssl, survives_being_cut_and_changed_anywhere) {
    const Bytes message = vector(GetParam().file);
    for (std::size_t at = 0; at < message.size(); ++at) {
        EXPECT_FALSE(EnvelopedData::from_ber(ByteView(message).first(at))) << at;
        for (const int value : {0x00, 0x7f, 0x80, 0x84, 0xff}) {
            Bytes changed = message;
            changed[at] = static_cast<std::uint8_t>(value);
            const auto data = EnvelopedData::from_ber(changed);
            if (data) {
                EXPECT_EQ(data->iv.size(), iv_size(data->cipher)) << at;
                EXPECT_FALSE(data->recipients.empty()) << at;
            } else {
                EXPECT_THAT(data.error().kind, ::testing::AnyOf(ErrorKind::malformed, ErrorKind::denied)) << at;
            }
        }
    }
    Bytes longer = message;
    longer.push_back(0);
    EXPECT_FALSE(EnvelopedData::from_ber(longer));
}

constexpr auto sha1 = DigestAlgorithm::sha1;
constexpr auto sha256 = DigestAlgorithm::sha256;
INSTANTIATE_TEST_SUITE_P(
    Forms, EnvelopedByOpenssl,
    ::testing::Values(Enveloped{"enveloped-aes128.der", ContentCipher::aes128_cbc, {}},
                      Enveloped{"enveloped-ber.der", ContentCipher::aes256_cbc, {}},
                      Enveloped{"enveloped-des3.der", ContentCipher::des_ede3_cbc, {}},
                      Enveloped{"enveloped-keyid.der", ContentCipher::aes256_cbc, {}},
                      Enveloped{"enveloped-oaep-sha1.der", ContentCipher::aes256_cbc, {true, sha1, sha1}},
                      Enveloped{"enveloped-oaep-sha256.der", ContentCipher::aes256_cbc, {true, sha256, sha256}}));

TEST(EnvelopedDataReader, lists_every_recipient) {
    const auto data = EnvelopedData::from_ber(vector("enveloped-two.der"));
    ASSERT_TRUE(data);
    ASSERT_EQ(data->recipients.size(), 2u);
    const auto ours = recipient();
    EXPECT_EQ(std::ranges::count_if(
                  data->recipients,
                  [&](const auto& r) { return names_certificate(r.issuer, r.serial, r.key_identifier, ours); }),
              1);
    EXPECT_FALSE(EnvelopedData::from_ber(vector("enveloped-two.der"), {.recipients = 1}));
}

TEST(EnvelopedDataReader, refuses_other_recipients_and_content_types) {
    for (const char* file : {"kari.der", "kekri.der", "pwri.der", "auth-enveloped.der", "encrypted-data.der",
                             "data.der", "signed-rsa.der", "content.txt"}) {
        const auto data = EnvelopedData::from_ber(vector(file));
        ASSERT_FALSE(data) << file;
        EXPECT_EQ(data.error().kind, ErrorKind::malformed) << file << ": " << describe(data.error());
    }
}

TEST(EnvelopedDataReader, denies_what_it_understands_and_does_not_do) {
    for (const char* file : {"enveloped-camellia.der", "enveloped-oaep-label.der"}) {
        const auto data = EnvelopedData::from_ber(vector(file));
        ASSERT_FALSE(data) << file;
        EXPECT_EQ(data.error().kind, ErrorKind::denied) << file << ": " << describe(data.error());
    }
}

// What is written here is read by OpenSSL's own CMS.
struct CmsFree {
    void operator()(CMS_ContentInfo* cms) const { CMS_ContentInfo_free(cms); }
};
std::unique_ptr<CMS_ContentInfo, CmsFree> by_openssl(ByteView message) {
    const unsigned char* at = message.data();
    std::unique_ptr<CMS_ContentInfo, CmsFree> cms(d2i_CMS_ContentInfo(nullptr, &at, static_cast<long>(message.size())));
    if (at != message.data() + message.size()) cms.reset();
    return cms;
}
std::string text_of(BIO* bio) {
    char* octets = nullptr;
    const long size = BIO_get_mem_data(bio, &octets);
    return {octets, static_cast<std::size_t>(size)};
}

TEST(CmsWriter, envelopes_that_openssl_opens) {
    test::CountingRandom random;
    const auto& key = test::rsa_key(1);
    const auto to = test::self_signed(key);
    const unsigned char* at = to.der().data();
    const Ossl<X509> x509(d2i_X509(nullptr, &at, static_cast<long>(to.der().size())));
    for (const auto cipher : {ContentCipher::des_ede3_cbc, ContentCipher::aes128_cbc, ContentCipher::aes192_cbc,
                              ContentCipher::aes256_cbc}) {
        for (const auto& transport : {KeyTransport{}, KeyTransport{true, sha1, sha1},
                                      KeyTransport{true, sha256, sha256}, KeyTransport{true, sha256, sha1}}) {
            const auto message = build_enveloped_data(as_bytes("attack at dawn\n"), to, cipher, transport, random);
            ASSERT_TRUE(message);
            const auto cms = by_openssl(*message);
            ASSERT_TRUE(cms);
            const Ossl<BIO> out(BIO_new(BIO_s_mem()));
            EXPECT_EQ(CMS_decrypt(cms.get(), key.openssl_key(), x509.get(), nullptr, out.get(), CMS_BINARY), 1)
                << openssl_error();
            EXPECT_EQ(text_of(out.get()), "attack at dawn\n");
            const auto data = EnvelopedData::from_ber(*message);
            ASSERT_TRUE(data);
            EXPECT_EQ(data->cipher, cipher);
            EXPECT_EQ(data->recipients.at(0).transport, transport);
        }
    }
    EXPECT_FALSE(build_enveloped_data(as_bytes("x"), test::self_signed(test::p256_key()), ContentCipher::aes128_cbc, {},
                                      random));
}

class Writer : public ::testing::Test {
protected:
    SignerParameters parameters(const test::TestKey& key, const Certificate& certificate, DigestAlgorithm digest) {
        return {&certificate,
                key.public_key().scheme_with(digest),
                test::FixedClock().now(),
                {{"1.2.3.4", {der_utf8_string("zoë")}}}};
    }
    static int openssl_verifies(ByteView message, std::string* content) {
        const auto cms = by_openssl(message);
        if (!cms) return -1;
        const Ossl<BIO> out(BIO_new(BIO_s_mem()));
        const int result =
            CMS_verify(cms.get(), nullptr, nullptr, nullptr, out.get(), CMS_NO_SIGNER_CERT_VERIFY | CMS_BINARY);
        *content = text_of(out.get());
        return result;
    }
};

TEST_F(Writer, signs_what_openssl_and_this_program_verify) {
    for (const auto* key : {&test::rsa_key(), &test::p256_key(), &test::p384_key()}) {
        const auto certificate = test::self_signed(*key);
        for (const auto digest :
             {DigestAlgorithm::sha1, DigestAlgorithm::sha256, DigestAlgorithm::sha384, DigestAlgorithm::sha512}) {
            const auto signer = parameters(*key, certificate, digest);
            const auto message =
                build_signed_data(oid::data, as_bytes("content"), {certificate}, signer, key->signer(signer.scheme));
            ASSERT_TRUE(message);
            std::string content;
            EXPECT_EQ(openssl_verifies(*message, &content), 1) << openssl_error();
            EXPECT_EQ(content, "content");
            const auto data = SignedData::from_ber(*message);
            ASSERT_TRUE(data) << describe(data.error());
            EXPECT_TRUE(data->verify(certificate.public_key(), true));
            EXPECT_TRUE(data->signed_attributes_received.empty()) << "not in DER order";
        }
    }
}

TEST_F(Writer, without_content_has_no_content_and_the_digest_of_nothing) {
    const auto certificate = test::self_signed(test::rsa_key());
    const auto signer = parameters(test::rsa_key(), certificate, sha256);
    const auto message =
        build_signed_data_without_content({certificate}, signer, test::rsa_key().signer(signer.scheme));
    ASSERT_TRUE(message);
    const auto data = SignedData::from_ber(*message);
    ASSERT_TRUE(data);
    EXPECT_FALSE(data->has_content);
    EXPECT_TRUE(data->verify(certificate.public_key(), false));
    const auto cms = by_openssl(*message);
    ASSERT_TRUE(cms);
    const Ossl<BIO> nothing(BIO_new_mem_buf("", 0));
    EXPECT_EQ(CMS_verify(cms.get(), nullptr, nullptr, nothing.get(), nullptr, CMS_NO_SIGNER_CERT_VERIFY | CMS_BINARY),
              1)
        << openssl_error();
}

TEST_F(Writer, gives_the_signers_error_back) {
    const auto certificate = test::self_signed(test::rsa_key());
    const auto signer = parameters(test::rsa_key(), certificate, sha256);
    const SignCallback away = [](ByteView) -> Result<Bytes> { return fail::unavailable("token away"); };
    const auto message = build_signed_data(oid::data, as_bytes("content"), {certificate}, signer, away);
    ASSERT_FALSE(message);
    EXPECT_EQ(message.error().kind, ErrorKind::unavailable);
    auto nobody = signer;
    nobody.certificate = nullptr;
    EXPECT_FALSE(build_signed_data(oid::data, as_bytes("content"), {certificate}, nobody, away));
}

TEST_F(Writer, certs_only_keeps_the_order_and_openssl_reads_it) {
    const auto long_one = test::self_signed(test::rsa_key(), "CN=a name that makes this certificate the longer one");
    const auto short_one = test::self_signed(test::p256_key(), "CN=s");
    for (const auto& list :
         {std::vector{long_one, short_one}, std::vector{short_one, long_one}, std::vector<Certificate>{}}) {
        const Bytes message = build_certs_only(list, {vector("crl.der")});
        const auto bag = CertificateBag::from_ber(message);
        ASSERT_TRUE(bag) << describe(bag.error());
        EXPECT_EQ(bag->certificates, list);
        EXPECT_THAT(bag->crls, ElementsAre(vector("crl.der")));
        EXPECT_TRUE(by_openssl(message));
    }
}

TEST(CmsValues, read_what_was_written_and_nothing_else) {
    EXPECT_EQ(*read_printable_string(der_printable_string("abc")), "abc");
    EXPECT_EQ(*read_octet_string(der_octet_string(Bytes{1, 2})), (Bytes{1, 2}));
    EXPECT_EQ(*read_utf8_string(der_utf8_string("zoë")), "zoë");
    EXPECT_FALSE(read_printable_string(der_utf8_string("abc")));
    EXPECT_FALSE(read_octet_string(der_printable_string("abc")));
    EXPECT_FALSE(read_utf8_string(Bytes{0x0c, 0x01, 0xff}));
    EXPECT_FALSE(read_octet_string(Bytes{0x24, 0x80, 0x04, 0x01, 0x01, 0x00, 0x00}));
    Bytes longer = der_octet_string(Bytes{1});
    longer.push_back(0);
    EXPECT_FALSE(read_octet_string(longer));
    EXPECT_FALSE(read_octet_string({}));
}

TEST(CmsValues, issuer_and_serial_and_subject_come_back) {
    const auto issuer = *Name::from_text("CN=Test CA");
    const auto subject = *Name::from_text("CN=device-7,O=Example");
    const Bytes by_serial = encode_issuer_and_serial({issuer, Bytes{0x01, 0x02}});
    const auto serial = parse_issuer_and_serial(by_serial);
    ASSERT_TRUE(serial);
    EXPECT_EQ(serial->issuer, issuer);
    EXPECT_EQ(serial->serial, (Bytes{0x01, 0x02}));
    const Bytes by_subject = encode_issuer_and_subject({issuer, subject});
    const auto both = parse_issuer_and_subject(by_subject);
    ASSERT_TRUE(both);
    EXPECT_EQ(both->issuer, issuer);
    EXPECT_EQ(both->subject, subject);
    EXPECT_TRUE(parse_issuer_and_subject(encode_issuer_and_subject({issuer, Name()})));

    EXPECT_FALSE(parse_issuer_and_serial(by_subject));
    EXPECT_FALSE(parse_issuer_and_subject(by_serial));
    EXPECT_FALSE(parse_issuer_and_serial(encode_issuer_and_serial({issuer, Bytes(65, 1)})));
    EXPECT_FALSE(parse_issuer_and_serial(encode_issuer_and_serial({issuer, Bytes{0x00, 0x01}})));
    for (std::size_t size = 0; size < by_serial.size(); ++size) {
        EXPECT_FALSE(parse_issuer_and_serial(ByteView(by_serial).first(size)));
    }
    Bytes longer = by_serial;
    longer.push_back(0);
    EXPECT_FALSE(parse_issuer_and_serial(longer));
}

}  // namespace
}  // namespace countersign::crypto
