// What the policy service of Active Directory tells about templates, and what `countersign check` makes of it: against
// a stand-in that checks the question against [MS-XCEP], and answers no server should give.
#include "countersign/ca/adcs_policy.hpp"
#include "stand_in.hpp"

#include <gmock/gmock.h>

namespace countersign::ca::test {
namespace {

using ::testing::HasSubstr;
using Published = DirectoryTemplate::Published;

struct Pages {
    static constexpr auto script = "adcs.py";
    static constexpr bool cmc = false;
    static constexpr bool reconciles = false;
    static std::vector<std::string> words() { return {"pkcs7"}; }
    static std::unique_ptr<Backend> make(Surroundings& at) {
        AdcsOptions options;
        options.url = "https://127.0.0.1:" + at.port + "/certsrv";
        options.chain = {at.world.root};
        return std::make_unique<AdcsWebEnrollment>(std::move(options), at.http);
    }
};

class PolicyServiceTest : public ::testing::Test {
protected:
    AdcsPolicyService service(const std::string& path = "/CEP/service.svc/CEP") {
        AdcsOptions options;
        options.url = "https://127.0.0.1:" + world_.server().port() + path;
        net::HttpClientOptions http;
        http.ca_file = (world_.home() / "server.pem").string();
        return {std::move(options), net::make_http_client(http), world_.world().random};
    }
    Result<DirectoryTemplate> shown(const std::string& name = "device") {
        TRY(const auto answer, service().policies());
        return template_in(answer, name, world_.world().root);
    }
    // "fine", or the problems, of the template after a change to it.
    std::string judged(const std::string& change = "", const ExpectedTemplate& expected = expected_as_usual()) {
        if (!change.empty()) told("template " + change);
        const auto found = shown();
        if (!found) return "unreadable: " + describe(found.error());
        std::string text;
        for (const auto& remark : judge_template(*found, expected)) {
            using enum TemplateRemark::Weight;
            if (remark.weight == fine) return "fine";
            EXPECT_FALSE(remark.remedy.empty());
            text += (remark.weight == error ? "error: " : "warning: ") + remark.problem + "\n";
        }
        return text;
    }
    static ExpectedTemplate expected_as_usual() {
        ExpectedTemplate expected;
        expected.rsa_bits_min = 2048;
        expected.longest = std::chrono::days{200};
        expected.key_usage = crypto::usage::digital_signature | crypto::usage::key_encipherment;
        expected.extended_key_usage = {std::string(oid::client_auth)};
        return expected;
    }
    std::string told(const std::string& words) { return world_.server().tell(words); }

