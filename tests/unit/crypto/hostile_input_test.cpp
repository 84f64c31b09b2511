// Every reader of the room over damaged, cut and spliced octets: nothing to expect but that it answers. The sanitizer
// builds are what makes this a test; a value that is accepted must also stand being asked everything it knows.
#include <gtest/gtest.h>

#include "countersign/crypto/certificate.hpp"
#include "countersign/crypto/certificate_request.hpp"
#include "countersign/crypto/encoding.hpp"
#include "counting_random.hpp"
#include "crypto/der.hpp"
#include "vectors.hpp"

namespace countersign::crypto {
namespace {

void ask(const Name& name) {
    EXPECT_TRUE(name.matches(name));
    // What text() writes, from_text() reads as the same names, unless string types differ or the name is odd.
    const auto again = Name::from_text(name.text());
    if (again) {
        EXPECT_EQ(again->attributes().size(), name.attributes().size());
    }
}

void ask(const Certificate& certificate) {
    ask(certificate.subject());
    ask(certificate.issuer());
    EXPECT_FALSE(certificate.serial_hex().empty());
    for (const GeneralName& name : certificate.subject_alt_names()) EXPECT_FALSE(to_text(name).empty());
    EXPECT_EQ(Certificate::from_pem(certificate.pem()).value(), certificate);
    (void)certificate.verify_signed_by(certificate.public_key());
    (void)order_chain(certificate, {certificate});
}

void ask(const CertificateRequest& request) {
    ask(request.subject());
    (void)request.challenge_password();
    (void)request.subject_alt_names();
    (void)request.extended_key_usage();
    (void)request.verify_self_signature();
}

// All readers; how many of them took it.
int read_everything(ByteView octets) {
    int taken = 0;
    if (const auto certificate = Certificate::from_der(octets)) {
        ask(*certificate);
        ++taken;
    }
    if (const auto request = CertificateRequest::from_der(octets)) {
        ask(*request);
        ++taken;
    }
    if (const auto name = Name::from_der(octets)) {
        ask(*name);
        ++taken;
    }
    taken += PublicKey::from_spki(octets).has_value() ? 1 : 0;
    taken += parse_general_names(octets).has_value() ? 1 : 0;
    taken += parse_extensions(octets).has_value() ? 1 : 0;
    taken += parse_key_usage(octets).has_value() ? 1 : 0;
    taken += parse_extended_key_usage(octets).has_value() ? 1 : 0;
    taken += parse_basic_constraints(octets).has_value() ? 1 : 0;
    taken += check_der(octets, "value").has_value() ? 1 : 0;
    (void)oid_from_content(octets);
    return taken;
}

std::vector<Bytes> seeds() {
    std::vector<Bytes> all;
    for (const char* name : {"leaf", "issuing", "v1-md5", "pss-sha512", "p521"}) {
        all.push_back(from_pem(test::vector_text(std::string("crypto/") + name + ".pem"), "CERTIFICATE").value().at(0));
    }
    for (const char* name : {"request", "request-p256", "request-scepclient"}) {
        all.push_back(
            from_pem(test::vector_text(std::string("crypto/") + name + ".pem"), "CERTIFICATE REQUEST").value().at(0));
    }
    const Certificate leaf = Certificate::from_der(all[0]).value();
    all.push_back(to_bytes(leaf.subject().der()));
    all.push_back(to_bytes(leaf.public_key().spki()));
    for (const Extension& extension : leaf.extensions()) all.push_back(extension.value);
    return all;
}

std::size_t pick(Random& random, std::size_t below) {
    const Bytes octets = random.bytes(4);
    const std::size_t value =
        std::size_t{octets[0]} << 24 | std::size_t{octets[1]} << 16 | std::size_t{octets[2]} << 8 | octets[3];
    return value % below;
}

TEST(HostileInput, SeedsAreRead) {
    for (const Bytes& seed : seeds()) EXPECT_GE(read_everything(seed), 1);
}

TEST(HostileInput, DamagedOctets) {
    test::CountingRandom random;
    for (const Bytes& seed : seeds()) {
        for (int round = 0; round < 300; ++round) {
            Bytes octets = seed;
            for (std::size_t damage = 1 + pick(random, 3); damage > 0; --damage) {
                octets[pick(random, octets.size())] = random.bytes(1)[0];
            }
            EXPECT_LE(read_everything(octets), 10);
        }
    }
}

TEST(HostileInput, CutAndSpliced) {
    test::CountingRandom random(7);
    const std::vector<Bytes> all = seeds();
    for (int round = 0; round < 2000; ++round) {
        const Bytes& head = all[pick(random, all.size())];
        const Bytes& tail = all[pick(random, all.size())];
        Bytes octets(head.begin(), head.begin() + static_cast<std::ptrdiff_t>(pick(random, head.size())));
        octets.insert(octets.end(), tail.begin() + static_cast<std::ptrdiff_t>(pick(random, tail.size())), tail.end());
        EXPECT_LE(read_everything(octets), 10);
    }
}

TEST(HostileInput, Noise) {
    test::CountingRandom random(11);
    EXPECT_EQ(read_everything({}), 0);
    for (int round = 0; round < 2000; ++round) {
        const Bytes octets = random.bytes(pick(random, 64));
        EXPECT_LE(read_everything(octets), 10);
        const auto name = Name::from_text(as_text(octets));
        if (name) ask(*name);
        (void)general_name_from_text("dns:" + std::string(as_text(octets)));
        (void)from_base64(as_text(octets));
        (void)from_pem(as_text(octets), "A");
        (void)oid_to_content(as_text(octets));
    }
}

}  // namespace
}  // namespace countersign::crypto
