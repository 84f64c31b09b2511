// Tokens, addresses and calls: what is sent where, what is kept, and what is done about each way to fail.
#include "countersign/core/text.hpp"
#include "countersign/crypto/digest.hpp"
#include "countersign/crypto/encoding.hpp"
#include "countersign/keys/file_key.hpp"
#include "fake_cloud.hpp"
#include "test_keys.hpp"

namespace countersign::intune {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;

class ClientTest : public CloudTest {
protected:
    Result<json> call() { return client_->call(Service::validation, "ScepActions/validateRequest", {{"a", 1}}); }
    Error failure() {
        const auto called = call();
        if (!called) return called.error();
        ADD_FAILURE() << "it succeeded";
        return fail::internal("");
    }
};

TEST_F(ClientTest, SpeaksAsMicrosoftsOwnLibrariesDo) {
    ASSERT_TRUE(call());
    const auto tokens = cloud_.to("/oauth2/");
    ASSERT_THAT(tokens, SizeIs(2));
    EXPECT_EQ(tokens[0].url, "https://login.microsoftonline.com/example.onmicrosoft.com/oauth2/v2.0/token");
    EXPECT_THAT(std::string(as_text(tokens[0].body)), HasSubstr("grant_type=client_credentials"));
    EXPECT_THAT(std::string(as_text(tokens[0].body)), HasSubstr("scope=https%3A%2F%2Fgraph.microsoft.com%2F.default"));
    EXPECT_THAT(std::string(as_text(tokens[0].body)), HasSubstr("client_secret=s3cr%26t"));
    EXPECT_THAT(std::string(as_text(tokens[1].body)),
                HasSubstr("scope=https%3A%2F%2Fapi.manage.microsoft.com%2F%2F.default"));
    const auto graph = cloud_.to("/servicePrincipals/");
    ASSERT_THAT(graph, SizeIs(1));
    EXPECT_EQ(
        graph[0].url,
        "https://graph.microsoft.com/v1.0/servicePrincipals/appId=0000000a-0000-0000-c000-000000000000/endpoints");
    EXPECT_EQ(test::header_of(graph[0], "Authorization"), "Bearer token-1");
    const auto calls = cloud_.to("fef.example");
    ASSERT_THAT(calls, SizeIs(1));
    EXPECT_EQ(calls[0].method, "POST");
    EXPECT_EQ(calls[0].url, "https://fef.example/scep/ScepActions/validateRequest");
    EXPECT_EQ(test::header_of(calls[0], "Authorization"), "Bearer token-2");
    EXPECT_EQ(test::header_of(calls[0], "api-version"), "2018-02-20");
    EXPECT_EQ(test::header_of(calls[0], "UserAgent"), "Countersign 1");
    EXPECT_EQ(test::header_of(calls[0], "Content-Type"), "application/json");
    EXPECT_THAT(test::header_of(calls[0], "client-request-id"), SizeIs(36));
    EXPECT_NE(test::header_of(calls[0], "client-request-id"), test::header_of(graph[0], "client-request-id"));
    EXPECT_EQ(FakeCloud::body_of(calls[0])["a"], 1);
}

TEST_F(ClientTest, RevocationHasItsOwnServiceAndVersion) {
    ASSERT_TRUE(client_->call(Service::revocation, "CertificateAuthorityRequests/downloadRevocationRequests", {}));
    const auto calls = cloud_.to("fef.example");
    ASSERT_THAT(calls, SizeIs(1));
    EXPECT_EQ(calls[0].url, "https://fef.example/scep/pki/CertificateAuthorityRequests/downloadRevocationRequests");
    EXPECT_EQ(test::header_of(calls[0], "api-version"), "5019-05-05");
}

TEST_F(ClientTest, TokensAndAddressesAreKeptUntilTheyEnd) {
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(call());
    EXPECT_THAT(cloud_.to("/oauth2/"), SizeIs(2));
    EXPECT_THAT(cloud_.to("/servicePrincipals/"), SizeIs(1));
    clock_.advance(57min);
    ASSERT_TRUE(call());
    EXPECT_THAT(cloud_.to("/oauth2/"), SizeIs(2));
    clock_.advance(2min);
    ASSERT_TRUE(call());
    EXPECT_THAT(cloud_.to("/oauth2/"), SizeIs(3)) << "a little before its end";
    EXPECT_THAT(cloud_.to("/servicePrincipals/"), SizeIs(1));
    clock_.advance(7h);
    ASSERT_TRUE(call());
    EXPECT_THAT(cloud_.to("/servicePrincipals/"), SizeIs(2));
}

TEST_F(ClientTest, ATokenThatIsNotTakenIsFetchedAnewOnce) {
    int turned_away = 0;
    cloud_.service = [&](const net::ClientRequest&) {
        return ++turned_away == 1 ? response(401) : response(200, R"({"code":"Success"})");
    };
    ASSERT_TRUE(call());
    EXPECT_THAT(cloud_.to("/oauth2/"), SizeIs(3));
    cloud_.service = [&](const net::ClientRequest&) { return response(401); };
    EXPECT_THAT(failure().detail, HasSubstr("HTTP 401"));
    EXPECT_THAT(cloud_.to("fef.example"), SizeIs(4));
}

TEST_F(ClientTest, AServiceThatMovedIsFound) {
    ASSERT_TRUE(call());
    cloud_.address = "https://fef2.example/scep";
    cloud_.service = [&](const net::ClientRequest& request) -> Result<net::ClientResponse> {
        if (request.url.starts_with("https://fef.example")) return response(404);
        return response(200, R"({"code":"Success"})");
    };
    EXPECT_TRUE(call());
    cloud_.address = "https://fef3.example/scep";
    cloud_.service = [&](const net::ClientRequest& request) -> Result<net::ClientResponse> {
        if (!request.url.starts_with("https://fef3.example")) return fail::unavailable("could not resolve host");
        return response(200, R"({"code":"Success"})");
    };
    EXPECT_TRUE(call());
}

TEST_F(ClientTest, ARequestThatMayHaveArrivedIsNotSentTwice) {
    cloud_.service = [&](const net::ClientRequest&) { return fail::outcome_unknown("time-out"); };
    EXPECT_EQ(failure().kind, ErrorKind::unavailable);
    EXPECT_THAT(cloud_.to("fef.example"), SizeIs(1));
}

TEST_F(ClientTest, WhateverIsNoAnswerIsUnavailable) {
    const std::vector<Result<net::ClientResponse>> answers{response(500, R"({"errorCode":"InternalError"})"),
                                                           response(302),
                                                           response(403),
                                                           response(200, "<html>"),
                                                           response(200, ""),
                                                           response(200, "[1]"),
                                                           response(200, "\"Success\""),
                                                           response(200, "{\"code\":"),
                                                           fail::malformed("over the limit"),
                                                           fail::unavailable("refused"),
                                                           fail::outcome_unknown("reset")};
    for (const auto& answer : answers) {
        cloud_.service = [&](const net::ClientRequest&) { return answer; };
        EXPECT_EQ(failure().kind, ErrorKind::unavailable);
    }
    EXPECT_EQ(answers.size(), 11u);
}

TEST_F(ClientTest, TheReasonOfARefusalIsTold) {
    cloud_.token = [] {
        return response(401, R"({"error":"invalid_client","error_description":"AADSTS7000222: expired secret"})");
    };
    EXPECT_THAT(failure().detail, HasSubstr("AADSTS7000222: expired secret"));
    clock_.advance(1min);
    cloud_.token = [] { return response(200, R"({"token_type":"Bearer","expires_in":60,"access_token":"t"})"); };
    cloud_.graph = [] {
        return response(403, R"({"error":{"code":"Forbidden","message":"no Application.Read.All"}})");
    };
    EXPECT_THAT(failure().detail, HasSubstr("Forbidden, no Application.Read.All"));
}

TEST_F(ClientTest, TokensThatCannotBeUnderstoodAreNone) {
    for (const char* answer :
         {R"({"token_type":"Bearer","expires_in":60})", R"({"token_type":"mac","expires_in":60,"access_token":"t"})",
          R"({"token_type":"Bearer","access_token":"t"})",
          R"({"token_type":"Bearer","expires_in":-5,"access_token":"t"})",
          R"({"token_type":"Bearer","expires_in":60,"access_token":"t\r\nX-Evil: 1"})", "[]", "", "token"}) {
        cloud_.token = [&] { return response(200, answer); };
        EXPECT_EQ(failure().kind, ErrorKind::unavailable) << answer;
        clock_.advance(1min);
    }
    EXPECT_THAT(cloud_.to("fef.example"), SizeIs(0));
}

TEST_F(ClientTest, AFailedSignInIsNotRepeatedByAllWhoWait) {
    cloud_.token = [] { return fail::outcome_unknown("time-out"); };
    for (int i = 0; i < 5; ++i) EXPECT_THAT(failure().detail, HasSubstr("did not answer"));
    EXPECT_THAT(cloud_.to("/oauth2/"), SizeIs(1));
    clock_.advance(3s);
    static_cast<void>(failure());
    EXPECT_THAT(cloud_.to("/oauth2/"), SizeIs(2));
}

TEST_F(ClientTest, NoTokenIsSentInClear) {
    cloud_.address = "http://fef.example/scep";
    cloud_.graph = [this] {
        return response(
            200,
            json{{"value", {{{"providerName", "ScepRequestValidationFEService"}, {"uri", cloud_.address}}}}}.dump());
    };
    EXPECT_EQ(failure().kind, ErrorKind::unavailable);
    for (const char* uri : {"https://user@fef.example", "https://", "ftp://fef.example", "https://fef.example/?x"}) {
        cloud_.address = uri;
        EXPECT_EQ(failure().kind, ErrorKind::unavailable) << uri;
    }
    EXPECT_THAT(cloud_.to("fef.example/scep/Scep"), SizeIs(0));
}

TEST_F(ClientTest, GraphThatKnowsNoIntuneIsSaid) {
    cloud_.graph = [] { return response(200, R"({"value":[{"providerName":"Other","uri":"https://x.example"}]})"); };
    EXPECT_THAT(failure().detail, HasSubstr("licensed for Intune"));
    for (const char* answer : {R"({"value":{}})", R"({})", R"({"value":[]})", R"({"value":[1,"x",{"uri":7}]})"}) {
        cloud_.graph = [&] { return response(200, answer); };
        EXPECT_EQ(failure().kind, ErrorKind::unavailable) << answer;
    }
}

TEST_F(ClientTest, ACertificateSignsInToo) {
    auto with = options();
    with.secret = nullptr;
    with.certificate = test::self_signed(test::rsa_key(0), "CN=ra");
    with.key = keys::key_from_pem(Secret(test::rsa_key(0).pem()), "test").value();
    client_ = std::make_shared<Client>(with, cloud_.http, clock_, random_);
    ASSERT_TRUE(call());
    const std::string body(as_text(cloud_.to("/oauth2/")[0].body));
    EXPECT_THAT(body,
                HasSubstr("client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"));
    EXPECT_THAT(body, testing::Not(HasSubstr("client_secret")));
    const auto parts = split(body.substr(body.find("client_assertion=") + 17), '.');
    ASSERT_THAT(parts, SizeIs(3));
    const auto part = [&](int i) {
        const Bytes octets = crypto::from_base64url(parts[static_cast<std::size_t>(i)]).value();
        return json::parse(octets.begin(), octets.end());
    };
    EXPECT_EQ(part(0)["alg"], "RS256");
    EXPECT_EQ(part(0)["x5t"],
              crypto::base64url(crypto::digest(crypto::DigestAlgorithm::sha1, with.certificate->der())));
    EXPECT_EQ(part(1)["aud"], "https://login.microsoftonline.com/example.onmicrosoft.com/oauth2/v2.0/token");
    EXPECT_EQ(part(1)["iss"], with.client_id);
    EXPECT_EQ(part(1)["sub"], with.client_id);
    const auto seconds = to_milliseconds(clock_.now()) / 1000;
    EXPECT_LE(part(1)["nbf"].get<std::int64_t>(), seconds);
    EXPECT_EQ(part(1)["exp"].get<std::int64_t>(), seconds + 600);
    EXPECT_TRUE(test::rsa_key(0).public_key().verify({crypto::Padding::rsa_pkcs1, crypto::DigestAlgorithm::sha256},
                                                     as_bytes(parts[0] + "." + parts[1]),
                                                     crypto::from_base64url(parts[2]).value()));
}

TEST_F(ClientTest, AProbeAsksForATokenAndAnAddress) {
    EXPECT_TRUE(client_->probe());
    EXPECT_THAT(cloud_.to("fef.example"), SizeIs(0));
    clock_.advance(2h);
    cloud_.token = [] { return fail::unavailable("refused"); };
    EXPECT_FALSE(client_->probe());
}

}  // namespace
}  // namespace countersign::intune
