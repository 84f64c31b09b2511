#include "app/probe/probe.hpp"

#include "countersign/ca/local.hpp"
#include "countersign/core/text.hpp"
#include "countersign/keys/file_key.hpp"
#include "countersign/scep/capabilities.hpp"
#include "countersign/scep/reply.hpp"
#include "countersign/scep/transport.hpp"
#include "test_keys.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

namespace countersign::app {
namespace {

using testing::Contains;
using testing::HasSubstr;

std::shared_ptr<keys::Key> key_of(std::size_t which) {
    return keys::key_from_pem(Secret(test::rsa_key(which).pem()), "test").value();
}

// A SCEP server behind the HTTP seam, whose misbehaviour each test chooses.
class ScriptedServer final : public net::HttpClient {
public:
    ScriptedServer() {
        const Time now = clock_.now();
        ca_ = ca::make_root_certificate({}, *ca_key_, now, random_).value();
        agent_ = ca::make_ra_certificate(ca::RaRole::agent, "CN=agent", agent_key_->public_key(), ra_validity, *ca_,
                                         *ca_key_, {}, now, random_)
                     .value();
        encryption_ = ca::make_ra_certificate(ca::RaRole::encryption, "CN=encryption", encryption_key_->public_key(),
                                              ra_validity, *ca_, *ca_key_, {}, now, random_)
                          .value();
        scep::CapabilityFacts facts;
        capabilities = scep::capabilities(facts);
        bundle = {*agent_, *encryption_, *ca_};
        signer = scep::ReplySigner{*agent_, agent_key_};
    }

    Result<net::ClientResponse> send(const net::ClientRequest& request) override {
        requests.push_back(request.method + " " + request.url);
        if (away) return fail::unavailable("connection refused");
        if (request.url.starts_with("http://admin")) {
            const bool known =
                request.user == "mdm" && request.password != nullptr && request.password->equals(as_bytes("tea"));
            auto page = answer(known ? 200 : 401, "text/html", as_bytes(admin_page));
            if (!known) page.headers.emplace_back("www-authenticate", schemes);
            return page;
        }
        if (request.url.find("operation=") == std::string::npos)
            return answer(landing_status, "text/html", as_bytes(landing));
        const auto query = scep::parse_query(request.url.substr(request.url.find('?') + 1));
        switch (query.operation.value()) {
            case scep::Operation::get_ca_caps: return answer(caps_status, "text/plain", as_bytes(capabilities));
            case scep::Operation::get_ca_cert: return ca_certificates();
            case scep::Operation::pki_operation: break;
            default: return answer(404, "", {});
        }
        if (request.method == "GET" && !takes_get) return answer(414, "", {});
        const Bytes message = request.method == "POST" ? request.body : scep::decode_get_message(query.message).value();
        return answer(200, "application/x-pki-message", reply_to(message));
    }

    std::string capabilities;
    int caps_status = 200;
    std::string bundle_type;
    std::vector<crypto::Certificate> bundle;
    std::optional<scep::ReplySigner> signer;
    std::string admin_page = "The enrollment challenge password is: <B> 8CE317021F690069 </B>";
    std::string expected_challenge;
    std::string schemes = "Basic realm=\"test\"";
    int landing_status = 200;
    std::string landing = "Network Device Enrollment Service";
    bool one_time = true;
    bool renews = true;
    bool knows_renewal_req = true;
    bool takes_get = true;
    bool away = false;
    bool foreign_nonce = false;
    bool foreign_key = false;
    unsigned pending = 0;
    std::chrono::days ra_validity{365};
    std::vector<std::string> requests;

    const crypto::Certificate& ca() const { return *ca_; }

private:
    static net::ClientResponse answer(int status, const std::string& type, ByteView body) {
        return {status, {{"content-type", type}}, to_bytes(body)};
    }

    net::ClientResponse ca_certificates() const {
        const auto made = scep::ca_certificates({bundle.begin(), bundle.end() - 1}, {bundle.back()});
        return answer(200, bundle_type.empty() ? made.content_type : bundle_type, made.body);
    }

