#include "countersign/intune/client.hpp"

#include "countersign/core/text.hpp"
#include "countersign/crypto/digest.hpp"
#include "countersign/crypto/encoding.hpp"
#include "member.hpp"

#include <algorithm>

namespace countersign::intune {
namespace {

using nlohmann::json;

constexpr std::chrono::hours addresses_keep{6};
constexpr std::chrono::seconds failure_keeps{2};
constexpr std::chrono::minutes assertion_life{10};
constexpr std::size_t longest_token = 16 * 1024;
constexpr std::int64_t longest_token_life = 24 * 3600;
constexpr std::string_view assertion_type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

// What Graph calls them, and the version of their interface we speak.
std::string provider_name(Service service) {
    return service == Service::validation ? "scepRequestValidationFEService" : "pkiConnectorFEService";
}
std::string_view api_version(Service service) {
    return service == Service::validation ? "2018-02-20" : "5019-05-05";
}

bool is_success(int status) {
    return status >= 200 && status < 300;
}

Result<json> object_in(const net::ClientResponse& response, const std::string& who) {
    json parsed = json::parse(response.body.begin(), response.body.end(), nullptr, false);
    if (!parsed.is_object()) return fail::unavailable(who + " answered with something that is no JSON object");
    return Result<json>(boost::system::in_place_value, std::move(parsed));
}

// Whatever went wrong on the way, nothing was decided.
Error not_answered(const std::string& who, const Error& error) {
    return fail::unavailable(who + " did not answer: " + error.detail);
}

Error turned_away(const std::string& who, const net::ClientResponse& response) {
    std::string words = who + " answered with HTTP " + std::to_string(response.status);
    const json body = json::parse(response.body.begin(), response.body.end(), nullptr, false);
    if (body.is_object()) {
        // Entra: error and error_description; Graph: error.code and error.message; Intune: errorCode and the like.
        const json& error = body.contains("error") && body["error"].is_object() ? body["error"] : body;
        for (const char* member : {"error", "code", "errorCode", "error_description", "message", "errorDescription"}) {
            const auto text = text_of(error, member);
            if (!text.empty()) words += ", " + printable(text, 200);
        }
    }
    return fail::unavailable(words);
}

std::string with_slash(std::string url) {
    if (!url.ends_with('/')) url += '/';
    return url;
}

bool plain_https(const std::string& url) {
    return url.starts_with("https://") && url.size() > 8 && url.find_first_of("?#@ \\") == std::string::npos;
}

}  // namespace

std::string new_uuid(Random& random) {
    auto octets = random.bytes(16);
    octets[6] = static_cast<std::uint8_t>((octets[6] & 0x0fU) | 0x40U);  // RFC 4122 4.4
    octets[8] = static_cast<std::uint8_t>((octets[8] & 0x3fU) | 0x80U);
    const auto hex = lower_hex(octets);
    return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" + hex.substr(16, 4) + "-" +
           hex.substr(20);
}

Client::Client(ClientOptions options, std::shared_ptr<net::HttpClient> http, const Clock& clock, Random& random)
    : options_(std::move(options)), http_(std::move(http)), clock_(clock), random_(random) {}

// Leaves no token behind in memory of ours.
Result<net::ClientResponse> Client::send(net::ClientRequest request) {
    auto response = http_->send(request);
    for (auto& [name, value] : request.headers) wipe_memory(value.data(), value.size());
    return response;
}

net::ClientRequest Client::request_to(const std::string& url, const Secret& token) {
    net::ClientRequest request;
    request.url = url;
    request.headers = {{"Authorization", std::string(token.reveal_text())},
                       {"Accept", "application/json"},
                       {"client-request-id", new_uuid(random_)}};
    return request;
}

// --- tokens (OAuth 2.0 client credentials, RFC 6749 4.4; certificates: RFC 7523) ---

Result<std::shared_ptr<const Secret>> Client::token_for(const std::string& scope) {
    const std::lock_guard lock(tokens_mutex_);
    const Time now = clock_.now();
    if (const auto known = tokens_.find(scope); known != tokens_.end() && now < known->second.until)
        return known->second.value;
    // Those who waited for a try that failed do not try one after the other.
    if (no_token_.error && now < no_token_.until) return *no_token_.error;
    auto fetched = fetch_token(scope);
    if (!fetched) {
        no_token_ = {fetched.error(), clock_.now() + failure_keeps};
        return fetched.error();
    }
    no_token_ = {};
    return (tokens_[scope] = *std::move(fetched)).value;
}

void Client::forget_token(const std::string& scope) {
    const std::lock_guard lock(tokens_mutex_);
    tokens_.erase(scope);
}

Result<Client::Token> Client::fetch_token(const std::string& scope) {
    const std::string who = "the token endpoint of Entra";
    net::ClientRequest request;
    request.method = "POST";
    request.url = with_slash(options_.authority) + options_.tenant + "/oauth2/v2.0/token";
    request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}, {"Accept", "application/json"}};
    TRY(request.body, token_request(scope));
    auto response = http_->send(request);
    wipe_memory(request.body.data(), request.body.size());
    if (!response) return not_answered(who, response.error());
    if (!is_success(response->status)) return turned_away(who, *response);
    TRY(const json answer, object_in(*response, who));
    wipe_memory(response->body.data(), response->body.size());
    const std::string token = text_of(answer, "access_token");
    const auto life = answer.find("expires_in");
    const bool legible = std::ranges::all_of(token, [](char c) { return c > 0x20 && c < 0x7f; });
    if (token.empty() || token.size() > longest_token || !legible ||
        !equals_ignoring_case(text_of(answer, "token_type"), "bearer") || life == answer.end() ||
        !life->is_number_unsigned()) {
        return fail::unavailable(who + " gave no token that can be understood");
    }
    const std::chrono::seconds lives{std::min(life->get<std::uint64_t>(), std::uint64_t{longest_token_life})};
    // Renewed a little before it ends, for clocks differ and requests take their time.
    const auto early = std::min(std::chrono::seconds{120}, lives / 10);
    return Token{std::make_shared<const Secret>("Bearer " + token), clock_.now() + lives - early};
}

