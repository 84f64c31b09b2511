#include "countersign/crypto/certificate.hpp"

#include <gmock/gmock.h>

#include "countersign/crypto/encoding.hpp"
#include "countersign/crypto/oid.hpp"
#include "test_keys.hpp"
#include "vectors.hpp"

namespace countersign::crypto {
namespace {

using testing::ElementsAre;

Certificate file(const std::string& name) {
    return Certificate::from_pem(test::vector_text("crypto/" + name + ".pem")).value();
}

TEST(Certificate, ReadsALeafByOpenssl) {
    const Certificate leaf = file("leaf");
    EXPECT_EQ(leaf.subject().text(), "CN=device-7,OU=Plant 7,O=Example Works,C=DE");
    EXPECT_EQ(leaf.issuer().text(), "CN=Issuing,O=Example Works");
    EXPECT_EQ(leaf.serial_hex(), "07");
    EXPECT_EQ(leaf.public_key().bits(), 2048U);
    EXPECT_EQ(leaf.key_usage(), KeyUsage{usage::digital_signature | usage::key_encipherment});
    EXPECT_THAT(leaf.extended_key_usage(), ElementsAre(oid::client_auth, oid::smart_card_logon));
    EXPECT_FALSE(leaf.basic_constraints().ca);
    EXPECT_EQ(leaf.subject_alt_names().size(), 9U);
    EXPECT_EQ(leaf.subject_key_identifier(), leaf.public_key().key_identifier());
    EXPECT_EQ(leaf.extensions().size(), 8U);
    EXPECT_EQ(leaf.signature_scheme(), (SignatureScheme{Padding::ecdsa, DigestAlgorithm::sha256}));
    EXPECT_FALSE(leaf.self_issued());
    EXPECT_EQ(leaf.pem(), test::vector_text("crypto/leaf.pem"));
    EXPECT_EQ(leaf.fingerprint_sha256(), sha256_hex(leaf.der()));
    EXPECT_EQ(leaf.fingerprint_sha256().size(), 64U);
}

TEST(Certificate, ReadsCas) {
    const Certificate root = file("root");
    EXPECT_TRUE(root.self_issued());
    EXPECT_TRUE(root.basic_constraints().ca);
    EXPECT_EQ(root.basic_constraints().path_length, std::nullopt);
    EXPECT_TRUE(root.extended_key_usage().empty());
    EXPECT_TRUE(root.subject_alt_names().empty());
    const Certificate issuing = file("issuing");
    EXPECT_EQ(issuing.basic_constraints().path_length, 0);
    EXPECT_EQ(issuing.serial_hex(), "80000000000000000001");
    EXPECT_EQ(lower_hex(issuing.serial()), "0080000000000000000001");  // as encoded, with its sign octet
}

// Interop reference, fact 19.
TEST(Certificate, ReadsVersion1WithMd5) {
    const Certificate old = file("v1-md5");
    EXPECT_TRUE(old.extensions().empty());
    EXPECT_EQ(old.key_usage(), std::nullopt);
    EXPECT_EQ(old.subject_key_identifier(), std::nullopt);
    EXPECT_EQ(old.signature_scheme(), (SignatureScheme{Padding::rsa_pkcs1, DigestAlgorithm::md5}));
    EXPECT_TRUE(old.verify_signed_by(old.public_key()).has_value());
}

TEST(Certificate, ReadsOtherClients) {
    const Certificate scepclient = file("scepclient");
    EXPECT_TRUE(scepclient.verify_signed_by(scepclient.public_key()).has_value());
    const Certificate pki = file("pki");
    EXPECT_EQ(pki.subject().text(), "CN=pki,O=strongSwan,C=CH");
    EXPECT_EQ(to_text(pki.subject_alt_names().at(0)), "dns:pki.example");
    EXPECT_TRUE(pki.verify_signed_by(pki.public_key()).has_value());
}

TEST(Certificate, VerifiesSignatures) {
    const Certificate root = file("root");
    const Certificate issuing = file("issuing");
    const Certificate leaf = file("leaf");
    EXPECT_TRUE(root.verify_signed_by(root.public_key()).has_value());
    EXPECT_TRUE(issuing.verify_signed_by(root.public_key()).has_value());
    EXPECT_TRUE(leaf.verify_signed_by(issuing.public_key()).has_value());
    EXPECT_TRUE(file("pss-sha512").verify_signed_by(file("pss-sha512").public_key()).has_value());
    EXPECT_TRUE(file("p521").verify_signed_by(file("p521").public_key()).has_value());
    EXPECT_EQ(leaf.verify_signed_by(root.public_key()).error().kind, ErrorKind::unauthenticated);
    EXPECT_EQ(root.verify_signed_by(issuing.public_key()).error().kind, ErrorKind::unauthenticated);
}

// That a signature held is remembered; it must be under that key alone, and of that certificate alone.
TEST(Certificate, AProofUnderOneKeyIsNoneUnderAnother) {
    const Certificate root = file("root");
    const Certificate issuing = file("issuing");
    const Certificate leaf = file("leaf");
    const Certificate copy = leaf;
    for (int time = 0; time < 2; ++time) {
        EXPECT_TRUE(leaf.verify_signed_by(issuing.public_key()).has_value());
        EXPECT_EQ(leaf.verify_signed_by(root.public_key()).error().kind, ErrorKind::unauthenticated);
        EXPECT_EQ(copy.verify_signed_by(leaf.public_key()).error().kind, ErrorKind::unauthenticated);
        EXPECT_TRUE(copy.verify_signed_by(issuing.public_key()).has_value());
    }
    Bytes der = to_bytes(leaf.der());
    der.back() ^= 0x01;
    EXPECT_FALSE(Certificate::from_der(der).value().verify_signed_by(issuing.public_key()).has_value());
}

TEST(Certificate, UnknownSignatureAlgorithmsNeverVerify) {
    const Certificate odd = file("pss-odd-salt");
    EXPECT_EQ(odd.signature_scheme(), std::nullopt);
    EXPECT_EQ(odd.verify_signed_by(odd.public_key()).error().kind, ErrorKind::unauthenticated);
}

TEST(Certificate, RefusesForeignKeys) {
    const auto ed25519 = Certificate::from_pem(test::vector_text("crypto/ed25519.pem"));
    ASSERT_FALSE(ed25519.has_value());
    EXPECT_EQ(ed25519.error().kind, ErrorKind::malformed);
}

TEST(Certificate, ADamagedOneIsRefusedOrDoesNotVerify) {
    const Certificate root = file("root");
    int refused = 0;
    for (std::size_t i = 0; i < root.der().size(); ++i) {
        Bytes der = to_bytes(root.der());
        der[i] ^= 0x01;
        const auto damaged = Certificate::from_der(der);
        if (!damaged) {
            ++refused;
            continue;
        }
        EXPECT_FALSE(damaged->verify_signed_by(root.public_key()).has_value()) << "octet " << i;
    }
    EXPECT_GT(refused, 100);
}

TEST(Certificate, RefusesPartsAndMore) {
    const Certificate root = file("root");
    for (std::size_t size = 0; size < root.der().size(); ++size) {
        EXPECT_FALSE(Certificate::from_der(root.der().first(size)).has_value());
    }
    Bytes longer = to_bytes(root.der());
    longer.push_back(0x00);
    EXPECT_FALSE(Certificate::from_der(longer).has_value());
    EXPECT_FALSE(Certificate::from_der(Bytes(64 * 1024 + 1, 0x30)).has_value());
    EXPECT_EQ(Certificate::from_pem("nothing").error().kind, ErrorKind::not_found);
}

TEST(Certificate, Pem) {
    const std::string bundle = "# root\n" + file("root").pem() + "# issuing\n" + file("issuing").pem();
    const auto all = Certificate::all_from_pem(bundle).value();
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0], file("root"));
    EXPECT_EQ(all[1], file("issuing"));
    EXPECT_EQ(Certificate::from_pem(bundle).value(), file("root"));
    EXPECT_FALSE(Certificate::all_from_pem(bundle + to_pem("CERTIFICATE", Bytes{0x30, 0x00})).has_value());
    EXPECT_EQ(Certificate::all_from_pem("").error().kind, ErrorKind::not_found);
}

