#include "countersign/net/http_client.hpp"

#include "countersign/core/text.hpp"

#include <curl/curl.h>
#include <algorithm>
#include <array>
#include <mutex>

namespace countersign::net {
namespace {

struct EasyDeleter {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
using Easy = std::unique_ptr<CURL, EasyDeleter>;

struct ListDeleter {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, ListDeleter>;

// What libcurl's callbacks fill in; they are noexcept because nothing may be thrown through C.
struct Reception {
    ClientResponse response;
    std::size_t limit = 0;
    std::size_t header_octets = 0;
    bool over_limit = false;
};

bool has_control(std::string_view text) {
    return std::ranges::any_of(text, [](char c) {
        const auto octet = static_cast<unsigned char>(c);
        return octet < 0x20 || octet == 0x7f;
    });
}

std::size_t on_body(char* data, std::size_t, std::size_t count, void* user) noexcept {
    auto& reception = *static_cast<Reception*>(user);
    auto& body = reception.response.body;
    reception.over_limit = count > reception.limit - body.size();
    if (reception.over_limit) return 0;
    body.insert(body.end(), data, data + count);
    return count;
}

std::size_t on_header(char* data, std::size_t, std::size_t count, void* user) noexcept {
    auto& reception = *static_cast<Reception*>(user);
    const std::string_view line(data, count);
    reception.header_octets += count;
    reception.over_limit = reception.header_octets > reception.limit;
    if (reception.over_limit) return 0;
    if (line.starts_with("HTTP/")) reception.response.headers.clear();  // an interim response came before
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return count;
    reception.response.headers.emplace_back(to_lower(trim(line.substr(0, colon))), trim(line.substr(colon + 1)));
    return count;
}

Result<void> check_request(const ClientRequest& request) {
    const auto scheme = to_lower(request.url.substr(0, 8));
    if (!scheme.starts_with("http://") && scheme != "https://") {
        return fail::malformed("URL is neither http nor https: " + printable(request.url));
    }
    if (has_control(request.url) || request.url.find(' ') != std::string::npos) {
        return fail::malformed("URL with a blank or control character: " + printable(request.url));
    }
    const bool letters = std::ranges::all_of(request.method, [](char c) { return c >= 'A' && c <= 'Z'; });
    if (request.method.empty() || !letters) return fail::malformed("method: " + printable(request.method));
    if (has_control(request.user) || request.user.find(':') != std::string::npos)
        return fail::malformed("user name with ':' or control character");
    if (request.password != nullptr && request.password->reveal_text().find('\0') != std::string_view::npos) {
        return fail::malformed("password with NUL");
    }
    for (const auto& [name, value] : request.headers) {
        const bool bad_name = name.empty() || has_control(name) || name.find_first_of(": ;") != std::string::npos;
        if (bad_name || has_control(value)) return fail::malformed("request header: " + printable(name));
    }
    return {};
}

Result<List> header_list(const ClientRequest& request) {
    List list;
    bool typed = false;
    const auto append = [&list](const std::string& line) {
        auto* longer = curl_slist_append(list.get(), line.c_str());
        if (longer == nullptr) return false;
        static_cast<void>(list.release());
        list.reset(longer);
        return true;
    };
    bool complete = append("Expect:");
    for (const auto& [name, value] : request.headers) {
        typed = typed || equals_ignoring_case(name, "content-type");
        complete = complete && append(value.empty() ? name + ";" : name + ": " + value);
    }
    // libcurl would claim a form.
    if (!typed) complete = complete && append("Content-Type:");
    if (!complete) return fail::internal("out of memory");
    return list;
}

class CurlClient final : public HttpClient {
public:
    explicit CurlClient(HttpClientOptions options) : options_(std::move(options)) {
        static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
        if (initialised != CURLE_OK) throw StartupError(fail::internal("libcurl does not initialise"));
    }

    Result<ClientResponse> send(const ClientRequest& request) override {
        CHECK(check_request(request));
        TRY(const auto headers, header_list(request));
        auto easy = take();
        if (!easy) return fail::unavailable("libcurl has no handle");
        Reception reception;
        reception.limit = options_.response_limit;
        std::array<char, CURL_ERROR_SIZE> message{};
        CHECK(prepare(easy.get(), request, headers.get(), reception, message.data()));
        const auto code = curl_easy_perform(easy.get());
        auto result = conclude(easy.get(), code, std::move(reception), message.data());
        give_back(std::move(easy));
        return result;
    }

private:
    static constexpr std::size_t kept_handles = 8;

    Easy take() {
        const std::lock_guard lock(mutex_);
        if (idle_.empty()) return Easy(curl_easy_init());
        auto easy = std::move(idle_.back());
        idle_.pop_back();
        return easy;
    }
    // Keeps the handle's connections; forgets the request, its credentials included.
    void give_back(Easy easy) {
        curl_easy_reset(easy.get());
        const std::lock_guard lock(mutex_);
        if (idle_.size() < kept_handles) idle_.push_back(std::move(easy));
    }

    Result<void> prepare(CURL* easy, const ClientRequest& request, curl_slist* headers, Reception& reception,
                         char* message) const;
    static bool set_method(CURL* easy, const ClientRequest& request);
    static bool set_credentials(CURL* easy, const ClientRequest& request);
    static Result<ClientResponse> conclude(CURL* easy, CURLcode code, Reception reception, const char* message);

