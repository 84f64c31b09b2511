// The PKI secrets engine of HashiCorp Vault and OpenBao, by its API documentation (/v1/pki).
#include "countersign/core/text.hpp"
#include "countersign/crypto/encoding.hpp"
#include "countersign/crypto/oid.hpp"
#include "http_answers.hpp"
#include "json_service.hpp"

#include <algorithm>

namespace countersign::ca {
namespace {

using rest::Json;

constexpr std::string_view who = "Vault";

// How Vault writes serial numbers: octets with colons.
std::string colons(const std::string& hex) {
    std::string text;
    const std::string even = hex.size() % 2 == 0 ? hex : "0" + hex;
    for (std::size_t at = 0; at < even.size(); at += 2) text += (at == 0 ? "" : ":") + even.substr(at, 2);
    return text;
}

// The names policy approved, by the parameters they belong to; the role says whether they or the request's count.
Json sign_parameters(const crypto::CertificateContent& plan) {
    std::map<std::string, std::string> names;
    const auto add = [&names](const char* parameter, const std::string& value) {
        auto& list = names[parameter];
        list += (list.empty() ? "" : ",") + value;
    };
    for (const auto& name : plan.subject_alt_names) {
        const auto type = name.is_upn() ? std::string_view("upn") : crypto::name(name.type);
        if (type == "upn") add("other_sans", join({std::string(oid::ms_upn), "UTF8:" + name.value}, ";"));
        if (type == "dns" || type == "email") add("alt_names", name.value);
        if (type == "ip") add("ip_sans", name.value);
        if (type == "uri") add("uri_sans", name.value);
    }
    Json body = Json::object();
    const auto common_names = plan.subject.values_of("2.5.4.3");
    if (!common_names.empty()) body["common_name"] = common_names.front();
    for (const auto& [parameter, list] : names) body[parameter] = list;
    body["exclude_cn_from_sans"] = true;
    body["not_after"] = to_rfc3339(std::chrono::floor<std::chrono::seconds>(plan.not_after)).substr(0, 19) + "Z";
    body["format"] = "pem";
    return body;
}

// Who we are is in a header, which nobody logs.
Result<rest::Answer> ask_as_us(const VaultOptions& vault, net::HttpClient& http, rest::Question question) {
    auto token = vault.token();
    if (!token) return fail::unavailable("the token: " + token.error().detail);
    question.headers.emplace_back("X-Vault-Token", std::string(token->reveal_text()));
    question.headers.emplace_back("X-Vault-Request", "true");
    if (!vault.namespace_path.empty()) question.headers.emplace_back("X-Vault-Namespace", vault.namespace_path);
    return rest::ask(http, question);
}

std::string url_of(const VaultOptions& vault, const std::string& path) {
    return vault.rest.url + "/v1/" + vault.mount + "/" + path;
}

bool hexadecimal_with_colons(std::string_view text) {
    return !text.empty() && text.size() <= 120 && std::ranges::all_of(text, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':';
    });
}

// 412, 472, 473: a node that does not serve now. Nothing happened there.
Error no_decision(const rest::Answer& answer) {
    if (answer.status == 412 || answer.status == 472 || answer.status == 473)
        return fail::unavailable("Vault does not serve now: " + described(answer));
    return undecided(answer, who);
}

}  // namespace

VaultCa::VaultCa(VaultOptions options, std::shared_ptr<net::HttpClient> http)
    : RestCa(options.rest, std::move(http)), vault_(std::move(options)) {}

Result<Outcome> VaultCa::submit(const CountersignedRequest& request, const std::string&) {
    auto body = sign_parameters(request.plan());
    body["csr"] = crypto::to_pem("CERTIFICATE REQUEST", request.request().der());
    TRY(const auto answer,
        ask_as_us(vault_, *http_, {"POST", url_of(vault_, "sign/" + rest::escaped(template_of(request))), body, {}}));
    if (answer.good()) return rest::issued_pem(rest::text_at(answer.body, {"data", "certificate"}));
    if (answer.status == 400) return Outcome(Rejected{"Vault says: " + described(answer)});
    return no_decision(answer);
}

Result<Outcome> VaultCa::poll(const std::string& handle) {
    if (auto found = found_by_people(handle)) return *std::move(found);
    constexpr std::string_view mark = "serial:";
    const auto serial = handle.starts_with(mark) ? handle.substr(mark.size()) : std::string();
    if (!hexadecimal_with_colons(serial)) return fail::not_found("no serial number of Vault: " + printable(handle));
    TRY(const auto answer,
        ask_as_us(vault_, *http_, {"GET", url_of(vault_, "cert/" + to_lower(serial)), std::nullopt, {}}));
    if (answer.good()) return rest::issued_pem(rest::text_at(answer.body, {"data", "certificate"}));
    const auto words = "Vault has no certificate " + printable(serial) + ": " + described(answer);
    // About this one alone: no reason to leave Vault alone.
    if (answer.status == 404) return fail::not_found(words);
    return fail::unavailable("Vault has no certificate " + printable(serial) + ": " + described(answer));
}

Result<std::optional<Outcome>> VaultCa::reconcile(const std::string&, Time) {
    return left_to_people("Vault", "it among the certificates of the mount (--ca-request serial:AA:BB:... will do)");
}

Result<void> VaultCa::probe() {
    const auto answer =
        ask_as_us(vault_, *http_, {"GET", vault_.rest.url + "/v1/auth/token/lookup-self", std::nullopt, {}});
    if (!answer) return fail::unavailable(answer.error().detail);
    if (!answer->good()) return fail::unavailable(no_decision(*answer).detail);
    const auto issuer = ask_as_us(vault_, *http_, {"GET", url_of(vault_, "cert/ca"), std::nullopt, {}});
    if (!issuer) return fail::unavailable(issuer.error().detail);
    if (!issuer->good()) return fail::unavailable(no_decision(*issuer).detail);
    const auto certificate = crypto::Certificate::from_pem(rest::text_at(issuer->body, {"data", "certificate"}));
    if (certificate && *certificate == options_.chain.front()) return {};
    return fail::unavailable("the mount's CA is not the configured " + options_.chain.front().subject().text() +
                             ": see ca.NAME.vault.mount and ca.NAME.certificate");
}

Result<void> VaultCa::revoke(const std::string& serial_hex, int, Time) {
    TRY(const auto answer,
        ask_as_us(vault_, *http_, {"POST", url_of(vault_, "revoke"), Json{{"serial_number", colons(serial_hex)}}, {}}));
    if (answer.good()) return {};
    const auto words = rest::words_of(answer);
    if (answer.status == 400 && words.find("not found") != std::string::npos) return fail::not_found(described(answer));
    if (answer.status == 400) return fail::denied(described(answer));
    return no_decision(answer);
}

}  // namespace countersign::ca
