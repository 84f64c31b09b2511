// TLS as the openssl command line sees it: its keys, its certificates, its client.
#include "loopback.hpp"
#include "scratch_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <cstdio>
#include <fstream>

namespace countersign::http::test {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string run(const std::string& command) {
    FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
    if (pipe == nullptr) throw std::runtime_error("no shell");
    std::string output;
    char buffer[4096];
    while (const auto count = std::fread(buffer, 1, sizeof buffer, pipe)) output.append(buffer, count);
    ::pclose(pipe);
    return output;
}

struct Tls : testing::Test {
    countersign::test::ScratchDirectory directory;

    std::string file(const std::string& name) const { return (directory / name).string(); }
    TlsOptions make(const std::string& name) const {
        const auto key = file(name + ".key");
        const auto certificate = file(name + ".pem");
        run("umask 077; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=" +
            name + " -addext subjectAltName=IP:127.0.0.1 -keyout " + key + " -out " + certificate);
        return {certificate, key, {}};
    }
    static Loopback& start_on(Loopback& loopback, const TlsOptions& tls, const std::string& serves = "scep") {
        loopback.options.listeners = {{"127.0.0.1:0", {serves}, {}, tls}};
        loopback.start();
        return loopback;
    }
    static std::string client(const Loopback& loopback, const std::string& options, const std::string& path = "/fast") {
        return run("printf 'GET " + path + " HTTP/1.0\\r\\n\\r\\n' | timeout 20 openssl s_client -ign_eof -connect " +
                   loopback.address() + " " + options);
    }
};

TEST_F(Tls, AnswersOverTls12And13AndSaysSecure) {
    const auto tls = make("server");
    Loopback loopback;
    start_on(loopback, tls);
    for (const std::string version : {"-tls1_2", "-tls1_3"}) {
        const auto output = client(loopback, version + " -verify_return_error -CAfile " + tls.certificate_file);
        EXPECT_THAT(output, HasSubstr("HTTP/1.1 200 OK")) << version;
        EXPECT_THAT(output, HasSubstr("secure yes")) << version;
        EXPECT_THAT(output, HasSubstr("No client certificate CA names sent")) << version;
    }
    EXPECT_THAT(client(loopback, "-tls1_3", "/work"), HasSubstr("GET /work"));
}

TEST_F(Tls, RefusesOldVersionsAndCiphersWithoutForwardSecrecyOrAead) {
    Loopback loopback;
    start_on(loopback, make("server"));
    for (const std::string weak : {"-tls1_1 -cipher DEFAULT@SECLEVEL=0", "-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA256",
                                   "-tls1_2 -cipher AES128-GCM-SHA256"}) {
        EXPECT_THAT(client(loopback, weak), Not(HasSubstr("HTTP/1.1"))) << weak;
    }
    EXPECT_THAT(client(loopback, "-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256"), HasSubstr("HTTP/1.1 200"));
    EXPECT_EQ(loopback.fast->seen, 1);
}

TEST_F(Tls, AsksForClientCertificatesOnlyWhereAClientCaIsNamed) {
    auto tls = make("server");
    const auto friendly = make("friend");
    const auto stranger = make("stranger");
    tls.client_ca_file = friendly.certificate_file;
    Loopback loopback;
    start_on(loopback, tls, "admin");
    const auto with = [](const TlsOptions& mine) {
        return "-cert " + mine.certificate_file + " -key " + mine.key_file;
    };
    EXPECT_THAT(client(loopback, with(friendly), "/admin"), HasSubstr("HTTP/1.1 200"));
    EXPECT_THAT(client(loopback, with(stranger), "/admin"), Not(HasSubstr("HTTP/1.1")));
    EXPECT_THAT(client(loopback, "", "/admin"), Not(HasSubstr("HTTP/1.1")));
    EXPECT_EQ(loopback.admin->seen, 1);
}

TEST_F(Tls, AnOptionalClientCertificateMustStillBeGood) {
    auto tls = make("server");
    const auto friendly = make("friend");
    const auto stranger = make("stranger");
    tls.client_ca_file = friendly.certificate_file;
    tls.client_certificate_optional = true;
    Loopback loopback;
    start_on(loopback, tls, "admin");
    const auto with = [](const TlsOptions& mine) {
        return "-cert " + mine.certificate_file + " -key " + mine.key_file;
    };
    EXPECT_THAT(client(loopback, "", "/admin"), HasSubstr("HTTP/1.1 200"));
    EXPECT_THAT(client(loopback, with(friendly), "/admin"), HasSubstr("HTTP/1.1 200"));
    EXPECT_THAT(client(loopback, with(stranger), "/admin"), Not(HasSubstr("HTTP/1.1")));
    EXPECT_EQ(loopback.admin->seen, 2);
}

TEST_F(Tls, RefusesToStartWithWhatDoesNotFit) {
    const auto good = make("server");
    const auto other = make("other");
    std::ofstream(file("garbage.pem")) << "not a certificate";
    run("umask 077; openssl ec -in " + good.key_file + " -aes256 -passout pass:secret -out " + file("locked.key"));
    run("cp " + good.key_file + " " + file("open.key") + "; chmod 640 " + file("open.key"));
    struct Case {
        TlsOptions tls;
        std::string serves;
        ErrorKind kind;
        std::string words;
    };
    const std::vector<Case> cases = {
        {{file("absent.pem"), good.key_file, {}}, "scep", ErrorKind::malformed, "absent.pem"},
        {{file("garbage.pem"), good.key_file, {}}, "scep", ErrorKind::malformed, "garbage.pem"},
        {{good.certificate_file, file("absent.key"), {}}, "scep", ErrorKind::unavailable, "absent.key"},
        {{good.certificate_file, other.key_file, {}}, "scep", ErrorKind::malformed, "other.key"},
        {{good.certificate_file, file("locked.key"), {}}, "scep", ErrorKind::malformed, "locked.key"},
        {{good.certificate_file, file("open.key"), {}}, "scep", ErrorKind::denied, "chmod 600"},
        {{good.certificate_file, good.key_file, file("garbage.pem")}, "admin", ErrorKind::malformed, "garbage.pem"},
        {{good.certificate_file, good.key_file, good.certificate_file}, "scep", ErrorKind::denied, "client_ca"},
    };
    for (const auto& [tls, serves, kind, words] : cases) {
        Loopback loopback;
        loopback.options.listeners = {{"127.0.0.1:0", {serves}, {}, tls}};
        const auto bound = Server::bind(loopback.options, loopback.router, loopback.pool);
        ASSERT_FALSE(bound) << words;
        EXPECT_EQ(bound.error().kind, kind) << bound.error().detail;
        EXPECT_THAT(bound.error().detail, HasSubstr(words));
        EXPECT_THAT(bound.error().detail, HasSubstr("listener 127.0.0.1:0"));
    }
}

TEST_F(Tls, ReloadingServesTheNewCertificateAndAnErrorKeepsTheOld) {
    const auto tls = make("before");
    Loopback loopback;
    start_on(loopback, tls);
    EXPECT_THAT(client(loopback, ""), HasSubstr("subject=CN = before"));
    const auto fresh = make("after");
    run("cp " + fresh.key_file + " " + tls.key_file);
    ASSERT_FALSE(loopback.server->reload_tls()) << "the certificate does not belong to the key yet";
    EXPECT_THAT(client(loopback, ""), HasSubstr("subject=CN = before"));
    run("cp " + fresh.certificate_file + " " + tls.certificate_file);
    ASSERT_TRUE(loopback.server->reload_tls());
    const auto output = client(loopback, "");
    EXPECT_THAT(output, HasSubstr("subject=CN = after"));
    EXPECT_THAT(output, HasSubstr("HTTP/1.1 200"));
}

TEST_F(Tls, CutsOffAHandshakeThatDoesNotComeAndGarbage) {
    Loopback loopback;
    loopback.options.limits.header_deadline = std::chrono::milliseconds(60);
    start_on(loopback, make("server"));
    auto silent = loopback.connect();
    EXPECT_EQ(silent.read_to_end(), "");
    auto plain = loopback.connect();
    plain.send("GET /fast HTTP/1.1\r\n\r\n");
    EXPECT_THAT(plain.read_to_end(), Not(HasSubstr("HTTP/1.1")));
    EXPECT_EQ(loopback.seen(), 0);
}

TEST_F(Tls, CurlPostsALargeBodyAndReadsALargeAnswer) {
    const auto tls = make("server");
    Loopback loopback;
    const auto echo = [](const Request& request) {
        return Response::bytes(200, "application/octet-stream", request.body);
    };
    loopback.router->add("/echo", std::make_shared<Probe>(echo, false));
    start_on(loopback, tls);
    run("head -c 1500000 /dev/urandom > " + file("sent"));
    const auto output = run("curl -sS --max-time 20 --cacert " + tls.certificate_file + " --data-binary @" +
                            file("sent") + " -o " + file("got") + " https://" + loopback.address() + "/echo && cmp " +
                            file("sent") + " " + file("got") + " && echo same");
    EXPECT_EQ(output, "same\n");
}

TEST_F(Tls, DrainEndsIdleTlsConnections) {
    Loopback loopback;
    start_on(loopback, make("server"));
    FILE* idle = ::popen(
        ("openssl s_client -ign_eof -connect " + loopback.address() + " </dev/null >/dev/null 2>&1").c_str(), "r");
    ASSERT_NE(idle, nullptr);
    while (loopback.server->open_connections() == 0) ::usleep(2000);
    loopback.server->drain(std::chrono::seconds(60));
    EXPECT_EQ(loopback.server->open_connections(), 0U);
    ::pclose(idle);
}

}  // namespace
}  // namespace countersign::http::test
