#include "ca_connection.hpp"

#include "countersign/app/wire.hpp"
#include "files.hpp"
#include "template_settings.hpp"

#include <cstdlib>

namespace countersign::app {
namespace {

ca::AdcsSignIn sign_in_of(const std::string& word) {
    if (word == "basic") return ca::AdcsSignIn::basic;
    if (word == "negotiate") return ca::AdcsSignIn::negotiate;
    if (word == "username-token") return ca::AdcsSignIn::username_token;
    return ca::AdcsSignIn::none;
}

std::string without_slash(std::string url) {
    while (url.ends_with('/')) url.pop_back();
    return url;
}

}  // namespace

Result<std::shared_ptr<net::HttpClient>> open_http(const config::CaConnectionSettings& connection) {
    net::HttpClientOptions options;
    options.connect_timeout = std::chrono::seconds{connection.connect_seconds};
    options.total_timeout = std::chrono::seconds{connection.answer_seconds};
    options.proxy = connection.proxy;
    for (const auto& file : {connection.trust, connection.client_certificate}) {
        if (!file.empty()) CHECK(read_file(file));
    }
    options.ca_file = connection.trust.string();
    options.client_certificate = connection.client_certificate.string();
    options.client_key = connection.client_key.string();
    for (const auto& file : {connection.client_key, connection.keytab}) {
        if (!file.empty()) CHECK(read_secret_file(file, 1, "a secret of the connection to the CA"));
    }
    return std::shared_ptr<net::HttpClient>(net::make_http_client(options));
}

Result<std::shared_ptr<net::HttpClient>> open_anonymous_http(const config::CaConnectionSettings& connection,
                                                             std::size_t largest_answer) {
    net::HttpClientOptions options;
    options.connect_timeout = std::chrono::seconds{connection.connect_seconds};
    options.total_timeout = std::chrono::seconds{connection.answer_seconds};
    options.proxy = connection.proxy;
    options.response_limit = largest_answer;
    if (!connection.trust.empty()) CHECK(read_file(connection.trust));
    options.ca_file = connection.trust.string();
    return std::shared_ptr<net::HttpClient>(net::make_http_client(options));
}

Result<ca::AdcsOptions> adcs_options(const std::string& name, const config::CaSettings& ca,
                                     const config::Settings& settings) {
    ca::AdcsOptions options;
    options.name = name;
    options.url = ca.type == "adcs-web" ? without_slash(ca.connection.url) : ca.connection.url;
    options.sign_in = sign_in_of(ca.connection.authentication);
    options.user = ca.connection.user;
    if (!ca.connection.password_file.empty()) {
        TRY(Secret password, read_password_file(ca.connection.password_file));
        options.password = std::make_shared<const Secret>(std::move(password));
    }
    options.format = ca.request_format == "pkcs10" ? ca::AdcsRequestFormat::pkcs10
                     : ca.request_format == "cmc"  ? ca::AdcsRequestFormat::cmc
                                                   : ca::AdcsRequestFormat::pkcs7;
    options.templates = ca_template_names(settings);
    return options;
}

Result<ca::EstOptions> est_options(const std::string& name, const config::CaSettings& ca) {
    ca::EstOptions options;
    options.name = name;
    options.url = without_slash(ca.connection.url);
    options.full_cmc = ca.asks_by_cmc();
    if (ca.connection.authentication == "basic") {
        options.user = ca.connection.user;
        TRY(Secret password, read_password_file(ca.connection.password_file));
        options.password = std::make_shared<const Secret>(std::move(password));
    }
    options.poll_interval = std::chrono::seconds{ca.poll_seconds};
    return options;
}

ca::RestOptions rest_options(const std::string& name, const config::CaSettings& ca, const config::Settings& settings) {
    return {name, without_slash(ca.connection.url), ca_template_names(settings), {}};
}

Result<ca::CmpOptions> cmp_options(const std::string& name, const config::CaSettings& ca,
                                   const config::Settings& settings) {
    ca::CmpOptions options;
    options.name = name;
    options.url = ca.connection.url;
    options.reference = ca.cmp.reference;
    if (ca.cmp.protection == "secret") {
        TRY(Secret secret, read_password_file(ca.cmp.secret_file));
        options.secret = std::make_shared<const Secret>(std::move(secret));
    }
    // Only a name that somebody wrote: CAs may refuse a certProfile they do not know.
    for (const auto& [ours, rules] : settings.templates) {
        if (!rules.ca_name.empty()) options.profiles.emplace(ours, rules.ca_name);
    }
    options.poll_interval = std::chrono::seconds{ca.poll_seconds};
    return options;
}

void prepare_process_for_kerberos(const config::Settings& settings) {
    for (const auto& [name, ca] : settings.ca) {
        if (ca.local() || ca.connection.authentication != "negotiate") continue;
        if (!ca.connection.keytab.empty()) {
            ::setenv("KRB5_CLIENT_KTNAME", ("FILE:" + ca.connection.keytab.string()).c_str(), 1);
            ::setenv("KRB5CCNAME", "MEMORY:countersign", 1);
        } else {
            ::setenv("KRB5CCNAME", ("FILE:" + ca.connection.credential_cache.string()).c_str(), 1);
        }
        return;
    }
}

}  // namespace countersign::app
