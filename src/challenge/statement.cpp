// The inner layer: a compact JWS and its claims.
#include "countersign/challenge/signed_format.hpp"
#include "countersign/core/strict_json.hpp"
#include "countersign/core/text.hpp"
#include "countersign/crypto/encoding.hpp"
#include "countersign/crypto/general_name.hpp"
#include "countersign/crypto/name.hpp"
#include "unreadable.hpp"

#include <algorithm>
#include <array>

namespace countersign::challenge {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 4> signature_algorithms{"ES256", "PS256", "EdDSA", "RS256"};
constexpr std::size_t longest_id = 128;  // octets

Result<void> read_header(const std::string& text, SignedStatement& signed_statement) {
    TRY(const json object, parse_object(text));
    const ObjectReader header(object, "header");
    TRY(signed_statement.algorithm, header.text("alg"));
    if (std::ranges::find(signature_algorithms, signed_statement.algorithm) == signature_algorithms.end()) {
        return fail::denied("ChallengeAlgorithmForbidden: signed with " + printable(signed_statement.algorithm, 40));
    }
    CHECK(header.nothing_beyond({"alg", "kid", "typ"}));
    TRY(signed_statement.key_id, header.optional_text("kid"));
    TRY(const auto type, header.text("typ"));
    if (!equals_ignoring_case(type, signed_challenge_type)) {
        return fail::malformed("header.typ is not \"" + std::string(signed_challenge_type) + "\"");
    }
    return boost::system::in_place_value;
}

Result<Time> time_of(const ObjectReader& claims, const char* name) {
    constexpr std::int64_t year_9999 = 253402300799;
    TRY(const std::int64_t seconds, claims.number(name));
    if (seconds > year_9999) return fail::malformed(std::string("claims.") + name + " is beyond the year 9999");
    return from_milliseconds(seconds * 1000);
}

Result<void> read_key(const json& request, crypto::CertificateTerms& terms) {
    if (!request.contains("key")) return boost::system::in_place_value;
    if (!request["key"].is_object()) return fail::malformed("claims.request.key is no object");
    const ObjectReader key(request["key"], "claims.request.key");
    CHECK(key.nothing_beyond({"type", "size"}));
    TRY(const auto type, key.text("type"));
    using crypto::KeyAlgorithm;
    for (const auto algorithm :
         {KeyAlgorithm::rsa, KeyAlgorithm::ec_p256, KeyAlgorithm::ec_p384, KeyAlgorithm::ec_p521}) {
        if (type == crypto::name(algorithm)) terms.key_algorithm = algorithm;
    }
    if (!terms.key_algorithm) return fail::malformed("claims.request.key.type is not RSA, P-256, P-384 or P-521");
    if (!key.has("size")) return boost::system::in_place_value;
    TRY(const std::int64_t size, key.number("size"));
    terms.key_bits = static_cast<unsigned>(std::min<std::int64_t>(size, 1 << 20));
    return boost::system::in_place_value;
}

Result<void> read_usages(const ObjectReader& request, crypto::CertificateTerms& terms) {
    if (request.has("key_usage")) {
        TRY(const auto names, request.texts("key_usage"));
        TRY(terms.key_usage, crypto::key_usage_from_names(names));
    }
    if (!request.has("extended_key_usage")) return boost::system::in_place_value;
    TRY(const auto names, request.texts("extended_key_usage"));
    std::vector<std::string> oids;
    for (const auto& name : names) {
        TRY(auto oid, crypto::extended_key_usage_from_name(name));
        oids.push_back(std::move(oid));
    }
    std::ranges::sort(oids);
    if (std::ranges::adjacent_find(oids) != oids.end()) {
        return fail::malformed("claims.request.extended_key_usage holds a usage twice");
    }
    terms.extended_key_usage = std::move(oids);
    return boost::system::in_place_value;
}

// Subject and names have to be there, even when empty: what is bound is never left to an omission.
Result<void> read_names(const json& object, const ObjectReader& request, Statement& statement) {
    const auto subject = object.find("subject");
    if (subject == object.end() || !subject->is_string()) {
        return fail::malformed("claims.request.subject is no text or missing");
    }
    statement.subject = subject->get<std::string>();
    if (!statement.subject.empty()) {
        const auto name = crypto::Name::from_text(statement.subject);
        if (!name) return fail::malformed("claims.request.subject: " + name.error().detail);
    }
    TRY(const auto sans, request.texts("subject_alt_names"));
    for (const auto& text : sans) {
        const auto name = crypto::general_name_from_text(text);
        if (!name) return fail::malformed("claims.request.subject_alt_names: " + name.error().detail);
        statement.sans.push_back(crypto::to_text(*name));
    }
    return boost::system::in_place_value;
}

Result<void> read_request(const json& object, Statement& statement) {
    const ObjectReader request(object, "claims.request");
    CHECK(request.nothing_beyond({"subject", "subject_alt_names", "key_usage", "extended_key_usage", "key",
                                  "public_key", "template", "validity"}));
    CHECK(read_names(object, request, statement));
    CHECK(read_usages(request, statement.terms));
    CHECK(read_key(object, statement.terms));
    TRY(statement.template_name, request.optional_text("template"));
    TRY(statement.terms.public_key, request.optional_text("public_key"));
    if (!statement.terms.public_key.empty()) {
        const auto octets = from_hex(statement.terms.public_key);
        if (!octets || octets->size() != 32 || lower_hex(*octets) != statement.terms.public_key) {
            return fail::malformed("claims.request.public_key is not SHA-256 in 64 lower-case hexadecimal digits");
        }
    }
    if (!request.has("validity")) return boost::system::in_place_value;
    TRY(const std::int64_t validity, request.number("validity"));
    if (validity == 0 || validity > 100LL * 366 * 86400) {
        return fail::malformed("claims.request.validity is not between a second and a hundred years");
    }
    statement.terms.validity = std::chrono::seconds(validity);
    return boost::system::in_place_value;
}

Result<Statement> read_claims(const json& object) {
    const ObjectReader claims(object, "claims");
    CHECK(claims.nothing_beyond({"iss", "aud", "jti", "iat", "nbf", "exp", "device", "request"}));
    Statement statement;
    TRY(statement.issuer, claims.text("iss"));
    TRY(statement.audience, claims.text("aud"));
    TRY(statement.id, claims.text("jti"));
    if (statement.id.size() > longest_id) return fail::malformed("claims.jti is longer than 128 octets");
    TRY(statement.issued_at, time_of(claims, "iat"));
    TRY(statement.expires, time_of(claims, "exp"));
    statement.not_before = statement.issued_at;
    if (claims.has("nbf")) {
        TRY(statement.not_before, time_of(claims, "nbf"));
    }
    TRY(statement.device, claims.optional_text("device"));
    const auto request = object.find("request");
    if (request == object.end() || !request->is_object()) return fail::malformed("claims.request is missing");
    CHECK(read_request(*request, statement));
    return statement;
}

}  // namespace

Result<Statement> read_statement(std::string_view text) {
    const auto object = parse_object(text);
    if (!object) return fail::denied("ChallengeDecodingError: claims: " + object.error().detail);
    auto statement = read_claims(*object);
    if (!statement) return fail::denied("ChallengeDecodingError: " + statement.error().detail);
    return statement;
}

Result<SignedStatement> read_signed(std::string_view jws) {
    const auto parts = split(jws, '.');
    if (parts.size() != 3) return unreadable("what was encrypted is no compact JWS");
    const auto header = crypto::from_base64url(parts[0]);
    const auto payload = crypto::from_base64url(parts[1]);
    auto signature = crypto::from_base64url(parts[2]);
    if (!header || !payload || !signature) return unreadable("a part of the JWS is not base64url");
    SignedStatement result;
    if (auto read = read_header(std::string(as_text(*header)), result); !read) {
        return read.error().kind == ErrorKind::denied ? read.error() : unreadable(read.error().detail);
    }
    result.signing_input = parts[0] + "." + parts[1];
    result.signature = *std::move(signature);
    TRY(result.statement, read_statement(as_text(*payload)));
    return result;
}

}  // namespace countersign::challenge
