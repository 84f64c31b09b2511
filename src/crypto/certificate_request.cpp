#include "countersign/crypto/certificate_request.hpp"

#include "countersign/crypto/encoding.hpp"
#include "countersign/crypto/oid.hpp"
#include "der.hpp"
#include "known_extensions.hpp"
#include "signature_algorithm.hpp"

#include <algorithm>
#include <atomic>

namespace countersign::crypto {
namespace {

constexpr std::size_t longest_request = 64 * 1024;  // octets
constexpr std::size_t most_attributes = 32;
constexpr std::size_t most_values = 64;

struct RequestAttribute {
    std::string oid;
    std::vector<Tlv> values;
};

Result<RequestAttribute> read_attribute(DerReader& list) {
    RequestAttribute attribute;
    TRY(DerReader fields, list.enter(tag::sequence, "request attribute"));
    TRY(attribute.oid, fields.oid("request attribute type"));
    TRY(DerReader values, fields.enter(tag::set, "request attribute values"));
    CHECK(fields.finish("request attribute"));
    while (!values.at_end()) {
        if (attribute.values.size() == most_values) return fail::malformed("request attribute: too many values");
        TRY(const Tlv value, values.next("request attribute value"));
        attribute.values.push_back(value);
    }
    return attribute;
}

}  // namespace

struct CertificateRequest::State {
    Bytes der;
    ByteView to_be_signed;  // inside der; likewise the rest of the views
    ByteView signature;
    ByteView signature_algorithm;
    Name subject;
    std::optional<PublicKey> public_key;  // there once parsed
    std::vector<std::string> attribute_types;
    std::optional<Tlv> challenge_password;
    std::vector<Extension> extensions;
    std::optional<KeyUsage> key_usage;
    mutable std::atomic<bool> proven{false};  // nothing above changes once parsed, so a proof stays one

    State() = default;
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() { wipe_memory(der.data(), der.size()); }  // it holds the challenge password

