// Entra, Graph and Intune as one function, for tests of the client and those above it.
#pragma once

#include "countersign/intune/client.hpp"
#include "fixed_clock.hpp"
#include "scripted_http.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <algorithm>

namespace countersign::intune {

using nlohmann::json;
using test::response;

class FakeCloud {
public:
    // What each part answers; tests change them.
    std::function<Result<net::ClientResponse>()> token = [this] {
        return response(
            200,
            json{{"token_type", "Bearer"}, {"expires_in", life}, {"access_token", "token-" + std::to_string(++tokens)}}
                .dump());
    };
    std::function<Result<net::ClientResponse>()> graph = [this] {
        return response(200, json{{"value",
                                   {{{"providerName", "ScepRequestValidationFEService"}, {"uri", address}},
                                    {{"providerName", "PkiConnectorFEService"}, {"uri", address + "/pki/"}},
                                    {{"providerName", "Other"}, {"uri", "https://other.example"}}}}}
                                 .dump());
    };
    std::function<Result<net::ClientResponse>(const net::ClientRequest&)> service = [](const net::ClientRequest&) {
        return response(200, R"({"code":"Success","errorDescription":""})");
    };
    int life = 3600;
    int tokens = 0;
    std::string address = "https://fef.example/scep";

    std::shared_ptr<test::ScriptedHttp> http =
        std::make_shared<test::ScriptedHttp>([this](const net::ClientRequest& request) -> Result<net::ClientResponse> {
            if (request.url.find("/oauth2/") != std::string::npos) return token();
            if (request.url.find("/servicePrincipals/") != std::string::npos) return graph();
            return service(request);
        });

    std::vector<net::ClientRequest> to(std::string_view part) const {
        auto all = http->requests();
        std::erase_if(all, [&](const auto& one) { return one.url.find(part) == std::string::npos; });
        return all;
    }
    static json body_of(const net::ClientRequest& request) {
        return json::parse(request.body.begin(), request.body.end());
    }
};

class CloudTest : public testing::Test {
protected:
    static ClientOptions options() {
        ClientOptions options;
        options.tenant = "example.onmicrosoft.com";
        options.client_id = "11111111-2222-3333-4444-555555555555";
        options.secret = std::make_shared<const Secret>(std::string_view("s3cr&t"));
        options.provider = "Countersign 1";
        return options;
    }

    test::FixedClock clock_;
    SystemRandom random_;
    FakeCloud cloud_;
    std::shared_ptr<Client> client_ = std::make_shared<Client>(options(), cloud_.http, clock_, random_);
};

}  // namespace countersign::intune
