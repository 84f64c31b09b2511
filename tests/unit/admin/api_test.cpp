#include "api_fixture.hpp"
#include "countersign/crypto/certificate_request.hpp"
#include "vectors.hpp"

#include <gmock/gmock.h>
#include <fstream>
#include <set>

namespace countersign::admin {
namespace {

using test::ApiFixture;
using testing::HasSubstr;
using testing::Not;

class ApiTest : public ApiFixture {
protected:
    std::string mint(const std::string& who = "minter", const std::string& body = R"({"profile":"default"})") {
        const auto answer = post("/challenges", who, body);
        EXPECT_EQ(answer.status, 201) << answer.text;
        return answer.json["id"];
    }
    const crypto::CertificateRequest request_ =
        crypto::CertificateRequest::from_pem(test::vector_text("crypto/request.pem")).value();

    store::Attempt hold(unsigned number, const std::string& profile = "default") {
        auto attempt = test::sample_attempt(number);
        attempt.key.profile = profile;
        attempt.state = store::AttemptState::held;
        attempt.csr = to_bytes(request_.der());
        EXPECT_TRUE(database_->transactions().record_intent(attempt));
        return attempt;
    }
    store::IssuedCertificate issue(unsigned number, const std::string& profile = "default",
                                   const std::string& ca = "local") {
        auto certificate = test::sample_certificate(number);
        certificate.profile = profile;
        certificate.ca = ca;
        EXPECT_TRUE(database_->issued().insert(certificate));
        return certificate;
    }
    store::AttemptState state(const store::Attempt& attempt) {
        return database_->transactions().find(attempt.id)->state;
    }
};

// --- who asks
// ---------------------------------------------------------------------------------------------------------

TEST_F(ApiTest, NobodyGetsNothingBeforeSigningIn) {
    for (const auto& operation : Api::operations()) {
        const auto answer = ask(request(operation.method, std::string(Api::root) + operation.path, ""));
        expect_problem(answer, 401, "sign-in-required");
        EXPECT_THAT(answer.headers.at("WWW-Authenticate"), HasSubstr("Test"));
    }
    expect_problem(get("/no-such-path", ""), 401, "sign-in-required");
    expect_problem(get("/whoami", "stranger"), 401, "sign-in-required");
}

TEST_F(ApiTest, PlainHttpFromAfarIsRefused) {
    auto plain = request("GET", "/api/v1/whoami", "auditor");
    plain.secure = false;
    expect_problem(ask(plain), 403, "forbidden");
}

TEST_F(ApiTest, EachOperationNeedsItsRole) {
    const std::map<std::string, std::set<std::string>> allowed{
        {"POST /challenges", {"minter"}},
        {"GET /challenges", {"minter", "auditor"}},
        {"GET /challenges/{id}", {"minter", "auditor"}},
        {"DELETE /challenges/{id}", {"minter"}},
        {"GET /requests", {"officer", "auditor"}},
        {"GET /requests/{id}", {"officer", "auditor"}},
        {"POST /requests/{id}/approve", {"officer"}},
        {"POST /requests/{id}/deny", {"officer"}},
        {"GET /certificates", {"officer", "auditor"}},
        {"GET /certificates/{serial}", {"officer", "auditor"}},
        {"POST /certificates/{serial}/revoke", {"officer"}},
        {"GET /notifications", {"officer", "auditor"}},
        {"GET /notifications/{id}", {"officer", "auditor"}},
        {"POST /notifications/{id}/retry", {"officer"}},
        {"DELETE /notifications/{id}", {"officer"}},
        {"GET /whoami", {"minter", "officer", "auditor", "nothing"}},
    };
    EXPECT_EQ(allowed.size(), Api::operations().size());
    for (const auto& operation : Api::operations()) {
        const auto& may = allowed.at(operation.method + " " + operation.path);
        for (const std::string who : {"minter", "officer", "auditor", "nothing"}) {
            const auto answer = ask(request(operation.method, std::string(Api::root) + operation.path, who));
            EXPECT_EQ(answer.status != 403, may.contains(who))
                << operation.method << operation.path << who << answer.text;
            if (answer.status != 403) continue;
            expect_problem(answer, 403, "forbidden");
            EXPECT_THAT(audit_.lines.back(), HasSubstr("api.refused"));
            EXPECT_THAT(audit_.lines.back(), HasSubstr(answer.json["instance"].get<std::string>()));
        }
    }
}

TEST_F(ApiTest, AnotherSiteCannotMakeABrowserAsk) {
    for (const auto& [header, value] : std::map<std::string, std::string>{
             {"sec-fetch-site", "cross-site"}, {"origin", "https://evil.example"}, {"sec-purpose", "prefetch"}}) {
        auto made = request("POST", "/api/v1/challenges", "minter");
        made.headers.emplace_back(header, value);
        expect_problem(ask(made), 403, "forbidden");
    }
    EXPECT_EQ(outstanding(), 0u);
    auto own = request("GET", "/api/v1/whoami", "minter");
    own.headers.emplace_back("origin", "https://ra.example");
    EXPECT_EQ(ask(own).status, 200);
}

TEST_F(ApiTest, WhoAmI) {
    const auto answer = get("/whoami", "limited");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.json,
              Json::parse(
                  R"({"account":"limited","roles":["device-administrator"],"profiles":["default"],"scheme":"test"})"));
    EXPECT_EQ(get("/whoami", "auditor").json["profiles"], Json::parse(R"(["default","other","single"])"));
}

// --- paths and methods
// ------------------------------------------------------------------------------------------------

TEST_F(ApiTest, UnknownPathsAreNotFound) {
    for (const char* path :
         {"", "/", "/nothing", "/challenges/a/b", "/requests/x/approve/y", "/challenges//", "/whoami/x"})
        expect_problem(get(path, "auditor"), 404, "not-found");
}

TEST_F(ApiTest, OtherMethodsAreToldWhatIsAllowed) {
    const auto answer = ask(request("PUT", "/api/v1/challenges", "minter"));
    expect_problem(answer, 405, "method-not-allowed");
    EXPECT_EQ(answer.headers.at("Allow"), "POST, GET, HEAD");
    expect_problem(ask(request("HEAD", "/api/v1/requests/x/approve", "officer")), 405, "method-not-allowed");
    expect_problem(ask(request("OPTIONS", "/api/v1/whoami", "officer")), 405, "method-not-allowed");
}

TEST_F(ApiTest, HeadReadsAndChangesNothing) {
    EXPECT_EQ(ask(request("HEAD", "/api/v1/challenges", "minter")).status, 200);
    EXPECT_EQ(outstanding(), 0u);
}

// --- bodies
// -----------------------------------------------------------------------------------------------------------

TEST_F(ApiTest, ABodyMustBeJsonAndSaySo) {
    for (const char* type : {"text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""}) {
        for (const char* body : {"{}", ""}) {
            auto made = request("POST", "/api/v1/challenges", "minter");
            made.headers.emplace_back("content-type", type);
            made.body = to_bytes(as_bytes(body));
            expect_problem(ask(made), 415, "unsupported-media-type");
        }
    }
    auto none = request("POST", "/api/v1/challenges", "minter");
    none.body = {'{', '}'};
    expect_problem(ask(none), 415, "unsupported-media-type");
    auto charset = request("POST", "/api/v1/challenges", "minter");
    charset.headers.emplace_back("content-type", "Application/JSON; charset=utf-8");
    charset.body = {'{', '}'};
    EXPECT_EQ(ask(charset).status, 201);
    EXPECT_EQ(outstanding(), 1u);
}

TEST_F(ApiTest, WhatIsNotOneFlatObjectIsRefused) {
    const std::vector<std::string> bad{"[]",
                                       "1",
                                       "\"x\"",
                                       "null",
                                       "{",
                                       "{}{}",
                                       "{\"subject\":1}",
                                       "{\"subject\":null}",
                                       "{\"sans\":\"dns:a\"}",
                                       "{\"sans\":[1]}",
                                       "{\"valid_minutes\":\"5\"}",
                                       "{\"valid_minutes\":1.0}",
                                       "{\"valid_minutes\":0}",
                                       "{\"valid_minutes\":-1}",
                                       "{\"valid_minutes\":43201}",
                                       "{\"valid_minutes\":18446744073709551616}",
                                       "{\"valid_minutes\":18446744073709551615}",
                                       "{\"subject\":\"CN=a\\u0000\"}",
                                       "{\"subject\":\"CN=\xff\"}",
                                       "{\"subject\":\"CN=a\",\"subject\":\"CN=b\"}",
                                       std::string("{\"subject\":\"CN=a\0\"}", 18),
                                       "{\"sans\":" + std::string(30000, '[') + std::string(30000, ']') + "}",
                                       "{\"sans\":[[[[[]]]]]}",
                                       "{\"subject\":\"" + std::string(5000, 'x') + "\"}"};
    for (const auto& body : bad) {
        SCOPED_TRACE(body.substr(0, 80));
        expect_problem(post("/challenges", "minter", body), 400, "malformed");
    }
    EXPECT_EQ(outstanding(), 0u);
}

TEST_F(ApiTest, MembersAreRefusedByName) {
    EXPECT_THAT(post("/challenges", "minter", R"({"subjct":"CN=a"})").json["detail"], HasSubstr("\"subjct\""));
    EXPECT_THAT(post("/challenges", "minter", R"({"sans":7})").json["detail"], HasSubstr("\"sans\""));
    EXPECT_THAT(post("/requests/x/approve", "officer", R"({"force":true})").json["detail"], HasSubstr("\"force\""));
    EXPECT_THAT(get("/challenges?profil=default", "minter").json["detail"], HasSubstr("\"profil\""));
    expect_problem(get("/challenges?limit=5&limit=5", "minter"), 400, "malformed");
}

TEST_F(ApiTest, LargeBodiesAreRefused) {
    expect_problem(post("/challenges", "minter", std::string(64 * 1024 + 1, ' ')), 413, "body-too-large");
    auto get_with_body = request("GET", "/api/v1/challenges", "minter");
    get_with_body.body = {'x'};
    expect_problem(ask(get_with_body), 400, "malformed");
}

TEST_F(ApiTest, LimitsAndFlagsAreChecked) {
    for (const char* bad : {"limit=0", "limit=1001", "limit=-1", "limit=1x", "limit=", "limit=99999999999999999999",
                            "all=yes", "all=%zz", "all=%4", "profile=%00"})
        expect_problem(get(std::string("/challenges?") + bad, "minter"), 400, "malformed");
    EXPECT_EQ(get("/challenges?limit=1000&all=true", "minter").status, 200);
}

// --- challenges
// -------------------------------------------------------------------------------------------------------

TEST_F(ApiTest, MintsABoundChallengeThatIsShownOnce) {
    const auto answer = post(
        "/challenges", "minter",
        R"({"profile":"other","subject":"CN=a, O=b","sans":["dns:a.example"],"template":"server","valid_minutes":5})");
    ASSERT_EQ(answer.status, 201) << answer.text;
    EXPECT_EQ(answer.headers.at("Cache-Control"), "no-store");
    EXPECT_EQ(answer.headers.at("X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(answer.json["profile"], "other");
    EXPECT_EQ(answer.json["template"], "server");
    EXPECT_EQ(answer.json["sans"], Json::parse(R"(["dns:a.example"])"));
    EXPECT_EQ(answer.json["expires"], to_rfc3339(clock_.now() + std::chrono::minutes(5)));
    const std::string id = answer.json["id"];
    const std::string password = answer.json["challenge"];
    EXPECT_EQ(password.size(), 16u);
    EXPECT_EQ(answer.headers.at("Location"), "/api/v1/challenges/" + id);

    const auto stored = database_->challenges().find_by_id(id).value();
    ASSERT_TRUE(stored);
    EXPECT_EQ(stored->subject, answer.json["subject"]);
    EXPECT_EQ(stored->created_by, "minter");
    EXPECT_THAT(audit_.lines.back(), HasSubstr("challenge.minted"));
    EXPECT_THAT(audit_.lines.back(), HasSubstr("\"through\":\"api\""));
    EXPECT_THAT(audit_.lines.back(), Not(HasSubstr(password)));
    EXPECT_THAT(get("/challenges", "minter").text, Not(HasSubstr(password)));
    EXPECT_EQ(get("/challenges/" + id, "auditor").json["state"], "outstanding");
}

TEST_F(ApiTest, TheProfileMayBeLeftOutWhenItIsPlain) {
    EXPECT_EQ(post("/challenges", "minter", "{}").json["profile"], "default");
    EXPECT_EQ(post("/challenges", "other-minter", "").json["profile"], "other");
}

TEST_F(ApiTest, WhatIsNotAskedIsNotMinted) {
    audit_.broken = true;
    expect_problem(post("/challenges", "minter", "{}"), 503, "unavailable");
    audit_.broken = false;
    expect_problem(post("/challenges", "minter", R"({"profile":"nowhere"})"), 404, "not-found");
    expect_problem(post("/challenges", "minter", R"({"profile":"single"})"), 403, "forbidden");
    expect_problem(post("/challenges", "minter", R"({"subject":"not a name"})"), 400, "malformed");
    expect_problem(post("/challenges", "minter", R"({"sans":["a.example"]})"), 400, "malformed");
    expect_problem(post("/challenges", "minter", R"({"template":"nothing"})"), 404, "not-found");
}

TEST_F(ApiTest, ProfilesOfOthersAreNotThere) {
    const auto id = mint();
    expect_problem(post("/challenges", "other-minter", R"({"profile":"default"})"), 404, "not-found");
    expect_problem(get("/challenges/" + id, "other-minter"), 404, "not-found");
    expect_problem(ask(request("DELETE", "/api/v1/challenges/" + id, "other-minter")), 404, "not-found");
    expect_problem(get("/challenges?profile=default", "other-auditor"), 404, "not-found");
    EXPECT_TRUE(get("/challenges", "other-minter").json["items"].empty());
    EXPECT_EQ(get("/challenges", "minter").json["items"].size(), 1u);
    EXPECT_EQ(outstanding(), 1u);
}

TEST_F(ApiTest, TemplatesOfOthersAreNotThereEither) {
    EXPECT_EQ(post("/challenges", "limited", "{}").json["template"], "device");
    expect_problem(post("/challenges", "limited", R"({"template":"server"})"), 403, "forbidden");
    const auto server = mint("minter", R"({"template":"server"})");
    const auto device = mint("minter", R"({"template":"device"})");
    expect_problem(ask(request("DELETE", "/api/v1/challenges/" + server, "limited")), 404, "not-found");
    EXPECT_EQ(get("/challenges", "limited").json["items"].size(), 2u);
    EXPECT_EQ(ask(request("DELETE", "/api/v1/challenges/" + device, "limited")).status, 204);
}

TEST_F(ApiTest, AnAccountHasItsQuota) {
    mint("limited", "{}");
    mint("limited", "{}");
    const auto answer = post("/challenges", "limited", "{}");
    expect_problem(answer, 429, "too-many");
    EXPECT_TRUE(answer.headers.contains("Retry-After"));
    mint("minter", "{}");
}

TEST_F(ApiTest, RevokesAChallengeOnce) {
    const auto id = mint();
    const auto answer = ask(request("DELETE", "/api/v1/challenges/" + id, "minter"));
    EXPECT_EQ(answer.status, 204);
    EXPECT_EQ(answer.text, "");
    EXPECT_EQ(answer.headers.at("Cache-Control"), "no-store");
    EXPECT_EQ(outstanding(), 0u);
    expect_problem(ask(request("DELETE", "/api/v1/challenges/" + id, "minter")), 409, "conflict");
    expect_problem(ask(request("DELETE", "/api/v1/challenges/0123456789ab", "minter")), 404, "not-found");
    EXPECT_TRUE(get("/challenges", "minter").json["items"].empty());
    EXPECT_EQ(get("/challenges?all=true", "minter").json["items"][0]["state"], "revoked");
}

TEST_F(ApiTest, ListsAreNewestFirstAndSayWhenThereIsMore) {
    for (int i = 0; i < 3; ++i) {
        clock_.advance(std::chrono::seconds(1));
        mint("minter", i == 1 ? R"({"profile":"other"})" : R"({"profile":"default"})");
    }
    const auto two = get("/challenges?limit=2", "minter").json;
    ASSERT_EQ(two["items"].size(), 2u);
    EXPECT_EQ(two["more"], true);
    EXPECT_GT(two["items"][0]["created"], two["items"][1]["created"]);
    EXPECT_EQ(get("/challenges", "minter").json["more"], false);
    EXPECT_EQ(get("/challenges?profile=other", "minter").json["items"].size(), 1u);
}

// --- requests
// ---------------------------------------------------------------------------------------------------------

TEST_F(ApiTest, AnOfficerApproves) {
    const auto held = hold(1);
    EXPECT_EQ(get("/requests?state=held", "officer").json["items"][0]["id"], held.id);
    const auto shown =
        crypto::CertificateRequest::from_pem(get("/requests/" + held.id, "auditor").json["csr"].get<std::string>());
    ASSERT_TRUE(shown);
    EXPECT_EQ(shown->subject().text(), request_.subject().text());
    ASSERT_TRUE(request_.challenge_password());
    EXPECT_FALSE(shown->challenge_password()) << "an officer does not need the password";
    auto without_body = request("POST", "/api/v1/requests/" + held.id + "/approve", "officer");
    const auto answer = ask(without_body);
    EXPECT_EQ(answer.status, 200) << answer.text;
    EXPECT_EQ(answer.json["state"], "approved");
    EXPECT_THAT(audit_.lines.back(), HasSubstr("request.approved"));
    expect_problem(ask(without_body), 409, "conflict");
}

TEST_F(ApiTest, AnOfficerDeniesWithAReason) {
    const auto held = hold(1);
    expect_problem(post("/requests/" + held.id + "/deny", "officer", "{}"), 400, "malformed");
    expect_problem(post("/requests/" + held.id + "/deny", "officer", R"({"reason":" "})"), 400, "malformed");
    EXPECT_EQ(state(held), store::AttemptState::held);
    const auto answer = post("/requests/" + held.id + "/deny", "officer", R"({"reason":"unknown device"})");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.json["state"], "failed");
    EXPECT_THAT(answer.json["reason"], HasSubstr("unknown device"));
}

TEST_F(ApiTest, RequestsOfOtherProfilesAreNotThere) {
    const auto held = hold(1);
    const auto own = hold(2, "other");
    expect_problem(get("/requests/" + held.id, "other-officer"), 404, "not-found");
    expect_problem(post("/requests/" + held.id + "/approve", "other-officer", ""), 404, "not-found");
    expect_problem(post("/requests/" + held.id + "/deny", "other-officer", R"({"reason":"x"})"), 404, "not-found");
    EXPECT_EQ(state(held), store::AttemptState::held);
    const auto list = get("/requests?limit=1", "other-officer").json;
    ASSERT_EQ(list["items"].size(), 1u);
    EXPECT_EQ(list["items"][0]["id"], own.id);
    EXPECT_EQ(list["more"], false);
    expect_problem(get("/requests?state=nonsense", "officer"), 400, "malformed");
    expect_problem(get("/requests/nothing", "officer"), 404, "not-found");
}

// --- certificates
// -----------------------------------------------------------------------------------------------------

TEST_F(ApiTest, AnOfficerRevokesACertificate) {
    const auto certificate = issue(1);
    const auto shown = get("/certificates/" + certificate.serial, "auditor");
    EXPECT_EQ(shown.json["state"], "valid");
    EXPECT_THAT(shown.json["pem"], HasSubstr("BEGIN CERTIFICATE"));
    for (const char* bad : {"{}", R"({"reason":"because"})", R"({"reason":1})"})
        expect_problem(post("/certificates/" + certificate.serial + "/revoke", "officer", bad), 400, "malformed");
    const auto answer =
        post("/certificates/" + certificate.serial + "/revoke", "officer", R"({"reason":"keyCompromise"})");
    EXPECT_EQ(answer.status, 200) << answer.text;
    EXPECT_EQ(answer.json["state"], "revoked");
    EXPECT_EQ(answer.json["reason"], "keyCompromise");
    expect_problem(post("/certificates/" + certificate.serial + "/revoke", "officer", R"({"reason":"keyCompromise"})"),
                   409, "conflict");
    EXPECT_TRUE(get("/certificates?valid=true", "auditor").json["items"].empty());
    EXPECT_EQ(get("/certificates?subject=DEVICE-1", "auditor").json["items"].size(), 1u);
}

TEST_F(ApiTest, CertificatesOfOtherProfilesAreNotThere) {
    const auto certificate = issue(1);
    issue(2, "other");
    expect_problem(get("/certificates/" + certificate.serial, "other-officer"), 404, "not-found");
    expect_problem(
        post("/certificates/" + certificate.serial + "/revoke", "other-officer", R"({"reason":"superseded"})"), 404,
        "not-found");
    EXPECT_FALSE(database_->issued().find("local", certificate.serial).value()->revoked);
    const auto list = get("/certificates?limit=1", "other-auditor").json;
    ASSERT_EQ(list["items"].size(), 1u);
    EXPECT_EQ(list["items"][0]["profile"], "other");
    EXPECT_EQ(list["more"], false);
}

TEST_F(ApiTest, OneSerialOfSeveralCasNeedsTheCa) {
    const auto certificate = issue(1);
    issue(1, "other", "second");
    expect_problem(get("/certificates/" + certificate.serial, "auditor"), 409, "conflict");
    EXPECT_EQ(get("/certificates/" + certificate.serial + "?ca=second", "auditor").json["ca"], "second");
    // Whoever sees one of them alone need not learn of the other.
    EXPECT_EQ(get("/certificates/" + certificate.serial, "other-auditor").json["ca"], "second");
    const auto revoked =
        post("/certificates/" + certificate.serial + "/revoke", "officer", R"({"reason":"superseded","ca":"local"})");
    EXPECT_EQ(revoked.json["ca"], "local");
    EXPECT_FALSE(database_->issued().find("second", certificate.serial).value()->revoked);
}

TEST_F(ApiTest, TheRasOwnCertificatesAreNotRevokedHere) {
    auto own = test::sample_certificate(1);
    own.profile.clear();
    own.kind = "ra";
    ASSERT_TRUE(database_->issued().insert(own));
    expect_problem(post("/certificates/" + own.serial + "/revoke", "officer", R"({"reason":"superseded"})"), 403,
                   "forbidden");
    expect_problem(get("/certificates/" + own.serial, "other-auditor"), 404, "not-found");
}

// --- notifications
// -------------------------------------------------------------------------------------------------------------

class NotificationsTest : public ApiTest {
protected:
    // The id of the one notification of request `number` of a profile.
    std::string told(unsigned number, const std::string& profile = "default") {
        database_->outbox().subscribe({{"mdm", {store::NotificationEvent::failed}}});
        auto attempt = test::sample_attempt(number);
        attempt.key.profile = profile;
        EXPECT_TRUE(database_->transactions().record_intent(attempt));
        EXPECT_TRUE(database_->transactions().record_failed(attempt.id, "refused", store::ChallengeFate::consume,
                                                            test::at_minute(1)));
        return database_->outbox().list({}).value().front().id;
    }
    void settle(const std::string& id, store::NotificationState state) {
        ASSERT_TRUE(database_->outbox().record({{id, state, test::at_minute(2), "HTTP 400"}}, test::at_minute(2)));
    }
};

TEST_F(NotificationsTest, AreListedAndShown) {
    const auto first = told(1);
    const auto second = told(2);
    settle(first, store::NotificationState::dead);
    const auto all = get("/notifications", "auditor").json;
    ASSERT_EQ(all["items"].size(), 2u);
    EXPECT_EQ(all["items"][0]["id"], second);
    EXPECT_EQ(all["more"], false);
    const auto dead = get("/notifications?state=dead&receiver=mdm", "officer").json;
    ASSERT_EQ(dead["items"].size(), 1u);
    EXPECT_EQ(dead["items"][0]["problem"], "HTTP 400");
    EXPECT_EQ(dead["items"][0]["request"], test::hex_id(1));
    EXPECT_EQ(get("/notifications?receiver=other", "officer").json["items"].size(), 0u);
    EXPECT_EQ(get("/notifications?limit=1", "officer").json["more"], true);
    EXPECT_EQ(get("/notifications/" + second, "auditor").json["state"], "waiting");
    expect_problem(get("/notifications?state=lost", "auditor"), 400, "malformed");
    expect_problem(get("/notifications/" + test::hex_id(9), "auditor"), 404, "not-found");
}

TEST_F(NotificationsTest, AreRetriedAndDroppedByOfficers) {
    const auto id = told(1);
    settle(id, store::NotificationState::dead);
    const auto retried = post("/notifications/" + id + "/retry", "officer", "{}");
    EXPECT_EQ(retried.status, 200);
    EXPECT_EQ(retried.json["state"], "waiting");
    EXPECT_THAT(audit_.lines.back(), HasSubstr("notification.retried"));
    EXPECT_EQ(ask(request("DELETE", "/api/v1/notifications/" + id, "officer")).status, 204);
    EXPECT_THAT(audit_.lines.back(), HasSubstr("notification.dropped"));
    expect_problem(ask(request("DELETE", "/api/v1/notifications/" + id, "officer")), 404, "not-found");
    const auto delivered = told(2);
    settle(delivered, store::NotificationState::delivered);
    expect_problem(post("/notifications/" + delivered + "/retry", "officer", "{}"), 409, "conflict");
    expect_problem(ask(request("DELETE", "/api/v1/notifications/" + delivered, "officer")), 409, "conflict");
}

TEST_F(NotificationsTest, OfOtherProfilesAreNotThere) {
    const auto id = told(1);
    const auto other = told(2, "other");
    EXPECT_EQ(get("/notifications", "other-officer").json["items"].size(), 1u);
    EXPECT_EQ(get("/notifications/" + other, "other-officer").status, 200);
    expect_problem(get("/notifications/" + id, "other-auditor"), 404, "not-found");
    expect_problem(post("/notifications/" + id + "/retry", "other-officer", "{}"), 404, "not-found");
    expect_problem(ask(request("DELETE", "/api/v1/notifications/" + id, "other-officer")), 404, "not-found");
    EXPECT_EQ(get("/notifications/" + id, "auditor").status, 200);
}

// --- troubles
// ---------------------------------------------------------------------------------------------------------

TEST_F(ApiTest, WhenTheStoreIsAwayNoDetailLeaves) {
    database_->close();
    const auto answer = get("/challenges", "auditor");
    expect_problem(answer, 503, "unavailable");
    EXPECT_TRUE(answer.headers.contains("Retry-After"));
    EXPECT_THAT(answer.text, Not(HasSubstr("sqlite")));
    EXPECT_THAT(answer.text, Not(HasSubstr(directory_.path().string())));
}

// --- the document
// -----------------------------------------------------------------------------------------------------

TEST(ApiDocument, DescribesEveryOperationAndNoOther) {
    std::ifstream file(COUNTERSIGN_SOURCE_DIR "/docs/openapi.json");
    const auto document = nlohmann::json::parse(file);
    std::set<std::string> documented;
    for (const auto& [path, methods] : document["paths"].items()) {
        for (const auto& [method, operation] : methods.items()) {
            if (method != "parameters") documented.insert(method + " " + path);
        }
    }
    std::set<std::string> served{"get /healthz", "get /readyz", "get /metrics"};
    for (const auto& operation : Api::operations()) {
        std::string method = operation.method;
        for (char& c : method) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        served.insert(method + " " + std::string(Api::root) + operation.path);
    }
    EXPECT_EQ(documented, served);
}

}  // namespace
}  // namespace countersign::admin
