#include "app/commands/probe.hpp"

#include "countersign/ca/local.hpp"
#include "countersign/core/text.hpp"
#include "countersign/keys/file_key.hpp"
#include "countersign/scep/capabilities.hpp"
#include "countersign/scep/reply.hpp"
#include "countersign/scep/transport.hpp"
#include "test_keys.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace countersign::app {
namespace {

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
            return answer(known ? 200 : 401, "text/html", as_bytes(admin_page));
        }
        const auto query = scep::parse_query(request.url.substr(request.url.find('?') + 1));
        switch (query.operation.value()) {
            case scep::Operation::get_ca_caps: return answer(caps_status, "text/plain", as_bytes(capabilities));
            case scep::Operation::get_ca_cert: return ca_certificates();
            case scep::Operation::pki_operation: break;
            default: return answer(404, "", {});
        }
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
            const auto challenge = csr->challenge_password();
            const bool good = challenge ? challenge->equals(as_bytes(expected_challenge)) : expected_challenge.empty();
            if (!good) return scep::ReplyFailure{scep::FailInfo::bad_request, "reference 7"};
            issued_ = issue(*csr);
        }
        if (pending > 0) {
            --pending;
            return scep::ReplyPending{};
        }
        return scep::ReplySuccess{{*issued_}, {}};
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
    StepOutcome outcome(std::string_view step) const {
        for (const auto& one : probe_->steps()) {
            if (one.name == step) return one.outcome;
        }
        ADD_FAILURE() << "step " << step << " was not taken";
        return StepOutcome::fail;
    }

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

TEST_F(ProbeTest, EnrollsWithTheGivenChallenge) {
    server_.expected_challenge = "8CE317021F690069";
    options_.challenge = Secret("8CE317021F690069");
    options_.subject = "CN=device-7,O=Example";
    EXPECT_TRUE(run()) << last().detail;
    for (const auto& step : probe_->steps())
        EXPECT_EQ(step.outcome, StepOutcome::pass) << step.name << ": " << step.detail;
    ASSERT_TRUE(probe_->certificate());
    EXPECT_EQ(probe_->certificate()->subject().text(), "CN=device-7,O=Example");
    EXPECT_TRUE(probe_->certificate()->verify_signed_by(server_.ca().public_key()));
    const auto key = keys::key_from_pem(probe_->private_key_pem(), "probe").value();
    EXPECT_TRUE(key->public_key() == probe_->certificate()->public_key());
    EXPECT_THAT(server_.requests.back(), testing::StartsWith("POST "));
}

TEST_F(ProbeTest, FetchesTheChallengeFromTheAdminPage) {
    server_.expected_challenge = "8CE317021F690069";
    options_.admin_url = "http://admin.example/certsrv/mscep_admin/";
    options_.admin_user = "mdm";
    options_.admin_password = Secret("tea");
    EXPECT_TRUE(run()) << last().detail;
}

TEST_F(ProbeTest, SaysThatTheAdminPasswordIsWrong) {
    options_.admin_url = "http://admin.example/certsrv/mscep_admin/";
    options_.admin_user = "mdm";
    options_.admin_password = Secret("coffee");
    EXPECT_FALSE(run());
    EXPECT_EQ(last().name, "challenge");
    EXPECT_THAT(last().detail, HasSubstr("401"));
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

TEST_F(ProbeTest, PollsWhileTheServerHoldsTheRequest) {
    server_.pending = 3;
    EXPECT_TRUE(run()) << last().detail;
    EXPECT_EQ(outcome("poll"), StepOutcome::pass);
}

TEST_F(ProbeTest, GivesUpPollingInTheEnd) {
    server_.pending = 100;
    options_.polls = 2;
    EXPECT_FALSE(run());
    EXPECT_EQ(last().name, "poll");
    EXPECT_THAT(last().detail, HasSubstr("still pending after 2 polls"));
}

TEST_F(ProbeTest, UsesGetAndOldAlgorithmsWithAServerThatOffersNothingElse) {
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
    EXPECT_THAT(last().remedy, HasSubstr("check the URL"));
}

TEST_F(ProbeTest, SaysThatThePathIsWrong) {
    server_.caps_status = 404;
    EXPECT_FALSE(run());
    EXPECT_THAT(last().detail, HasSubstr("404"));
}

TEST_F(ProbeTest, FailsOnAContentTypeThatClientsRefuse) {
    server_.bundle_type = "text/html";
    EXPECT_FALSE(run());
    EXPECT_EQ(last().name, "ca-certificates");
}

TEST_F(ProbeTest, WarnsOfContentTypeParameters) {
    server_.bundle_type = "application/x-x509-ca-ra-cert; charset=utf-8";
    EXPECT_TRUE(run());
    EXPECT_EQ(outcome("ca-certificates"), StepOutcome::warn);
}

TEST_F(ProbeTest, FailsOnABundleWithoutAnEncryptionCertificate) {
    server_.bundle.erase(server_.bundle.begin() + 1);
    EXPECT_FALSE(run());
    EXPECT_EQ(last().name, "ra-bundle");
    EXPECT_THAT(last().detail, HasSubstr("to encrypt to"));
}

TEST_F(ProbeTest, FailsOnAReplyByAStranger) {
    const auto stranger = key_of(3);
    const SystemClock clock;
    server_.signer = scep::ReplySigner{
        scep::self_signed_signer(crypto::Name::from_text("CN=agent").value(), *stranger, clock.now(), random_).value(),
        stranger};
    EXPECT_FALSE(run());
    EXPECT_EQ(last().name, "enroll");
    EXPECT_FALSE(probe_->certificate());
}

TEST_F(ProbeTest, FailsOnAReplyToAnotherNonce) {
    server_.foreign_nonce = true;
    EXPECT_FALSE(run());
    EXPECT_THAT(last().detail, HasSubstr("recipientNonce"));
}

TEST_F(ProbeTest, FailsOnACertificateForAnotherKey) {
    server_.foreign_key = true;
    EXPECT_FALSE(run());
    EXPECT_EQ(last().name, "certificate");
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
