// Subject and alternative names under the rules of a template.
#include "cases.hpp"
#include "test_keys.hpp"

#include <gtest/gtest.h>

namespace countersign::policy::test {
namespace {

using Codes = std::multiset<std::string>;
using Texts = std::vector<std::string>;
const Codes none;

CertificateRequest request(const std::string& subject, const Texts& sans = {}) {
    return countersign::test::request_for(countersign::test::rsa_key(), subject, std::nullopt, sans);
}

Template with_subject_patterns(const Texts& patterns) {
    auto rules = device_template();
    rules.names.subject_patterns = patterns;
    return rules;
}

TEST(Subject, PassesAsItCame) {
    const auto router = request_named("subject-router");
    EXPECT_EQ(plan_of(judge_request(router)).subject, router.subject());
    const auto multi_valued = request_named("subject-multi-valued");
    EXPECT_EQ(plan_of(judge_request(multi_valued)).subject, multi_valued.subject());
}

TEST(Subject, OldStringTypesAreRewrittenWithTheSameText) {
    const auto umlaut = request_named("subject-umlaut");
    for (const std::string name : {"subject-bmp", "subject-t61"}) {
        const auto decision = judge_request(request_named(name));
        const auto& subject = plan_of(decision).subject;
        EXPECT_EQ(subject.text(), umlaut.subject().text()) << name;
        for (const auto& attribute : subject.attributes()) EXPECT_EQ(attribute.string_type, "UTF8String");
    }
}

TEST(Subject, AttributesAreAllowedByNameOrOid) {
    auto rules = device_template();
    rules.names.subject_attributes = {"cn", "2.5.4.72"};
    EXPECT_EQ(refusals(judge_request(request_named("subject-role"), rules)), Codes{"SubjectNameForbidden"})
        << "O is not listed";
    rules.names.subject_attributes.emplace_back("o");
    EXPECT_EQ(refusals(judge_request(request_named("subject-role"), rules)), none);
    rules.names.subject_attributes.clear();
    EXPECT_EQ(refusals(judge_request(request("CN=device-7"), rules)), Codes{"SubjectNameForbidden"});
}

TEST(Subject, ValuesHaveBounds) {
    EXPECT_EQ(refusals(judge_request(request("CN=" + std::string(64, 'x')))), none);
    EXPECT_EQ(refusals(judge_request(request("CN=" + std::string(65, 'x')))), Codes{"SubjectNameInvalid"});
    std::string umlauts;
    for (int i = 0; i < 64; ++i) umlauts += "\xc3\xa4";
    EXPECT_EQ(refusals(judge_request(request("CN=" + umlauts))), none) << "characters, not octets";
    EXPECT_EQ(refusals(judge_request(request("CN=a,C=DE"))), none);
    EXPECT_EQ(refusals(judge_request(request("CN=a\\00b"))), Codes{"SubjectNameInvalid"}) << "an embedded NUL";
}

TEST(Subject, ACountryIsTwoLetters) {
    const auto with_country = [](std::string_view name_der) {
        const auto& key = countersign::test::rsa_key();
        crypto::RequestContent content;
        content.subject = crypto::Name::from_der(from_hex(name_der).value()).value();
        content.spki = key.spki();
        content.scheme = key.sha256_scheme();
        return crypto::build_request(content, key.signer(content.scheme)).value();
    };
    EXPECT_EQ(refusals(judge_request(with_country("300d310b3009060355040613024445"))), none) << "DE";
    EXPECT_EQ(refusals(judge_request(with_country("300d310b3009060355040613024431"))), Codes{"SubjectNameInvalid"})
        << "D1";
    EXPECT_EQ(refusals(judge_request(with_country("300e310c300a06035504061303444555"))),
              (Codes{"SubjectNameInvalid", "SubjectNameInvalid"}))
        << "DEU: too long, and no code";
}

TEST(Subject, PatternsStopAtTheNextAttribute) {
    const auto only_devices = with_subject_patterns({"CN=device-*,O=Example"});
    EXPECT_EQ(refusals(judge_request(request_named("plain"), only_devices)), none);
    EXPECT_EQ(refusals(judge_request(request("CN=admin,O=Example"), only_devices)), Codes{"SubjectNameForbidden"});
    EXPECT_EQ(refusals(judge_request(request("CN=device-7,OU=Admins,O=Example"), only_devices)),
              Codes{"SubjectNameForbidden"});
    EXPECT_EQ(refusals(judge_request(request("CN=device-7+UID=root,O=Example"), only_devices)),
              Codes{"SubjectNameForbidden"});
    EXPECT_EQ(refusals(judge_request(request("CN=device-7\\,x,O=Example"), only_devices)), none)
        << "an escaped comma is text";
    EXPECT_EQ(refusals(judge_request(request("CN=device-7,OU=Admins,O=Example"),
                                     with_subject_patterns({"CN=x", "CN=device-**"}))),
              none);
}

TEST(Subject, MayBeEmptyOnlyWithAnAlternativeNameAndLeave) {
    auto rules = device_template();
    rules.names.allow_empty_subject = true;
    EXPECT_EQ(refusals(judge_request(request_named("empty-subject-san"), rules)), none);
    EXPECT_EQ(refusals(judge_request(request_named("empty-subject"), rules)), Codes{"SubjectNameMissing"});
    EXPECT_EQ(refusals(judge_request(request_named("empty-subject-san"))), Codes{"SubjectNameMissing"});
}

TEST(AlternativeNames, PassInTheirOwnEncoding) {
    const auto mixed = request_named("san-mixed");
    const auto decision = judge_request(mixed);
    EXPECT_EQ(plan_of(decision).subject_alt_names, mixed.subject_alt_names().value());
    const Texts expected{"dns:host.example.com", "email:a@example.com", "uri:https://example.com/x",
                         "ip:192.0.2.7",         "ip:2001:db8::7",      "upn:user@example.com"};
    EXPECT_EQ(san_texts(plan_of(decision)), expected);
}

TEST(AlternativeNames, DuplicatesAreWrittenOnce) {
    EXPECT_EQ(san_texts(plan_of(judge_request(request_named("san-twice")))), Texts{"dns:host.example.com"});
    EXPECT_EQ(san_texts(plan_of(judge_request(request("CN=a", {"dns:A.test", "dns:a.test"})))), Texts{"dns:A.test"});
}

// Every type of GeneralName against a template that allows all but one.
TEST(AlternativeNames, EachTypeNeedsItsOwnLeave) {
    const std::vector<std::pair<std::string, std::string>> samples{
        {"dns", "san-dns"}, {"othername", "san-other"}, {"dirname", "san-directory"}, {"rid", "san-rid"}};
    for (const auto& [type, vector] : samples) {
        auto rules = device_template();
        rules.names.san_types = {type};
        EXPECT_EQ(refusals(judge_request(request_named(vector), rules)), none) << type;
        rules.names.san_types = {"dns", "email", "uri", "ip", "upn", "othername", "dirname", "rid", "x400", "ediparty"};
        std::erase(rules.names.san_types, type);
        EXPECT_EQ(refusals(judge_request(request_named(vector), rules)), Codes{"SubjectAltNameForbidden"}) << type;
    }
    for (const std::string text :
         {"dns:a.test", "email:a@a.test", "uri:https://a.test/", "ip:192.0.2.1", "upn:a@a.test"}) {
        auto rules = device_template();
        EXPECT_EQ(refusals(judge_request(request("CN=a", {text}), rules)), none) << text;
        std::erase(rules.names.san_types, text.substr(0, text.find(':')));
        EXPECT_EQ(refusals(judge_request(request("CN=a", {text}), rules)), Codes{"SubjectAltNameForbidden"}) << text;
    }
}

TEST(AlternativeNames, PatternsBindEveryName) {
    auto rules = device_template();
    rules.names.san_patterns = {"dns:*.example.com", "ip:192.0.2.*"};
    EXPECT_EQ(refusals(judge_request(request("CN=a", {"dns:Host.Example.com", "ip:192.0.2.9"}), rules)), none);
    EXPECT_EQ(refusals(judge_request(request("CN=a", {"dns:host.example.com", "dns:evil.test"}), rules)),
              Codes{"SubjectAltNameForbidden"});
    EXPECT_EQ(refusals(judge_request(request("CN=a", {"uri:https://192.0.2.1/"}), rules)),
              Codes{"SubjectAltNameForbidden"});
    EXPECT_EQ(refusals(judge_request(request("CN=a", {"ip:2001:db8::1", "dns:evil.test"}), rules)),
              (Codes{"SubjectAltNameForbidden", "SubjectAltNameForbidden"}));
}

TEST(AlternativeNames, WildcardsNeedLeaveAndAPlace) {
    auto rules = device_template();
    rules.names.allow_wildcard_dns = true;
    EXPECT_EQ(refusals(judge_request(request_named("san-wildcard"), rules)), none);
    EXPECT_EQ(refusals(judge_request(request_named("san-wildcard-top"), rules)), Codes{"SubjectAltNameInvalid"});
    EXPECT_EQ(refusals(judge_request(request_named("san-wildcard-inside"), rules)), Codes{"SubjectAltNameInvalid"});
}

TEST(AlternativeNames, TheNumberIsBounded) {
    auto rules = device_template();
    EXPECT_EQ(refusals(judge_request(request_named("san-many"), rules)), Codes{"SubjectAltNameForbidden"});
    rules.names.max_sans = 21;
    EXPECT_EQ(refusals(judge_request(request_named("san-many"), rules)), none);
}

TEST(AlternativeNames, ASecurityIdentifierIsExpectedOrRefused) {
    const auto sid = request_named("san-sid");
    auto rules = device_template();
    EXPECT_EQ(refusals(judge_request(sid, rules)), Codes{"SubjectAltNameForbidden"});
    EXPECT_EQ(
        refusals(judge_request(sid, rules, {.sans = {"uri:tag:microsoft.com,2022-09-14:sid:S-1-5-21-1-2-3-500"}})),
        none);
    EXPECT_TRUE(
        refusals(judge_request(sid, rules, {.sans = {"uri:tag:microsoft.com,2022-09-14:sid:S-1-5-21-1-2-3-501"}}))
            .contains("SubjectAltNameForbidden"))
        << "somebody else's";
    EXPECT_EQ(refusals(judge_request(request_named("san-sid-upper"), rules)), Codes{"SubjectAltNameForbidden"});
    rules.names.security_identifier_uri = true;
    EXPECT_EQ(refusals(judge_request(sid, rules)), none);
}

TEST(Expectation, AnEmptyOneRestrictsNothing) {
    EXPECT_EQ(refusals(judge_request(request_named("san-mixed"), device_template(), {})), none);
}

TEST(Expectation, TheSubjectIsComparedAsAName) {
    const auto with = [](const std::string& vector, const std::string& subject) {
        return judge_request(request_named(vector), device_template(), {.subject = subject});
    };
    EXPECT_EQ(refusals(with("plain", "CN=device-7,O=Example")), none);
    EXPECT_EQ(refusals(with("subject-upper", "CN=device-7,O=Example")), none) << "RFC 5280 7.1 folds case";
    const auto other = with("plain", "CN=device-8,O=Example");
    EXPECT_EQ(refusals(other), Codes{"SubjectNameMismatch"});
    EXPECT_TRUE(std::get<Deny>(other).mismatch);
    EXPECT_EQ(refusals(with("subject-admins", "CN=device-7,O=Example")), Codes{"SubjectNameMismatch"}) << "a superset";
    EXPECT_EQ(refusals(with("plain", "CN=device-7")), Codes{"SubjectNameMismatch"});
    EXPECT_EQ(refusals(with("plain", "what is this")), Codes{"SubjectNameMismatch"})
        << "an unreadable binding binds to nothing";
    EXPECT_EQ(refusals(with("empty-subject", "CN=device-7")), (Codes{"SubjectNameMissing", "SubjectNameMissing"}));
}

TEST(Expectation, WhoIsBoundToASubjectMayNotAddOtherNames) {
    const auto request = request_named("san-mixed");  // with somebody's user principal name
    const auto judged = judge_request(request, device_template(), {.subject = request.subject().text()});
    EXPECT_EQ(refusals(judged).count("SubjectAltNameMismatch"), 6U);
    EXPECT_TRUE(std::get<Deny>(judged).mismatch);
}

TEST(Expectation, AlternativeNamesAreASetComparedForEquality) {
    const auto with = [](const std::string& vector, const Texts& sans) {
        return judge_request(request_named(vector), device_template(), {.sans = sans});
    };
    EXPECT_EQ(refusals(with("san-dns", {"dns:HOST.example.com"})), none);
    EXPECT_EQ(refusals(with("san-mixed", {"upn:user@EXAMPLE.com", "ip:2001:0db8:0::7", "ip:192.0.2.7",
                                          "uri:https://example.com/x", "email:a@example.com", "dns:host.example.com"})),
              none)
        << "in any order, addresses in any spelling";
    const auto superset = with("san-mixed", {"dns:host.example.com"});
    EXPECT_EQ(refusals(superset).count("SubjectAltNameMismatch"), 5U);
    EXPECT_TRUE(std::get<Deny>(superset).mismatch);
    EXPECT_EQ(refusals(with("san-dns", {"dns:host.example.com", "dns:b.example.com"})), Codes{"SubjectAltNameMissing"});
    EXPECT_EQ(refusals(with("plain", {"dns:host.example.com"})), Codes{"SubjectAltNameMissing"});
    EXPECT_EQ(refusals(with("san-dns", {"email:host.example.com"})),
              (Codes{"SubjectAltNameMismatch", "SubjectAltNameMissing"}));
}

TEST(Expectation, TheTemplateIsTheOneNamed) {
    EXPECT_EQ(refusals(judge_request(request_named("plain"), device_template(), {.template_name = "device"})), none);
    const auto other = judge_request(request_named("plain"), device_template(), {.template_name = "user"});
    EXPECT_EQ(refusals(other), Codes{"TemplateMismatch"});
    EXPECT_TRUE(std::get<Deny>(other).mismatch);
}

}  // namespace
}  // namespace countersign::policy::test
