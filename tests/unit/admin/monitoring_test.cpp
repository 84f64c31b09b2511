#include "countersign/admin/monitoring.hpp"

#include "api_fixture.hpp"

#include <gmock/gmock.h>

namespace countersign::admin {
namespace {

using test::ApiFixture;
using testing::HasSubstr;
using testing::Not;

struct Quiet final : audit::Sink {
    Result<void> record(const audit::Event&) override { return {}; }
};

class MonitoringTest : public ApiFixture {
protected:
    MonitoringParts parts() {
        return {sign_in_, clock_, random_, [this](const std::string& line) { log_.push_back(line); }};
    }
    static net::Request local(std::string method = "GET") {
        auto made = request(std::move(method), "/metrics", "");
        made.client = "127.0.0.1";
        for (auto& [name, value] : made.headers) {
            if (name == "host") value = "127.0.0.1:8080";
        }
        return made;
    }
    MetricsSources sources() {
        return {database_->challenges(),       database_->transactions(),     counting_, clock_,
                [] { return std::size_t{3}; }, [] { return std::size_t{5}; }, "1.2.3"};
    }

    audit::CountingSink counting_{std::make_unique<Quiet>()};
};

TEST_F(MonitoringTest, OnlyWhoSpeaksForThemselvesOnThisMachineIsLocal) {
    EXPECT_TRUE(is_local(local()));
    auto v6 = local();
    v6.client = "::1";
    EXPECT_TRUE(is_local(v6));
    auto afar = local();
    afar.client = "192.0.2.7";
    EXPECT_FALSE(is_local(afar));
    auto relayed = local();
    relayed.connection->relayed = true;
    EXPECT_FALSE(is_local(relayed));
    for (const char* header : {"x-forwarded-for", "forwarded", "x-real-ip", "via"}) {
        auto undeclared = local();
        undeclared.headers.emplace_back(header, "127.0.0.1");
        EXPECT_FALSE(is_local(undeclared)) << header;
    }
    for (const char* host : {"localhost:8080", "LOCALHOST", "[::1]:8080", "127.9.9.9"}) {
        auto here = local();
        for (auto& [name, value] : here.headers) value = name == "host" ? host : value;
        EXPECT_TRUE(is_local(here)) << host;
    }
    for (const char* host :
         {"ra.example", "localhost.example", "127.evil.example", "192.0.2.1:8080", "[2001:db8::1]:80"}) {
        auto proxied = local();
        for (auto& [name, value] : proxied.headers) value = name == "host" ? host : value;
        EXPECT_FALSE(is_local(proxied)) << host << ": a proxy that adds no header of its own";
    }
    auto no_connection = local();
    no_connection.connection = nullptr;
    EXPECT_FALSE(is_local(no_connection));
}

TEST_F(MonitoringTest, AliveIsAnsweredAtOnceToAnybody) {
    Health health;
    const auto answer = health.answer_at_once(request("GET", "/healthz", ""));
    ASSERT_TRUE(answer);
    EXPECT_EQ(read(*answer).json["status"], "alive");
    EXPECT_EQ(health.answer_at_once(request("POST", "/healthz", ""))->status, 405);
}

TEST_F(MonitoringTest, NotReadyIs503AndTellsWhyToAuditorsAlone) {
    bool away = false;
    int asked = 0;
    Readiness readiness(
        parts(), {{"store", [] { return Result<void>(); }}, {"ca default", [&]() -> Result<void> {
                                                                 ++asked;
                                                                 if (away)
                                                                     return fail::unavailable("connection refused");
                                                                 return {};
                                                             }}});
    EXPECT_EQ(read(readiness.answer(request("GET", "/readyz", ""))).json, Json::parse(R"({"status":"ready"})"));
    away = true;
    EXPECT_EQ(readiness.answer(request("GET", "/readyz", "")).status, 200) << "asked again too soon";
    EXPECT_EQ(asked, 1);
    clock_.advance(std::chrono::seconds(5));
    const auto stranger = read(readiness.answer(request("GET", "/readyz", "")));
    EXPECT_EQ(asked, 2);
    EXPECT_EQ(stranger.status, 503);
    EXPECT_EQ(stranger.json, Json::parse(R"({"status":"not ready"})"));
    EXPECT_TRUE(stranger.headers.contains("Retry-After"));
    EXPECT_EQ(read(readiness.answer(request("GET", "/readyz", "minter"))).json, stranger.json);
    for (const auto& asks : {request("GET", "/readyz", "auditor"), local()}) {
        const auto told = read(readiness.answer(asks));
        EXPECT_EQ(told.status, 503);
        EXPECT_EQ(told.json["checks"], Json::parse(R"([{"name":"store","passes":true},
            {"name":"ca default","passes":false,"problem":"connection refused"}])"));
    }
    EXPECT_EQ(asked, 2);
    // A clock that was set back must not keep an old answer for ever.
    clock_.advance(-std::chrono::hours(1));
    away = false;
    EXPECT_EQ(readiness.answer(request("GET", "/readyz", "")).status, 200);
}

TEST_F(MonitoringTest, MetricsAreForAuditorsAndThisMachine) {
    MetricsPage page(parts(), std::make_shared<const Metrics>(sources()), {});
    EXPECT_EQ(page.answer(local()).status, 200);
    EXPECT_EQ(page.answer(request("GET", "/metrics", "auditor")).status, 200);
    expect_problem(read(page.answer(request("GET", "/metrics", ""))), 401, "sign-in-required");
    expect_problem(read(page.answer(request("GET", "/metrics", "minter"))), 403, "forbidden");
    auto made_to = local();
    made_to.headers.emplace_back("sec-fetch-site", "cross-site");
    expect_problem(read(page.answer(made_to)), 403, "forbidden");
    EXPECT_EQ(page.answer_at_once(local("POST"))->status, 405);
}

TEST_F(MonitoringTest, MetricsSayWhatHappened) {
    Metrics all(sources());
    ASSERT_TRUE(counting_.record(audit::Event("challenge.reused")));
    ASSERT_TRUE(database_->challenges().insert(test::sample_challenge(1), 10));
    auto held = test::sample_attempt(1);
    held.state = store::AttemptState::held;
    ASSERT_TRUE(database_->transactions().record_intent(held));
    all.count_request(Surface::scep, 200, std::chrono::microseconds(1500));
    all.count_request(Surface::scep, 503, std::chrono::microseconds(40));
    all.count_request(Surface::other, 0, std::chrono::microseconds(1));
    all.count_request(Surface::other, 999, std::chrono::microseconds(1));
    const MetricsSubjects subjects{{"default"}, {{"agent", "default", "CN=\"agent\"\n", clock_.now()}}};
    const auto text = all.text(subjects);
    for (const char* line :
         {"countersign_audit_events_total{event=\"challenge.reused\",severity=\"alert\"} 1\n",
          "countersign_audit_events_total{event=\"enrollment.issued\",severity=\"info\"} 0\n",
          "countersign_challenges_outstanding{profile=\"default\"} 1\n", "countersign_attempts{state=\"held\"} 1\n",
          "countersign_attempts{state=\"pending\"} 0\n", "countersign_store_up 1\n",
          "countersign_http_requests_total{status=\"2xx\",surface=\"scep\"} 1\n",
          "countersign_http_requests_total{status=\"5xx\",surface=\"scep\"} 1\n",
          "countersign_http_request_duration_seconds_count{surface=\"scep\"} 2\n",
          "countersign_http_request_duration_seconds_bucket{surface=\"scep\",le=\"0.001\"} 1\n",
          "subject=\"CN=\\\"agent\\\"\\n\"} 1795240800", "countersign_open_connections 3\n",
          "countersign_worker_queue_depth 5\n", "countersign_build_info{version=\"1.2.3\"} 1\n",
          "process_start_time_seconds 1795240800", "countersign_audit_failures_total 0\n"})
        EXPECT_THAT(text, HasSubstr(line));
    database_->close();
    const auto without_store = all.text(subjects);
    EXPECT_THAT(without_store, HasSubstr("countersign_store_up 0\n"));
    EXPECT_THAT(without_store, Not(HasSubstr("countersign_attempts{")));
}

TEST_F(MonitoringTest, MetricsTellOfRevocationLists) {
    const Metrics all(sources());
    EXPECT_THAT(all.text({}), Not(HasSubstr("countersign_crl_")));
    MetricsSubjects subjects;
    subjects.revocations = [this] {
        const auto now = clock_.now();
        return std::vector<RevocationTraffic>{
            {"adcs", true, 3, {{"0123", now - std::chrono::hours(1), now + std::chrono::hours(2), 17}}},
            {"est", false, 9, {}}};
    };
    const auto text = all.text(subjects);
    for (const char* line :
         {"countersign_crl_current{ca=\"adcs\"} 1\n", "countersign_crl_current{ca=\"est\"} 0\n",
          "countersign_crl_failures_total{ca=\"adcs\"} 3\n", "countersign_crl_failures_total{ca=\"est\"} 9\n",
          "countersign_crl_age_seconds{ca=\"adcs\",key=\"0123\",list=\"0\"} 3600\n",
          "countersign_crl_seconds_left{ca=\"adcs\",key=\"0123\",list=\"0\"} 7200\n",
          "countersign_crl_entries{ca=\"adcs\",key=\"0123\",list=\"0\"} 17\n"})
        EXPECT_THAT(text, HasSubstr(line));
}

}  // namespace
}  // namespace countersign::admin
