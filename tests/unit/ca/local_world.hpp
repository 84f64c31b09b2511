// A local CA with its agent, ledger and clock, and requests countersigned rightly and wrongly.
#pragma once

#include "../../contract/ca_backend_contract.hpp"
#include "../../contract/stand_in_agent.hpp"
#include "countersign/ca/local.hpp"
#include "countersign/crypto/cms.hpp"
#include "countersign/crypto/oid.hpp"
#include "countersign/keys/file_key.hpp"
#include "counting_random.hpp"
#include "fixed_clock.hpp"
#include "memory_ledger.hpp"
#include "openssl_command.hpp"
#include "test_keys.hpp"

#include <atomic>
#include <functional>

namespace countersign::ca::test {

using contract::Countersigned;
using countersign::test::rsa_key;

// A key whose home can go away.
class MovableKey final : public keys::Key {
public:
    explicit MovableKey(const countersign::test::TestKey& key)
        : key_(keys::key_from_pem(Secret(key.pem()), "test").value()) {}

    std::atomic<bool> away{false};
    std::atomic<bool> broken{false};

    const crypto::PublicKey& public_key() const override { return key_->public_key(); }
    Result<Bytes> sign(crypto::SignatureScheme scheme, ByteView message) override {
        if (away) return fail::unavailable("the test took the key away");
        auto signature = key_->sign(scheme, message);
        if (broken && signature) signature->back() ^= 1;
        return signature;
    }
    bool offers(keys::DecryptScheme) const override { return false; }
    Result<Secret> decrypt(keys::DecryptScheme, ByteView) override {
        return fail::malformed("a CA key decrypts nothing");
    }
    std::string describe() const override { return "movable test key"; }

private:
    std::shared_ptr<keys::Key> key_;
};

class LocalWorld {
public:
    // What may differ from a plain self-signed CA.
    struct Setup {
        NewCaOptions ca{};
        std::function<void(LocalCaOptions&)> options{};
        std::string agent_subject = "CN=RA agent";
        Time now = countersign::test::FixedClock().now();  // another program may know no other time than the true one
    };

    LocalWorld() : LocalWorld(Setup()) {}
    explicit LocalWorld(const Setup& setup)
        : clock(setup.now),
          key(std::make_shared<MovableKey>(rsa_key(0))),
          root(make_root_certificate(setup.ca, *key, clock.now(), random).value()),
          agent(make_ra_certificate(RaRole::agent, setup.agent_subject, rsa_key(1).public_key(), std::chrono::days{730},
                                    root, *key, {}, clock.now(), random)
                    .value()) {
        insert(agent, "ra");
        LocalCaOptions options{.name = "default", .certificate = root};
        if (setup.options) setup.options(options);
        ca = LocalCa::create(std::move(options), key, Secret("a serial secret of the tests"), ledger, clock).value();
    }

    // The harness of the contract.
    static constexpr contract::Abilities abilities{.builds_the_plan = true,
                                                   .judges_countersignatures = true,
                                                   .repeats = true,
                                                   .reconciles = true,
                                                   .publishes_crl = true};
    Backend& backend() { return *ca; }
    void take_away() { key->away = true; }
    void bring_back() { key->away = false; }
    Time now() const { return clock.now(); }
    void record(const crypto::Certificate& certificate, const std::string&) { insert(certificate, "enroll"); }
    CountersignedRequest request(Countersigned how, const std::string& device) {
        auto plan = plan_for(device);
        if (how == Countersigned::for_a_ca) plan.basic_constraints.ca = true;
        auto csr = request_of(device);
        return ra::Agent::countersigned(cms(how, csr), csr, std::move(plan));
    }

    void insert(const crypto::Certificate& certificate, const std::string& kind) {
        store::IssuedCertificate row;
        row.serial = certificate.serial_hex();
        row.ca = "default";
        row.kind = kind;
        row.subject = certificate.subject().text();
        row.not_before = certificate.not_before();
        row.not_after = certificate.not_after();
        row.der = to_bytes(certificate.der());
        ledger.insert(row).value();
    }

