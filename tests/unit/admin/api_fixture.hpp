// The API over a real desk and store, with a way of signing in that believes what it is told.
#pragma once

#include "countersign/admin/api.hpp"
#include "countersign/audit/sinks.hpp"
#include "countersign/challenge/one_time.hpp"
#include "countersign/store/database.hpp"
#include "counting_random.hpp"
#include "fixed_clock.hpp"
#include "scratch_directory.hpp"
#include "store_samples.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace countersign::test {

// "Authorization: Test NAME" is NAME, if there is such an account.
class TrustingScheme final : public admin::Scheme {
public:
    explicit TrustingScheme(std::vector<admin::Account> accounts) : accounts_(std::move(accounts), {}) {}
    std::string_view name() const override { return "test"; }
    bool is_brought_by(const net::Request& request) const override {
        return admin::credentials_for("Test", request).has_value();
    }
    std::string invitation() const override { return "Test realm=\"countersign\""; }
    std::string claimed(const net::Request& request) const override {
        return std::string(*admin::credentials_for("Test", request));
    }
    admin::Verdict judge(const net::Request& request) override {
        auto account = accounts_.by_user_name(*admin::credentials_for("Test", request));
        if (!account) return admin::Unproven{"no such account"};
        return admin::Proven{std::move(account), ""};
    }

private:
    admin::Accounts accounts_;
};

class RecordingSink final : public audit::Sink {
public:
    Result<void> record(const audit::Event& event) override {
        if (broken) return fail::unavailable("the audit is away");
        lines.push_back(audit::to_json_line(event, at_minute(0)));
        return {};
    }
    bool broken = false;
    std::vector<std::string> lines;
};

inline admin::Account account(std::string name, std::set<admin::Role> roles, std::vector<std::string> profiles = {}) {
    admin::Account made;
    made.name = std::move(name);
    made.roles = std::move(roles);
    made.profiles = std::move(profiles);
    return made;
}

class ApiFixture : public testing::Test {
protected:
    using Json = nlohmann::json;
    struct Answer {
        int status;
        std::string content_type;
        std::map<std::string, std::string> headers;
        std::string text;
        Json json;
    };

    void SetUp() override {
        store::DatabaseOptions options;
        options.url = "sqlite:" + (directory_ / "test.db").string();
        ASSERT_TRUE(store::Database::migrate(options));
        database_ = store::Database::open(options).value();
        using admin::Role;
        auto limited = account("limited", {Role::device_administrator}, {"default"});
        limited.templates = {"device"};
        limited.max_outstanding = 2;
        auto scheme = std::make_shared<TrustingScheme>(std::vector<admin::Account>{
            account("minter", {Role::device_administrator}), limited,
            account("other-minter", {Role::device_administrator}, {"other"}), account("officer", {Role::officer}),
            account("other-officer", {Role::officer}, {"other"}), account("auditor", {Role::auditor}),
            account("other-auditor", {Role::auditor}, {"other"}), account("nothing", {})});
        sign_in_ = std::make_shared<admin::SignIn>(
            std::map<std::string, admin::ListenerSignIn>{{"here", {{scheme}, false}}}, audit_, clock_);
        std::map<std::string, admin::ProfileDesk> profiles;
        for (const std::string name : {"default", "other"}) profiles.emplace(name, profile_desk(name));
        profiles.emplace("single", admin::ProfileDesk{"single-password", nullptr, {"device"}});
        desk_ = std::make_shared<admin::Desk>(
            admin::DeskParts{database_->challenges(), database_->transactions(), database_->issued(), audit_, clock_, {},
                             &database_->outbox()},
            std::move(profiles));
        api_ = std::make_shared<admin::Api>(
            admin::ApiParts{desk_, sign_in_, random_, [this](const std::string& line) { log_.push_back(line); }});
    }

    admin::ProfileDesk profile_desk(const std::string& name) {
        challenge::OneTimeOptions options;
        options.profile = name;
        const Secret pepper(std::string_view("a pepper of at least thirty-two octets"));
        return {"one-time",
                std::make_shared<challenge::OneTimePasswords>(options, pepper, database_->challenges(), random_),
                {"device", "server"}};
    }

    static net::Request request(std::string method, const std::string& target, const std::string& who) {
        net::Request made;
        made.method = std::move(method);
        made.path = target.substr(0, target.find('?'));
        if (target.find('?') != std::string::npos) made.query = target.substr(target.find('?') + 1);
        if (!who.empty()) made.headers.emplace_back("authorization", "Test " + who);
        made.headers.emplace_back("host", "ra.example");
        made.client = "192.0.2.7";
        made.secure = true;
        made.serves = {"admin"};
        made.connection = std::make_shared<net::Connection>();
        made.connection->listener = "here";
        return made;
    }
    static Answer read(const net::Response& response) {
        Answer answer{response.status, response.content_type, {}, {}, {}};
        for (const auto& [name, value] : response.headers) answer.headers[name] = value;
        if (response.body) answer.text = as_text(*response.body);
        answer.json = Json::parse(answer.text, nullptr, false);
        return answer;
    }
    Answer ask(const net::Request& asked) { return read(api_->answer(asked)); }
    Answer get(const std::string& target, const std::string& who) {
        return ask(request("GET", "/api/v1" + target, who));
    }
    Answer post(const std::string& target, const std::string& who, const std::string& body) {
        auto made = request("POST", "/api/v1" + target, who);
        made.headers.emplace_back("content-type", "application/json");
        made.body = to_bytes(as_bytes(body));
        return ask(made);
    }
    void expect_problem(const Answer& answer, int status, const std::string& slug) {
        EXPECT_EQ(answer.status, status) << answer.text;
        EXPECT_EQ(answer.content_type, "application/problem+json");
        ASSERT_TRUE(answer.json.is_object()) << answer.text;
        EXPECT_EQ(answer.json["status"], status);
        EXPECT_EQ(answer.json["type"], "urn:countersign:problem:" + slug) << answer.text;
        EXPECT_FALSE(answer.json["title"].get<std::string>().empty());
        EXPECT_FALSE(answer.json["detail"].get<std::string>().empty());
        EXPECT_EQ(answer.headers.at("Cache-Control"), "no-store");
        EXPECT_EQ(answer.headers.at("X-Content-Type-Options"), "nosniff");
        ASSERT_FALSE(log_.empty());
        EXPECT_NE(log_.back().find(answer.json["instance"].get<std::string>()), std::string::npos) << log_.back();
    }
    std::size_t outstanding(const std::string& profile = "default") {
        return database_->challenges().count_outstanding(profile, clock_.now()).value();
    }

    ScratchDirectory directory_;
    FixedClock clock_;
    CountingRandom random_;
    RecordingSink audit_;
    std::unique_ptr<store::Database> database_;
    std::shared_ptr<admin::SignIn> sign_in_;
    std::shared_ptr<admin::Desk> desk_;
    std::vector<std::string> log_;
    std::shared_ptr<admin::Api> api_;
};

}  // namespace countersign::test