    Bytes reply_to(const Bytes& message) {
        const Secret substitute(random_.bytes(32));
        scep::AcceptedAlgorithms accepted;
        accepted.ciphers.insert(crypto::ContentCipher::des_ede3_cbc);
        accepted.digests.insert(crypto::DigestAlgorithm::sha1);
        auto envelope = scep::VerifiedEnvelope::verify(message);
        EXPECT_TRUE(envelope) << describe(envelope.error());
        auto opened = scep::open_request(*std::move(envelope), {{*encryption_, encryption_key_}}, accepted, substitute);
        EXPECT_TRUE(std::holds_alternative<scep::OpenedRequest>(opened));
        const auto& request = std::get<scep::OpenedRequest>(opened);
        auto context = scep::ReplyContext::of(request.envelope(), request.style());
        if (foreign_nonce) context.sender_nonce = Bytes(16, 1);
        return scep::build_reply(context, decide(request), *signer, clock_.now(), random_).value();
    }

    scep::ReplyContent decide(const scep::OpenedRequest& request) {
        if (const auto* csr = std::get_if<crypto::CertificateRequest>(&request.content())) {
            if (!may_enroll(request, *csr)) return scep::ReplyFailure{scep::FailInfo::bad_request, "reference 7"};
            issued_ = issue(*csr);
        }
        if (pending > 0) {
            --pending;
            return scep::ReplyPending{};
        }
        return scep::ReplySuccess{{*issued_}, {}};
    }

    bool may_enroll(const scep::OpenedRequest& request, const crypto::CertificateRequest& csr) {
        const bool renewal = issued_ && request.envelope().signer() == *issued_;
        if (renewal)
            return renews && (knows_renewal_req || request.envelope().message_type() != scep::MessageType::renewal_req);
        const auto challenge = csr.challenge_password();
        if (challenge ? !challenge->equals(as_bytes(expected_challenge)) : !expected_challenge.empty()) return false;
        return !std::exchange(used_, one_time) || !challenge;
    }

    crypto::Certificate issue(const crypto::CertificateRequest& csr) {
        crypto::CertificateContent content;
        content.subject = csr.subject();
        content.spki = foreign_key ? test::rsa_key(0).spki() : to_bytes(csr.public_key().spki());
        content.not_before = clock_.now() - std::chrono::minutes{5};
        content.not_after = clock_.now() + std::chrono::days{30};
        crypto::IssuerContent issuer;
        issuer.subject = ca_->subject();
        issuer.scheme = ca_key_->public_key().scheme_with(crypto::DigestAlgorithm::sha256);
        return crypto::build_certificate(content, issuer, Bytes{0x12, 0x34},
                                         [&](ByteView message) { return ca_key_->sign(issuer.scheme, message); })
            .value();
    }

    bool used_ = false;
    SystemClock clock_;
    SystemRandom random_;
    std::shared_ptr<keys::Key> ca_key_ = key_of(0);
    std::shared_ptr<keys::Key> agent_key_ = key_of(1);
    std::shared_ptr<keys::Key> encryption_key_ = key_of(2);
    std::optional<crypto::Certificate> ca_, agent_, encryption_, issued_;
};

class ProbeTest : public testing::Test {
protected:
    bool run() {
        options_.url = "http://scep.example/certsrv/mscep/mscep.dll";
        options_.poll_interval = std::chrono::milliseconds{0};
        probe_.emplace(std::move(options_), server_, console_);
        return probe_->run();
    }
    ProbeStep last() const { return probe_->steps().back(); }
    // The first step of that name that is not well, else the first of that name.
    ProbeStep step(std::string_view name) const {
        std::optional<ProbeStep> found;
        for (const auto& one : probe_->steps()) {
            if (one.name == name &&
                (!found || (found->outcome == StepOutcome::pass && one.outcome != StepOutcome::pass)))
                found = one;
        }
        if (!found) ADD_FAILURE() << "step " << name << " was not taken";
        return found.value_or(ProbeStep{});
    }
    bool taken(std::string_view name) const {
        return std::ranges::any_of(probe_->steps(), [&](const auto& one) { return one.name == name; });
    }
    std::vector<std::string> faults() const {
        std::vector<std::string> names;
        for (const auto& one : probe_->steps()) {
            if (!one.fault.empty()) names.push_back(one.fault);
        }
        return names;
    }
    void use_one_time_challenge() {
        server_.expected_challenge = "8CE317021F690069";
        options_.challenge = Secret("8CE317021F690069");
    }
    void use_admin_page(const std::string& password = "tea") {
        server_.expected_challenge = "8CE317021F690069";
        options_.admin_url = "http://admin.example/certsrv/mscep_admin/";
        options_.admin_user = "mdm";
        options_.admin_password = Secret(password);
    }
    StepOutcome outcome(std::string_view name) const { return step(name).outcome; }