Result<Bytes> Client::token_request(const std::string& scope) {
    std::vector<std::pair<std::string, std::string>> fields{
        {"grant_type", "client_credentials"}, {"client_id", options_.client_id}, {"scope", scope}};
    if (options_.secret) {
        fields.emplace_back("client_secret", std::string(options_.secret->reveal_text()));
    } else {
        TRY(auto signed_assertion, assertion());
        fields.emplace_back("client_assertion_type", assertion_type);
        fields.emplace_back("client_assertion", std::move(signed_assertion));
    }
    std::string text = net::form(fields);
    Bytes body = to_bytes(as_bytes(text));
    wipe_memory(text.data(), text.size());
    wipe_memory(fields.back().second.data(), fields.back().second.size());
    return body;
}

// A JWT signed by the key of the certificate that was uploaded to the app registration.
Result<std::string> Client::assertion() {
    if (!options_.certificate || !options_.key) return fail::internal("neither a client secret nor a certificate");
    const auto seconds = [](Time time) { return to_milliseconds(time) / 1000; };
    const Time now = clock_.now();
    const json header{
        {"alg", "RS256"},
        {"typ", "JWT"},
        {"x5t", crypto::base64url(crypto::digest(crypto::DigestAlgorithm::sha1, options_.certificate->der()))}};
    const json claims{{"aud", with_slash(options_.authority) + options_.tenant + "/oauth2/v2.0/token"},
                      {"iss", options_.client_id},
                      {"sub", options_.client_id},
                      {"jti", new_uuid(random_)},
                      {"nbf", seconds(now) - 60},
                      {"iat", seconds(now)},
                      {"exp", seconds(now + assertion_life)}};
    const std::string input =
        crypto::base64url(as_bytes(header.dump())) + "." + crypto::base64url(as_bytes(claims.dump()));
    auto signature = options_.key->sign({crypto::Padding::rsa_pkcs1, crypto::DigestAlgorithm::sha256}, as_bytes(input));
    if (!signature) return fail::unavailable("signing in to Entra: " + signature.error().detail);
    return input + "." + crypto::base64url(*signature);
}

