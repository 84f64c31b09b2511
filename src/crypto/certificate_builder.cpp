#include "countersign/crypto/certificate_builder.hpp"

#include "countersign/crypto/oid.hpp"
#include "der.hpp"

#include <algorithm>

namespace countersign::crypto {
namespace {

constexpr std::size_t longest_issued_serial = 20;  // octets (RFC 5280 4.1.2.2)
constexpr int longest_path = 255;

// RFC 5280 4.2: criticality is left out when false.
void write_extension(DerWriter& out, const Extension& extension) {
    out.nest(tag::sequence, [&](DerWriter& w) {
        w.oid(extension.oid);
        if (extension.critical) w.boolean(true);
        w.octet_string(extension.value);
    });
}

void write_extensions(DerWriter& out, const std::vector<Extension>& extensions) {
    out.nest(tag::sequence, [&](DerWriter& w) {
        for (const Extension& extension : extensions) write_extension(w, extension);
    });
}

// Object identifiers of callers, before the writer meets them and throws.
Result<void> check_oids(const std::vector<Extension>& extensions, const std::vector<std::string>& usages) {
    for (const Extension& extension : extensions) CHECK(oid_to_content(extension.oid));
    for (const std::string& usage : usages) CHECK(oid_to_content(usage));
    return boost::system::in_place_value;
}

Result<void> check_serial(ByteView serial) {
    const bool zero = std::ranges::all_of(serial, [](std::uint8_t octet) { return octet == 0; });
    if (zero) return fail::malformed("a serial number must be positive");
    // The sign octet counts.
    if (serial.size() + (serial[0] >= 0x80 ? 1 : 0) > longest_issued_serial)
        return fail::malformed("a serial number over 20 octets");
    return boost::system::in_place_value;
}

Result<void> check_time(Time time) {
    const auto year = std::chrono::year_month_day{std::chrono::floor<std::chrono::days>(time)}.year();
    if (year < std::chrono::year{1950} || year > std::chrono::year{9999}) return fail::malformed("a time out of range");
    return boost::system::in_place_value;
}

Result<void> check_content(const CertificateContent& content) {
    CHECK(check_time(content.not_before));
    CHECK(check_time(content.not_after));
    if (content.not_after < content.not_before) return fail::malformed("a certificate that ends before it begins");
    const auto& path = content.basic_constraints.path_length;
    if (path && (*path < 0 || *path > longest_path)) return fail::malformed("a path length out of range");
    return check_oids(content.further_extensions, content.extended_key_usage);
}

std::vector<Extension> extensions_of(const CertificateContent& content, const IssuerContent& issuer,
                                     const PublicKey& key) {
    std::vector<Extension> all;
    all.push_back(make_basic_constraints(content.basic_constraints));
    if (content.key_usage != 0) all.push_back(make_key_usage(content.key_usage));
    if (!content.extended_key_usage.empty()) all.push_back(make_extended_key_usage(content.extended_key_usage));
    if (!content.subject_alt_names.empty()) {
        all.push_back({std::string(oid::subject_alt_name), content.subject.empty(),
                       encode_general_names(content.subject_alt_names)});
    }
    all.insert(all.end(), content.further_extensions.begin(), content.further_extensions.end());
    all.push_back(make_subject_key_identifier(key.key_identifier()));
    if (!issuer.key_identifier.empty()) all.push_back(make_authority_key_identifier(issuer.key_identifier));
    if (!issuer.crl_urls.empty()) all.push_back(make_crl_distribution_points(issuer.crl_urls));
    if (!issuer.ca_issuers_urls.empty()) all.push_back(make_ca_issuers(issuer.ca_issuers_urls));
    return all;
}

Result<Bytes> signed_structure(ByteView to_be_signed, ByteView algorithm, const SignCallback& sign) {
    TRY(const Bytes signature, sign(to_be_signed));
    DerWriter out;
    out.nest(tag::sequence, [&](DerWriter& w) { w.raw(to_be_signed).raw(algorithm).bit_string(signature); });
    return out.take();
}

Bytes encode_challenge_password(std::string_view text) {
    DerWriter out;
    const Tag type = is_printable_string(text) ? tag::printable_string : tag::utf8_string;
    out.nest(tag::sequence, [&](DerWriter& w) {
        w.oid(oid::challenge_password).nest(tag::set, [&](DerWriter& values) { values.string(type, text); });
    });
    return out.take();
}

Bytes encode_extension_request(const std::vector<Extension>& extensions) {
    DerWriter out;
    out.nest(tag::sequence, [&](DerWriter& w) {
        w.oid(oid::extension_request).nest(tag::set, [&](DerWriter& values) { write_extensions(values, extensions); });
    });
    return out.take();
}

void write_revoked(DerWriter& out, const RevokedEntry& entry) {
    out.nest(tag::sequence, [&](DerWriter& w) {
        w.unsigned_integer(entry.serial).time(entry.when);
        if (entry.reason == 0) return;
        const auto reason = static_cast<std::uint8_t>(entry.reason);
        DerWriter value;
        value.tlv(tag::enumerated, {&reason, 1});
        write_extensions(w, {{std::string(oid::crl_reason), false, value.take()}});
    });
}

std::vector<Extension> crl_extensions(const CrlContent& content, const IssuerContent& issuer) {
    std::vector<Extension> all;
    if (!issuer.key_identifier.empty()) all.push_back(make_authority_key_identifier(issuer.key_identifier));
    DerWriter number;
    number.integer(content.number);
    all.push_back({std::string(oid::crl_number), false, number.take()});
    return all;
}

Result<void> check_crl(const CrlContent& content) {
    constexpr int last_reason = 10;
    constexpr int unused_reason = 7;
    CHECK(check_time(content.this_update));
    CHECK(check_time(content.next_update));
    for (const RevokedEntry& entry : content.revoked) {
        if (entry.reason < 0 || entry.reason > last_reason || entry.reason == unused_reason) {
            return fail::malformed("an unknown revocation reason");
        }
        if (entry.serial.empty()) return fail::malformed("a revoked certificate without a serial number");
        CHECK(check_time(entry.when));
    }
    return boost::system::in_place_value;
}

}  // namespace

Result<Certificate> build_certificate(const CertificateContent& content, const IssuerContent& issuer, ByteView serial,
                                      const SignCallback& sign) {
    CHECK(check_serial(serial));
    CHECK(check_content(content));
    TRY(const PublicKey key, PublicKey::from_spki(content.spki));
    const Bytes algorithm = algorithm_identifier(issuer.scheme);
    DerWriter out;
    out.nest(tag::sequence, [&](DerWriter& w) {
        w.nest(tag::context_constructed(0), [](DerWriter& version) { version.integer(2); });
        w.unsigned_integer(serial).raw(algorithm).raw(issuer.subject.der());
        w.nest(tag::sequence, [&](DerWriter& v) { v.time(content.not_before).time(content.not_after); });
        w.raw(content.subject.der()).raw(content.spki);
        w.nest(tag::context_constructed(3),
               [&](DerWriter& e) { write_extensions(e, extensions_of(content, issuer, key)); });
    });
    TRY(const Bytes der, signed_structure(out.view(), algorithm, sign));
    return Certificate::from_der(der);
}

Result<CertificateRequest> build_request(const RequestContent& content, const SignCallback& sign) {
    CHECK(PublicKey::from_spki(content.spki));
    CHECK(check_oids(content.extensions, {}));
    if (content.challenge_password && !is_utf8(*content.challenge_password)) {
        return fail::malformed("a challenge password that is not UTF-8");
    }
    std::vector<Bytes> attributes;
    if (content.challenge_password) attributes.push_back(encode_challenge_password(*content.challenge_password));
    if (!content.extensions.empty()) attributes.push_back(encode_extension_request(content.extensions));
    DerWriter out;
    out.nest(tag::sequence, [&](DerWriter& w) {
        w.integer(0).raw(content.subject.der()).raw(content.spki);
        w.set_of(std::move(attributes), tag::context_constructed(0));
    });
    TRY(const Bytes der, signed_structure(out.view(), algorithm_identifier(content.scheme), sign));
    return CertificateRequest::from_der(der);
}

Result<Bytes> build_crl(const CrlContent& content, const IssuerContent& issuer, const SignCallback& sign) {
    CHECK(check_crl(content));
    const Bytes algorithm = algorithm_identifier(issuer.scheme);
    DerWriter out;
    out.nest(tag::sequence, [&](DerWriter& w) {
        w.integer(1).raw(algorithm).raw(issuer.subject.der()).time(content.this_update).time(content.next_update);
        // RFC 5280 5.1.2.6: absent when nothing is revoked.
        if (!content.revoked.empty()) {
            w.nest(tag::sequence, [&](DerWriter& list) {
                for (const RevokedEntry& entry : content.revoked) write_revoked(list, entry);
            });
        }
        w.nest(tag::context_constructed(0),
               [&](DerWriter& e) { write_extensions(e, crl_extensions(content, issuer)); });
    });
    return signed_structure(out.view(), algorithm, sign);
}

}  // namespace countersign::crypto
