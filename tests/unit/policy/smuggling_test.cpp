// Everything a request could carry into a certificate, in every place, type and spelling (security reference 1.4): it
// is refused, or the certificate is octet for octet the one that the same request without it would get.
#include "cases.hpp"
#include "crypto/der.hpp"
#include "test_keys.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace countersign::policy::test {
namespace {

using crypto::DerWriter;
namespace tag = crypto::tag;
using countersign::test::rsa_key;

constexpr std::string_view pkcs9_extensions = "1.2.840.113549.1.9.14";
constexpr std::string_view microsoft_extensions = "1.3.6.1.4.1.311.2.1.14";
constexpr std::string_view challenge = "1.2.840.113549.1.9.7";
constexpr std::string_view subject_alt_name = "2.5.29.17";

struct Attribute {
    std::string_view type;
    std::vector<Bytes> values;
};

Bytes wrapped(crypto::Tag tag, ByteView content) {
    return DerWriter().tlv(tag, content).take();
}
Bytes text_value(crypto::Tag tag, std::string_view text) {
    return DerWriter().string(tag, text).take();
}
Bytes joined(const std::vector<Bytes>& parts) {
    Bytes all;
    for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
    return all;
}
Bytes name_of(std::string_view attribute, const Bytes& value) {
    return DerWriter()
        .nest(tag::sequence,
              [&](DerWriter& name) {
                  name.nest(tag::set, [&](DerWriter& rdn) {
                      rdn.nest(tag::sequence, [&](DerWriter& out) { out.oid(attribute).raw(value); });
                  });
              })
        .take();
}
const Bytes& plain_name() {
    static const Bytes name = name_of("2.5.4.3", text_value(tag::utf8_string, "device-7"));
    return name;
}

// A PKCS#10 of the test's own making with a signature that holds; an error where the parser refuses it.
Result<CertificateRequest> request_with(const Bytes& subject, const std::vector<Attribute>& attributes) {
    const auto& key = rsa_key();
    const Bytes info = DerWriter()
                           .nest(tag::sequence,
                                 [&](DerWriter& out) {
                                     out.integer(0).raw(subject).raw(key.spki());
                                     out.nest(tag::context_constructed(0), [&](DerWriter& set) {
                                         for (const auto& [type, values] : attributes) {
                                             set.nest(tag::sequence, [&](DerWriter& attribute) {
                                                 attribute.oid(type).tlv(tag::set, joined(values));
                                             });
                                         }
                                     });
                                 })
                           .take();
    const Bytes der = DerWriter()
                          .nest(tag::sequence,
                                [&](DerWriter& out) {
                                    out.raw(info);
                                    out.nest(tag::sequence, [](DerWriter& algorithm) {
                                        algorithm.oid("1.2.840.113549.1.1.11").null();
                                    });
                                    out.bit_string(key.sign(key.sha256_scheme(), info));
                                })
                          .take();
    TRY(auto request, CertificateRequest::from_der(der));
    CHECK(request.verify_self_signature());
    return request;
}

Bytes extension(std::string_view oid, bool critical, const Bytes& value) {
    return DerWriter()
        .nest(tag::sequence,
              [&](DerWriter& out) {
                  out.oid(oid);
                  if (critical) out.boolean(true);
                  out.octet_string(value);
              })
        .take();
}
Attribute asking_for(std::string_view carrier, const std::vector<Bytes>& extensions) {
    return {carrier, {wrapped(tag::sequence, joined(extensions))}};
}

// The certificate a plan becomes, under an issuer that is always the same.
Bytes issued(const crypto::CertificateContent& plan) {
    const auto& key = rsa_key(1);
    const crypto::IssuerContent issuer{crypto::Name::from_text("CN=CA").value(), {}, key.sha256_scheme(), {}, {}};
    return to_bytes(crypto::build_certificate(plan, issuer, Bytes{1}, key.signer(issuer.scheme)).value().der());
}
const Bytes& golden() {
    static const Bytes certificate = issued(plan_of(judge_request(request_with(plain_name(), {}).value())));
    return certificate;
}

// How many of each there were: a matrix whose cases all end one way shows nothing.
struct Tally {
    int refused = 0;
    int harmless = 0;
    void count(const Result<CertificateRequest>& request, const std::string& what) {
        if (!request || !allowed(judge_request(*request))) {
            ++refused;
            return;
        }
        ++harmless;
        EXPECT_EQ(issued(plan_of(judge_request(*request))), golden()) << what;
    }
};

TEST(SmugglingMatrix, NoExtensionGetsIn) {
    const std::vector<std::string_view> oids{
        // What AD CS reads: application policies, mappings, constraints, template name and template, version, previous
        // hash, security identifier, enrollment name and value, OS version, provider, client information.
        "1.3.6.1.4.1.311.21.10", "1.3.6.1.4.1.311.21.11", "1.3.6.1.4.1.311.21.12", "1.3.6.1.4.1.311.20.2",
        "1.3.6.1.4.1.311.21.7", "1.3.6.1.4.1.311.21.1", "1.3.6.1.4.1.311.21.2", "1.3.6.1.4.1.311.25.2",
        "1.3.6.1.4.1.311.25.1", "1.3.6.1.4.1.311.13.2.1", "1.3.6.1.4.1.311.13.2.3", "1.3.6.1.4.1.311.13.2.2",
        "1.3.6.1.4.1.311.21.20", "1.3.6.1.4.1.311.25.3", "1.3.6.1.4.1.311.20.2.1",
        // RFC 5280: directory attributes, SKI, private key usage, issuer names, constraints, CRL number and places,
        // policies, mappings, AKI, policy constraints, any policy inhibited, delta lists, information access.
        "2.5.29.9", "2.5.29.16", "2.5.29.18", "2.5.29.30", "2.5.29.20", "2.5.29.31", "2.5.29.32", "2.5.29.33",
        "2.5.29.35", "2.5.29.36", "2.5.29.54", "2.5.29.46", "1.3.6.1.5.5.7.1.1", "1.3.6.1.5.5.7.1.11",
        // Must-staple, OCSP without checks, qualified statements, IP delegation, timestamps of logs, poison, Netscape.
        "1.3.6.1.5.5.7.1.24", "1.3.6.1.5.5.7.48.1.5", "1.3.6.1.5.5.7.1.3", "1.3.6.1.5.5.7.1.7",
        "1.3.6.1.4.1.11129.2.4.2", "1.3.6.1.4.1.11129.2.4.3", "2.16.840.1.113730.1.1", "1.2.3.4.5"};
    const std::vector<Bytes> values{{},
                                    DerWriter().null().take(),
                                    wrapped(tag::sequence, {}),
                                    wrapped(tag::sequence, DerWriter().oid("2.5.29.32.0").take())};
    Tally tally;
    for (const auto oid : oids) {
        for (const bool critical : {false, true}) {
            for (const auto carrier : {pkcs9_extensions, microsoft_extensions}) {
                for (const auto& value : values) {
                    const auto request =
                        request_with(plain_name(), {asking_for(carrier, {extension(oid, critical, value)})});
                    tally.count(request, std::string(oid));
                }
            }
        }
    }
    EXPECT_EQ(tally.refused + tally.harmless, 37 * 2 * 2 * 4);
    EXPECT_EQ(tally.refused, tally.harmless) << "critical or not";
}

TEST(SmugglingMatrix, NoSecondOpinionGetsIn) {
    const auto agent =
        extension("2.5.29.37", false, wrapped(tag::sequence, DerWriter().oid("1.3.6.1.4.1.311.20.2.1").take()));
    const auto client =
        extension("2.5.29.37", false, wrapped(tag::sequence, DerWriter().oid("1.3.6.1.5.5.7.3.2").take()));
    const std::vector<std::vector<Attribute>> cases{
        {asking_for(pkcs9_extensions, {client}), asking_for(microsoft_extensions, {agent})},
        {asking_for(microsoft_extensions, {client}), asking_for(pkcs9_extensions, {agent})},
        {asking_for(microsoft_extensions, {client}), asking_for(pkcs9_extensions, {client})},
        {asking_for(pkcs9_extensions, {client}), asking_for(pkcs9_extensions, {client})},
        {asking_for(pkcs9_extensions, {client, agent})},
        {asking_for(pkcs9_extensions, {client, client})},
        {{pkcs9_extensions, {wrapped(tag::sequence, client), wrapped(tag::sequence, agent)}}},
        {{pkcs9_extensions, {}}},
        {{pkcs9_extensions, {wrapped(tag::sequence, {})}}},
        {{pkcs9_extensions, {client}}},
        {{pkcs9_extensions, {wrapped(tag::set, client)}}},
        {{pkcs9_extensions, {wrapped(tag::sequence, joined({client, DerWriter().null().take()}))}}},
        {{challenge, {text_value(tag::utf8_string, "a")}}, {challenge, {text_value(tag::utf8_string, "b")}}},
        {{challenge, {text_value(tag::utf8_string, "a"), text_value(tag::utf8_string, "b")}}},
        {{challenge, {}}},
        {{challenge, {DerWriter().integer(5).take()}}},
        {{challenge, {wrapped(tag::sequence, text_value(tag::utf8_string, "a"))}}},
        {{"1.2.840.113549.1.9.8", {wrapped(tag::sequence, {})}},
         {"1.2.840.113549.1.9.8", {wrapped(tag::sequence, {})}}}};
    for (std::size_t i = 0; i < cases.size(); ++i) {
        const auto request = request_with(plain_name(), cases[i]);
        EXPECT_TRUE(!request || !allowed(judge_request(*request)) ||
                    issued(plan_of(judge_request(*request))) == golden())
            << i;
        if (i < 8) {
            EXPECT_FALSE(request) << i;
        }
    }
    EXPECT_TRUE(allowed(judge_request(request_with(plain_name(), {asking_for(pkcs9_extensions, {client})}).value())));
}

// Every choice of GeneralName, those that do not exist too, with what could be in it.
TEST(SmugglingMatrix, NoUnreadableNameGetsIn) {
    const std::vector<std::string> contents{"",
                                            "host.example",
                                            "a@host.example",
                                            "https://host.example/",
                                            "*.host.example",
                                            "*",
                                            "host.example.",
                                            "host..example",
                                            "-host.example",
                                            " host.example",
                                            std::string("host\0.example", 13),
                                            "host\n.example",
                                            "h\xc3\xb6st.example",
                                            "h\xf6st",
                                            "host.example\x7f",
                                            "\xe2\x80\xae"
                                            "elpmaxe.tsoh",
                                            std::string(300, 'a'),
                                            "1234",
                                            "12345",
                                            "12345678",
                                            "1234567890123456",
                                            "12345678901234567",
                                            "12345678901234567890123456789012"};
    int refused = 0;
    int passed = 0;
    for (unsigned kind = 0; kind <= 15; ++kind) {
        for (const bool constructed : {false, true}) {
            for (const auto& content : contents) {
                const auto general_name =
                    wrapped(constructed ? tag::context_constructed(kind) : tag::context(kind), as_bytes(content));
                const auto request = request_with(
                    plain_name(), {asking_for(pkcs9_extensions, {extension(subject_alt_name, false,
                                                                           wrapped(tag::sequence, general_name))})});
                if (!request || !allowed(judge_request(*request))) {
                    ++refused;
                    continue;
                }
                ++passed;
                const auto decision = judge_request(*request);
                const auto& names = plan_of(decision).subject_alt_names;
                ASSERT_EQ(names.size(), 1U);
                EXPECT_EQ(names.front().der, general_name);
                EXPECT_TRUE(kind == 1 || kind == 2 || kind == 6 || kind == 7) << kind << " " << content;
                EXPECT_FALSE(constructed) << content;
                for (const char c : crypto::to_text(names.front())) EXPECT_TRUE(c > 0x20 && c < 0x7f) << content;
            }
        }
    }
    EXPECT_EQ(refused + passed, 16 * 2 * 23);
    // One mailbox, one URI, a host name and six numbers that are labels, one of four letters' and two numbers' octets
    // that are addresses.
    EXPECT_EQ(passed, 1 + 1 + 7 + 3);
}

// Every string type under every attribute type, with what could be in it.
TEST(SmugglingMatrix, NoUnreadableSubjectGetsIn) {
    const std::vector<std::string_view> types{"2.5.4.3",
                                              "2.5.4.10",
                                              "2.5.4.11",
                                              "2.5.4.6",
                                              "2.5.4.8",
                                              "2.5.4.7",
                                              "2.5.4.5",
                                              "2.5.4.4",
                                              "2.5.4.42",
                                              "2.5.4.12",
                                              "2.5.4.9",
                                              "2.5.4.72",
                                              "2.5.4.65",
                                              "2.5.4.46",
                                              "1.2.3.4",
                                              "0.9.2342.19200300.100.1.25",
                                              "0.9.2342.19200300.100.1.1",
                                              "1.2.840.113549.1.9.1"};
    const std::vector<crypto::Tag> strings{tag::utf8_string,
                                           tag::printable_string,
                                           tag::t61_string,
                                           tag::ia5_string,
                                           tag::bmp_string,
                                           tag::universal_string,
                                           tag::numeric_string,
                                           tag::visible_string,
                                           0x1b,
                                           0x19,
                                           tag::octet_string,
                                           tag::bit_string,
                                           tag::integer,
                                           tag::null,
                                           tag::oid,
                                           tag::utc_time,
                                           tag::sequence};
    const std::vector<std::string> contents{"device-7",
                                            "DE",
                                            "",
                                            std::string("a\0b", 3),
                                            "a\nb",
                                            "\x1b[31m",
                                            "\xc0\xaf",
                                            "\xff\xfe",
                                            "\xe2\x80\xae"
                                            "b",
                                            std::string("\0a\0b", 4),
                                            std::string("\0a\0\0", 4),
                                            std::string("\0\0\0a", 4),
                                            std::string("\0\x11\0\0", 4),
                                            std::string("\xd8\x00\0a", 4),
                                            std::string(20000, 'a'),
                                            "CN=admin,O=b",
                                            "a+CN=admin",
                                            "<script>"};
    int refused = 0;
    int passed = 0;
    for (const auto type : types) {
        for (const auto string : strings) {
            for (const auto& content : contents) {
                const auto request = request_with(name_of(type, wrapped(string, as_bytes(content))), {});
                if (!request || !allowed(judge_request(*request))) {
                    ++refused;
                    continue;
                }
                ++passed;
                const auto decision = judge_request(*request);
                const auto attributes = plan_of(decision).subject.attributes();
                ASSERT_EQ(attributes.size(), 1U) << type << " " << content;
                EXPECT_EQ(attributes.front().oid, type);
                EXPECT_TRUE(attributes.front().convertible);
                for (const char c : attributes.front().value) {
                    EXPECT_FALSE(static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
                        << type << " tag " << int{string} << " " << content;
                }
                // A serialNumber of letters that PrintableString lacks is the one that is not read back.
                const auto text = plan_of(decision).subject.text();
                const auto again = crypto::Name::from_text(text);
                EXPECT_TRUE(again ? again->attributes().size() == 1 : type == "2.5.4.5") << text;
            }
        }
    }
    EXPECT_EQ(refused + passed, 18 * 17 * 18);
    EXPECT_GT(passed, 100);
    EXPECT_GT(refused, 4 * passed);
}

}  // namespace
}  // namespace countersign::policy::test
