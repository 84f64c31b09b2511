// What Active Directory says about its certificate templates, through the Certificate Enrollment Policy Web Service
// ([MS-XCEP]): whether one demands the enrollment agent's signature, which neither interface for enrollment tells.
//
// For `countersign check` alone; nothing is decided by it while the daemon runs. The service blocks and is safe on many
// threads; it shares the HTTP client and borrows the random source. The functions are pure.
#pragma once

#include "countersign/ca/adcs.hpp"
#include "countersign/crypto/extension.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace countersign::ca {

// A template as the service shows it to our account.
struct DirectoryTemplate {
    enum class Published { here, elsewhere, nowhere };
    std::string name{};
    Published published = Published::nowhere;        // at the CA asked about
    bool ca_lets_us_enroll = false;                  // that CA
    bool may_enroll = false;                         // on the template
    std::uint32_t signatures = 0;                    // authorised signatures it demands
    std::vector<std::string> signature_purposes{};   // application policies their certificates must have, OIDs
    std::vector<std::string> signature_issuances{};  // issuance policies, OIDs
    std::optional<std::uint32_t> minimal_key_bits{};
    std::string key_algorithm{};  // OID; empty: RSA
    std::optional<std::chrono::seconds> validity{};
    std::optional<crypto::KeyUsage> key_usage{};
    std::optional<std::vector<std::string>> extended_key_usage{};  // OIDs
};

class AdcsPolicyService {
public:
    // `options`: those of the CA's connection, with the policy service's url.
    AdcsPolicyService(AdcsOptions options, std::shared_ptr<net::HttpClient> http, Random& random)
        : options_(std::move(options)), http_(std::move(http)), random_(random) {}

    // GetPolicies ([MS-XCEP] 3.1.4.1): the answer as it came. unavailable: there is none, or it is no SOAP message.
    Result<Bytes> policies();

private:
    const AdcsOptions options_;
    const std::shared_ptr<net::HttpClient> http_;
    Random& random_;
};

// The template of that name in an answer of GetPolicies; not_found: our account sees none. `issuer`: the CA that is to
// issue by it. unavailable: the service reports a fault. malformed: no such answer, or one that contradicts itself.
Result<DirectoryTemplate> template_in(ByteView policies, const std::string& name, const crypto::Certificate& issuer);

// What our configuration takes for granted about it.
struct ExpectedTemplate {
    bool countersigned = true;             // requests carry the agent's signature
    std::optional<unsigned> rsa_bits_min;  // absent: no RSA keys are accepted
    std::chrono::seconds longest{};        // certificates that live longer are quarantined
    std::optional<crypto::KeyUsage> key_usage{};
    std::vector<std::string> extended_key_usage{};  // OIDs
};

struct TemplateRemark {
    enum class Weight { fine, warning, error };
    Weight weight = Weight::fine;
    std::string problem{};
    std::string remedy{};
};

// What stands against issuing by it; one remark of weight fine when nothing does.
std::vector<TemplateRemark> judge_template(const DirectoryTemplate& found, const ExpectedTemplate& expected);

}  // namespace countersign::ca
