// One tenant of Microsoft Intune, as a third-party CA meets it: sign in at Entra, ask Graph where the tenant's services
// are, ask those (microsoft/Intune-Resource-Access is the reference).
//
// Tokens and addresses are kept as long as they are good, and fetched anew once when a service turns us away or is not
// where it was. Blocking, at most four requests of the HTTP client's own time limits; safe on many threads. Owns its
// options, shares the HTTP client, borrows clock and random.
#pragma once

#include "countersign/core/clock.hpp"
#include "countersign/core/random.hpp"
#include "countersign/core/secret.hpp"
#include "countersign/crypto/certificate.hpp"
#include "countersign/keys/key.hpp"
#include "countersign/net/http_client.hpp"

#include <nlohmann/json.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace countersign::intune {

struct ClientOptions {
    std::string tenant;
    std::string client_id;
    std::shared_ptr<const Secret> secret{};            // null: certificate and key
    std::optional<crypto::Certificate> certificate{};  // as uploaded to the app registration
    std::shared_ptr<keys::Key> key{};
    std::string provider = "Countersign";
    std::string authority = "https://login.microsoftonline.com";
    std::string graph = "https://graph.microsoft.com";
    std::string resource = "https://api.manage.microsoft.com/";
    std::string service_application = "0000000a-0000-0000-c000-000000000000";
};

enum class Service { validation, revocation };

class Client {
public:
    Client(ClientOptions options, std::shared_ptr<net::HttpClient> http, const Clock& clock, Random& random);

    // Posts to `suffix` of a service; the JSON object of its answer. unavailable: anything else came of it, a status
    // that is not 2xx and an answer that is no JSON object included; the detail says what.
    Result<nlohmann::json> call(Service service, std::string_view suffix, const nlohmann::json& body);

    // Whether tokens and addresses can be had now.
    Result<void> probe();

private:
    struct Token {
        std::shared_ptr<const Secret> value{};  // "Bearer ..."
        Time until{};
    };
    struct Failure {
        std::optional<Error> error{};
        Time until{};
    };
    using Addresses = std::map<std::string, std::string>;  // by provider name in lower case

    Result<std::shared_ptr<const Secret>> token_for(const std::string& scope);
    Result<Token> fetch_token(const std::string& scope);
    Result<Bytes> token_request(const std::string& scope);
    Result<std::string> assertion();
    Result<std::string> address_of(Service service);
    Result<Addresses> fetch_addresses();
    void forget_token(const std::string& scope);
    void forget_addresses();
    Result<net::ClientResponse> post(const std::string& address, Service service, std::string_view suffix,
                                     const std::string& body);
    Result<net::ClientResponse> send(net::ClientRequest request);
    net::ClientRequest request_to(const std::string& url, const Secret& token);

    ClientOptions options_;
    std::shared_ptr<net::HttpClient> http_;
    const Clock& clock_;
    Random& random_;
    std::mutex tokens_mutex_;
    std::map<std::string, Token> tokens_;  // by scope
    Failure no_token_;
    std::mutex addresses_mutex_;
    Addresses addresses_;
    Time addresses_until_{};
};

// A random (version 4) UUID.
std::string new_uuid(Random& random);

}  // namespace countersign::intune