    Result<void> parse();
    Result<void> read_attributes(DerReader list);
    Result<void> accept(const RequestAttribute& attribute);
    Result<void> accept_extensions(const RequestAttribute& attribute);
};

Result<void> CertificateRequest::State::parse() {
    CHECK(check_der(der, "certificate request"));
    TRY(DerReader outer, enter_single(der, tag::sequence, "certificate request"));
    TRY(const Tlv signed_part, outer.expect(tag::sequence, "request content"));
    TRY(const Tlv algorithm, outer.expect(tag::sequence, "signature algorithm"));
    TRY(signature, outer.bit_string("signature"));
    CHECK(outer.finish("certificate request"));
    to_be_signed = signed_part.whole;
    signature_algorithm = algorithm.whole;

    DerReader fields(signed_part.content);
    TRY(const std::uint32_t version, fields.small_integer("request version"));
    if (version != 0) return fail::malformed("certificate request: an unknown version");
    TRY(const Tlv name, fields.next("subject"));
    TRY(subject, Name::from_der(name.whole));
    TRY(const Tlv key, fields.next("public key"));
    TRY(public_key, PublicKey::from_spki(key.whole));
    // Some old clients leave the empty set of attributes out altogether.
    TRY(const auto attributes, fields.take_if(tag::context_constructed(0), "request attributes"));
    CHECK(fields.finish("request content"));
    if (attributes) CHECK(read_attributes(DerReader(attributes->content)));
    return boost::system::in_place_value;
}

Result<void> CertificateRequest::State::read_attributes(DerReader list) {
    while (!list.at_end()) {
        if (attribute_types.size() == most_attributes)
            return fail::malformed("certificate request: too many attributes");
        TRY(const RequestAttribute attribute, read_attribute(list));
        if (std::ranges::find(attribute_types, attribute.oid) != attribute_types.end()) {
            return fail::malformed("certificate request: attribute " + attribute.oid + " twice");
        }
        CHECK(accept(attribute));
        attribute_types.push_back(attribute.oid);
    }
    if (const Extension* usage = find_extension(extensions, oid::key_usage)) {
        TRY(key_usage, parse_key_usage(usage->value));
    }
    return boost::system::in_place_value;
}

Result<void> CertificateRequest::State::accept(const RequestAttribute& attribute) {
    if (attribute.oid == oid::challenge_password) {
        if (attribute.values.size() != 1)
            return fail::malformed("certificate request: not exactly one challenge password");
        auto text = string_to_utf8(attribute.values[0]);
        if (!text) return fail::malformed("certificate request: a challenge password that is no text");
        wipe_memory(text->data(), text->size());
        challenge_password = attribute.values[0];
    }
    const bool asks_extensions = attribute.oid == oid::extension_request || attribute.oid == oid::ms_extension_request;
    return asks_extensions ? accept_extensions(attribute) : Result<void>();
}

Result<void> CertificateRequest::State::accept_extensions(const RequestAttribute& attribute) {
    const std::string_view twin =
        attribute.oid == oid::extension_request ? oid::ms_extension_request : oid::extension_request;
    // Which of two a CA would read is anybody's guess.
    if (std::ranges::find(attribute_types, twin) != attribute_types.end()) {
        return fail::malformed("certificate request: two extension requests");
    }
    if (attribute.values.size() != 1) return fail::malformed("certificate request: not exactly one extension request");
    TRY(extensions, parse_extensions(attribute.values[0].whole));
    return boost::system::in_place_value;
}

Result<CertificateRequest> CertificateRequest::from_der(ByteView der) {
    if (der.size() > longest_request) return fail::malformed("certificate request: too large");
    const auto state = std::make_shared<State>();
    state->der = to_bytes(der);
    CHECK(state->parse());
    return CertificateRequest(state);
}

Result<CertificateRequest> CertificateRequest::from_pem(std::string_view text) {
    auto blocks = crypto::from_pem(text, "CERTIFICATE REQUEST");
    if (!blocks && blocks.error().kind == ErrorKind::not_found) {
        blocks = crypto::from_pem(text, "NEW CERTIFICATE REQUEST");  // as Windows writes it
    }
    if (!blocks) return std::move(blocks).error();
    return from_der(blocks->front());
}

ByteView CertificateRequest::der() const {
    return state_->der;
}
const Name& CertificateRequest::subject() const {
    return state_->subject;
}
const PublicKey& CertificateRequest::public_key() const {
    return *state_->public_key;
}
const std::vector<Extension>& CertificateRequest::extensions() const {
    return state_->extensions;
}
const std::vector<std::string>& CertificateRequest::attribute_types() const {
    return state_->attribute_types;
}
std::optional<KeyUsage> CertificateRequest::key_usage() const {
    return state_->key_usage;
}

Result<Bytes> CertificateRequest::der_without_challenge() const {
    if (!state_->challenge_password) return to_bytes(state_->der);
    TRY(DerReader fields, enter_single(state_->to_be_signed, tag::sequence, "request content"));
    std::vector<ByteView> kept;
    for (const char* field : {"request version", "subject", "public key"}) {
        TRY(const Tlv value, fields.next(field));
        kept.push_back(value.whole);
    }
    TRY(DerReader attributes, fields.enter(tag::context_constructed(0), "request attributes"));
    std::vector<ByteView> kept_attributes;
    while (!attributes.at_end()) {
        TRY(const Tlv attribute, attributes.expect(tag::sequence, "request attribute"));
        DerReader inside(attribute.content);
        TRY(const std::string type, inside.oid("request attribute type"));
        if (type != oid::challenge_password) kept_attributes.push_back(attribute.whole);
    }
    DerWriter writer;
    writer.nest(tag::sequence, [&](DerWriter& request) {
        request.nest(tag::sequence, [&](DerWriter& content) {
            for (const auto field : kept) content.raw(field);
            content.nest(tag::context_constructed(0), [&](DerWriter& list) {
                for (const auto attribute : kept_attributes) list.raw(attribute);
            });
        });
        request.raw(state_->signature_algorithm).bit_string(state_->signature);
    });
    return writer.take();
}

std::optional<Secret> CertificateRequest::challenge_password() const {
    if (!state_->challenge_password) return std::nullopt;
    auto text = string_to_utf8(*state_->challenge_password);
    if (!text) return std::nullopt;
    Secret secret{std::string_view(*text)};
    wipe_memory(text->data(), text->size());
    return secret;
}

Result<std::vector<GeneralName>> CertificateRequest::subject_alt_names() const {
    const Extension* extension = find_extension(state_->extensions, oid::subject_alt_name);
    if (extension == nullptr) return std::vector<GeneralName>{};
    return parse_general_names(extension->value);
}

Result<std::vector<std::string>> CertificateRequest::extended_key_usage() const {
    const Extension* extension = find_extension(state_->extensions, oid::extended_key_usage);
    if (extension == nullptr) return std::vector<std::string>{};
    return parse_extended_key_usage(extension->value);
}

std::optional<SignatureScheme> CertificateRequest::signature_scheme() const {
    return signature_scheme_from(state_->signature_algorithm);
}

Result<void> CertificateRequest::verify_self_signature() const {
    if (state_->proven) return boost::system::in_place_value;
    const auto scheme = signature_scheme();
    if (!scheme) return fail::unauthenticated("certificate request: an unknown signature algorithm");
    CHECK(public_key().verify(*scheme, state_->to_be_signed, state_->signature));
    state_->proven = true;
    return boost::system::in_place_value;
}

}  // namespace countersign::crypto
