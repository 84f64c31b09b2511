// By what right a certificate asks for its successor (security reference 1.3, renewal abuse).
#include "case.hpp"
#include "countersign/core/text.hpp"
#include "countersign/crypto/oid.hpp"

#include <algorithm>
#include <set>

namespace countersign::policy {
namespace {

bool is_end_entity(const crypto::Certificate& certificate) {
    const auto usages = certificate.extended_key_usage();
    return !certificate.basic_constraints().ca &&
           std::ranges::find(usages, oid::ms_certificate_request_agent) == usages.end();
}

void check_provenance(Case& c, const RenewedCertificate& renewed) {
    if (!renewed.recorded) c.refuse("RenewalForeignCertificate", "the certificate is not in this CA's ledger");
    if (renewed.profile != c.facts.profile) {
        c.refuse("RenewalForeignCertificate", "the certificate was issued through profile " +
                                                  printable(renewed.profile) + ", not " + c.facts.profile);
    }
    if (renewed.template_name != c.rules.name) {
        c.refuse("TemplateMismatch", "the certificate was issued from template " + printable(renewed.template_name) +
                                         ", not " + c.rules.name);
    }
    if (c.facts.signer == nullptr || !(*c.facts.signer == renewed.certificate)) {
        c.refuse("RenewalForeignCertificate", "the message is not signed with the certificate it renews");
    }
    if (!is_end_entity(renewed.certificate)) {
        c.refuse("RenewalForeignCertificate", "certificates of CAs and RAs are not renewed over SCEP");
    }
}

void check_time(Case& c, const RenewedCertificate& renewed) {
    const auto& rules = c.rules.renewal;
    const auto& certificate = renewed.certificate;
    if (c.now < certificate.not_before()) {
        c.refuse("RenewalNotYetValid", "the certificate is valid from " + to_rfc3339(certificate.not_before()));
    }
    if (c.now > certificate.not_after() && !rules.allow_expired) {
        c.refuse("RenewalExpired", "the certificate expired at " + to_rfc3339(certificate.not_after()));
    }
    if (rules.window > std::chrono::days{0} && c.now < certificate.not_after() - rules.window) {
        c.refuse("RenewalTooEarly", "renewal opens at " + to_rfc3339(certificate.not_after() - rules.window));
    }
}

std::set<std::string> texts_of(const std::vector<crypto::GeneralName>& names) {
    std::set<std::string> texts;
    for (const auto& name : names) texts.insert(canonical_text(name));
    return texts;
}

void check_same_names(Case& c, const crypto::Certificate& certificate) {
    const auto& request = *c.facts.request;
    if (!certificate.subject().matches(request.subject())) {
        c.refuse("SubjectNameMismatch", "the certificate is for " + printable(certificate.subject().text()) +
                                            ", the request for " + printable(request.subject().text()));
    }
    const auto names = request.subject_alt_names();
    if (!names || texts_of(*names) != texts_of(certificate.subject_alt_names())) {
        c.refuse("SubjectAltNameMismatch", "the alternative names differ from those of the certificate");
    }
}

}  // namespace

std::string describe(const crypto::Revocation& revocation) {
    return "revoked at the CA since " + to_rfc3339(revocation.since) + " (" +
           std::string(crypto::revocation_reason_name(revocation.reason)) + ")";
}

void check_renewal(Case& c) {
    if (!c.facts.renewed) return c.refuse("RenewalForeignCertificate", "no certificate of ours asks for renewal");
    const auto& renewed = *c.facts.renewed;
    if (!c.rules.renewal.allowed) c.refuse("RenewalNotAllowed", "template " + c.rules.name + " allows no renewal");
    check_provenance(c, renewed);
    if (renewed.revoked) c.refuse("RenewalRevoked", "the certificate is revoked");
    if (renewed.revoked_at_ca) c.refuse("RenewalRevoked", "the certificate is " + describe(*renewed.revoked_at_ca));
    if (!renewed.unknown_at_ca.empty()) c.refuse("RenewalExpired", renewed.unknown_at_ca);
    check_time(c, renewed);
    if (!c.rules.renewal.allow_same_key && renewed.certificate.public_key() == c.facts.request->public_key()) {
        c.refuse("RenewalSameKey", "the template wants a new key at each renewal");
    }
    // The next message would be signed with the new certificate, and SCEP encrypts its answer to that (RFC 8894 2.3).
    if (renewed.certificate.public_key().is_rsa() && !c.facts.request->public_key().is_rsa()) {
        c.refuse("RenewalKeyAlgorithm", "a certificate with an EC key could never be renewed over SCEP again");
    }
    if (c.rules.renewal.require_same_subject) check_same_names(c, renewed.certificate);
}

}  // namespace countersign::policy
