// AD CS: the contract against a stand-in that checks each message against the specifications, and what servers answer
// instead of what was asked.
#include "countersign/ca/adcs.hpp"
#include "ca/adcs/hresult.hpp"
#include "ca/adcs/soap.hpp"
#include "stand_in.hpp"

#include <gmock/gmock.h>

namespace countersign::ca::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

AdcsOptions options_in(const Surroundings& surroundings, AdcsRequestFormat format) {
    AdcsOptions options;
    options.name = "corp";
    options.chain = {surroundings.world.root};
    options.format = format;
    return options;
}

struct WebPages {
    static constexpr auto script = "adcs.py";
    static constexpr bool cmc = false;
    static constexpr bool reconciles = false;
    static std::vector<std::string> words() { return {"pkcs7"}; }
    static std::unique_ptr<Backend> make(Surroundings& at) {
        auto options = options_in(at, AdcsRequestFormat::pkcs7);
        options.url = "https://127.0.0.1:" + at.port + "/certsrv";
        return std::make_unique<AdcsWebEnrollment>(std::move(options), at.http);
    }
};
template <AdcsRequestFormat Format>
struct WebService {
    static constexpr auto script = "adcs.py";
    static constexpr bool cmc = Format == AdcsRequestFormat::cmc;
    static constexpr bool reconciles = false;
    static std::vector<std::string> words() {
        return {cmc ? "cmc" : Format == AdcsRequestFormat::pkcs10 ? "pkcs10" : "pkcs7"};
    }
    static std::unique_ptr<Backend> make(Surroundings& at) {
        auto options = options_in(at, Format);
        options.url = "https://127.0.0.1:" + at.port + "/CA_CES/service.svc/CES";
        return std::make_unique<AdcsWebService>(std::move(options), at.http, at.world.random);
    }
};

using PagesWorld = RemoteWorld<WebPages>;
using ServiceWorld = RemoteWorld<WebService<AdcsRequestFormat::pkcs7>>;

template <class World>
class AdcsTest : public ::testing::Test {
protected:
    Result<Outcome> submit() { return world_.submit(); }
    std::string told(const std::string& words) { return world_.server().tell(words); }
    World world_;
};
using Worlds = ::testing::Types<PagesWorld, ServiceWorld, RemoteWorld<WebService<AdcsRequestFormat::cmc>>,
                                RemoteWorld<WebService<AdcsRequestFormat::pkcs10>>>;
TYPED_TEST_SUITE(AdcsTest, Worlds);

TYPED_TEST(AdcsTest, WhatIsSentIsWhatTheSpecificationsSay) {
    const auto outcome = this->submit();
    EXPECT_EQ(this->told("violations"), "");
    ASSERT_TRUE(outcome) << describe(outcome.error());
    EXPECT_TRUE(std::holds_alternative<Issued>(*outcome));
}

TYPED_TEST(AdcsTest, ADenialIsExplained) {
    this->told("next reject");
    const auto outcome = this->submit();
    ASSERT_TRUE(outcome) << describe(outcome.error());
    ASSERT_TRUE(std::holds_alternative<Rejected>(*outcome));
    const auto reason = std::get<Rejected>(*outcome).reason;
    EXPECT_THAT(reason, HasSubstr("Denied by Policy Module"));
    EXPECT_THAT(reason, HasSubstr("0x80094800 CERTSRV_E_UNSUPPORTED_CERT_TYPE: the CA does not issue this template"));
}

TYPED_TEST(AdcsTest, WhatWasHeldMayBeDenied) {
    this->told("next hold");
    const auto outcome = this->submit();
    ASSERT_TRUE(outcome && std::holds_alternative<Pending>(*outcome));
    this->told("deny");
    const auto later = this->world_.backend().poll(std::get<Pending>(*outcome).handle);
    ASSERT_TRUE(later) << describe(later.error());
    EXPECT_THAT(std::get<Rejected>(*later).reason, HasSubstr("officer"));
}

TYPED_TEST(AdcsTest, ARequestTheCaDoesNotKnowWasNotDecided) {
    const auto outcome = this->world_.backend().poll("424242");
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().kind, ErrorKind::not_found);
}

TYPED_TEST(AdcsTest, BeingTurnedAwayAtTheDoorIsNotARefusalByTheCa) {
    for (const auto* status : {"401", "403", "404", "503"}) {
        this->told(std::string("status ") + status);
        const auto outcome = this->submit();
        ASSERT_FALSE(outcome);
        EXPECT_EQ(outcome.error().kind, ErrorKind::unavailable) << status;
        EXPECT_THAT(outcome.error().detail, HasSubstr(status));
        EXPECT_FALSE(this->world_.backend().probe());
    }
    this->told("status 0");
    EXPECT_TRUE(this->world_.backend().probe());
    EXPECT_EQ(this->told("made"), "0");
}

