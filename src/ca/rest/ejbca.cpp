// EJBCA's REST interface: /ejbca/ejbca-rest-api, as its OpenAPI description has it.
#include "countersign/core/text.hpp"
#include "countersign/crypto/encoding.hpp"
#include "http_answers.hpp"
#include "json_service.hpp"

#include <algorithm>
#include <array>

namespace countersign::ca {
namespace {

using rest::Json;

constexpr std::string_view who = "EJBCA";
constexpr auto certificates = "/ejbca/ejbca-rest-api/v1/certificate";
constexpr std::string_view mark = "ejbca1";

// CRLReason by EJBCA's names.
constexpr std::array<std::string_view, 11> reasons{"UNSPECIFIED",          "KEY_COMPROMISE", "CA_COMPROMISE",
                                                   "AFFILIATION_CHANGED",  "SUPERSEDED",     "CESSATION_OF_OPERATION",
                                                   "CERTIFICATE_HOLD",     "UNSPECIFIED",    "REMOVE_FROM_CRL",
                                                   "PRIVILEGES_WITHDRAWN", "AA_COMPROMISE"};

// Each attempt is an end entity of its own, so that its certificate can be found again.
std::string user_of(const std::string& key) {
    return "countersign-" + key;
}

// Base64 of DER, or of PEM, as EJBCA encodes certificates in JSON.
Result<Outcome> issued_in(const Json& entry) {
    auto octets = crypto::from_base64(rest::text_at(entry, {"certificate"}));
    if (!octets || octets->empty()) return fail::outcome_unknown("EJBCA says issued but gives no certificate");
    if (octets->front() == '-') return rest::issued_pem(std::string(as_text(*octets)));
    auto certificate = crypto::Certificate::from_der(*octets);
    // Newer versions encode once more.
    if (!certificate) {
        const auto inner = crypto::from_base64(as_text(*octets));
        if (inner) certificate = crypto::Certificate::from_der(*inner);
    }
    if (!certificate) return fail::outcome_unknown("issued, but: " + certificate.error().detail);
    return Outcome(Issued{*std::move(certificate)});
}

// The number of the approval request in "...request with ID 1234...".
std::string approval_in(const std::string& words) {
    const auto begin = std::ranges::find_if(words, [](char c) { return c >= '0' && c <= '9'; });
    const auto end = std::find_if(begin, words.end(), [](char c) { return c < '0' || c > '9'; });
    return {begin, end};
}

Result<Outcome> outcome_of(const rest::Answer& answer, const std::string& password) {
    if (answer.status == 202) {
        const auto number = approval_in(rest::words_of(answer));
        if (number.empty() || number.size() > 12)
            return fail::outcome_unknown("EJBCA waits for approval and does not say of what: " + described(answer));
        return Outcome(Pending{join({std::string(mark), number, password}, ":")});
    }
    if (answer.good()) return issued_in(answer.body);
    // 404 with words of EJBCA's own: a name in the configuration means nothing there. Without: no such interface.
    if (answer.status == 400 || answer.status == 422)
        return Outcome(Rejected{std::string(who) + " says: " + described(answer)});
    return undecided(answer, who);
}

}  // namespace

EjbcaCa::EjbcaCa(EjbcaOptions options, std::shared_ptr<net::HttpClient> http, Random& random, const Clock& clock)
    : RestCa(options.rest, std::move(http)), ejbca_(std::move(options)), random_(random), clock_(clock) {}

Result<Outcome> EjbcaCa::submit(const CountersignedRequest& request, const std::string& idempotency_key) {
    const auto password = lower_hex(random_.bytes(16));
    const Json body{{"certificate_request", crypto::to_pem("CERTIFICATE REQUEST", request.request().der())},
                    {"certificate_profile_name", template_of(request)},
                    {"end_entity_profile_name", ejbca_.end_entity_profile},
                    {"certificate_authority_name", ejbca_.authority},
                    {"username", user_of(idempotency_key)},
                    {"password", password},
                    {"include_chain", false}};
    const auto answer = rest::ask(*http_, {"POST", options_.url + certificates + "/pkcs10enroll", body, {}});
    return answer ? outcome_of(*answer, password) : Result<Outcome>(answer.error());
}

Result<Outcome> EjbcaCa::poll(const std::string& handle) {
    if (auto found = found_by_people(handle)) return *std::move(found);
    const auto parts = split(handle, ':');
    const bool ours = parts.size() == 3 && parts[0] == mark && !parts[1].empty() && approval_in(parts[1]) == parts[1];
    if (!ours) return fail::not_found("no request of EJBCA: " + printable(handle));
    const Json body{{"response_format", "DER"}, {"password", parts[2]}};
    TRY(const auto answer,
        rest::ask(*http_, {"POST", options_.url + certificates + "/" + parts[1] + "/finalize", body, {}}));
    if (answer.status == 202) return Outcome(Pending{handle});
    return outcome_of(answer, parts[2]);
}

Result<std::optional<Outcome>> EjbcaCa::reconcile(const std::string& idempotency_key, Time asked) {
    const auto user = user_of(idempotency_key);
    const Json body{{"max_number_of_results", 10},
                    {"criteria", Json::array({{{"property", "QUERY"}, {"value", user}, {"operation", "EQUAL"}}})}};
    TRY(const auto answer, rest::ask(*http_, {"POST", options_.url + certificates + "/search", body, {}}));
    const bool told = answer.good() && answer.body.is_object() && answer.body.contains("certificates") &&
                      answer.body.at("certificates").is_array();
    if (!told) {
        return fail::outcome_unknown("EJBCA could not be asked for end entity " + user + ": " + described(answer) +
                                     "; see `countersign request resolve`");
    }
    if (!answer.body.at("certificates").empty()) {
        TRY(auto outcome, issued_in(answer.body.at("certificates").front()));
        return std::optional<Outcome>(std::move(outcome));
    }
    if (clock_.now() < asked + ejbca_.settling) return fail::outcome_unknown("EJBCA may still be at it");
    return std::optional<Outcome>();
}

Result<void> EjbcaCa::probe() {
    const auto answer = rest::ask(*http_, {"GET", options_.url + "/ejbca/ejbca-rest-api/v1/ca", std::nullopt, {}});
    if (!answer) return fail::unavailable(answer.error().detail);
    if (!answer->good()) return fail::unavailable(undecided(*answer, who).detail);
    const auto& body = answer->body;
    if (body.is_object() && body.contains("certificate_authorities") && body.at("certificate_authorities").is_array()) {
        for (const auto& one : body.at("certificate_authorities")) {
            if (rest::text_at(one, {"name"}) == ejbca_.authority) return {};
        }
    }
    return fail::unavailable("EJBCA shows us no CA " + printable(ejbca_.authority) + ": see ca.NAME.ejbca.authority");
}

Result<void> EjbcaCa::revoke(const std::string& serial_hex, int reason, Time) {
    const auto number = static_cast<std::size_t>(reason);
    const auto name = number < reasons.size() ? reasons.at(number) : reasons.front();
    const auto url = options_.url + certificates + "/" + rest::escaped(options_.chain.front().subject().text()) + "/" +
                     rest::escaped(to_upper(serial_hex)) + "/revoke?reason=" + std::string(name);
    TRY(const auto answer, rest::ask(*http_, {"PUT", url, std::nullopt, {}}));
    if (answer.good()) return {};
    if (answer.status == 409) return fail::conflict(described(answer));
    if (answer.status == 404) return fail::not_found(described(answer));
    if (answer.status == 400 || answer.status == 422) return fail::denied(described(answer));
    return undecided(answer, who);
}

}  // namespace countersign::ca
