// AD CS: the contract against a stand-in that checks each message against the specifications, and what servers answer
// instead of what was asked.
#include "countersign/ca/adcs.hpp"
#include "ca/adcs/hresult.hpp"
#include "ca/adcs/soap.hpp"
#include "countersign/crypto/cmc.hpp"
#include "local_world.hpp"
#include "scratch_directory.hpp"

#include <gmock/gmock.h>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <fstream>

namespace countersign::ca::test {
namespace {

using contract::Treatment;
using ::testing::HasSubstr;
using ::testing::Not;

void write_file(const std::filesystem::path& file, std::string_view text) {
    std::ofstream(file, std::ios::binary) << text;
}

// tests/support/adcs.py as a child, told what to do line by line.
class StandIn {
public:
    StandIn(const std::filesystem::path& directory, const std::string& demand) {
        const auto script = std::filesystem::path(COUNTERSIGN_SOURCE_DIR) / "tests/support/adcs.py";
        int in[2];
        int out[2];
        if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
        pid_ = ::fork();
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            ::dup2(in[0], 0);
            ::dup2(out[1], 1);
            ::execl("/usr/bin/python3", "python3", "-B", script.c_str(), directory.c_str(), demand.c_str(), nullptr);
            ::_exit(127);
        }
        ::close(in[0]);
        ::close(out[1]);
        to_ = ::fdopen(in[1], "w");
        from_ = ::fdopen(out[0], "r");
        port_ = line();
    }
    ~StandIn() {
        std::fclose(to_);
        std::fclose(from_);
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    StandIn(const StandIn&) = delete;
    StandIn& operator=(const StandIn&) = delete;

    std::string tell(const std::string& words) {
        std::fputs((words + "\n").c_str(), to_);
        std::fflush(to_);
        return line();
    }
    const std::string& port() const { return port_; }

private:
    std::string line() {
        char buffer[8192];
        if (std::fgets(buffer, sizeof buffer, from_) == nullptr) throw std::runtime_error("the stand-in is gone");
        std::string text = buffer;
        text.pop_back();
        return text;
    }
    pid_t pid_ = -1;
    std::FILE* to_ = nullptr;
    std::FILE* from_ = nullptr;
    std::string port_;
};

template <class Way>
class AdcsWorld {
public:
    static constexpr contract::Abilities abilities{.judges_countersignatures = false, .scripted = true};

    AdcsWorld() {
        const auto home = openssl_.path();
        write_file(home / "ca.pem", world_.root.pem());
        write_file(home / "ca.key", rsa_key(0).pem());
        write_file(home / "agent.pem", world_.agent.pem());
        write_file(home / "lie.pem", world_.root.pem());
        const std::string line =
            "cd '" + home.string() +
            "' && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
            "-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 -keyout server.key -out "
            "server.pem 2>/dev/null";
        if (std::system(line.c_str()) != 0) throw std::runtime_error("no TLS certificate");
        server_.emplace(home, Way::demand);
        net::HttpClientOptions http;
        http.ca_file = (home / "server.pem").string();
        AdcsOptions options;
        options.name = "corp";
        options.chain = {world_.root};
        options.format = Way::format;
        ca_ = Way::make(std::move(options), net::make_http_client(http), server_->port(), world_.random);
    }
    Backend& backend() { return *ca_; }
    CountersignedRequest request(Countersigned how, const std::string& device) {
        if (Way::format != AdcsRequestFormat::cmc || how != Countersigned::properly) return world_.request(how, device);
        const auto csr = LocalWorld::request_of(device);
        return ra::Agent::countersigned(
            LocalWorld::signed_by(world_.agent, rsa_key(1), crypto::build_pki_data(csr.der()),
                                  crypto::cmc_pki_data_type),
            csr, world_.plan_for(device));
    }
    void record(const crypto::Certificate&, const std::string&) {}
    void take_away() { server_->tell("stop"); }
    void bring_back() { server_->tell("start"); }
    Time now() const { return SystemClock().now(); }
    void next(Treatment how) {
        static const std::map<Treatment, std::string> words{{Treatment::hold, "hold"},
                                                            {Treatment::reject, "reject"},
                                                            {Treatment::lose_the_answer, "lose_the_answer"},
                                                            {Treatment::lie, "lie"},
                                                            {Treatment::cut_the_answer, "cut_the_answer"}};
        server_->tell("next " + words.at(how));
    }
    void release() { server_->tell("release"); }
    std::size_t made() { return std::stoul(server_->tell("made")); }
    StandIn& server() { return *server_; }

private:
    countersign::test::ScratchDirectory openssl_;
    LocalWorld world_{LocalWorld::Setup{.now = SystemClock().now()}};
    std::optional<StandIn> server_;
    std::unique_ptr<Backend> ca_;
};

struct WebPages {
    static constexpr auto demand = "pkcs7";
    static constexpr auto format = AdcsRequestFormat::pkcs7;
    static std::unique_ptr<Backend> make(AdcsOptions options, std::shared_ptr<net::HttpClient> http,
                                         const std::string& port, Random&) {
        options.url = "https://127.0.0.1:" + port + "/certsrv";
        return std::make_unique<AdcsWebEnrollment>(std::move(options), std::move(http));
    }
};
template <AdcsRequestFormat Format>
struct WebService {
    static constexpr auto format = Format;
    static constexpr auto demand = Format == AdcsRequestFormat::cmc      ? "cmc"
                                   : Format == AdcsRequestFormat::pkcs10 ? "pkcs10"
                                                                         : "pkcs7";
    static std::unique_ptr<Backend> make(AdcsOptions options, std::shared_ptr<net::HttpClient> http,
                                         const std::string& port, Random& random) {
        options.url = "https://127.0.0.1:" + port + "/CA_CES/service.svc/CES";
        return std::make_unique<AdcsWebService>(std::move(options), std::move(http), random);
    }
};

using PagesWorld = AdcsWorld<WebPages>;
using ServiceWorld = AdcsWorld<WebService<AdcsRequestFormat::pkcs7>>;

template <class World>
class AdcsTest : public ::testing::Test {
protected:
    Result<Outcome> submit() {
        return world_.backend().submit(world_.request(Countersigned::properly, "device-1"), "k");
    }
    std::string told(const std::string& words) { return world_.server().tell(words); }
    World world_;
};
using Worlds = ::testing::Types<PagesWorld, ServiceWorld, AdcsWorld<WebService<AdcsRequestFormat::cmc>>,
                                AdcsWorld<WebService<AdcsRequestFormat::pkcs10>>>;
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