    const HttpClientOptions options_;
    std::mutex mutex_;
    std::vector<Easy> idle_;
};

template <class Value>
bool set(CURL* easy, CURLoption option, Value value) {
    return curl_easy_setopt(easy, option, value) == CURLE_OK;
}

Result<void> CurlClient::prepare(CURL* easy, const ClientRequest& request, curl_slist* headers, Reception& reception,
                                 char* message) const {
    const bool prepared =
        set(easy, CURLOPT_ERRORBUFFER, message) && set(easy, CURLOPT_NOSIGNAL, 1L) &&
        set(easy, CURLOPT_PROTOCOLS_STR, "http,https") && set(easy, CURLOPT_FOLLOWLOCATION, 0L) &&
        set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1)) &&
        set(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L) && set(easy, CURLOPT_URL, request.url.c_str()) &&
        set(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_timeout.count())) &&
        set(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(options_.total_timeout.count())) &&
        set(easy, CURLOPT_PROXY, options_.proxy.c_str()) &&  // "" also turns off what the environment says
        set(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2)) &&
        set(easy, CURLOPT_SSL_VERIFYPEER, 1L) && set(easy, CURLOPT_SSL_VERIFYHOST, 2L) &&
        set(easy, CURLOPT_HTTPHEADER, headers) && set(easy, CURLOPT_WRITEFUNCTION, &on_body) &&
        set(easy, CURLOPT_WRITEDATA, static_cast<void*>(&reception)) && set(easy, CURLOPT_HEADERFUNCTION, &on_header) &&
        set(easy, CURLOPT_HEADERDATA, static_cast<void*>(&reception)) &&
        set(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    const bool trusting = options_.ca_file.empty() || (set(easy, CURLOPT_CAINFO, options_.ca_file.c_str()) &&
                                                       set(easy, CURLOPT_CAPATH, static_cast<const char*>(nullptr)));
    const bool known =
        options_.client_certificate.empty() || (set(easy, CURLOPT_SSLCERT, options_.client_certificate.c_str()) &&
                                                set(easy, CURLOPT_SSLKEY, options_.client_key.c_str()));
    if (prepared && trusting && known && set_method(easy, request) && set_credentials(easy, request)) return {};
    return fail::internal("libcurl refuses an option");
}

bool CurlClient::set_method(CURL* easy, const ClientRequest& request) {
    if (request.method == "GET" && request.body.empty()) return set(easy, CURLOPT_HTTPGET, 1L);
    if (request.method == "HEAD") return set(easy, CURLOPT_NOBODY, 1L);
    // On a kept connection that turns out dead libcurl sends the request again; what may change something is never sent
    // twice.
    return set(easy, CURLOPT_FRESH_CONNECT, 1L) && set(easy, CURLOPT_POST, 1L) &&
           set(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str()) &&
           set(easy, CURLOPT_POSTFIELDS,
               request.body.empty() ? "" : reinterpret_cast<const char*>(request.body.data())) &&
           set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
}

bool CurlClient::set_credentials(CURL* easy, const ClientRequest& request) {
    if (request.negotiate) {
        // ":" takes the name from the credentials.
        return set(easy, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_NEGOTIATE)) && set(easy, CURLOPT_USERPWD, ":");
    }
    if (request.user.empty()) return true;
    Secret terminated = Secret::of_size(request.password == nullptr ? 1 : request.password->size() + 1);
    if (request.password != nullptr) std::ranges::copy(request.password->reveal(), terminated.writable().begin());
    return set(easy, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC)) &&
           set(easy, CURLOPT_USERNAME, request.user.c_str()) &&
           set(easy, CURLOPT_PASSWORD, terminated.reveal_text().data());
}

Result<ClientResponse> CurlClient::conclude(CURL* easy, CURLcode code, Reception reception, const char* message) {
    if (code == CURLE_OK) {
        long status = 0;
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        reception.response.status = static_cast<int>(status);
        return std::move(reception.response);
    }
    const std::string why = printable(*message != '\0' ? message : curl_easy_strerror(code));
    if (reception.over_limit)
        return fail::malformed("answer over the limit of " + std::to_string(reception.limit) + " octets");
    if (code == CURLE_URL_MALFORMAT || code == CURLE_LOGIN_DENIED) return fail::malformed("URL: " + why);
    // Set when the request is about to be sent: before that nothing was delivered, after it anything may have been.
    curl_off_t about_to_send = 0;
    curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &about_to_send);
    return about_to_send == 0 ? fail::unavailable(why) : fail::outcome_unknown(why);
}

}  // namespace

std::string ClientResponse::header(std::string_view lower_case_name) const {
    const auto found =
        std::ranges::find(headers, lower_case_name, [](const auto& field) { return std::string_view(field.first); });
    return found == headers.end() ? std::string() : found->second;
}

std::string form(const std::vector<std::pair<std::string, std::string>>& fields) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string text;
    const auto append = [&](std::string_view value) {
        for (const char c : value) {
            const auto octet = static_cast<unsigned char>(c);
            const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                               c == '.' || c == '_' || c == '*';
            if (plain) {
                text += c;
            } else if (c == ' ') {
                text += '+';
            } else {
                text += '%';
                text += digits[octet >> 4U];
                text += digits[octet & 15U];
            }
        }
    };
    for (const auto& [name, value] : fields) {
        if (!text.empty()) text += '&';
        append(name);
        text += '=';
        append(value);
    }
    return text;
}

std::unique_ptr<HttpClient> make_http_client(const HttpClientOptions& options) {
    return std::make_unique<CurlClient>(options);
}

}  // namespace countersign::net
