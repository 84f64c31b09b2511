#include "countersign/crypto/pkcs12.hpp"

#include "openssl_command.hpp"
#include "test_keys.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace countersign::crypto {
namespace {

using testing::HasSubstr;

Certificate self_signed(std::size_t which, const char* name) {
    const auto& key = test::rsa_key(which);
    CertificateContent content;
    content.subject = Name::from_text(name).value();
    content.spki = key.spki();
    content.not_after = Time(std::chrono::hours(1));
    IssuerContent issuer;
    issuer.subject = content.subject;
    issuer.scheme = key.sha256_scheme();
    return build_certificate(content, issuer, Bytes{1}, key.signer(issuer.scheme)).value();
}

TEST(Pkcs12, HoldsKeyAndCertificatesAsOpensslReadsThem) {
    const test::OpensslCommand openssl;
    const Certificate leaf = self_signed(0, "CN=device");
    const Secret key(test::rsa_key(0).pem());
    const Secret made = build_pkcs12(key, leaf, {self_signed(1, "CN=issuer")}, Secret("tea"), "the device").value();
    openssl.write("device.p12", made.reveal());
    const auto shown = openssl.run("pkcs12 -in device.p12 -passin pass:tea -nodes -out all.pem -info");
    EXPECT_EQ(shown.status, 0) << shown.text;
    EXPECT_THAT(shown.text, HasSubstr("AES-256-CBC"));
    EXPECT_THAT(shown.text, HasSubstr("MAC: sha256"));
    const Bytes all = openssl.read("all.pem");
    const auto certificates = Certificate::all_from_pem(as_text(all)).value();
    EXPECT_THAT(certificates, testing::UnorderedElementsAre(leaf, self_signed(1, "CN=issuer")));
    EXPECT_THAT(std::string(as_text(all)), HasSubstr("friendlyName: the device"));
    EXPECT_EQ(openssl.run("pkey -in all.pem -pubout -outform DER -out key.der").status, 0);
    EXPECT_EQ(openssl.read("key.der"), to_bytes(leaf.public_key().spki()));
    EXPECT_NE(openssl.run("pkcs12 -in device.p12 -passin pass:coffee -nodes -out no.pem").status, 0);
}

TEST(Pkcs12, RefusesKeysThatDoNotFit) {
    const Certificate leaf = self_signed(0, "CN=device");
    EXPECT_EQ(build_pkcs12(Secret(test::rsa_key(1).pem()), leaf, {}, Secret("tea"), "x").error().kind,
              ErrorKind::malformed);
    EXPECT_EQ(build_pkcs12(Secret("no key"), leaf, {}, Secret("tea"), "x").error().kind, ErrorKind::malformed);
    EXPECT_EQ(build_pkcs12(Secret(), leaf, {}, Secret("tea"), "x").error().kind, ErrorKind::malformed);
}

}  // namespace
}  // namespace countersign::crypto
