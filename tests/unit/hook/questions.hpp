// A request worth asking about, and the question.
#pragma once

#include "countersign/core/text.hpp"
#include "countersign/crypto/certificate_builder.hpp"
#include "countersign/crypto/oid.hpp"
#include "scripted_hook.hpp"
#include "test_keys.hpp"

namespace countersign::hook::test {

using countersign::test::FixedClock;
using countersign::test::HookJson;
using countersign::test::ScriptedCarrier;
using namespace std::chrono_literals;

constexpr std::string_view password = "0123456789ABCDEF";

struct Case {
    FixedClock clock;
    crypto::CertificateRequest csr = request();
    crypto::CertificateContent plan = full_plan();

    static crypto::CertificateRequest request(std::optional<std::string_view> challenge = password) {
        const auto& key = countersign::test::rsa_key(0);
        crypto::RequestContent content;
        content.subject = crypto::Name::from_text("CN=device-7,O=Example").value();
        content.spki = to_bytes(key.spki());
        content.challenge_password = challenge;
        content.extensions = {crypto::make_extended_key_usage({std::string(oid::client_auth)})};
        content.scheme = {crypto::Padding::rsa_pkcs1, crypto::DigestAlgorithm::sha256};
        return crypto::build_request(content,
                                     [&](ByteView octets) { return Result<Bytes>(key.sign(content.scheme, octets)); })
            .value();
    }
    crypto::CertificateContent full_plan() const {
        crypto::CertificateContent content;
        content.subject = csr.subject();
        content.spki = to_bytes(csr.public_key().spki());
        for (const char* name : {"dns:a.example", "dns:b.example", "upn:user@example"})
            content.subject_alt_names.push_back(crypto::general_name_from_text(name).value());
        content.key_usage = crypto::usage::digital_signature | crypto::usage::key_encipherment;
        content.extended_key_usage = {std::string(oid::client_auth), std::string(oid::email_protection)};
        content.not_before = clock.now() - 1h;
        content.not_after = clock.now() + std::chrono::days{365};
        return content;
    }
    VerifyQuestion question(const std::string& id = "question-1") const {
        return {.id = id,
                .request = "attempt-1",
                .profile = "default",
                .template_name = "device",
                .purpose = policy::Purpose::enroll,
                .transaction_id = "TX-1",
                .client = "192.0.2.7",
                .csr = csr,
                .challenge = {"one-time", "abcdef012345", "", "CN=device-7,O=Example", {}, "device"},
                .plan = plan,
                .now = clock.now()};
    }
};

}  // namespace countersign::hook::test