// --- addresses ---

Result<std::string> Client::address_of(Service service) {
    const std::lock_guard lock(addresses_mutex_);
    if (addresses_.empty() || clock_.now() >= addresses_until_) {
        TRY(addresses_, fetch_addresses());
        addresses_until_ = clock_.now() + addresses_keep;
    }
    const auto found = addresses_.find(to_lower(provider_name(service)));
    if (found != addresses_.end()) return found->second;
    addresses_.clear();
    return fail::unavailable("Graph knows no service " + provider_name(service) +
                             " of this tenant: is it licensed for Intune?");
}

void Client::forget_addresses() {
    const std::lock_guard lock(addresses_mutex_);
    addresses_.clear();
}

Result<Client::Addresses> Client::fetch_addresses() {
    const std::string who = "Microsoft Graph";
    const std::string scope = with_slash(options_.graph) + ".default";
    const std::string url =
        with_slash(options_.graph) + "v1.0/servicePrincipals/appId=" + options_.service_application + "/endpoints";
    for (bool again : {true, false}) {
        TRY(const auto token, token_for(scope));
        const auto response = send(request_to(url, *token));
        if (!response) return not_answered(who, response.error());
        if (response->status == 401) forget_token(scope);
        if (response->status == 401 && again) continue;
        if (!is_success(response->status)) return turned_away(who, *response);
        TRY(const json answer, object_in(*response, who));
        const auto list = answer.find("value");
        if (list == answer.end() || !list->is_array()) return fail::unavailable(who + " lists no services");
        Addresses addresses;
        for (const json& one : *list) {
            if (!one.is_object()) continue;
            std::string uri = text_of(one, "uri");
            while (uri.ends_with('/')) uri.pop_back();
            // A token is sent there: nowhere in clear.
            if (plain_https(uri)) addresses[to_lower(text_of(one, "providerName"))] = uri;
        }
        if (addresses.empty()) return fail::unavailable(who + " lists no services");
        return addresses;
    }
    return fail::internal("unreachable");
}

// --- calls ---

Result<net::ClientResponse> Client::post(const std::string& address, Service service, std::string_view suffix,
                                         const std::string& body) {
    // With two slashes, as Microsoft's own libraries ask for it.
    TRY(const auto token, token_for(with_slash(options_.resource) + "/.default"));
    auto request = request_to(address + "/" + std::string(suffix), *token);
    request.method = "POST";
    request.headers.emplace_back("Content-Type", "application/json");
    request.headers.emplace_back("api-version", api_version(service));
    // Really of this name: Intune counts providers by it.
    request.headers.emplace_back("UserAgent", options_.provider);
    request.body = to_bytes(as_bytes(body));
    return send(std::move(request));
}

Result<json> Client::call(Service service, std::string_view suffix, const json& body) {
    const std::string who = "Intune (" + std::string(suffix) + ")";
    const std::string text = body.dump(-1, ' ', false, json::error_handler_t::replace);
    for (bool again : {true, false}) {
        TRY(const std::string address, address_of(service));
        const auto response = post(address, service, suffix, text);
        // Moved away, perhaps: its address is asked for again, unless somebody else has done so meanwhile.
        const auto forget_address = [&] {
            const auto known = address_of(service);
            if (known && *known == address) forget_addresses();
        };
        if (!response) forget_address();
        if (!response && response.error().kind == ErrorKind::unavailable && again) {
            const auto now_at = address_of(service);
            if (now_at && *now_at != address) continue;
        }
        if (!response) return not_answered(who, response.error());
        if (response->status == 401) forget_token(with_slash(options_.resource) + "/.default");
        if (response->status == 404 || response->status == 410) forget_address();
        const bool mended_perhaps = response->status == 401 || response->status == 404 || response->status == 410;
        if (mended_perhaps && again) continue;
        if (!is_success(response->status)) return turned_away(who, *response);
        return object_in(*response, who);
    }
    return fail::internal("unreachable");
}

Result<void> Client::probe() {
    CHECK(token_for(with_slash(options_.resource) + "/.default"));
    CHECK(address_of(Service::validation));
    return {};
}

}  // namespace countersign::intune
