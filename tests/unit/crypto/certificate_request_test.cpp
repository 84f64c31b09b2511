#include "countersign/crypto/certificate_request.hpp"

#include <gmock/gmock.h>

#include "countersign/crypto/encoding.hpp"
#include "countersign/crypto/oid.hpp"
#include "crypto/der.hpp"
#include "test_keys.hpp"
#include "vectors.hpp"

namespace countersign::crypto {
namespace {

using testing::ElementsAre;

CertificateRequest file(const std::string& name) {
    return CertificateRequest::from_pem(test::vector_text("crypto/" + name + ".pem")).value();
}

std::string challenge_of(const CertificateRequest& request) {
    const auto challenge = request.challenge_password();
    return challenge ? std::string(challenge->reveal_text()) : "(none)";
}

Bytes attribute(std::string_view type, const std::vector<Bytes>& values) {
    DerWriter out;
    out.nest(tag::sequence, [&](DerWriter& w) {
        w.oid(type).nest(tag::set, [&](DerWriter& set) {
            for (const Bytes& value : values) set.raw(value);
        });
    });
    return out.take();
}

Bytes text(Tag type, std::string_view value) {
    DerWriter out;
    return out.string(type, value).take();
}

Bytes extensions(const std::vector<std::pair<std::string_view, Bytes>>& list) {
    DerWriter out;
    out.nest(tag::sequence, [&](DerWriter& all) {
        for (const auto& [type, value] : list) {
            all.nest(tag::sequence, [&](DerWriter& w) { w.oid(type).octet_string(value); });
        }
    });
    return out.take();
}

// A correctly signed request with these attributes, as octets: what a clever client can send.
Bytes signed_request(const std::vector<Bytes>& attributes, std::uint64_t version = 0) {
    const test::TestKey& key = test::p256_key();
    DerWriter body;
    body.nest(tag::sequence, [&](DerWriter& w) {
        w.integer(version).raw(Name::from_text("CN=device-7").value().der()).raw(key.spki());
        w.nest(tag::context_constructed(0), [&](DerWriter& list) {
            for (const Bytes& one : attributes) list.raw(one);
        });
    });
    DerWriter out;
    out.nest(tag::sequence, [&](DerWriter& w) {
        w.raw(body.view()).raw(algorithm_identifier(key.sha256_scheme()));
        w.bit_string(key.sign(key.sha256_scheme(), body.view()));
    });
    return out.take();
}

Result<CertificateRequest> parsed(const std::vector<Bytes>& attributes) {
    return CertificateRequest::from_der(signed_request(attributes));
}

TEST(CertificateRequest, ReadsWhatOpensslMakes) {
    const CertificateRequest request = file("request");
    EXPECT_EQ(request.subject().text(), "CN=device-7,OU=Plant 7,O=Example Works,C=DE");
    EXPECT_EQ(request.public_key().bits(), 2048U);
    EXPECT_EQ(challenge_of(request), "3AB7C1DE9F024586");
    EXPECT_EQ(request.key_usage(), usage::digital_signature);
    EXPECT_THAT(request.extended_key_usage().value(), ElementsAre(oid::client_auth));
    EXPECT_EQ(to_text(request.subject_alt_names().value().at(0)), "dns:host.example");
    EXPECT_EQ(request.extensions().size(), 3U);
    EXPECT_THAT(request.attribute_types(),
                testing::UnorderedElementsAre(oid::challenge_password, oid::unstructured_name, oid::extension_request));
    EXPECT_EQ(request.signature_scheme(), SignatureScheme{});
    EXPECT_TRUE(request.verify_self_signature().has_value());
    EXPECT_TRUE(file("request-p256").verify_self_signature().has_value());
}

TEST(CertificateRequest, ReadsOtherClients) {
    const CertificateRequest scepclient = file("request-scepclient");
    EXPECT_EQ(challenge_of(scepclient), "s3cret-\xc3\x84");
    EXPECT_TRUE(scepclient.verify_self_signature().has_value());
    EXPECT_EQ(scepclient.subject().values_of("2.5.4.10").at(0), "micromdm");
    const CertificateRequest pki = file("request-pki");
    EXPECT_EQ(challenge_of(pki), "p\xc3\xa4ss w\xc3\xb6rd");
    EXPECT_EQ(to_text(pki.subject_alt_names().value().at(0)), "dns:pki.example");
    EXPECT_TRUE(pki.verify_self_signature().has_value());
}

TEST(CertificateRequest, NoAttributesAreNone) {
    const CertificateRequest request = parsed({}).value();
    EXPECT_EQ(request.challenge_password().has_value(), false);
    EXPECT_TRUE(request.extensions().empty());
    EXPECT_TRUE(request.attribute_types().empty());
    EXPECT_EQ(request.key_usage(), std::nullopt);
    EXPECT_TRUE(request.subject_alt_names().value().empty());
    EXPECT_TRUE(request.extended_key_usage().value().empty());
    EXPECT_TRUE(request.verify_self_signature().has_value());
}

TEST(CertificateRequest, ChallengeInEveryStringType) {
    const auto challenge = [](Tag type, std::string_view value) {
        return challenge_of(parsed({attribute(oid::challenge_password, {text(type, value)})}).value());
    };
    EXPECT_EQ(challenge(tag::printable_string, "ABC"), "ABC");
    EXPECT_EQ(challenge(tag::printable_string, "A_C*"), "A_C*");
    EXPECT_EQ(challenge(tag::utf8_string, "\xc3\xbc"), "\xc3\xbc");
    EXPECT_EQ(challenge(tag::ia5_string, "a@b"), "a@b");
    EXPECT_EQ(challenge(tag::t61_string, "\xfc"), "\xc3\xbc");
    EXPECT_EQ(challenge(tag::bmp_string, std::string_view("\0A\0B", 4)), "AB");
    EXPECT_EQ(challenge(tag::utf8_string, ""), "");
    const std::string long_one(4000, 'x');
    EXPECT_EQ(challenge(tag::utf8_string, long_one), long_one);
}

TEST(CertificateRequest, CanBeShownWithoutItsChallenge) {
    for (const char* name : {"request", "request-p256", "request-scepclient", "request-pki"}) {
        const CertificateRequest request = file(name);
        const auto challenge = request.challenge_password();
        const CertificateRequest shown = CertificateRequest::from_der(request.der_without_challenge().value()).value();
        EXPECT_FALSE(shown.challenge_password()) << name;
        EXPECT_TRUE(shown.subject() == request.subject()) << name;
        EXPECT_TRUE(shown.public_key() == request.public_key()) << name;
        EXPECT_EQ(shown.extensions().size(), request.extensions().size()) << name;
        EXPECT_EQ(shown.attribute_types().size() + (challenge ? 1 : 0), request.attribute_types().size()) << name;
        EXPECT_EQ(shown.verify_self_signature().has_value(), !challenge) << name;
        if (!challenge) {
            EXPECT_TRUE(equal(shown.der(), request.der())) << name;
            continue;
        }
        const auto octets = shown.der();
        EXPECT_TRUE(std::ranges::search(octets, challenge->reveal()).empty()) << name;
        EXPECT_FALSE(std::ranges::search(request.der(), challenge->reveal()).empty() && name == std::string("request"));
    }
    EXPECT_EQ(CertificateRequest::from_der(parsed({attribute(oid::challenge_password, {text(tag::utf8_string, "x")})})
                                               .value()
                                               .der_without_challenge()
                                               .value())
                  .value()
                  .attribute_types()
                  .size(),
              0U);
}

TEST(CertificateRequest, RefusesAmbiguousChallenges) {
    const Bytes a = text(tag::utf8_string, "a");
    const Bytes b = text(tag::utf8_string, "b");
    const auto refused = [](const std::vector<Bytes>& attributes) {
        const auto request = parsed(attributes);
        return !request && request.error().kind == ErrorKind::malformed;
    };
    EXPECT_TRUE(refused({attribute(oid::challenge_password, {a}), attribute(oid::challenge_password, {a})}));
    EXPECT_TRUE(refused({attribute(oid::challenge_password, {a, b})}));
    EXPECT_TRUE(refused({attribute(oid::challenge_password, {})}));
    EXPECT_TRUE(refused({attribute(oid::challenge_password, {text(tag::utf8_string, "\xff")})}));
    EXPECT_TRUE(refused({attribute(oid::challenge_password, {text(tag::octet_string, "a")})}));
    EXPECT_TRUE(refused({attribute("1.2.3", {a}), attribute("1.2.3", {b})}));
    EXPECT_FALSE(refused({attribute("1.2.3", {a, b})}));
}

TEST(CertificateRequest, MicrosoftsTwinOfTheExtensionRequest) {
    const Bytes wanted = extensions({{oid::key_usage, from_hex("030205a0").value()}});
    const auto request = parsed({attribute(oid::ms_extension_request, {wanted})}).value();
    EXPECT_EQ(request.key_usage(), KeyUsage{usage::digital_signature | usage::key_encipherment});
    EXPECT_EQ(request.extensions().at(0).oid, oid::key_usage);
}

TEST(CertificateRequest, RefusesAmbiguousExtensions) {
    const Bytes usage = from_hex("030205a0").value();
    const Bytes wanted = extensions({{oid::key_usage, usage}});
    EXPECT_TRUE(parsed({attribute(oid::extension_request, {wanted})}).has_value());
    EXPECT_FALSE(parsed({attribute(oid::extension_request, {wanted}), attribute(oid::ms_extension_request, {wanted})})
                     .has_value());
    EXPECT_FALSE(parsed({attribute(oid::ms_extension_request, {wanted}), attribute(oid::extension_request, {wanted})})
                     .has_value());
    EXPECT_FALSE(parsed({attribute(oid::extension_request, {wanted, wanted})}).has_value());
    EXPECT_FALSE(parsed({attribute(oid::extension_request, {})}).has_value());
    EXPECT_FALSE(parsed({attribute(oid::extension_request, {text(tag::utf8_string, "a")})}).has_value());
    const Bytes twice = extensions({{oid::key_usage, usage}, {oid::key_usage, usage}});
    EXPECT_FALSE(parsed({attribute(oid::extension_request, {twice})}).has_value());
    const Bytes unreadable = extensions({{oid::key_usage, Bytes{0x05, 0x00}}});
    EXPECT_FALSE(parsed({attribute(oid::extension_request, {unreadable})}).has_value());
}

TEST(CertificateRequest, UnreadableNamesAreTheCallersToRefuse) {
    const Bytes broken =
        extensions({{oid::subject_alt_name, Bytes{0x30, 0x00}}, {oid::extended_key_usage, Bytes{0x30, 0x00}}});
    const auto request = parsed({attribute(oid::extension_request, {broken})}).value();
    EXPECT_EQ(request.subject_alt_names().error().kind, ErrorKind::malformed);
    EXPECT_EQ(request.extended_key_usage().error().kind, ErrorKind::malformed);
}

TEST(CertificateRequest, IsBounded) {
    std::vector<Bytes> attributes;
    for (int i = 0; i < 32; ++i)
        attributes.push_back(attribute("1.2.3." + std::to_string(i), {text(tag::utf8_string, "a")}));
    EXPECT_EQ(parsed(attributes).value().attribute_types().size(), 32U);
    attributes.push_back(attribute("1.2.4", {text(tag::utf8_string, "a")}));
    EXPECT_FALSE(parsed(attributes).has_value());
    EXPECT_FALSE(parsed({attribute("1.2.3", {text(tag::utf8_string, std::string(70000, 'a'))})}).has_value());
    EXPECT_FALSE(CertificateRequest::from_der(signed_request({}, 1)).has_value());
}

TEST(CertificateRequest, VerifiesPossession) {
    const CertificateRequest request = test::request_for(test::rsa_key(), "CN=a", "challenge");
    EXPECT_TRUE(request.verify_self_signature().has_value());
    const CertificateRequest copy = request;
    EXPECT_TRUE(copy.verify_self_signature().has_value()) << "what held before";
    // The key of one in the request of another.
    RequestContent content;
    content.subject = Name::from_text("CN=a").value();
    content.spki = test::rsa_key(1).spki();
    const CertificateRequest stolen = build_request(content, test::rsa_key(0).signer(content.scheme)).value();
    EXPECT_EQ(stolen.verify_self_signature().error().kind, ErrorKind::unauthenticated);
    EXPECT_EQ(stolen.verify_self_signature().error().kind, ErrorKind::unauthenticated) << "asked twice";
}

TEST(CertificateRequest, ADamagedOneIsRefusedOrDoesNotVerify) {
    const CertificateRequest request = file("request-p256");
    int refused = 0;
    for (std::size_t i = 0; i < request.der().size(); ++i) {
        Bytes der = to_bytes(request.der());
        der[i] ^= 0x01;
        const auto damaged = CertificateRequest::from_der(der);
        if (!damaged) {
            ++refused;
            continue;
        }
        EXPECT_FALSE(damaged->verify_self_signature().has_value()) << "octet " << i;
    }
    EXPECT_GT(refused, 50);
}

TEST(CertificateRequest, RefusesPartsMoreAndBer) {
    const CertificateRequest request = file("request-p256");
    for (std::size_t size = 0; size < request.der().size(); ++size) {
        EXPECT_FALSE(CertificateRequest::from_der(request.der().first(size)).has_value());
    }
    Bytes longer = to_bytes(request.der());
    longer.push_back(0);
    EXPECT_FALSE(CertificateRequest::from_der(longer).has_value());
    // The same content in an indefinite form.
    const Tlv whole = read_single(request.der(), "request").value();
    Bytes indefinite{0x30, 0x80};
    indefinite.insert(indefinite.end(), whole.content.begin(), whole.content.end());
    indefinite.insert(indefinite.end(), {0x00, 0x00});
    EXPECT_FALSE(CertificateRequest::from_der(indefinite).has_value());
}

TEST(CertificateRequest, Pem) {
    const CertificateRequest request = file("request");
    EXPECT_TRUE(CertificateRequest::from_pem(to_pem("NEW CERTIFICATE REQUEST", request.der())).has_value());
    EXPECT_EQ(CertificateRequest::from_pem(to_pem("CERTIFICATE", request.der())).error().kind, ErrorKind::not_found);
    EXPECT_EQ(CertificateRequest::from_pem("").error().kind, ErrorKind::not_found);
}

}  // namespace
}  // namespace countersign::crypto
