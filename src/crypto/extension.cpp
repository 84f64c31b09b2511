#include "countersign/crypto/extension.hpp"

#include "countersign/core/text.hpp"
#include "countersign/crypto/oid.hpp"
#include "der.hpp"

#include <algorithm>
#include <array>

namespace countersign::crypto {
namespace {

constexpr std::size_t most_extensions = 64;
constexpr std::size_t most_usages = 64;

struct UsageBit {
    KeyUsage bit;
    std::string_view name;
};
constexpr std::array<UsageBit, 9> usage_bits{{
    {usage::digital_signature, "digitalSignature"},
    {usage::content_commitment, "contentCommitment"},
    {usage::key_encipherment, "keyEncipherment"},
    {usage::data_encipherment, "dataEncipherment"},
    {usage::key_agreement, "keyAgreement"},
    {usage::key_cert_sign, "keyCertSign"},
    {usage::crl_sign, "cRLSign"},
    {usage::encipher_only, "encipherOnly"},
    {usage::decipher_only, "decipherOnly"},
}};

struct NamedUsage {
    std::string_view oid;
    std::string_view name;
};
constexpr std::array<NamedUsage, 14> named_usages{{
    {oid::any_extended_key_usage, "anyExtendedKeyUsage"},
    {oid::server_auth, "serverAuth"},
    {oid::client_auth, "clientAuth"},
    {oid::code_signing, "codeSigning"},
    {oid::email_protection, "emailProtection"},
    {"1.3.6.1.5.5.7.3.5", "ipsecEndSystem"},
    {"1.3.6.1.5.5.7.3.6", "ipsecTunnel"},
    {"1.3.6.1.5.5.7.3.7", "ipsecUser"},
    {"1.3.6.1.5.5.7.3.8", "timeStamping"},
    {oid::ocsp_signing, "ocspSigning"},
    {"1.3.6.1.5.5.7.3.17", "ipsecIKE"},
    {"1.3.6.1.5.5.8.2.2", "ipsecIKEIntermediate"},
    {oid::smart_card_logon, "smartcardLogon"},
    {oid::ms_certificate_request_agent, "certificateRequestAgent"},
}};

Result<Extension> read_extension(DerReader& reader) {
    Extension extension;
    TRY(DerReader fields, reader.enter(tag::sequence, "extension"));
    TRY(extension.oid, fields.oid("extension type"));
    // FALSE written out is not DER, but devices do it and it changes nothing.
    if (fields.next_is(tag::boolean)) {
        TRY(extension.critical, fields.boolean("extension criticality"));
    }
    TRY(const ByteView value, fields.octet_string("extension value"));
    CHECK(fields.finish("extension"));
    extension.value = to_bytes(value);
    return extension;
}

// DER of a value: `write` fills a writer.
template <class Write>
Bytes encoded(Write&& write) {
    DerWriter out;
    write(out);
    return out.take();
}

Bytes encode_key_usage(KeyUsage usage) {
    // A named bit list ends with its last one bit (X.690 11.2.2).
    std::array<std::uint8_t, 2> octets{static_cast<std::uint8_t>(usage & 0xff),
                                       static_cast<std::uint8_t>((usage & usage::decipher_only) != 0 ? 0x80 : 0)};
    const std::size_t size = octets[1] != 0 ? 2 : octets[0] != 0 ? 1 : 0;
    unsigned unused = 0;
    if (size > 0) {
        while ((octets[size - 1] >> unused & 1) == 0) ++unused;
    }
    return encoded([&](DerWriter& w) { w.bit_string(ByteView(octets).first(size), unused); });
}

}  // namespace

std::string describe_key_usage(KeyUsage usage) {
    std::vector<std::string> names;
    for (const UsageBit& one : usage_bits) {
        if ((usage & one.bit) != 0) names.emplace_back(one.name);
    }
    return join(names, ", ");
}

Result<KeyUsage> key_usage_from_names(const std::vector<std::string>& names) {
    KeyUsage usage = 0;
    for (const std::string& name : names) {
        const std::string_view wanted = equals_ignoring_case(name, "nonRepudiation")
                                            ? std::string_view("contentCommitment")
                                            : std::string_view(name);
        const auto* found = std::ranges::find_if(
            usage_bits, [&](const UsageBit& one) { return equals_ignoring_case(one.name, wanted); });
        if (found == usage_bits.end()) return fail::malformed("unknown key usage " + printable(name, 60));
        usage = static_cast<KeyUsage>(usage | found->bit);
    }
    return usage;
}

Result<KeyUsage> parse_key_usage(ByteView value) {
    CHECK(check_der(value, "key usage"));
    TRY(const Tlv bits, read_single(value, "key usage"));
    if (bits.tag != tag::bit_string || bits.content.size() > 3) return fail::malformed("key usage: not its bit string");
    KeyUsage usage = 0;
    if (bits.content.size() > 1) usage = bits.content[1];
    if (bits.content.size() > 2) {
        if ((bits.content[2] & 0x7f) != 0) return fail::malformed("key usage: bits that have no meaning");
        if (bits.content[2] != 0) usage = static_cast<KeyUsage>(usage | usage::decipher_only);
    }
    return usage;
}

Result<std::vector<std::string>> parse_extended_key_usage(ByteView value) {
    TRY(DerReader list, enter_single(value, tag::sequence, "extended key usage"));
    std::vector<std::string> oids;
    while (!list.at_end()) {
        TRY(std::string oid, list.oid("extended key usage"));
        if (oids.size() == most_usages) return fail::malformed("extended key usage: too many");
        oids.push_back(std::move(oid));
    }
    if (oids.empty()) return fail::malformed("extended key usage: empty");
    return oids;
}

Result<BasicConstraints> parse_basic_constraints(ByteView value) {
    TRY(DerReader fields, enter_single(value, tag::sequence, "basic constraints"));
    BasicConstraints constraints;
    if (fields.next_is(tag::boolean)) {
        TRY(constraints.ca, fields.boolean("basic constraints"));
    }
    if (!fields.at_end()) {
        TRY(const std::uint32_t length, fields.small_integer("path length"));
        constraints.path_length = static_cast<int>(length);
    }
    CHECK(fields.finish("basic constraints"));
    return constraints;
}

Result<std::vector<Extension>> parse_extensions(ByteView der) {
    TRY(DerReader list, enter_single(der, tag::sequence, "extensions"));
    std::vector<Extension> extensions;
    while (!list.at_end()) {
        if (extensions.size() == most_extensions) return fail::malformed("extensions: too many");
        TRY(Extension extension, read_extension(list));
        const bool twice =
            std::ranges::any_of(extensions, [&](const Extension& other) { return other.oid == extension.oid; });
        if (twice) return fail::malformed("extensions: " + extension.oid + " twice");
        extensions.push_back(std::move(extension));
    }
    return extensions;
}

Extension make_key_usage(KeyUsage usage) {
    return {std::string(oid::key_usage), true, encode_key_usage(usage)};
}

Extension make_extended_key_usage(const std::vector<std::string>& oids) {
    return {std::string(oid::extended_key_usage), false, encoded([&](DerWriter& out) {
                out.nest(tag::sequence, [&](DerWriter& w) {
                    for (const std::string& one : oids) w.oid(one);
                });
            })};
}

Extension make_basic_constraints(const BasicConstraints& constraints) {
    return {std::string(oid::basic_constraints), true, encoded([&](DerWriter& out) {
                out.nest(tag::sequence, [&](DerWriter& w) {
                    if (!constraints.ca) return;
                    w.boolean(true);
                    if (constraints.path_length) w.integer(static_cast<std::uint64_t>(*constraints.path_length));
                });
            })};
}

Extension make_subject_key_identifier(ByteView key_identifier) {
    return {std::string(oid::subject_key_identifier), false,
            encoded([&](DerWriter& w) { w.octet_string(key_identifier); })};
}

Extension make_authority_key_identifier(ByteView key_identifier) {
    return {std::string(oid::authority_key_identifier), false, encoded([&](DerWriter& out) {
                out.nest(tag::sequence, [&](DerWriter& w) { w.tlv(tag::context(0), key_identifier); });
            })};
}

Extension make_crl_distribution_points(const std::vector<std::string>& urls) {
    // One DistributionPoint each { [0] distributionPoint { [0] fullName { [6] uri } } }: clients try them in turn.
    return {std::string(oid::crl_distribution_points), false, encoded([&](DerWriter& out) {
                out.nest(tag::sequence, [&](DerWriter& points) {
                    for (const std::string& url : urls) {
                        points.nest(tag::sequence, [&](DerWriter& point) {
                            point.nest(tag::context_constructed(0), [&](DerWriter& name) {
                                name.nest(tag::context_constructed(0),
                                          [&](DerWriter& w) { w.string(tag::context(6), url); });
                            });
                        });
                    }
                });
            })};
}

Extension make_ca_issuers(const std::vector<std::string>& urls) {
    constexpr std::string_view ca_issuers = "1.3.6.1.5.5.7.48.2";
    return {std::string(oid::authority_information_access), false, encoded([&](DerWriter& out) {
                out.nest(tag::sequence, [&](DerWriter& list) {
                    for (const std::string& url : urls) {
                        list.nest(tag::sequence, [&](DerWriter& w) { w.oid(ca_issuers).string(tag::context(6), url); });
                    }
                });
            })};
}

Result<std::string> extended_key_usage_from_name(std::string_view name) {
    for (const NamedUsage& one : named_usages) {
        if (equals_ignoring_case(one.name, name)) return std::string(one.oid);
    }
    if (!oid_to_content(name)) return fail::malformed("unknown extended key usage " + printable(name, 60));
    return std::string(name);
}

std::string extended_key_usage_name(std::string_view oid) {
    for (const NamedUsage& one : named_usages) {
        if (one.oid == oid) return std::string(one.name);
    }
    return std::string(oid);
}

}  // namespace countersign::crypto