    static crypto::CertificateRequest request_of(const std::string& device) {
        return countersign::test::request_for(rsa_key(2), "CN=" + device + ",O=Example");
    }
    crypto::CertificateContent plan_for(const std::string& device) const {
        crypto::CertificateContent plan;
        plan.subject = crypto::Name::from_text("CN=" + device + ",O=Example").value();
        plan.spki = rsa_key(2).spki();
        plan.subject_alt_names = {crypto::general_name_from_text("dns:" + device + ".example.com").value()};
        plan.key_usage = crypto::usage::digital_signature | crypto::usage::key_encipherment;
        plan.extended_key_usage = {std::string(oid::client_auth)};
        plan.not_before = clock.now() - std::chrono::hours{1};
        plan.not_after = clock.now() + std::chrono::days{365};
        return plan;
    }
    // A request of device-1 with this plan, properly countersigned.
    CountersignedRequest with_plan(const std::function<void(crypto::CertificateContent&)>& change) {
        auto plan = plan_for("device-1");
        change(plan);
        const auto csr = request_of("device-1");
        return ra::Agent::countersigned(signed_by(agent, rsa_key(1), csr.der()), csr, std::move(plan));
    }
    // ... countersigned with this certificate, whose key is agent_key.
    CountersignedRequest with_agent(const crypto::Certificate& certificate,
                                    const countersign::test::TestKey& agent_key = rsa_key(1)) {
        const auto csr = request_of("device-1");
        return ra::Agent::countersigned(signed_by(certificate, agent_key, csr.der()), csr, plan_for("device-1"));
    }

    static Bytes signed_by(const crypto::Certificate& certificate, const countersign::test::TestKey& with,
                           ByteView content, std::string_view content_type = oid::data) {
        crypto::SignerParameters signer;
        signer.certificate = &certificate;
        signer.scheme = with.sha256_scheme();
        return crypto::build_signed_data(content_type, content, {certificate}, signer, with.signer(signer.scheme))
            .value();
    }

    // An agent certificate under the root, with one thing changed, recorded as `kind` (empty: not at all).
    crypto::Certificate other_agent(const std::function<void(crypto::CertificateContent&)>& change,
                                    const std::string& kind = "ra") {
        auto content = countersign::test::content_for(rsa_key(1).public_key(), "CN=other agent");
        content.key_usage = crypto::usage::digital_signature;
        content.extended_key_usage = {std::string(oid::ms_certificate_request_agent)};
        content.not_before = clock.now() - std::chrono::hours{1};
        content.not_after = clock.now() + std::chrono::hours{1};
        change(content);
        crypto::IssuerContent issuer;
        issuer.subject = root.subject();
        issuer.scheme = rsa_key(0).sha256_scheme();
        auto certificate =
            crypto::build_certificate(content, issuer, Bytes{0x11, next_serial_++}, rsa_key(0).signer(issuer.scheme))
                .value();
        if (!kind.empty()) insert(certificate, kind);
        return certificate;
    }

    countersign::test::FixedClock clock;
    countersign::test::CountingRandom random;
    countersign::test::MemoryLedger ledger;
    std::shared_ptr<MovableKey> key;
    crypto::Certificate root;
    crypto::Certificate agent;
    std::unique_ptr<LocalCa> ca;

private:
    Bytes cms(Countersigned how, const crypto::CertificateRequest& csr) {
        switch (how) {
            case Countersigned::by_a_stranger: {
                auto content = countersign::test::content_for(rsa_key(3).public_key(), "CN=RA agent");
                content.key_usage = crypto::usage::digital_signature;
                content.extended_key_usage = {std::string(oid::ms_certificate_request_agent)};
                return signed_by(countersign::test::issue(content, "CN=Countersign CA", rsa_key(3)), rsa_key(3),
                                 csr.der());
            }
            case Countersigned::without_agent_usage: {
                static const auto change = [](crypto::CertificateContent& c) {
                    c.extended_key_usage = {std::string(oid::client_auth)};
                };
                return signed_by(other_agent(change), rsa_key(1), csr.der());
            }
            case Countersigned::over_another_request:
                return signed_by(agent, rsa_key(1), request_of("device-99").der());
            case Countersigned::twice: return signed_twice(csr);
            case Countersigned::damaged: {
                auto message = signed_by(agent, rsa_key(1), csr.der());
                message.back() ^= 1;
                return message;
            }
            case Countersigned::properly:
            case Countersigned::for_a_ca: break;
        }
        return signed_by(agent, rsa_key(1), csr.der());
    }

    // By the openssl command line: our own writer knows only one signer.
    Bytes signed_twice(const crypto::CertificateRequest& csr) {
        const countersign::test::OpensslCommand openssl;
        openssl.write("request.der", csr.der());
        openssl.write("one.pem", agent.pem() + std::string(rsa_key(1).pem()));
        openssl.write("two.pem", other_agent([](auto&) {}).pem() + std::string(rsa_key(1).pem()));
        const auto done = openssl.run(
            "cms -sign -binary -nodetach -nosmimecap -md sha256 -in request.der -outform DER -out signed.der -signer "
            "one.pem -signer two.pem");
        if (done.status != 0) throw std::runtime_error(done.text);
        return openssl.read("signed.der");
    }

    std::uint8_t next_serial_ = 1;
};

}  // namespace countersign::ca::test
