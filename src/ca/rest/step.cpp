// step-ca (Smallstep) by its API: /1.0/sign and /1.0/revoke with one-time tokens of a JWK provisioner.
#include "countersign/core/text.hpp"
#include "countersign/crypto/encoding.hpp"
#include "countersign/crypto/public_key_parts.hpp"
#include "http_answers.hpp"
#include "json_service.hpp"

#include <algorithm>

namespace countersign::ca {
namespace {

using rest::Json;

constexpr std::string_view who = "step-ca";
constexpr std::chrono::minutes token_life{5};

std::string encoded(const Json& json) {
    return crypto::base64url(as_bytes(json.dump(-1, ' ', false, Json::error_handler_t::replace)));
}

// RFC 7638: the required members of the JWK in alphabetical order.
Result<std::string> thumbprint(const crypto::PublicKey& key) {
    Json jwk;
    if (key.is_rsa()) {
        jwk = {
            {"e", crypto::base64url(key.rsa_exponent())}, {"kty", "RSA"}, {"n", crypto::base64url(key.rsa_modulus())}};
    } else {
        TRY(const auto point, crypto::point_of(key));
        jwk = {{"crv", crypto::name(key.algorithm())},
               {"kty", "EC"},
               {"x", crypto::base64url(point.x)},
               {"y", crypto::base64url(point.y)}};
    }
    return crypto::base64url(crypto::sha256(as_bytes(jwk.dump())));
}

// Big numbers in decimal, as step-ca wants serial numbers.
std::string decimal(ByteView magnitude) {
    std::string digits;  // least significant first
    for (const auto octet : magnitude) {
        unsigned carry = octet;
        for (char& digit : digits) {
            carry += static_cast<unsigned>(digit - '0') * 256U;
            digit = static_cast<char>('0' + carry % 10);
            carry /= 10;
        }
        for (; carry != 0; carry /= 10) digits += static_cast<char>('0' + carry % 10);
    }
    std::ranges::reverse(digits);
    return digits.empty() ? "0" : digits;
}

// What step-ca compares with the names in the request.
std::vector<std::string> names_in(const crypto::CertificateContent& plan) {
    std::vector<std::string> names;
    for (const auto& name : plan.subject_alt_names) names.push_back(name.value);
    return names;
}

}  // namespace

StepCa::StepCa(StepOptions options, std::shared_ptr<net::HttpClient> http, Random& random, const Clock& clock)
    : RestCa(options.rest, std::move(http)), step_(std::move(options)), random_(random), clock_(clock) {}

Result<std::string> StepCa::token(const std::string& operation, const std::string& subject,
                                  const std::vector<std::string>& names, const std::string& id) const {
    const auto& key = step_.key->public_key();
    std::string key_id = step_.key_id;
    if (key_id.empty()) {
        TRY(key_id, thumbprint(key));
    }
    const auto now = std::chrono::floor<std::chrono::seconds>(clock_.now());
    const auto seconds = now.time_since_epoch().count();
    const Json header{{"alg", key.is_rsa() ? "RS256" : "ES256"}, {"kid", key_id}, {"typ", "JWT"}};
    Json claims{{"aud", options_.url + operation},
                {"exp", seconds + std::chrono::seconds(token_life).count()},
                {"iat", seconds},
                {"iss", step_.provisioner},
                {"jti", id},
                {"nbf", seconds},
                {"sub", subject}};
    if (!names.empty()) claims["sans"] = names;
    const auto text = encoded(header) + "." + encoded(claims);
    auto signature = step_.key->sign(key.scheme_with(crypto::DigestAlgorithm::sha256), as_bytes(text));
    if (signature && !key.is_rsa()) signature = crypto::ecdsa_from_der(key, *signature);
    if (!signature) return fail::unavailable("signing the one-time token: " + signature.error().detail);
    return text + "." + crypto::base64url(*signature);
}

Result<Outcome> StepCa::submit(const CountersignedRequest& request, const std::string& idempotency_key) {
    const auto common_names = request.plan().subject.values_of("2.5.4.3");
    TRY(const auto ticket, token("/1.0/sign", common_names.empty() ? "" : common_names.front(),
                                 names_in(request.plan()), idempotency_key));
    const auto date = [](Time time) {
        return to_rfc3339(std::chrono::floor<std::chrono::seconds>(time)).substr(0, 19) + "Z";
    };
    const Json body{{"csr", crypto::to_pem("CERTIFICATE REQUEST", request.request().der())},
                    {"ott", ticket},
                    {"notBefore", date(request.plan().not_before)},
                    {"notAfter", date(request.plan().not_after)}};
    TRY(const auto answer, rest::ask(*http_, {"POST", options_.url + "/1.0/sign", body, {}}));
    if (answer.good()) return rest::issued_pem(rest::text_at(answer.body, {"crt"}));
    // 403: a name, a key or a validity that it does not allow.
    if (answer.status == 400 || answer.status == 403) return Outcome(Rejected{"step-ca says: " + described(answer)});
    return undecided(answer, who);
}

Result<Outcome> StepCa::poll(const std::string& handle) {
    if (auto found = found_by_people(handle)) return *std::move(found);
    return fail::not_found("step-ca holds no requests: " + printable(handle));
}

Result<std::optional<Outcome>> StepCa::reconcile(const std::string&, Time) {
    return left_to_people(who, "it in step-ca's log and database, by time and subject");
}

Result<void> StepCa::probe() {
    const auto health = rest::ask(*http_, {"GET", options_.url + "/health", std::nullopt, {}});
    if (!health) return fail::unavailable(health.error().detail);
    if (rest::text_at(health->body, {"status"}) != "ok")
        return fail::unavailable("step-ca is not well: " + described(*health));
    const auto roots = rest::ask(*http_, {"GET", options_.url + "/roots", std::nullopt, {}});
    if (!roots) return fail::unavailable(roots.error().detail);
    if (roots->body.is_object() && roots->body.contains("crts") && roots->body.at("crts").is_array()) {
        for (const auto& pem : roots->body.at("crts")) {
            const auto root = crypto::Certificate::from_pem(pem.is_string() ? pem.get<std::string>() : std::string());
            if (root && *root == options_.chain.back()) return {};
        }
    }
    return fail::unavailable("the configured root " + options_.chain.back().subject().text() +
                             " is none of step-ca's: see ca.NAME.certificate and ca.NAME.chain");
}

Result<void> StepCa::revoke(const std::string& serial_hex, int reason, Time) {
    TRY(const auto magnitude, from_hex(serial_hex));
    const auto serial = decimal(magnitude);
    TRY(const auto ticket, token("/1.0/revoke", serial, {}, lower_hex(random_.bytes(16))));
    const Json body{{"serial", serial},
                    {"ott", ticket},
                    {"reasonCode", reason},
                    {"reason", "revoked by the RA"},
                    {"passive", true}};
    TRY(const auto answer, rest::ask(*http_, {"POST", options_.url + "/1.0/revoke", body, {}}));
    if (answer.good()) return {};
    const auto words = rest::words_of(answer);
    if (words.find("already revoked") != std::string::npos) return fail::conflict(described(answer));
    if (answer.status == 404) return fail::not_found(described(answer));
    if (answer.status == 400 || answer.status == 403) return fail::denied(described(answer));
    return undecided(answer, who);
}

}  // namespace countersign::ca
