#include "countersign/admin/client_certificate.hpp"

#include "countersign/crypto/encoding.hpp"
#include "fixed_clock.hpp"
#include "sign_in_requests.hpp"
#include "test_keys.hpp"

#include <gtest/gtest.h>

namespace countersign::admin::test {
namespace {

using namespace countersign::test;
using testing::HasSubstr;

constexpr const char* header = "x-client-cert";

// As nginx's $ssl_client_escaped_cert.
std::string escaped(std::string_view pem) {
    std::string text;
    for (const char c : pem) {
        const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-';
        text += plain ? std::string(1, c) : "%" + upper_hex(as_bytes({&c, 1}));
    }
    return text;
}

struct ClientCertificateTest : testing::Test {
    crypto::Certificate ca = self_signed_ca(rsa_key(0));
    crypto::Certificate alice = issued_by_ca(rsa_key(0), rsa_key(1).public_key(), "CN=alice");
    FixedClock clock;
    std::shared_ptr<ClientCertificate> scheme = make();

    std::shared_ptr<ClientCertificate> make() {
        Account account;
        account.name = "alice";
        account.certificates = {alice.fingerprint_sha256()};
        std::map<std::string, ProxyCertificates> proxies;
        proxies.emplace("proxied", ProxyCertificates{header, crypto::ClientTrust::of({ca}).value()});
        return std::make_shared<ClientCertificate>(std::move(proxies), accounts_with(std::move(account)), clock);
    }
    static net::Request direct(const crypto::Certificate& certificate, const std::string& listener = "own") {
        auto connection = connection_to(listener);
        connection->client_certificate = to_bytes(certificate.der());
        return request_with({}, connection);
    }
    static net::Request through_proxy(const std::string& value) {
        return request_with({{header, value}}, connection_to("proxied", true));
    }
    std::string signed_in(const net::Request& request) {
        const auto verdict = scheme->judge(request);
        const auto* proven = std::get_if<Proven>(&verdict);
        return proven != nullptr ? proven->account->name : "refused: " + why_not(verdict);
    }
};

TEST_F(ClientCertificateTest, KnowsTheAccountOfACertificateOfOurOwnTls) {
    EXPECT_TRUE(scheme->is_brought_by(direct(alice)));
    EXPECT_EQ(signed_in(direct(alice)), "alice");
    EXPECT_FALSE(scheme->is_brought_by(request_with({})));
    const auto stranger = issued_by_ca(rsa_key(0), rsa_key(2).public_key(), "CN=alice", 3);
    const auto verdict = scheme->judge(direct(stranger));
    EXPECT_TRUE(std::get<Proven>(verdict).account->roles.empty());
    EXPECT_NE(std::get<Proven>(verdict).account->name, "alice");
}

TEST_F(ClientCertificateTest, AConnectionDoesNotOutliveItsCertificate) {
    clock.set(certificates_end + std::chrono::seconds{1});
    EXPECT_THAT(signed_in(direct(alice)), HasSubstr("not valid"));
}

TEST_F(ClientCertificateTest, ReadsTheFormsThatProxiesSend) {
    const auto base64 = crypto::base64(alice.der());
    for (const auto& value : {escaped(alice.pem()), base64, ":" + base64 + ":", escaped(base64)}) {
        ASSERT_TRUE(scheme->is_brought_by(through_proxy(value))) << value.substr(0, 60);
        EXPECT_EQ(signed_in(through_proxy(value)), "alice") << value.substr(0, 60);
    }
    EXPECT_FALSE(scheme->is_brought_by(through_proxy("")));
}

TEST_F(ClientCertificateTest, RefusesWhatIsNoOneCertificate) {
    const auto base64 = crypto::base64(alice.der());
    for (const auto& value :
         {std::string("x"), std::string("%"), std::string("%4"), std::string("%zz"), base64 + "AAAA", base64.substr(4),
          escaped(alice.pem() + alice.pem()), escaped("-----BEGIN CERTIFICATE-----")}) {
        EXPECT_THAT(signed_in(through_proxy(value)), HasSubstr("refused")) << value.substr(0, 60);
    }
    auto twice = through_proxy(base64);
    twice.headers.emplace_back(header, base64);
    EXPECT_THAT(signed_in(twice), HasSubstr("more than once"));
}

TEST_F(ClientCertificateTest, BelievesTheHeaderOfATrustedProxyAlone) {
    const auto value = crypto::base64(alice.der());
    const auto forged = request_with({{header, value}}, connection_to("proxied"));
    EXPECT_TRUE(scheme->is_brought_by(forged));  // to be recorded
    EXPECT_THAT(signed_in(forged), HasSubstr("no trusted proxy"));
    // A listener without such a header has none.
    EXPECT_FALSE(scheme->is_brought_by(request_with({{header, value}}, connection_to("own", true))));
    // What the client showed in our own TLS counts, not what it wrote.
    const auto stranger = issued_by_ca(rsa_key(0), rsa_key(2).public_key(), "CN=stranger", 3);
    auto both = direct(stranger, "proxied");
    both.headers.emplace_back(header, value);
    EXPECT_EQ(signed_in(both), "CN=stranger");
}

TEST_F(ClientCertificateTest, AProxysOwnCertificateIsNotItsClients) {
    auto request = direct(alice, "proxied");
    request.connection->relayed = true;
    EXPECT_FALSE(scheme->is_brought_by(request));
}

TEST_F(ClientCertificateTest, JudgesAgainWhatAProxyReports) {
    const auto in_header = [&](const crypto::Certificate& certificate) {
        return signed_in(through_proxy(crypto::base64(certificate.der())));
    };
    EXPECT_THAT(in_header(issued_by_ca(rsa_key(3), rsa_key(1).public_key(), "CN=alice")), HasSubstr("refused"));
    EXPECT_THAT(in_header(self_signed(rsa_key(1), "CN=alice")), HasSubstr("self-signed"));
    auto content = content_for(rsa_key(1).public_key(), "CN=alice");
    content.extended_key_usage = {"1.3.6.1.5.5.7.3.1"};
    EXPECT_THAT(in_header(issue(content, "CN=Test CA", rsa_key(0))), HasSubstr("purpose"));
    clock.set(certificates_end + std::chrono::seconds{1});
    EXPECT_THAT(in_header(alice), HasSubstr("expired"));
    clock.set(certificates_begin - std::chrono::seconds{1});
    EXPECT_THAT(in_header(alice), HasSubstr("not yet valid"));
}

}  // namespace
}  // namespace countersign::admin::test