TEST(Certificate, ValidFromItsFirstMomentToItsLast) {
    const Certificate one = test::self_signed(test::rsa_key());
    using namespace std::chrono_literals;
    EXPECT_TRUE(one.valid_at(test::certificates_begin));
    EXPECT_TRUE(one.valid_at(test::certificates_end));
    EXPECT_FALSE(one.valid_at(test::certificates_begin - 1ms));
    EXPECT_FALSE(one.valid_at(test::certificates_end + 1ms));
}

TEST(Chain, LeadsToTheRootWhateverTheOrder) {
    const auto chain = order_chain(file("leaf"), {file("root"), file("pki"), file("issuing"), file("leaf")}).value();
    EXPECT_THAT(chain, ElementsAre(file("leaf"), file("issuing"), file("root")));
    EXPECT_THAT(order_chain(file("root"), {}).value(), ElementsAre(file("root")));
}

TEST(Chain, NeedsEveryLink) {
    EXPECT_EQ(order_chain(file("leaf"), {file("root")}).error().kind, ErrorKind::not_found);
    EXPECT_FALSE(order_chain(file("leaf"), {file("issuing")}).has_value());
    EXPECT_FALSE(order_chain(file("leaf"), {}).has_value());
}

TEST(Chain, GoesByTheSignatureNotTheName) {
    const Certificate ca = test::self_signed_ca(test::rsa_key(0));
    const Certificate impostor = test::self_signed_ca(test::rsa_key(1));
    const Certificate leaf = test::issued_by_ca(test::rsa_key(0), test::p256_key().public_key());
    EXPECT_THAT(order_chain(leaf, {impostor, ca}).value(), ElementsAre(leaf, ca));
    EXPECT_FALSE(order_chain(leaf, {impostor}).has_value());
    // Self-issued, but signed by another key of the same name: not an end.
    const Certificate forged =
        test::issue(test::content_for(test::rsa_key(2).public_key(), "CN=Test CA"), "CN=Test CA", test::rsa_key(3));
    EXPECT_FALSE(order_chain(forged, {}).has_value());
}

