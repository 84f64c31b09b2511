#include "client_rules.hpp"

#include "countersign/core/text.hpp"
#include "countersign/crypto/oid.hpp"

#include <algorithm>

namespace countersign::app {
namespace {

using crypto::Certificate;
using Certificates = std::vector<Certificate>;

constexpr std::string_view single_type = "application/x-x509-ca-cert";
constexpr std::string_view bundle_type = "application/x-x509-ca-ra-cert";

bool says_usage(const Certificate& one, crypto::KeyUsage wanted) {
    const auto usage = one.key_usage();
    return usage && (*usage & wanted) == wanted;
}

bool any_of(const Certificates& certificates, bool (*test)(const Certificate&)) {
    return std::ranges::any_of(certificates, test);
}

std::string without_parameters(const std::string& type) {
    return to_lower(trim(std::string_view(type).substr(0, type.find(';'))));
}

bool has_purpose(const Certificate& one, std::string_view purpose) {
    const auto purposes = one.extended_key_usage();
    return std::ranges::find(purposes, purpose) != purposes.end();
}

// Signed by another certificate of the bundle that may sign certificates, or by itself.
bool signs_another(const Certificate& one, const Certificates& all) {
    return std::ranges::any_of(all, [&](const Certificate& other) {
        return !(other == one) && other.issuer() == one.subject() &&
               other.verify_signed_by(one.public_key()).has_value();
    });
}

// Collects what is wrong for one client.
class Judge {
public:
    Judge(std::string client, std::string source) {
        verdict_.client = std::move(client);
        verdict_.source = std::move(source);
    }
    void fails(std::string reason, std::string remedy) { add(StepOutcome::fail, std::move(reason), std::move(remedy)); }
    void doubts(std::string reason, std::string remedy) {
        add(StepOutcome::warn, std::move(reason), std::move(remedy));
    }
    ClientVerdict verdict() && { return std::move(verdict_); }

private:
    void add(StepOutcome outcome, std::string reason, std::string remedy) {
        verdict_.outcome = std::max(verdict_.outcome, outcome);
        verdict_.reasons.push_back(std::move(reason));
        if (std::ranges::find(verdict_.remedies, remedy) == verdict_.remedies.end())
            verdict_.remedies.push_back(std::move(remedy));
    }
    ClientVerdict verdict_;
};

void want_valid(Judge& judge, const OfferedFacts& facts) {
    for (const Certificate& one : facts.certificates) {
        if (!one.valid_at(facts.now))
            judge.fails(printable(one.subject().text()) + " is not valid now", "renew that certificate");
    }
}

void want_renewal(Judge& judge, const OfferedFacts& facts, const std::string& effect) {
    if (!facts.offers("Renewal"))
        judge.doubts("GetCACaps does not list Renewal: " + effect, "list Renewal in GetCACaps");
}

// Apple's candidate RA certificates: one that signs and encrypts, else one that only signs and one that only encrypts.
bool apple_finds_ra(const Certificates& certificates) {
    constexpr auto sign = crypto::usage::digital_signature;
    constexpr auto encrypt = crypto::usage::key_encipherment;
    bool signer = false, recipient = false, both = false;
    for (const Certificate& one : certificates) {
        if (one.self_issued()) continue;
        both = both || says_usage(one, sign | encrypt);
        signer = signer || (says_usage(one, sign) && !says_usage(one, encrypt));
        recipient = recipient || (says_usage(one, encrypt) && !says_usage(one, sign));
    }
    return both || (signer && recipient);
}

bool one_top(const Certificates& certificates) {
    std::set<std::string> tops;
    for (const Certificate& one : certificates) {
        const auto chain = crypto::order_chain(one, certificates);
        if (!chain) return false;
        tops.insert(chain->back().fingerprint_sha256());
    }
    return tops.size() == 1;
}

void judge_apple_bundle(Judge& judge, const OfferedFacts& facts) {
    if (!apple_finds_ra(facts.certificates)) {
        judge.fails(
            "-67731, failed to find candidate RA certificates: none that is no root has key usage digitalSignature and "
            "keyEncipherment, nor is there one with each",
            facts.certificates.size() == 1
                ? "send a single CA certificate as application/x-x509-ca-cert"
                : "issue the RA certificates with key usage digitalSignature and keyEncipherment");
    }
    if (!one_top(facts.certificates))
        judge.fails("not all certificates chain to the same top one",
                    "serve the whole chain, root included, and no other");
    const bool tempting = std::ranges::any_of(facts.certificates, [](const Certificate& one) {
        return is_authority(one) && !one.self_issued() &&
               says_usage(one, crypto::usage::digital_signature | crypto::usage::key_encipherment);
    });
    if (tempting)
        judge.doubts("a CA certificate has digitalSignature and keyEncipherment and may be taken for the RA's",
                     "issue the CA certificate without keyEncipherment");
}

ClientVerdict judge_apple(const OfferedFacts& facts) {
    Judge judge("apple", "Apple SecSCEP.c; UCM issues 101, 102; micromdm/scep issue 23; openxpki-config issue 14");
    if (facts.ca_type == bundle_type)
        judge_apple_bundle(judge, facts);
    else if (facts.ca_type != single_type)
        judge.fails("it compares the whole Content-Type of GetCACert: \"" + printable(facts.ca_type, 80) + "\"",
                    "send application/x-x509-ca-ra-cert, without parameters");
    const bool digest =
        facts.offers("SHA-1") || facts.offers("SHA-256") || facts.offers("SHA-512") || facts.offers("SCEPStandard");
    const bool cipher = facts.offers("DES3") || facts.offers("AES") || facts.offers("SCEPStandard");
    if (!digest || !cipher)
        judge.fails("iOS 10 and later want a SHA line and DES3 or AES in GetCACaps",
                    "list SHA-256 and AES in GetCACaps");
    for (const Certificate& one : facts.certificates) {
        const auto scheme = one.signature_scheme();
        const bool refused = !scheme || scheme->padding == crypto::Padding::rsa_pss ||
                             scheme->digest == crypto::DigestAlgorithm::sha1 ||
                             scheme->digest == crypto::DigestAlgorithm::md5;
        if (refused && !one.self_issued())
            judge.doubts(printable(one.subject().text()) + " is signed with SHA-1, RSASSA-PSS or something unknown",
                         "issue the chain with RSA PKCS#1 v1.5 and SHA-256");
    }
    want_renewal(judge, facts, "macOS will not renew");
    want_valid(judge, facts);
    return std::move(judge).verdict();
}

ClientVerdict judge_windows(const OfferedFacts& facts) {
    Judge judge("windows", "ClientCertificateInstall CSP (CAThumbprint); PSNDESEnrollment; UCM issue 228");
    const bool root = any_of(facts.certificates, [](const Certificate& one) { return one.self_issued(); });
    if (!root)
        judge.fails("the root is not in GetCACert, where its thumbprint is looked for",
                    "serve the chain up to the root");
    if (!any_of(facts.certificates,
                [](const Certificate& one) { return one.public_key().is_rsa() && may_encrypt(one); }))
        judge.fails("there is no RSA certificate to encrypt to", "issue an RSA encryption certificate for the RA");
    const bool agent =
        facts.certificates.size() == 1 || any_of(facts.certificates, [](const Certificate& one) {
            return has_purpose(one, oid::ms_certificate_request_agent) || has_purpose(one, oid::server_auth);
        });
    if (!agent)
        judge.doubts("no certificate has the extended key usage Certificate Request Agent or serverAuth",
                     "issue the RA certificates with 1.3.6.1.4.1.311.20.2.1");
    want_renewal(judge, facts, "it enrolls anew instead");
    want_valid(judge, facts);
    return std::move(judge).verdict();
}

ClientVerdict judge_strongswan(const OfferedFacts& facts) {
    Judge judge("strongswan", "strongSwan src/pki/commands/scepca.c, scep.c; measured with 5.9.8");
    if (!facts.answers_without_message)
        judge.fails("it sends GetCACert without a message parameter, which was not answered",
                    "treat a missing message as empty");
    if (!any_of(facts.certificates, is_authority))
        judge.fails("no certificate of GetCACert is a CA's", "add the CA's certificate");
    if (!any_of(facts.certificates, may_encrypt))
        judge.fails("no certificate has key usage keyEncipherment", "issue the RA's encryption certificate with it");
    if (facts.certificates.size() > 1 &&
        !any_of(facts.certificates, [](const Certificate& one) { return !is_authority(one) && may_sign(one); }))
        judge.fails("no RA certificate has key usage digitalSignature, by which it verifies replies",
                    "issue the RA's agent certificate with it");
    want_renewal(judge, facts, "it refuses to renew with RenewalReq");
    want_valid(judge, facts);
    return std::move(judge).verdict();
}

ClientVerdict judge_jscep(const OfferedFacts& facts) {
    Judge judge("jscep", "jscep DefaultCertStoreInspector, PkiMessageDecoder, transport/response; jscep issues 35, 49");
    const std::string type = to_lower(facts.ca_type);
    if (!type.starts_with(single_type) && !type.starts_with(bundle_type))
        judge.fails("it refuses the Content-Type of GetCACert: \"" + printable(facts.ca_type, 80) + "\"",
                    "send application/x-x509-ca-ra-cert");
    const bool ra = any_of(facts.certificates, [](const Certificate& one) {
        return !is_authority(one) && says_usage(one, crypto::usage::key_encipherment);
    });
    if (type.starts_with(bundle_type) && !ra)
        judge.fails("it picks the recipient by key usage keyEncipherment among those that are no CA, and there is none",
                    "issue the RA's encryption certificate with key usage keyEncipherment and CA:FALSE");
    if (type.starts_with(bundle_type) && !facts.certificates.empty() && is_authority(facts.certificates.front()))
        judge.doubts("the first certificate is a CA's; its documentation wants the RA's first",
                     "put the RA certificates first");
    want_valid(judge, facts);
    return std::move(judge).verdict();
}

ClientVerdict judge_sscep(const OfferedFacts& facts) {
    Judge judge("sscep", "sscep src/net.c, src/sscep.c, README; sscep issues 60, 126");
    const std::string type = without_parameters(facts.ca_type);
    if (type != single_type && type != bundle_type && type != "application/x-x509-ra-ca-certs")
        judge.fails("wrong (or missing) MIME content type of GetCACert: \"" + printable(facts.ca_type, 80) + "\"",
                    "send application/x-x509-ca-ra-cert");
    const bool recipient = std::ranges::any_of(facts.certificates, [&](const Certificate& one) {
        return may_encrypt(one) && (facts.certificates.size() == 1 || !signs_another(one, facts.certificates));
    });
    if (!recipient)
        judge.fails("it picks a certificate that signs no other and has key usage keyEncipherment, and there is none",
                    "issue the RA's encryption certificate with key usage keyEncipherment");
    want_valid(judge, facts);
    return std::move(judge).verdict();
}

ClientVerdict judge_certmonger(const OfferedFacts& facts) {
    Judge judge("certmonger", "certmonger src/scep.c; measured with 0.79.17; micromdm/scep issue 80");
    if (!facts.answered_capabilities)
        judge.fails("it gives up when GetCACaps is not answered with HTTP status 200", "answer GetCACaps");
    if (facts.capabilities_octets > 1024)
        judge.fails("GetCACaps is longer than 1024 octets", "list only keywords of RFC 8894 3.5.2");
    if (facts.ca_type != single_type && facts.ca_type != bundle_type)
        judge.fails(
            "unexpected MIME type of GetCACert, which it compares whole: \"" + printable(facts.ca_type, 80) + "\"",
            "send application/x-x509-ca-ra-cert, without parameters");
    if (!any_of(facts.certificates,
                [](const Certificate& one) { return one.public_key().is_rsa() && may_encrypt(one); }))
        judge.fails("no RSA certificate has key usage keyEncipherment",
                    "issue the RA's encryption certificate with it");
    want_renewal(judge, facts, "it sends PKCSReq instead of RenewalReq");
    want_valid(judge, facts);
    return std::move(judge).verdict();
}

}  // namespace

bool OfferedFacts::offers(std::string_view capability) const {
    return capabilities.contains(to_lower(capability));
}

bool may_encrypt(const Certificate& certificate) {
    return !certificate.key_usage() || says_usage(certificate, crypto::usage::key_encipherment);
}
bool may_sign(const Certificate& certificate) {
    return !certificate.key_usage() || says_usage(certificate, crypto::usage::digital_signature);
}
bool is_authority(const Certificate& certificate) {
    return certificate.basic_constraints().ca;
}

std::vector<ClientVerdict> judge_clients(const OfferedFacts& facts) {
    std::vector<ClientVerdict> verdicts;
    for (const auto judge : {judge_apple, judge_windows, judge_strongswan, judge_jscep, judge_sscep, judge_certmonger})
        verdicts.push_back(judge(facts));
    return verdicts;
}

}  // namespace countersign::app
