#include "countersign/crypto/revocation_list.hpp"

#include "countersign/crypto/encoding.hpp"
#include "countersign/crypto/oid.hpp"
#include "der.hpp"
#include "distribution_point.hpp"
#include "known_extensions.hpp"
#include "signature_algorithm.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>

namespace countersign::crypto {
namespace {

constexpr std::string_view pem_label = "X509 CRL";
constexpr std::size_t longest_serial = 64;  // octets, as in certificates
constexpr std::size_t longest_number = 32;  // octets; RFC 5280 says 20
constexpr int remove_from_crl = 8;

// 2.5.29.21 and 2.5.29.29 as they stand in an entry: with a hundred thousand of them, dotted texts would cost.
constexpr std::array<std::uint8_t, 3> reason_code{0x55, 0x1d, 0x15};
constexpr std::array<std::uint8_t, 3> certificate_issuer{0x55, 0x1d, 0x1d};

// Signatures whose digest has collisions: whoever has the CA sign something chosen might have a list.
bool too_weak(DigestAlgorithm digest) {
    return digest == DigestAlgorithm::md5 || digest == DigestAlgorithm::sha1;
}

Result<int> read_reason(ByteView value) {
    TRY(const Tlv code, read_single(value, "revocation reason"));
    if (code.tag != tag::enumerated || code.content.size() != 1 || code.content[0] > 10)
        return fail::malformed("revocation reason: none that exists");
    if (code.content[0] == remove_from_crl)
        return fail::malformed("the revocation list takes an entry back, as only delta lists may");
    return code.content[0];
}

Result<int> read_entry_extensions(DerReader& entry) {
    int reason = 0;
    TRY(DerReader list, entry.enter(tag::sequence, "entry extensions"));
    while (!list.at_end()) {
        TRY(DerReader extension, list.enter(tag::sequence, "entry extension"));
        TRY(const Tlv id, extension.expect(tag::oid, "entry extension"));
        bool critical = false;
        if (extension.next_is(tag::boolean)) {
            TRY(critical, extension.boolean("entry extension"));
        }
        TRY(const ByteView value, extension.octet_string("entry extension"));
        CHECK(extension.finish("entry extension"));
        if (equal(id.content, certificate_issuer))
            return fail::malformed("an indirect revocation list: it has entries of other issuers");
        if (equal(id.content, reason_code)) {
            TRY(reason, read_reason(value));
        } else if (critical) {
            return fail::malformed("the revocation list has an entry with a critical extension that is not known here");
        }
    }
    return reason;
}

// What an issuingDistributionPoint leaves of the list's scope (RFC 5280 5.2.5): the names it is limited to.
Result<std::vector<Bytes>> read_scope(ByteView value) {
    std::vector<Bytes> names;
    TRY(DerReader scope, enter_single(value, tag::sequence, "issuing distribution point"));
    TRY(const auto point, scope.take_if(tag::context_constructed(0), "issuing distribution point"));
    if (point) {
        TRY(names, read_distribution_point_name(point->content));
    }
    while (!scope.at_end()) {
        TRY(const Tlv field, scope.next("issuing distribution point"));
        if (field.tag == tag::context(3)) return fail::malformed("a revocation list for some reasons only");
        const bool known = field.tag == tag::context(1) || field.tag == tag::context(2) ||
                           field.tag == tag::context(4) || field.tag == tag::context(5);
        if (!known || field.content.size() != 1) return fail::malformed("issuing distribution point: an unknown field");
        if (field.content[0] == 0) continue;
        if (field.tag == tag::context(2)) return fail::malformed("a revocation list for certificates of CAs only");
        if (field.tag == tag::context(4)) return fail::malformed("an indirect revocation list");
        if (field.tag == tag::context(5)) return fail::malformed("a revocation list for attribute certificates only");
    }
    std::ranges::sort(names);
    return names;
}

Result<Bytes> read_number(ByteView value) {
    DerReader reader(value);
    TRY(ByteView number, reader.integer("number of the revocation list"));
    CHECK(reader.finish("number of the revocation list"));
    if ((number[0] & 0x80) != 0 || number.size() > longest_number)
        return fail::malformed("number of the revocation list: out of range");
    if (number[0] == 0) number = number.subspan(1);
    return to_bytes(number);
}

}  // namespace

struct RevocationList::State {
    // Where in `der` a serial number stands, and what is said about it.
    struct Entry {
        std::uint32_t at = 0;
        std::uint8_t length = 0;
        std::uint8_t reason = 0;
        Time since{};
    };