    std::istringstream in_;
    std::ostringstream out_;
    std::ostringstream err_;
    SystemClock clock_;
    SystemRandom random_;
    Console console_{in_, out_, err_, clock_, random_};
    ScriptedServer server_;
    ProbeOptions options_;
    std::optional<Probe> probe_;
};

TEST_F(ProbeTest, EnrollsTriesTheChallengeAgainAndRenews) {
    use_one_time_challenge();
    options_.subject = "CN=device-7,O=Example";
    options_.sans = {"dns:device-7.example.com"};
    EXPECT_TRUE(run()) << last().detail;
    for (const auto& one : probe_->steps()) {
        EXPECT_EQ(one.outcome, StepOutcome::pass) << one.name << ": " << one.detail;
        EXPECT_EQ(one.fault, "");
    }
    ASSERT_TRUE(probe_->certificate());
    EXPECT_EQ(probe_->certificate()->subject().text(), "CN=device-7,O=Example");
    EXPECT_TRUE(probe_->certificate()->verify_signed_by(server_.ca().public_key()));
    const auto key = keys::key_from_pem(probe_->private_key_pem(), "probe").value();
    EXPECT_TRUE(key->public_key() == probe_->certificate()->public_key());
    EXPECT_THAT(step("second-use").detail, HasSubstr("refused"));
    EXPECT_THAT(step("renewal").detail, HasSubstr("RenewalReq"));
    EXPECT_THAT(server_.requests.back(), testing::StartsWith("POST "));
    for (const char* client : {"apple", "windows", "strongswan", "jscep", "sscep", "certmonger"})
        EXPECT_THAT(step("client-" + std::string(client)).detail, HasSubstr("[")) << "no source is cited";
}

TEST_F(ProbeTest, StopsAfterTheFirstCertificateWhenAsked) {
    use_one_time_challenge();
    options_.enroll_once = true;
    EXPECT_TRUE(run()) << last().detail;
    EXPECT_EQ(last().name, "certificate");
}

TEST_F(ProbeTest, FailsWhenTheChallengeIsGoodTwice) {
    use_one_time_challenge();
    server_.one_time = false;
    EXPECT_FALSE(run());
    EXPECT_THAT(faults(), Contains("challenge-reusable"));
    EXPECT_TRUE(probe_->certificate());
}

TEST_F(ProbeTest, WarnsWhenTheChallengeIsMeantToBeGoodTwice) {
    use_one_time_challenge();
    server_.one_time = false;
    options_.reusable = true;
    EXPECT_TRUE(run()) << last().detail;
    EXPECT_EQ(outcome("second-use"), StepOutcome::warn);
}

TEST_F(ProbeTest, WarnsWhenNoChallengeIsWanted) {
    EXPECT_TRUE(run()) << last().detail;
    EXPECT_THAT(faults(), testing::IsSupersetOf({"challenge-none", "challenge-not-wanted"}));
}

TEST_F(ProbeTest, RenewsWithTheDialectOfNdes) {
    use_one_time_challenge();
    server_.knows_renewal_req = false;
    EXPECT_TRUE(run()) << last().detail;
    EXPECT_THAT(step("renewal").detail, HasSubstr("PKCSReq"));
}

TEST_F(ProbeTest, WarnsOfRenewalsThatAreRefusedOrNotOffered) {
    use_one_time_challenge();
    server_.renews = false;
    EXPECT_TRUE(run()) << last().detail;
    EXPECT_EQ(step("renewal").fault, "renewal-refused");
    use_one_time_challenge();
    ScriptedServer silent;
    silent.expected_challenge = server_.expected_challenge;
    silent.capabilities = "AES\nSHA-256\nPOSTPKIOperation\n";
    options_ = {};
    options_.url = "http://scep.example/scep";
    options_.challenge = Secret(silent.expected_challenge);
    Probe probe(std::move(options_), silent, console_);
    EXPECT_TRUE(probe.run());
    EXPECT_EQ(probe.steps().back().fault, "renewal-not-offered");
}

TEST_F(ProbeTest, TriesPostWhenLongUrlsAreRefused) {
    use_one_time_challenge();
    server_.takes_get = false;
    EXPECT_TRUE(run()) << last().detail;
    EXPECT_EQ(step("get").fault, "get-refused");
    EXPECT_EQ(outcome("second-use"), StepOutcome::pass);
}

TEST_F(ProbeTest, FetchesTheChallengeFromTheAdminPage) {
    use_admin_page();
    EXPECT_TRUE(run()) << last().detail;
    EXPECT_THAT(faults(), testing::IsSupersetOf({"admin-plain-http", "admin-page-form"}));
    EXPECT_EQ(outcome("challenge"), StepOutcome::pass);
}

TEST_F(ProbeTest, SaysThatTheAdminPasswordIsWrong) {
    use_admin_page("coffee");
    EXPECT_FALSE(run());
    EXPECT_EQ(last().name, "challenge");
    EXPECT_EQ(last().fault, "admin-sign-in");
    EXPECT_THAT(last().detail, HasSubstr("401"));
}

TEST_F(ProbeTest, WarnsOfSchemesThatFleetTripsOver) {
    use_admin_page();
    server_.schemes = "Negotiate";
    EXPECT_TRUE(run());
    EXPECT_THAT(faults(), Contains("admin-no-basic"));
}

TEST_F(ProbeTest, SaysThatTheCacheIsFull) {
    use_admin_page();
    server_.admin_page = "<P> The password cache is full. <P>";
    EXPECT_FALSE(run());
    EXPECT_EQ(last().fault, "admin-cache-full");
}

TEST_F(ProbeTest, WarnsOfAThumbprintThatIsNobodys) {
    use_admin_page();
    server_.admin_page =
        "<P> The thumbprint (hash value) for the CA certificate is: <B> A656FA66 AB12B433 A2DA5CF7 CC153D9A </B> <P> " +
        server_.admin_page;
    EXPECT_TRUE(run());
    EXPECT_THAT(faults(), Contains("admin-thumbprint"));
}

TEST_F(ProbeTest, SaysThatTheChallengeWasRefused) {
    server_.expected_challenge = "right";
    options_.challenge = Secret("wrong");
    EXPECT_FALSE(run());
    EXPECT_EQ(last().name, "enroll");
    EXPECT_THAT(last().detail, HasSubstr("badRequest (reference 7)"));
    EXPECT_THAT(last().remedy, HasSubstr("challenge"));
    EXPECT_FALSE(probe_->certificate());
}

TEST_F(ProbeTest, PollsWhileTheServerHoldsTheRequestAndSaysSo) {
    use_one_time_challenge();
    options_.enroll_once = true;
    server_.pending = 3;
    EXPECT_TRUE(run()) << last().detail;
    EXPECT_EQ(outcome("poll"), StepOutcome::pass);
    EXPECT_THAT(err_.str(), HasSubstr("(3 of 12)"));
}

TEST_F(ProbeTest, GivesUpPollingInTheEnd) {
    server_.pending = 100;
    options_.polls = 2;
    EXPECT_FALSE(run());
    EXPECT_EQ(last().name, "poll");
    EXPECT_THAT(last().detail, HasSubstr("still pending after 2 polls"));
}

TEST_F(ProbeTest, UsesGetAndOldAlgorithmsWithAServerThatOffersNothingElse) {
    use_one_time_challenge();
    server_.capabilities = "DES3\nSHA-1\n";
    EXPECT_TRUE(run()) << last().detail;
    EXPECT_EQ(outcome("capabilities"), StepOutcome::warn);
    EXPECT_THAT(server_.requests.back(),
                HasSubstr("GET http://scep.example/certsrv/mscep/mscep.dll?operation=PKIOperation&message="));
}

TEST_F(ProbeTest, SaysThatTheServerIsAway) {
    server_.away = true;
    EXPECT_FALSE(run());
    EXPECT_EQ(probe_->steps().size(), 1u);
    EXPECT_EQ(last().fault, "no-answer");
    EXPECT_THAT(last().remedy, HasSubstr("check the URL"));
}

TEST_F(ProbeTest, SaysWhyAnNdesAnswers500) {
    server_.landing_status = 500;
    EXPECT_FALSE(run());
    EXPECT_EQ(last().fault, "server-error");
    EXPECT_THAT(last().remedy, HasSubstr("expired"));
}

TEST_F(ProbeTest, TakesTheAnswerOfAPolicyModuleForAnNdes) {
    server_.landing_status = 403;
    use_one_time_challenge();
    EXPECT_TRUE(run());
    EXPECT_THAT(step("reach").detail, HasSubstr("Intune"));
}

TEST_F(ProbeTest, SaysThatCapabilitiesAreNotAnswered) {
    use_one_time_challenge();
    server_.caps_status = 404;
    EXPECT_FALSE(run());
    EXPECT_EQ(step("capabilities").fault, "capabilities-status");
    EXPECT_THAT(step("capabilities").detail, HasSubstr("404"));
    EXPECT_EQ(outcome("client-certmonger"), StepOutcome::fail);
    EXPECT_TRUE(probe_->certificate());
}

TEST_F(ProbeTest, FailsOnAContentTypeThatClientsRefuse) {
    use_one_time_challenge();
    server_.bundle_type = "text/html";
    EXPECT_FALSE(run());
    EXPECT_EQ(step("ca-certificates").fault, "ca-content-type");
    for (const char* client : {"client-apple", "client-jscep", "client-sscep", "client-certmonger"})
        EXPECT_EQ(outcome(client), StepOutcome::fail) << client;
    EXPECT_EQ(outcome("client-strongswan"), StepOutcome::pass);
}

TEST_F(ProbeTest, NamesTheClientsThatRefuseContentTypeParameters) {
    use_one_time_challenge();
    server_.bundle_type = "application/x-x509-ca-ra-cert; charset=utf-8";
    EXPECT_FALSE(run());
    EXPECT_EQ(outcome("ca-certificates"), StepOutcome::warn);
    EXPECT_EQ(outcome("client-apple"), StepOutcome::fail);
    EXPECT_EQ(outcome("client-certmonger"), StepOutcome::fail);
    EXPECT_EQ(outcome("client-sscep"), StepOutcome::pass);
    EXPECT_EQ(outcome("client-jscep"), StepOutcome::pass);
}

TEST_F(ProbeTest, SpendsNoChallengeOnABundleWithoutAnEncryptionCertificate) {
    use_one_time_challenge();
    server_.bundle.erase(server_.bundle.begin() + 1);
    EXPECT_FALSE(run());
    EXPECT_EQ(step("ra-bundle").fault, "ra-encryption-missing");
    EXPECT_FALSE(taken("enroll"));
    for (const auto& request : server_.requests) EXPECT_THAT(request, testing::Not(HasSubstr("PKIOperation")));
}

TEST_F(ProbeTest, FailsOnAReplyByAStranger) {
    const auto stranger = key_of(3);
    const SystemClock clock;
    server_.signer = scep::ReplySigner{
        scep::self_signed_signer(crypto::Name::from_text("CN=agent").value(), *stranger, clock.now(), random_).value(),
        stranger};
    EXPECT_FALSE(run());
    EXPECT_EQ(last().name, "enroll");
    EXPECT_EQ(last().fault, "reply-signature");
    EXPECT_FALSE(probe_->certificate());
}

TEST_F(ProbeTest, FailsOnAReplyToAnotherNonce) {
    server_.foreign_nonce = true;
    EXPECT_FALSE(run());
    EXPECT_EQ(last().fault, "reply-recipient-nonce");
}

TEST_F(ProbeTest, FailsOnACertificateForAnotherKey) {
    server_.foreign_key = true;
    EXPECT_FALSE(run());
    EXPECT_EQ(last().fault, "certificate-foreign-key");
    EXPECT_FALSE(probe_->certificate());
}

TEST_F(ProbeTest, RefusesASubjectThatIsNone) {
    options_.subject = "no name";
    EXPECT_FALSE(run());
    EXPECT_EQ(last().name, "request");
    for (const auto& request : server_.requests) EXPECT_THAT(request, testing::Not(HasSubstr("PKIOperation")));
}

}  // namespace
}  // namespace countersign::app
