#include "countersign/crypto/certificate_builder.hpp"

#include <gmock/gmock.h>

#include "countersign/crypto/oid.hpp"
#include "crypto/der.hpp"
#include "test_keys.hpp"

namespace countersign::crypto {
namespace {

using testing::ElementsAre;

const Bytes serial{0x12, 0x34};

std::vector<GeneralName> names(std::initializer_list<const char*> texts) {
    std::vector<GeneralName> result;
    for (const char* text : texts) result.push_back(general_name_from_text(text).value());
    return result;
}

CertificateContent device_content() {
    CertificateContent content = test::content_for(test::p256_key().public_key(), "CN=device-7,O=Example");
    content.key_usage = usage::digital_signature;
    content.extended_key_usage = {std::string(oid::client_auth)};
    content.subject_alt_names = names({"dns:device-7.example", "upn:device@example"});
    return content;
}

IssuerContent issuer_content(const test::TestKey& key) {
    IssuerContent issuer;
    issuer.subject = Name::from_text("CN=Test CA").value();
    issuer.key_identifier = key.public_key().key_identifier();
    issuer.scheme = key.sha256_scheme();
    issuer.crl_urls = {"http://crl.example/ca.crl"};
    issuer.ca_issuers_urls = {"http://ca.example/ca.cer"};
    return issuer;
}

Result<Certificate> built(const CertificateContent& content, ByteView number = serial) {
    const test::TestKey& key = test::rsa_key();
    const IssuerContent issuer = issuer_content(key);
    return build_certificate(content, issuer, number, key.signer(issuer.scheme));
}

Ossl<X509> openssl_view(const Certificate& certificate) {
    const unsigned char* at = certificate.der().data();
    return Ossl<X509>(d2i_X509(nullptr, &at, static_cast<long>(certificate.der().size())));
}

const Extension* extension_of(const Certificate& certificate, std::string_view oid) {
    for (const Extension& extension : certificate.extensions()) {
        if (extension.oid == oid) return &extension;
    }
    return nullptr;
}

TEST(BuildCertificate, SaysWhatThePlanSays) {
    const CertificateContent content = device_content();
    const Certificate certificate = built(content).value();
    EXPECT_EQ(certificate.subject(), content.subject);
    EXPECT_EQ(certificate.issuer().text(), "CN=Test CA");
    EXPECT_EQ(to_bytes(certificate.public_key().spki()), content.spki);
    EXPECT_EQ(certificate.serial_hex(), "1234");
    EXPECT_EQ(certificate.not_before(), content.not_before);
    EXPECT_EQ(certificate.not_after(), content.not_after);
    EXPECT_EQ(certificate.key_usage(), content.key_usage);
    EXPECT_EQ(certificate.extended_key_usage(), content.extended_key_usage);
    EXPECT_EQ(certificate.subject_alt_names(), content.subject_alt_names);
    EXPECT_FALSE(certificate.basic_constraints().ca);
    EXPECT_TRUE(extension_of(certificate, oid::basic_constraints)->critical);
    EXPECT_FALSE(extension_of(certificate, oid::subject_alt_name)->critical);
    EXPECT_EQ(certificate.subject_key_identifier(), certificate.public_key().key_identifier());
    EXPECT_NE(extension_of(certificate, oid::authority_key_identifier), nullptr);
    EXPECT_NE(extension_of(certificate, oid::crl_distribution_points), nullptr);
    EXPECT_NE(extension_of(certificate, oid::authority_information_access), nullptr);
    EXPECT_TRUE(certificate.verify_signed_by(test::rsa_key().public_key()).has_value());
    EXPECT_FALSE(certificate.verify_signed_by(test::rsa_key(1).public_key()).has_value());
}

TEST(BuildCertificate, OpensslReadsAndVerifiesIt) {
    for (const test::TestKey* key : {&test::rsa_key(), &test::p256_key(1), &test::p384_key()}) {
        for (const Padding padding : {Padding::rsa_pkcs1, Padding::rsa_pss, Padding::ecdsa}) {
            if ((padding == Padding::ecdsa) == key->public_key().is_rsa()) continue;
            IssuerContent issuer = issuer_content(*key);
            issuer.scheme = {padding, DigestAlgorithm::sha384};
            const auto certificate =
                build_certificate(device_content(), issuer, serial, key->signer(issuer.scheme)).value();
            const Ossl<X509> view = openssl_view(certificate);
            ASSERT_TRUE(view);
            EXPECT_EQ(X509_get_version(view.get()), 2);
            EXPECT_EQ(X509_verify(view.get(), key->openssl_key()), 1) << openssl_error();
            EXPECT_NE(X509_get_extension_flags(view.get()) & EXFLAG_SET, 0U);
            EXPECT_EQ(X509_get_extension_flags(view.get()) & (EXFLAG_INVALID | EXFLAG_CA), 0U);
            EXPECT_EQ(X509_check_host(view.get(), "device-7.example", 0, 0, nullptr), 1);
            EXPECT_TRUE(certificate.verify_signed_by(key->public_key()).has_value());
        }
    }
}

TEST(BuildCertificate, EmptySubjectMakesTheNamesCritical) {
    CertificateContent content = device_content();
    content.subject = Name();
    const Certificate certificate = built(content).value();
    EXPECT_TRUE(certificate.subject().empty());
    EXPECT_TRUE(extension_of(certificate, oid::subject_alt_name)->critical);
}

TEST(BuildCertificate, LeavesOutWhatIsEmpty) {
    CertificateContent content = test::content_for(test::p256_key().public_key(), "CN=a");
    IssuerContent issuer;
    issuer.subject = content.subject;
    const auto certificate = build_certificate(content, issuer, serial, test::rsa_key().signer(issuer.scheme)).value();
    std::vector<std::string> oids;
    for (const Extension& extension : certificate.extensions()) oids.push_back(extension.oid);
    EXPECT_THAT(oids, ElementsAre(oid::basic_constraints, oid::subject_key_identifier));
    EXPECT_EQ(certificate.key_usage(), std::nullopt);
}

TEST(BuildCertificate, TimesAreWholeSeconds) {
    CertificateContent content = device_content();
    content.not_before += std::chrono::milliseconds{999};
    content.not_after = Time{std::chrono::sys_days{std::chrono::year{2062} / 3 / 4}} + std::chrono::milliseconds{1};
    const Certificate certificate = built(content).value();
    EXPECT_EQ(certificate.not_before(), test::certificates_begin);
    EXPECT_EQ(to_rfc3339(certificate.not_after()), "2062-03-04T00:00:00.000Z");  // GeneralizedTime
}

TEST(BuildCertificate, SerialNumbers) {
    const auto serial_of = [](Bytes number) {
        const auto certificate = built(device_content(), number);
        return certificate ? certificate->serial_hex() : "-";
    };
    EXPECT_EQ(serial_of({0x80}), "80");
    EXPECT_EQ(serial_of({0x00, 0x7f}), "7f");
    EXPECT_EQ(serial_of(Bytes(20, 0x7f)), lower_hex(Bytes(20, 0x7f)));
    EXPECT_EQ(serial_of(Bytes(20, 0x80)), "-");  // 21 octets with its sign
    EXPECT_EQ(serial_of(Bytes(21, 0x01)), "-");
    EXPECT_EQ(serial_of({0x00, 0x00}), "-");
    EXPECT_EQ(serial_of({}), "-");
}

TEST(BuildCertificate, RefusesBadPlans) {
    const auto refused = [](auto change) {
        CertificateContent content = device_content();
        change(content);
        const auto certificate = built(content);
        return !certificate && certificate.error().kind == ErrorKind::malformed;
    };
    EXPECT_FALSE(refused([](CertificateContent&) {}));
    EXPECT_TRUE(refused([](CertificateContent& c) { c.spki.pop_back(); }));
    EXPECT_TRUE(refused([](CertificateContent& c) { c.spki.clear(); }));
    EXPECT_TRUE(refused([](CertificateContent& c) { std::swap(c.not_before, c.not_after); }));
    EXPECT_TRUE(refused([](CertificateContent& c) { c.not_after = from_milliseconds(253402300800000); }));
    EXPECT_TRUE(refused([](CertificateContent& c) { c.extended_key_usage = {"clientAuth"}; }));
    EXPECT_TRUE(refused([](CertificateContent& c) { c.basic_constraints = {true, -1}; }));
    EXPECT_TRUE(refused([](CertificateContent& c) { c.further_extensions.push_back({"nonsense", false, {}}); }));
    EXPECT_TRUE(refused([](CertificateContent& c) {
        c.further_extensions.push_back(make_basic_constraints({true, {}}));
    }));
}

TEST(BuildCertificate, ASignerThatFailsIsHeard) {
    const IssuerContent issuer = issuer_content(test::rsa_key());
    const SignCallback away = [](ByteView) -> Result<Bytes> { return fail::unavailable("token removed"); };
    const auto certificate = build_certificate(device_content(), issuer, serial, away);
    ASSERT_FALSE(certificate.has_value());
    EXPECT_EQ(certificate.error().kind, ErrorKind::unavailable);
}

TEST(BuildRequest, SaysWhatItWasTold) {
    const auto request = test::request_for(test::rsa_key(), "CN=device-7", "3AB7C1DE9F024586", {"dns:host.example"},
                                           {make_key_usage(usage::key_encipherment)});
    EXPECT_EQ(request.challenge_password()->reveal_text(), "3AB7C1DE9F024586");
    EXPECT_EQ(request.subject().text(), "CN=device-7");
    EXPECT_EQ(request.key_usage(), usage::key_encipherment);
    EXPECT_EQ(to_text(request.subject_alt_names().value().at(0)), "dns:host.example");
    EXPECT_EQ(test::request_for(test::rsa_key(), "CN=a", "p\xc3\xa4ss").challenge_password()->reveal_text(),
              "p\xc3\xa4ss");
    EXPECT_FALSE(test::request_for(test::rsa_key(), "CN=a").challenge_password().has_value());
    EXPECT_TRUE(test::request_for(test::rsa_key(), "CN=a", "").challenge_password().value().empty());
}

TEST(BuildRequest, OpensslReadsAndVerifiesIt) {
    for (const test::TestKey* key : {&test::rsa_key(), &test::p384_key()}) {
        const auto request = test::request_for(*key, "CN=device-7,O=Example", "challenge", {"dns:host.example"});
        const unsigned char* at = request.der().data();
        const Ossl<X509_REQ> view(d2i_X509_REQ(nullptr, &at, static_cast<long>(request.der().size())));
        ASSERT_TRUE(view);
        EXPECT_EQ(X509_REQ_verify(view.get(), key->openssl_key()), 1);
        EXPECT_EQ(X509_REQ_get_attr_count(view.get()), 2);
        EXPECT_GE(X509_REQ_get_attr_by_NID(view.get(), NID_pkcs9_challengePassword, -1), 0);
    }
}

TEST(BuildRequest, RefusesBadContent) {
    RequestContent content;
    content.spki = test::rsa_key().spki();
    const SignCallback sign = test::rsa_key().signer(content.scheme);
    EXPECT_TRUE(build_request(content, sign).has_value());
    content.challenge_password = "\xff";
    EXPECT_FALSE(build_request(content, sign).has_value());
    content.challenge_password = "a";
    content.extensions = {make_key_usage(1), make_key_usage(2)};
    EXPECT_FALSE(build_request(content, sign).has_value());
    content.extensions = {{"nonsense", false, {}}};
    EXPECT_FALSE(build_request(content, sign).has_value());
    content.extensions.clear();
    content.spki = {0x30, 0x00};
    EXPECT_FALSE(build_request(content, sign).has_value());
}

CrlContent crl_content() {
    CrlContent content;
    content.this_update = test::certificates_begin;
    content.next_update = test::certificates_begin + std::chrono::days{7};
    content.number = 300;
    return content;
}

Ossl<X509_CRL> openssl_crl(const Bytes& der) {
    const unsigned char* at = der.data();
    return Ossl<X509_CRL>(d2i_X509_CRL(nullptr, &at, static_cast<long>(der.size())));
}

TEST(BuildCrl, OpensslReadsAndVerifiesIt) {
    const test::TestKey& key = test::rsa_key();
    CrlContent content = crl_content();
    content.revoked = {{{0x12, 0x34}, test::certificates_begin, 1}, {{0x80}, test::certificates_begin, 0}};
    const IssuerContent issuer = issuer_content(key);
    const Bytes der = build_crl(content, issuer, key.signer(issuer.scheme)).value();
    EXPECT_TRUE(check_der(der, "crl").has_value());
    const Ossl<X509_CRL> crl = openssl_crl(der);
    ASSERT_TRUE(crl);
    const ErrorMark mark;
    EXPECT_EQ(X509_CRL_verify(crl.get(), key.openssl_key()), 1);
    EXPECT_NE(X509_CRL_verify(crl.get(), test::rsa_key(1).openssl_key()), 1);
    EXPECT_EQ(X509_CRL_get_version(crl.get()), 1);
    const auto revoked = [&](const Bytes& number) {
        CertificateContent leaf = device_content();
        const Ossl<X509> certificate = openssl_view(built(leaf, number).value());
        X509_REVOKED* entry = nullptr;
        return X509_CRL_get0_by_cert(crl.get(), &entry, certificate.get());
    };
    EXPECT_EQ(revoked({0x12, 0x34}), 1);
    EXPECT_EQ(revoked({0x80}), 1);
    EXPECT_EQ(revoked({0x12, 0x35}), 0);
    int critical = 0;
    const Ossl<ASN1_BIT_STRING> number(
        static_cast<ASN1_INTEGER*>(X509_CRL_get_ext_d2i(crl.get(), NID_crl_number, &critical, nullptr)));
    ASSERT_TRUE(number);
    EXPECT_EQ(ASN1_INTEGER_get(number.get()), 300);
    EXPECT_EQ(critical, 0);
}

TEST(BuildCrl, EmptyOneHasNoList) {
    const test::TestKey& key = test::p256_key();
    const IssuerContent issuer = issuer_content(key);
    const Ossl<X509_CRL> crl = openssl_crl(build_crl(crl_content(), issuer, key.signer(issuer.scheme)).value());
    ASSERT_TRUE(crl);
    EXPECT_EQ(X509_CRL_get_REVOKED(crl.get()), nullptr);
    EXPECT_EQ(X509_CRL_verify(crl.get(), key.openssl_key()), 1);
}

TEST(BuildCrl, RefusesBadContent) {
    const test::TestKey& key = test::rsa_key();
    const IssuerContent issuer = issuer_content(key);
    const auto refused = [&](const RevokedEntry& entry) {
        CrlContent content = crl_content();
        content.revoked = {entry};
        return !build_crl(content, issuer, key.signer(issuer.scheme)).has_value();
    };
    EXPECT_FALSE(refused({{1}, test::certificates_begin, 10}));
    EXPECT_TRUE(refused({{1}, test::certificates_begin, 7}));
    EXPECT_TRUE(refused({{1}, test::certificates_begin, 11}));
    EXPECT_TRUE(refused({{1}, test::certificates_begin, -1}));
    EXPECT_TRUE(refused({{}, test::certificates_begin, 0}));
    EXPECT_TRUE(refused({{1}, from_milliseconds(253402300800000), 0}));
}

}  // namespace
}  // namespace countersign::crypto
