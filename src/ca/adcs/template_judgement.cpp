// What a template of Active Directory means for an RA that relies on it.
#include "countersign/ca/adcs_policy.hpp"
#include "countersign/core/text.hpp"
#include "countersign/crypto/oid.hpp"

#include <algorithm>
#include <set>

namespace countersign::ca {
namespace {

using Remarks = std::vector<TemplateRemark>;
using Weight = TemplateRemark::Weight;

constexpr auto look_at_requirements = "see Issuance Requirements of the template: docs/ca-adcs.md";
constexpr std::string_view rsa_encryption = "1.2.840.113549.1.1.1";

std::string listed(const std::vector<std::string>& oids) {
    std::vector<std::string> names;
    for (const auto& oid : oids) names.push_back(printable(crypto::extended_key_usage_name(oid), 80));
    return names.empty() ? "none" : join(names, ", ");
}

void judge_publication(const DirectoryTemplate& found, Remarks& remarks) {
    using enum DirectoryTemplate::Published;
    if (found.published != here) {
        remarks.push_back({Weight::error,
                           found.published == nowhere ? "no CA issues this template"
                                                      : "the configured CA does not issue this template, others do",
                           "publish it there: Certificate Templates of the CA"});
    } else if (!found.ca_lets_us_enroll) {
        remarks.push_back({Weight::error, "the CA does not let our account request certificates",
                           "grant it \"Request Certificates\" on the CA's Security tab"});
    }
    if (!found.may_enroll)
        remarks.push_back({Weight::error, "our account may not enroll for this template",
                           "grant it Read and Enroll on the template"});
}

void judge_signatures(const DirectoryTemplate& found, const ExpectedTemplate& expected, Remarks& remarks) {
    const auto complain = [&](Weight weight, std::string problem, std::string remedy = look_at_requirements) {
        remarks.push_back({weight, std::move(problem), std::move(remedy)});
    };
    if (!expected.countersigned) {
        if (found.signatures != 0)
            complain(Weight::error,
                     "it demands " + std::to_string(found.signatures) +
                         " authorised signature(s), and requests are sent without any",
                     "write request_format = \"pkcs7\" or \"cmc\"");
        return;
    }
    if (found.signatures == 0)
        return complain(Weight::error,
                        "it demands no authorised signature: whoever may enroll for it gets whatever names he writes, "
                        "past this RA",
                        "set \"This number of authorized signatures: 1\", application policy Certificate Request "
                        "Agent, under Issuance Requirements: docs/ca-adcs.md");
    if (found.signatures > 1)
        complain(Weight::error,
                 "it demands " + std::to_string(found.signatures) + " authorised signatures, and requests carry one");
    const auto& purposes = found.signature_purposes;
    const bool ours = std::ranges::find(purposes, oid::ms_certificate_request_agent) != purposes.end();
    if (!ours) {
        complain(Weight::error,
                 "it demands a signature, but not by a certificate with application policy Certificate Request Agent; "
                 "it names: " +
                     listed(purposes));
    } else if (purposes.size() > 1) {
        complain(Weight::warning,
                 "the signer's certificate must have all of these application policies: " + listed(purposes),
                 "see that the agent's certificate has them");
    }
    if (!found.signature_issuances.empty())
        complain(Weight::warning,
                 "the signer's certificate must have issuance policies: " + listed(found.signature_issuances),
                 "see that the agent's certificate has them");
}

void judge_keys(const DirectoryTemplate& found, const ExpectedTemplate& expected, Remarks& remarks) {
    const bool about_rsa = found.key_algorithm.empty() || found.key_algorithm == rsa_encryption;
    if (!about_rsa || !expected.rsa_bits_min || !found.minimal_key_bits) return;
    if (*found.minimal_key_bits > *expected.rsa_bits_min)
        remarks.push_back({Weight::warning,
                           "it demands RSA keys of " + std::to_string(*found.minimal_key_bits) +
                               " bits, and requests with " + std::to_string(*expected.rsa_bits_min) +
                               " are let through to it",
                           "write rsa_bits_min = " + std::to_string(*found.minimal_key_bits)});
}

void judge_content(const DirectoryTemplate& found, const ExpectedTemplate& expected, Remarks& remarks) {
    using days = std::chrono::duration<std::int64_t, std::ratio<86400>>;
    const auto quarantined = [&](std::string problem, std::string remedy) {
        remarks.push_back(
            {Weight::warning, std::move(problem) + ": every certificate would be quarantined", std::move(remedy)});
    };
    if (found.validity && *found.validity > expected.longest) {
        const auto given = std::to_string(std::chrono::ceil<days>(*found.validity).count());
        quarantined("its certificates are valid for " + given + " days, longer than is approved here",
                    "write validity_days = " + given + ", or shorten the template's validity");
    }
    if (found.key_usage && expected.key_usage && *found.key_usage != *expected.key_usage)
        quarantined("its key usage is " + crypto::describe_key_usage(*found.key_usage) + ", and here it is " +
                        crypto::describe_key_usage(*expected.key_usage),
                    "let template.NAME.key_usage and the template agree");
    if (found.extended_key_usage) {
        const std::set<std::string> theirs(found.extended_key_usage->begin(), found.extended_key_usage->end());
        const std::set<std::string> ours(expected.extended_key_usage.begin(), expected.extended_key_usage.end());
        if (theirs != ours)
            quarantined("its application policies are " + listed(*found.extended_key_usage) + ", and here they are " +
                            listed(expected.extended_key_usage),
                        "let template.NAME.extended_key_usage and the template agree");
    }
}

}  // namespace

std::vector<TemplateRemark> judge_template(const DirectoryTemplate& found, const ExpectedTemplate& expected) {
    Remarks remarks;
    judge_publication(found, remarks);
    judge_signatures(found, expected, remarks);
    judge_keys(found, expected, remarks);
    judge_content(found, expected, remarks);
    if (remarks.empty())
        remarks.push_back({Weight::fine,
                           expected.countersigned ? "it demands the enrollment agent's signature, and agrees with ours"
                                                  : "it agrees with ours, and demands no signature",
                           ""});
    return remarks;
}

}  // namespace countersign::ca
