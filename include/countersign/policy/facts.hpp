// What policy knows when it judges: facts about the request, gathered by the RA, and the rules of a template. Plain
// values.
#pragma once

#include "countersign/core/clock.hpp"
#include "countersign/crypto/certificate.hpp"
#include "countersign/crypto/certificate_builder.hpp"
#include "countersign/crypto/certificate_request.hpp"
#include "countersign/crypto/certificate_terms.hpp"
#include "countersign/crypto/revocation_list.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace countersign::policy {

enum class Purpose { enroll, renew };

// A certificate of ours that a renewal is signed with, as our own records know it.
struct RenewedCertificate {
    crypto::Certificate certificate;
    bool recorded = false;  // in the ledger, under this profile's CA
    std::string profile;    // the profile it was issued through
    bool revoked = false;
    std::string template_name;                          // the template it was issued from
    std::optional<crypto::Revocation> revoked_at_ca{};  // what the CA itself says, whoever revoked it there
    std::string unknown_at_ca{};                        // why the CA will never say; empty: it did, or was not asked
};

// "revoked at the CA since 2026-11-21T06:00:00.000Z (keyCompromise)": for the audit.
std::string describe(const crypto::Revocation& revocation);

// What the challenge was given for; empty members do not restrict.
struct Expectation {
    std::string subject{};            // RFC 4514; compared as names (RFC 5280 7.1)
    std::vector<std::string> sans{};  // to_text() forms, host names in any case; compared as a set, for equality
    std::string template_name{};
    // Set: the request is nothing but what the challenge says. Subject and sans restrict even when empty and are
    // compared octet for octet, RDN by RDN; no extension may come along that the challenge has no word for.
    std::optional<crypto::CertificateTerms> exact{};
};

struct Facts {
    Purpose purpose = Purpose::enroll;
    std::string profile;
    const crypto::CertificateRequest* request = nullptr;
    const crypto::Certificate* signer = nullptr;  // the certificate the message was signed with
    std::optional<RenewedCertificate> renewed;    // purpose renew
    Expectation expectation;
    Time now{};
    bool ca_sees_request = false;  // and may copy from it: what must not be copied is refused instead of left out
};

// Which names a subject or SAN may carry.
struct NameRules {
    std::vector<std::string> subject_attributes{"CN",
                                                "O",
                                                "OU",
                                                "C",
                                                "ST",
                                                "L",
                                                "DC",
                                                "UID",
                                                "E",
                                                "serialNumber",
                                                "SN",
                                                "GN",
                                                "unstructuredName",
                                                "unstructuredAddress"};
    // Shell-style patterns over the RFC 4514 text, in any letter case; empty: any. One must match. * and ? stop at an
    // unescaped comma or plus, so that "CN=device-*,O=Example" lets nobody add an OU; ** passes over them.
    std::vector<std::string> subject_patterns{};
    bool allow_empty_subject = false;  // only together with a SAN
    std::vector<std::string> san_types{"dns", "email", "uri", "ip", "upn"};
    std::vector<std::string> san_patterns{};  // over to_text(); each SAN must match one; empty: any
    bool allow_wildcard_dns = false;
    bool security_identifier_uri = false;  // SAN URI tag:microsoft.com,2022-09-14:sid: ; refused unless set or expected
    std::size_t max_sans = 20;
};

class BlockedKeys;

struct KeyRules {
    std::vector<std::string> algorithms{"rsa", "p256", "p384"};
    unsigned rsa_bits_min = 2048;
    unsigned rsa_bits_max = 4096;
    std::shared_ptr<const BlockedKeys> blocked{};  // null: none
};

struct RenewalRules {
    bool allowed = true;
    std::chrono::days window{0};  // 0: at any time of its life; else only this long before expiry
    bool allow_expired = false;
    bool allow_same_key = true;        // NDES and many clients renew with the same key
    bool require_same_subject = true;  // subject and SAN set equal those of the renewed certificate
};

// What may be in a certificate.
struct Template {
    std::string name{};
    std::optional<crypto::KeyUsage> key_usage{};  // nullopt: what the request asks for, within key_usage_allowed
    crypto::KeyUsage key_usage_allowed = crypto::usage::digital_signature | crypto::usage::key_encipherment;
    std::vector<std::string>
        extended_key_usage{};  // dotted OIDs written into every certificate; a template without one issues nothing
    std::chrono::minutes validity{std::chrono::days{365}};
    std::chrono::minutes backdate{60};  // notBefore lies this far back: clocks of new devices are slow
    KeyRules key{};
    NameRules names{};
    RenewalRules renewal{};
    bool hold_for_approval = false;     // an officer must approve each first enrollment
    bool signer_key_must_match = true;  // design invariant 3; false for clients that proxy
    bool strict_extensions = false;     // true: an extension the plan cannot carry is a denial instead of being dropped
};

// The three templates of a profile, chosen as NDES chooses (ndes reference B).
struct TemplateSet {
    const Template* signature = nullptr;
    const Template* encryption = nullptr;
    const Template* general_purpose = nullptr;
};

// keyEncipherment alone: encryption; digitalSignature alone: signature; both, neither or no key usage: general purpose.
// An expectation that names a template overrides if it is one of the three; null otherwise.
const Template* choose_template(const TemplateSet& set, const crypto::CertificateRequest& request,
                                const std::string& expected);

}  // namespace countersign::policy
