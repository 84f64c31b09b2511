// Plausible records for tests of the store and of those who use it. Values only.
#pragma once

#include "countersign/store/records.hpp"

#include <string>

namespace countersign::test {

inline Time at_minute(int minute) {
    return from_milliseconds(1795240800000) + std::chrono::minutes(minute);
}

// 32 hex digits that differ with `number`.
inline std::string hex_id(unsigned number) {
    std::string digits = std::to_string(number);
    return std::string(32 - digits.size(), 'a') + digits;
}

inline store::Attempt sample_attempt(unsigned number, const std::string& challenge_mac = "") {
    store::Attempt attempt;
    attempt.id = hex_id(number);
    attempt.key = {"default", std::string(64, 'f'), "transaction-" + std::to_string(number)};
    attempt.kind = "enroll";
    attempt.request_digest = std::string(64, 'd');
    attempt.csr = {0x30, 0x00, 0xff, static_cast<std::uint8_t>(number)};
    attempt.plan = R"({"subject":"CN=device"})";
    attempt.template_name = "device";
    attempt.subject = "CN=device-" + std::to_string(number);
    attempt.client = "192.0.2.7";
    attempt.challenge_mac = challenge_mac;
    attempt.created = attempt.updated = at_minute(0);
    return attempt;
}

inline store::Challenge sample_challenge(unsigned number) {
    store::Challenge challenge;
    challenge.mac = "mac-" + std::to_string(number);
    challenge.id = hex_id(number).substr(20);
    challenge.profile = "default";
    challenge.subject = "CN=device-" + std::to_string(number);
    challenge.sans = {"dns:device.example", "upn:device@example"};
    challenge.template_name = "device";
    challenge.created_by = "admin";
    challenge.created = at_minute(0);
    challenge.expires = at_minute(60);
    return challenge;
}

inline store::IssuedCertificate sample_certificate(unsigned number) {
    store::IssuedCertificate certificate;
    certificate.serial = "7f" + hex_id(number);
    certificate.ca = "local";
    certificate.profile = "default";
    certificate.kind = "enroll";
    certificate.subject = "CN=device-" + std::to_string(number) + ",O=Example";
    certificate.sans = {"dns:device.example"};
    certificate.template_name = "device";
    certificate.public_key = std::string(64, 'e');
    certificate.fingerprint = std::string(64, 'c');
    certificate.not_before = at_minute(0);
    certificate.not_after = at_minute(365 * 24 * 60);
    certificate.der = {0x30, 0x82, 0x00, 0xff, static_cast<std::uint8_t>(number)};
    return certificate;
}

}  // namespace countersign::test