    RemoteWorld<Pages> world_;
};

TEST_F(PolicyServiceTest, WhatIsAskedIsWhatTheSpecificationSays) {
    const auto found = shown();
    EXPECT_EQ(told("violations"), "");
    ASSERT_TRUE(found) << describe(found.error());
    EXPECT_EQ(found->published, Published::here);
    EXPECT_TRUE(found->ca_lets_us_enroll);
    EXPECT_TRUE(found->may_enroll);
    EXPECT_EQ(found->signatures, 1U);
    EXPECT_EQ(found->signature_purposes, std::vector<std::string>{std::string(oid::ms_certificate_request_agent)});
    EXPECT_TRUE(found->signature_issuances.empty());
    EXPECT_EQ(found->minimal_key_bits, 2048U);
    EXPECT_EQ(found->key_algorithm, "");
    EXPECT_EQ(found->validity, std::chrono::days{200});
    EXPECT_EQ(found->key_usage, expected_as_usual().key_usage);
    EXPECT_EQ(found->extended_key_usage, expected_as_usual().extended_key_usage);
    EXPECT_EQ(judged(), "fine");
}

TEST_F(PolicyServiceTest, NamesIgnoreCaseAndOthersAreNotFound) {
    EXPECT_TRUE(shown("DEVICE"));
    for (const auto* name : {"", "Device Certificates", "devic"})
        EXPECT_EQ(shown(name).error().kind, ErrorKind::not_found);
    told("policies nil");
    EXPECT_EQ(shown().error().kind, ErrorKind::not_found);
}

TEST_F(PolicyServiceTest, ATemplateThatDemandsNoSignatureIsAnError) {
    EXPECT_THAT(judged("signatures=0"), HasSubstr("error: it demands no authorised signature"));
    auto bare = expected_as_usual();
    bare.countersigned = false;
    EXPECT_EQ(judged("", bare), "fine");
    EXPECT_THAT(judged("signatures=1", bare), HasSubstr("error: it demands 1 authorised signature(s), and requests"));
}

TEST_F(PolicyServiceTest, SignaturesOfOthersAreTold) {
    EXPECT_THAT(judged("purposes=nil"), HasSubstr("error: it demands a signature, but not by"));
    EXPECT_THAT(judged("purposes=[1.3.6.1.5.5.7.3.4]"), HasSubstr("it names: emailProtection"));
    EXPECT_THAT(judged("purposes=[1.3.6.1.4.1.311.20.2.1,1.2.3]"), HasSubstr("warning: the signer's certificate must"));
    EXPECT_EQ(judged("purposes=[1.3.6.1.4.1.311.20.2.1]"), "fine");
    EXPECT_THAT(judged("signatures=2"), HasSubstr("error: it demands 2 authorised signatures"));
    told("template signatures=1");
    EXPECT_THAT(judged("issuances=[1.2.3.4]"), HasSubstr("warning: the signer's certificate must have issuance"));
}

TEST_F(PolicyServiceTest, WhoMayNotEnrollIsTold) {
    EXPECT_THAT(judged("enroll=false"), HasSubstr("error: our account may not enroll"));
    told("template enroll=true");
    EXPECT_THAT(judged("enroll_at_ca=false"), HasSubstr("error: the CA does not let our account"));
    told("template enroll_at_ca=true");
    EXPECT_THAT(judged("published=nil"), HasSubstr("error: no CA issues this template"));
    EXPECT_THAT(judged("published=[]"), HasSubstr("error: no CA issues this template"));
    EXPECT_THAT(judged("published=[another]"), HasSubstr("error: the configured CA does not issue this template"));
    EXPECT_EQ(judged("published=[another,ours]"), "fine");
}

TEST_F(PolicyServiceTest, ContradictionsAreWarnings) {
    EXPECT_THAT(judged("key_bits=3072"), HasSubstr("warning: it demands RSA keys of 3072 bits"));
    EXPECT_EQ(judged("algorithm=1.2.840.10045.2.1"), "fine") << "not about RSA";
    EXPECT_THAT(judged("algorithm=1.2.840.113549.1.1.1"), HasSubstr("RSA keys of 3072 bits"));
    auto curves = expected_as_usual();
    curves.rsa_bits_min.reset();
    EXPECT_EQ(judged("", curves), "fine");
    EXPECT_EQ(judged("key_bits=1024"), "fine");
    EXPECT_THAT(judged("seconds=17280001"), HasSubstr("warning: its certificates are valid for 201 days"));
    EXPECT_EQ(judged("seconds=86400"), "fine");
    EXPECT_THAT(judged("usages=2.5.29.15:03020780"), HasSubstr("warning: its key usage is digitalSignature, and here"));
    EXPECT_THAT(judged("usages=2.5.29.37:300a06082b06010505070301"), HasSubstr("application policies are serverAuth"));
    EXPECT_EQ(judged("usages=2.5.29.19:3000"), "fine") << "what is not given contradicts nothing";
}

TEST_F(PolicyServiceTest, AnswersThatContradictThemselvesAreMalformed) {
    for (const auto* change : {"usages=2.5.29.15:0500", "usages=2.5.29.37:30", "key_bits=-1", "seconds=-5"}) {
        told(std::string("template ") + change);
        EXPECT_THAT(judged(), HasSubstr("unreadable: malformed")) << change;
        told("template usages=2.5.29.15:030205a0");
        told("template key_bits=2048");
        told("template seconds=86400");
    }
    told("policies dangling");
    EXPECT_THAT(judged(), HasSubstr("which it does not list"));
}

TEST_F(PolicyServiceTest, WhatIsNoAnswerIsUnavailable) {
    for (const auto* how : {"html", "huge", "cut"}) {
        told(std::string("policies ") + how);
        const auto answer = service().policies();
        ASSERT_FALSE(answer) << how;
        EXPECT_EQ(answer.error().kind, ErrorKind::unavailable) << how;
    }
    told("policies fault");
    EXPECT_THAT(describe(shown().error()), HasSubstr("The directory is away"));
    for (const auto* status : {"401", "403", "404", "500", "503"}) {
        told(std::string("status ") + status);
        const auto answer = service().policies();
        ASSERT_FALSE(answer);
        EXPECT_EQ(answer.error().kind, ErrorKind::unavailable);
        EXPECT_THAT(answer.error().detail, HasSubstr(status));
    }
    told("status 0");
    EXPECT_FALSE(service("/CA_CES/service.svc/CES").policies()) << "the enrollment service is another";
    told("stop");
    EXPECT_EQ(service().policies().error().kind, ErrorKind::unavailable);
}

TEST_F(PolicyServiceTest, WhatIsNotXcepIsMalformed) {
    const std::string soap = "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Body>";
    for (const auto& xml :
         {std::string(), std::string("<html>"), soap + "</s:Body></s:Envelope>",
          soap + "<GetPoliciesResponse/></s:Body></s:Envelope>",
          soap + "<GetPoliciesResponse xmlns=\"urn:other\"><response/></GetPoliciesResponse></s:Body></s:Envelope>",
          soap + "<p:GetPoliciesResponse xmlns:p=\"http://schemas.microsoft.com/windows/pki/2009/01/enrollmentpolicy\" "
                 "xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\"><p:response i:nil=\"1\"/>"
                 "</p:GetPoliciesResponse></s:Body></s:Envelope>"}) {
        const auto found = template_in(as_bytes(xml), "device", world_.world().root);
        ASSERT_FALSE(found) << xml;
        EXPECT_EQ(found.error().kind, ErrorKind::malformed) << xml;
    }
}

}  // namespace
}  // namespace countersign::ca::test