TEST(Chain, PrefersTheShortWayAndSurvivesLoops) {
    // A and B certify each other; A also certifies itself.
    const auto cross = [](const test::TestKey& key, std::string_view subject, const test::TestKey& by,
                          std::string_view issuer) {
        CertificateContent content = test::content_for(key.public_key(), subject);
        content.basic_constraints.ca = true;
        return test::issue(content, issuer, by);
    };
    const Certificate a_by_b = cross(test::rsa_key(0), "CN=A", test::rsa_key(1), "CN=B");
    const Certificate b_by_a = cross(test::rsa_key(1), "CN=B", test::rsa_key(0), "CN=A");
    const Certificate a = test::self_signed_ca(test::rsa_key(0), "CN=A");
    const Certificate leaf = test::issued_by_ca(test::rsa_key(0), test::p256_key().public_key(), "CN=leaf", 9, "CN=A");
    EXPECT_THAT(order_chain(leaf, {a_by_b, b_by_a, a}).value(), ElementsAre(leaf, a));
    EXPECT_FALSE(order_chain(leaf, {a_by_b, b_by_a}).has_value());
}

TEST(Chain, AtMostEightLong) {
    const test::TestKey& key = test::p256_key();
    std::vector<Certificate> pool{test::self_signed_ca(key, "CN=0")};
    for (int i = 1; i <= 8; ++i) {
        pool.push_back(
            test::issued_by_ca(key, key.public_key(), "CN=" + std::to_string(i), 1, "CN=" + std::to_string(i - 1)));
    }
    EXPECT_EQ(order_chain(pool[7], pool).value().size(), 8U);
    EXPECT_FALSE(order_chain(pool[8], pool).has_value());
}

}  // namespace
}  // namespace countersign::crypto
