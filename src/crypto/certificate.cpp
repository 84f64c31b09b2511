#include "countersign/crypto/certificate.hpp"

#include "countersign/crypto/encoding.hpp"
#include "der.hpp"
#include "known_extensions.hpp"
#include "signature_algorithm.hpp"

#include <mutex>

namespace countersign::crypto {
namespace {

constexpr std::size_t longest_certificate = 64 * 1024;  // octets
constexpr std::size_t longest_serial = 64;              // octets; RFC 5280 says 20, old devices write more
constexpr std::string_view pem_label = "CERTIFICATE";

}  // namespace

struct Certificate::State {
    Bytes der;
    ByteView to_be_signed;  // inside der; likewise the serial and the signature
    ByteView serial;
    ByteView signature;
    Bytes signature_algorithm;
    Name issuer;
    Name subject;
    Time not_before{};
    Time not_after{};
    std::optional<PublicKey> public_key;  // there once parsed
    std::vector<Extension> extensions;
    KnownExtensions known;

    // Nothing above changes once parsed, so a proof stays one.
    bool proven_under(const PublicKey& issuer_key) const;
    void remember_proof(const PublicKey& issuer_key) const;

    Result<void> parse();
    Result<void> read_to_be_signed(ByteView content);
    Result<void> read_validity(DerReader& fields);
    Result<void> read_optional_fields(DerReader& fields, std::uint32_t version);

private:
    mutable std::mutex proof_mutex;
    mutable std::optional<PublicKey> proven_issuer_key;
};

bool Certificate::State::proven_under(const PublicKey& issuer_key) const {
    const std::lock_guard lock(proof_mutex);
    return proven_issuer_key && *proven_issuer_key == issuer_key;
}

void Certificate::State::remember_proof(const PublicKey& issuer_key) const {
    const std::lock_guard lock(proof_mutex);
    proven_issuer_key = issuer_key;
}

Result<void> Certificate::State::parse() {
    CHECK(check_der(der, "certificate"));
    TRY(DerReader outer, enter_single(der, tag::sequence, "certificate"));
    TRY(const Tlv signed_part, outer.expect(tag::sequence, "certificate content"));
    TRY(const Tlv algorithm, outer.expect(tag::sequence, "signature algorithm"));
    TRY(signature, outer.bit_string("signature"));
    CHECK(outer.finish("certificate"));
    to_be_signed = signed_part.whole;
    signature_algorithm = to_bytes(algorithm.whole);
    return read_to_be_signed(signed_part.content);
}

Result<void> Certificate::State::read_to_be_signed(ByteView content) {
    DerReader fields(content);
    std::uint32_t version = 0;
    if (fields.next_is(tag::context_constructed(0))) {
        TRY(DerReader inside, fields.enter(tag::context_constructed(0), "certificate version"));
        TRY(version, inside.small_integer("certificate version"));
        CHECK(inside.finish("certificate version"));
    }
    if (version > 2) return fail::malformed("certificate: an unknown version");
    TRY(serial, fields.integer("serial number"));
    if (serial.size() > longest_serial) return fail::malformed("certificate: a serial number too long");
    TRY(const Tlv algorithm, fields.expect(tag::sequence, "signature algorithm"));
    // RFC 5280 4.1.1.2: what is signed names the algorithm too, so that nobody can swap it.
    if (!equal(algorithm.whole, signature_algorithm)) return fail::malformed("certificate: two signature algorithms");
    TRY(const Tlv issuer_name, fields.next("issuer"));
    TRY(issuer, Name::from_der(issuer_name.whole));
    CHECK(read_validity(fields));
    TRY(const Tlv subject_name, fields.next("subject"));
    TRY(subject, Name::from_der(subject_name.whole));
    TRY(const Tlv key, fields.next("public key"));
    TRY(public_key, PublicKey::from_spki(key.whole));
    return read_optional_fields(fields, version);
}

Result<void> Certificate::State::read_validity(DerReader& fields) {
    TRY(DerReader validity, fields.enter(tag::sequence, "validity"));
    TRY(not_before, validity.time("notBefore"));
    TRY(not_after, validity.time("notAfter"));
    return validity.finish("validity");
}

Result<void> Certificate::State::read_optional_fields(DerReader& fields, std::uint32_t version) {
    for (const unsigned unique_identifier : {1U, 2U}) {
        TRY(const auto present, fields.take_if(tag::context(unique_identifier), "unique identifier"));
        if (present && version == 0) return fail::malformed("certificate: a unique identifier in version 1");
    }
    if (fields.next_is(tag::context_constructed(3))) {
        if (version != 2) return fail::malformed("certificate: extensions before version 3");
        TRY(DerReader wrapped, fields.enter(tag::context_constructed(3), "extensions"));
        TRY(const Tlv list, wrapped.next("extensions"));
        CHECK(wrapped.finish("extensions"));
        TRY(extensions, parse_extensions(list.whole));
        TRY(known, read_known_extensions(extensions));
    }
    return fields.finish("certificate content");
}

Result<Certificate> Certificate::from_der(ByteView der) {
    if (der.size() > longest_certificate) return fail::malformed("certificate: too large");
    const auto state = std::make_shared<State>();
    state->der = to_bytes(der);
    CHECK(state->parse());
    return Certificate(state);
}

Result<Certificate> Certificate::from_pem(std::string_view text) {
    TRY(const auto blocks, crypto::from_pem(text, pem_label));
    return from_der(blocks.front());
}

Result<std::vector<Certificate>> Certificate::all_from_pem(std::string_view text) {
    TRY(const auto blocks, crypto::from_pem(text, pem_label));
    std::vector<Certificate> certificates;
    for (const Bytes& block : blocks) {
        TRY(Certificate certificate, from_der(block));
        certificates.push_back(std::move(certificate));
    }
    return certificates;
}

ByteView Certificate::der() const {
    return state_->der;
}
std::string Certificate::pem() const {
    return to_pem(pem_label, state_->der);
}
const Name& Certificate::subject() const {
    return state_->subject;
}
const Name& Certificate::issuer() const {
    return state_->issuer;
}
ByteView Certificate::serial() const {
    return state_->serial;
}
Time Certificate::not_before() const {
    return state_->not_before;
}
Time Certificate::not_after() const {
    return state_->not_after;
}
const PublicKey& Certificate::public_key() const {
    return *state_->public_key;
}
const std::vector<Extension>& Certificate::extensions() const {
    return state_->extensions;
}
std::optional<KeyUsage> Certificate::key_usage() const {
    return state_->known.key_usage;
}
std::vector<std::string> Certificate::extended_key_usage() const {
    return state_->known.extended_key_usage;
}
BasicConstraints Certificate::basic_constraints() const {
    return state_->known.basic_constraints;
}
std::vector<GeneralName> Certificate::subject_alt_names() const {
    return state_->known.subject_alt_names;
}
std::optional<Bytes> Certificate::subject_key_identifier() const {
    return state_->known.subject_key_identifier;
}
std::string Certificate::fingerprint_sha256() const {
    return sha256_hex(state_->der);
}

std::string Certificate::serial_hex() const {
    const ByteView serial = state_->serial;
    return lower_hex(serial.size() > 1 && serial[0] == 0 ? serial.subspan(1) : serial);
}

std::optional<SignatureScheme> Certificate::signature_scheme() const {
    return signature_scheme_from(state_->signature_algorithm);
}

Result<void> Certificate::verify_signed_by(const PublicKey& issuer_key) const {
    if (state_->proven_under(issuer_key)) return boost::system::in_place_value;
    const auto scheme = signature_scheme();
    if (!scheme) return fail::unauthenticated("certificate: an unknown signature algorithm");
    CHECK(issuer_key.verify(*scheme, state_->to_be_signed, state_->signature));
    state_->remember_proof(issuer_key);
    return boost::system::in_place_value;
}

}  // namespace countersign::crypto