    Bytes der;
    ByteView to_be_signed;
    ByteView signature;
    Bytes signature_algorithm;
    Name issuer;
    Time this_update{};
    Time next_update{};
    std::optional<Bytes> number;
    std::vector<Bytes> distribution_points;
    std::vector<Entry> entries;  // in the order of their serial numbers

    ByteView serial_of(const Entry& entry) const { return ByteView(der).subspan(entry.at, entry.length); }

    Result<void> parse();
    Result<void> read_to_be_signed(ByteView content);
    Result<void> read_entries(DerReader list);
    Result<void> read_extensions(ByteView list);
};

Result<void> RevocationList::State::parse() {
    TRY(DerReader outer, enter_single(der, tag::sequence, "revocation list"));
    TRY(const Tlv signed_part, outer.expect(tag::sequence, "revocation list content"));
    TRY(const Tlv algorithm, outer.expect(tag::sequence, "signature algorithm"));
    TRY(signature, outer.bit_string("signature"));
    CHECK(outer.finish("revocation list"));
    to_be_signed = signed_part.whole;
    signature_algorithm = to_bytes(algorithm.whole);
    return read_to_be_signed(signed_part.content);
}

Result<void> RevocationList::State::read_to_be_signed(ByteView content) {
    DerReader fields(content);
    std::uint32_t version = 0;
    if (fields.next_is(tag::integer)) {
        TRY(version, fields.small_integer("version of the revocation list"));
        if (version != 1) return fail::malformed("revocation list: an unknown version");
    }
    TRY(const Tlv algorithm, fields.expect(tag::sequence, "signature algorithm"));
    if (!equal(algorithm.whole, signature_algorithm))
        return fail::malformed("revocation list: two signature algorithms");
    TRY(const Tlv issuer_name, fields.next("issuer"));
    TRY(issuer, Name::from_der(issuer_name.whole));
    TRY(this_update, fields.time("thisUpdate"));
    if (!fields.next_is(tag::utc_time) && !fields.next_is(tag::generalized_time))
        return fail::malformed("the revocation list does not say until when it counts (nextUpdate)");
    TRY(next_update, fields.time("nextUpdate"));
    TRY(const auto revoked, fields.take_if(tag::sequence, "revoked certificates"));
    if (revoked) CHECK(read_entries(DerReader(revoked->content)));
    if (fields.next_is(tag::context_constructed(0))) {
        if (version != 1) return fail::malformed("revocation list: extensions before version 2");
        TRY(DerReader wrapped, fields.enter(tag::context_constructed(0), "extensions"));
        TRY(const Tlv list, wrapped.next("extensions"));
        CHECK(wrapped.finish("extensions"));
        CHECK(read_extensions(list.whole));
    }
    return fields.finish("revocation list content");
}

Result<void> RevocationList::State::read_entries(DerReader list) {
    while (!list.at_end()) {
        TRY(DerReader fields, list.enter(tag::sequence, "entry"));
        TRY(const ByteView serial, fields.integer("serial number"));
        if (serial.size() > longest_serial) return fail::malformed("revocation list: a serial number too long");
        Entry entry;
        entry.at = static_cast<std::uint32_t>(serial.data() - der.data());
        entry.length = static_cast<std::uint8_t>(serial.size());
        TRY(entry.since, fields.time("revocation date"));
        if (!fields.at_end()) {
            TRY(const int reason, read_entry_extensions(fields));
            entry.reason = static_cast<std::uint8_t>(reason);
        }
        CHECK(fields.finish("entry"));
        entries.push_back(entry);
    }
    std::ranges::sort(entries, [this](const Entry& a, const Entry& b) {
        return std::ranges::lexicographical_compare(serial_of(a), serial_of(b));
    });
    return {};
}

Result<void> RevocationList::State::read_extensions(ByteView list) {
    TRY(const auto extensions, parse_extensions(list));
    for (const auto& extension : extensions) {
        if (extension.oid == oid::delta_crl_indicator) return fail::malformed("a delta revocation list");
        if (extension.oid == oid::crl_number) {
            TRY(number, read_number(extension.value));
        } else if (extension.oid == oid::issuing_distribution_point) {
            TRY(distribution_points, read_scope(extension.value));
        } else if (extension.critical && extension.oid != oid::authority_key_identifier) {
            return fail::malformed("the revocation list has the critical extension " + extension.oid +
                                   ", which is not known here");
        }
    }
    return {};
}

Result<RevocationList> RevocationList::from_der(ByteView der) {
    static_assert(largest <= std::numeric_limits<std::uint32_t>::max());
    if (der.size() > largest) {
        return fail::malformed("a revocation list of " + std::to_string(der.size()) + " octets; at most " +
                               std::to_string(largest) + " are read");
    }
    const auto state = std::make_shared<State>();
    state->der = to_bytes(der);
    CHECK(state->parse());
    return RevocationList(state);
}

Result<RevocationList> RevocationList::from_octets(ByteView octets) {
    // A SEQUENCE is never text.
    if (octets.empty() || octets.front() == tag::sequence) return from_der(octets);
    auto blocks = from_pem(as_text(octets), pem_label);
    if (!blocks) return fail::malformed("this is no revocation list, neither DER nor PEM");
    if (blocks->size() != 1) return fail::malformed("several revocation lists in one PEM text");
    return from_der(blocks->front());
}

ByteView RevocationList::der() const {
    return state_->der;
}
const Name& RevocationList::issuer() const {
    return state_->issuer;
}
Time RevocationList::this_update() const {
    return state_->this_update;
}
Time RevocationList::next_update() const {
    return state_->next_update;
}
const std::optional<Bytes>& RevocationList::number() const {
    return state_->number;
}
std::size_t RevocationList::size() const {
    return state_->entries.size();
}
std::optional<SignatureScheme> RevocationList::signature_scheme() const {
    return signature_scheme_from(state_->signature_algorithm);
}
const std::vector<Bytes>& RevocationList::distribution_points() const {
    return state_->distribution_points;
}

bool RevocationList::current_at(Time when, std::chrono::milliseconds slack) const {
    return this_update() <= when + slack && when < next_update();
}

bool RevocationList::covers(const Certificate& certificate) const {
    const auto& own = distribution_points();
    if (own.empty()) return true;
    const auto* points = find_extension(certificate.extensions(), oid::crl_distribution_points);
    if (points == nullptr) return false;
    const auto named = read_distribution_points(points->value);
    return named &&
           std::ranges::any_of(*named, [&](const Bytes& name) { return std::ranges::binary_search(own, name); });
}

std::optional<Revocation> RevocationList::find(ByteView serial) const {
    const auto& entries = state_->entries;
    const auto found = std::ranges::lower_bound(
        entries, serial, [](ByteView a, ByteView b) { return std::ranges::lexicographical_compare(a, b); },
        [this](const State::Entry& entry) { return state_->serial_of(entry); });
    if (found == entries.end() || !equal(state_->serial_of(*found), serial)) return std::nullopt;
    return Revocation{found->since, found->reason};
}

Result<void> RevocationList::verify_signed_by(const PublicKey& issuer_key) const {
    const auto scheme = signature_scheme();
    if (!scheme) return fail::unauthenticated("the revocation list is signed with an unknown algorithm");
    if (too_weak(scheme->digest))
        return fail::unauthenticated("the revocation list is signed with " + name(*scheme) + ", which is too weak");
    if (!issuer_key.verify(*scheme, state_->to_be_signed, state_->signature))
        return fail::unauthenticated("the signature of the revocation list does not hold");
    return {};
}

std::string_view revocation_reason_name(int reason) {
    constexpr std::array<std::string_view, 11> names{"unspecified",        "keyCompromise", "cACompromise",
                                                     "affiliationChanged", "superseded",    "cessationOfOperation",
                                                     "certificateHold",    "unspecified",   "removeFromCRL",
                                                     "privilegeWithdrawn", "aACompromise"};
    return reason >= 0 && reason < static_cast<int>(names.size()) ? names.at(static_cast<std::size_t>(reason))
                                                                  : names.front();
}

std::vector<std::string> revocation_list_urls(const Certificate& certificate) {
    std::vector<std::string> urls;
    const auto* points = find_extension(certificate.extensions(), oid::crl_distribution_points);
    if (points == nullptr) return urls;
    const auto names = read_distribution_points(points->value);
    if (!names) return urls;
    for (const auto& name : *names) {
        const auto value = read_single(name, "name of a distribution point");
        if (!value || value->tag != tag::context(6)) continue;
        const auto text = as_text(value->content);
        if (text.starts_with("http://") || text.starts_with("https://")) urls.emplace_back(text);
    }
    return urls;
}

}  // namespace countersign::crypto