TYPED_TEST(AdcsTest, APageThatTellsNothingLeavesTheOutcomeUnknown) {
    this->told("next html");
    EXPECT_EQ(this->submit().error().kind, ErrorKind::outcome_unknown);
    this->told("status 500");
    EXPECT_EQ(this->submit().error().kind, ErrorKind::outcome_unknown);
}

TYPED_TEST(AdcsTest, OnlyNumbersAreAskedAbout) {
    for (const auto* handle : {"", "1&x=2", "../1", "12345678901", "1 "}) {
        EXPECT_EQ(this->world_.backend().poll(handle).error().kind, ErrorKind::not_found) << handle;
    }
    const auto unknown = this->world_.backend().poll("999");
    EXPECT_TRUE(!unknown || std::holds_alternative<Rejected>(*unknown));
    EXPECT_EQ(this->told("violations"), "");
}

TEST(AdcsPages, AnotherCaThanTheConfiguredOneIsNoticed) {
    PagesWorld world;
    AdcsOptions options;
    options.chain = {LocalWorld(LocalWorld::Setup{.ca = {.subject = "CN=Another CA"}}).root};
    options.url = world.backend().describe().substr(std::string("AD CS at ").size());
    net::HttpClientOptions http;
    EXPECT_FALSE(AdcsWebEnrollment(options, net::make_http_client(http)).probe())
        << "its TLS certificate is not trusted";
}

TEST(HresultTest, CodesAreFoundAndExplained) {
    EXPECT_EQ(hresult_in("Denied  0x80094800, no"), 0x80094800U);
    EXPECT_EQ(hresult_in("0x8009480"), std::nullopt);
    EXPECT_EQ(hresult_in("0x8 0x800706ba (WIN32: 1722)"), 0x800706BAU);
    EXPECT_EQ(hresult_in(""), std::nullopt);
    EXPECT_TRUE(means_unavailable(0x800706BA));
    EXPECT_FALSE(means_unavailable(0x80094800));
    EXPECT_EQ(explain_hresult(0x81234567), "0x81234567");
    EXPECT_THAT(explain_hresult(0x80094809), HasSubstr("demands a signature"));
}

Bytes envelope(const std::string& body, const std::string& prologue = "") {
    return to_bytes(as_bytes(prologue + "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Body>" +
                             body + "</s:Body></s:Envelope>"));
}

TEST(SoapTest, FaultsGiveTheirCode) {
    const auto answer = soap::read_answer(envelope(
        "<s:Fault><s:Reason><s:Text>no</s:Text></s:Reason><s:Detail><CertificateEnrollmentWSDetail "
        "xmlns=\"http://schemas.microsoft.com/windows/pki/2009/01/enrollment\"><ErrorCode>-2147023174</ErrorCode>"
        "<InvalidRequest>false</InvalidRequest></CertificateEnrollmentWSDetail></s:Detail></s:Fault>"));
    ASSERT_TRUE(answer) << describe(answer.error());
    EXPECT_EQ(answer->fault->code, 0x800706BAU);
    EXPECT_FALSE(answer->fault->invalid_request);
    EXPECT_EQ(answer->fault->reason, "no");
}

TEST(SoapTest, WhatIsNoAnswerIsMalformed) {
    const std::string trust = "xmlns=\"http://docs.oasis-open.org/ws-sx/ws-trust/200512\"";
    for (const auto& xml :
         {Bytes(), to_bytes(as_bytes("<html>")), envelope(""), envelope("<x/>"),
          envelope("<RequestSecurityTokenResponseCollection " + trust + "/>"),
          envelope("<RequestSecurityTokenResponseCollection xmlns=\"urn:other\">"
                   "<RequestSecurityTokenResponse/></RequestSecurityTokenResponseCollection>"),
          to_bytes(as_bytes("<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"/>"))}) {
        EXPECT_FALSE(soap::read_answer(xml)) << as_text(xml);
    }
}

TEST(SoapTest, EntitiesOfADocumentTypeAreNotExpanded) {
    const auto answer =
        soap::read_answer(envelope("<s:Fault><s:Reason><s:Text>&file;&lt;</s:Text></s:Reason></s:Fault>",
                                   "<!DOCTYPE x [<!ENTITY file SYSTEM \"file:///etc/passwd\">]>"));
    if (answer) {
        EXPECT_THAT(answer->fault->reason, Not(HasSubstr("root:")));
    }
}

TEST(SoapTest, DeepNestingDoesNoHarm) {
    std::string deep;
    for (int i = 0; i < 20000; ++i) deep += "<a>";
    EXPECT_FALSE(soap::read_answer(to_bytes(as_bytes(deep))));
}

}  // namespace
}  // namespace countersign::ca::test

namespace countersign::contract {
INSTANTIATE_TYPED_TEST_SUITE_P(AdcsPages, CaBackendContract, ca::test::PagesWorld);
INSTANTIATE_TYPED_TEST_SUITE_P(AdcsService, CaBackendContract, ca::test::ServiceWorld);
}  // namespace countersign::contract
