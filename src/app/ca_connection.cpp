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

Result<ca::AdcsOptions> adcs_options(const std::string& name, const config::CaSettings& ca,
                                     const config::Settings& settings) {
    ca::AdcsOptions options;
    options.name = name;
    options.url = ca.connection.url;
    while (ca.type == "adcs-web" && options.url.ends_with('/')) options.url.pop_back();
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
