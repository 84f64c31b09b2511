// The configuration of receivers of notifications and of tenants of Intune.
#include "configuration_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace countersign::config {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string one_time = R"({ mode = "one-time" })";
const std::string webhook = R"([notification.mdm]
url = "https://mdm.example/hook"
secret = "hook.secret"
)";
const std::string tenant = R"([intune.default]
tenant = "example.onmicrosoft.com"
client_id = "11111111-2222-3333-4444-555555555555"
)";
const std::string with_secret = tenant + "secret = \"intune.secret\"\n";

using NotificationConfiguration = ConfigurationTest;

TEST_F(NotificationConfiguration, AReceiverIsRead) {
    const auto loaded = load_text(configuration(
        one_time,
        webhook + "events = [\"issued\"]\nprofiles = [\"default\"]\nproxy = \"http://p:1\"\nanswer_seconds = 3\n"));
    ASSERT_TRUE(loaded.settings);
    const auto& mdm = loaded.settings->notifications.at("mdm");
    EXPECT_EQ(mdm.connection.url, "https://mdm.example/hook");
    EXPECT_EQ(mdm.connection.proxy, "http://p:1");
    EXPECT_EQ(mdm.connection.connect_seconds, 5u);
    EXPECT_EQ(mdm.connection.answer_seconds, 3u);
    EXPECT_EQ(mdm.secret, directory_ / "hook.secret");
    EXPECT_THAT(mdm.events, ElementsAre("issued"));
    EXPECT_EQ(mdm.give_up_hours, 72u);
    EXPECT_EQ(load_text(configuration(one_time, webhook)).settings->notifications.at("mdm").events.size(), 6u);
}

TEST_F(NotificationConfiguration, AReceiverThatCannotWorkIsRefused) {
    const auto wrong = [&](const std::string& more) { return refusals(one_time, webhook + more); };
    EXPECT_THAT(wrong(""), IsEmpty());
    EXPECT_THAT(wrong("profiles = [\"other\"]\n"), Contains(HasSubstr("no [profile.other] exists")));
    EXPECT_THAT(wrong("events = []\n"), Contains(HasSubstr("nothing would be told")));
    EXPECT_THAT(wrong("events = [\"answer\"]\n"), Contains(HasSubstr("notification.mdm.events")));
    EXPECT_THAT(wrong("client_certificate = \"c.pem\"\n"), Contains(HasSubstr("client_key")));
    EXPECT_THAT(wrong("client_key = \"c.key\"\n"), Contains(HasSubstr("client_certificate")));
    EXPECT_THAT(wrong("give_up_hours = 0\n"), Contains(HasSubstr("give_up_hours")));
    EXPECT_THAT(refusals(one_time, "[notification.mdm]\nurl = \"http://mdm.example\"\nsecret = \"s\"\n"),
                Contains(HasSubstr("is not an https:// URL")));
    EXPECT_THAT(refusals(one_time, "[notification.mdm]\nurl = \"https://mdm.example\"\n"),
                Contains(HasSubstr("notification.mdm.secret: this key is missing")));
    EXPECT_THAT(refusals(one_time, "[notification.mdm]\nsecret = \"s\"\n"),
                Contains(HasSubstr("notification.mdm.url: this key is missing")));
}

TEST_F(NotificationConfiguration, ATenantIsRead) {
    const auto loaded = load_text(configuration(R"({ mode = "intune", also = ["one-time"] })",
                                                with_secret + "requests_at_once = 2\nrevocation_minutes = 15\n"));
    ASSERT_TRUE(loaded.settings);
    const auto& intune = loaded.settings->intune.at("default");
    EXPECT_EQ(intune.authority, "https://login.microsoftonline.com");
    EXPECT_EQ(intune.graph, "https://graph.microsoft.com");
    EXPECT_EQ(intune.resource, "https://api.manage.microsoft.com/");
    EXPECT_EQ(intune.service_application, "0000000a-0000-0000-c000-000000000000");
    EXPECT_EQ(intune.requests_at_once, 2u);
    EXPECT_EQ(intune.revocation_minutes, 15u);
    const auto& challenge = loaded.settings->profiles.at("default").challenge;
    EXPECT_TRUE(challenge.accepts("intune"));
    EXPECT_TRUE(challenge.accepts("one-time"));
    EXPECT_EQ(challenge.intune, "default");
    EXPECT_THAT(findings(R"({ mode = "intune" })", with_secret, FindingLevel::warning), IsEmpty());
}

TEST_F(NotificationConfiguration, CredentialsAreASecretOrACertificate) {
    const std::string mode = R"({ mode = "intune" })";
    EXPECT_THAT(refusals(mode, with_secret), IsEmpty());
    EXPECT_THAT(refusals(mode, tenant + "certificate = \"c.pem\"\nkey = \"file:k.key\"\n"), IsEmpty());
    EXPECT_THAT(refusals(mode, tenant), Contains(HasSubstr("nothing shows Entra who we are")));
    EXPECT_THAT(refusals(mode, with_secret + "certificate = \"c.pem\"\nkey = \"file:k.key\"\n"),
                Contains(HasSubstr("there is a certificate too")));
    EXPECT_THAT(refusals(mode, tenant + "certificate = \"c.pem\"\n"), Contains(HasSubstr("intune.default.key")));
    EXPECT_THAT(refusals(mode, tenant + "key = \"file:k.key\"\n"), Contains(HasSubstr("intune.default.certificate")));
}

TEST_F(NotificationConfiguration, WhatBecomesPartOfAUrlIsPlain) {
    const std::string mode = R"({ mode = "intune" })";
    EXPECT_THAT(refusals(mode, "[intune.default]\ntenant = \"a/b\"\nclient_id = \"c\"\nsecret = \"s\"\n"),
                Contains(HasSubstr("intune.default.tenant")));
    EXPECT_THAT(refusals(mode, with_secret + "authority = \"http://login.example\"\n"),
                Contains(HasSubstr("intune.default.authority")));
    EXPECT_THAT(refusals(mode, with_secret + "graph = \"ftp://graph.example\"\n"),
                Contains(HasSubstr("intune.default.graph")));
}

TEST_F(NotificationConfiguration, AProfileNamesATenantThatExists) {
    EXPECT_THAT(refusals(R"({ mode = "intune" })", ""), Contains(HasSubstr("no [intune.default] exists")));
    EXPECT_THAT(refusals(R"({ mode = "intune", intune = "other" })", with_secret),
                Contains(HasSubstr("no [intune.other] exists")));
    EXPECT_THAT(refusals(R"({ mode = "one-time", intune = "default" })", with_secret),
                Contains(HasSubstr("this has no meaning in mode one-time")));
    EXPECT_THAT(findings(one_time, with_secret, FindingLevel::warning),
                Contains(HasSubstr("no profile takes challenges of this tenant")));
    EXPECT_THAT(refusals(R"({ mode = "intune", bytes = 16 })", with_secret),
                Contains(HasSubstr("this has no meaning in mode intune")));
    EXPECT_THAT(findings(R"({ mode = "intune", also = ["single-password"], password_file = "p" })", with_secret,
                         FindingLevel::warning),
                Contains(HasSubstr("profile.default.challenge.also")));
}

}  // namespace
}  // namespace countersign::config
