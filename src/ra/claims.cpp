// By what right a request asks for a certificate: a challenge, or a certificate it already has.
#include "countersign/ra/enrollment.hpp"
#include "exchange.hpp"

namespace countersign::ra {

// A message counts as a renewal when its signer certificate is, octet for octet, one we issued to a client of this CA.
// A plain PKCSReq with an old certificate that no longer counts (expired, revoked) is an ordinary enrollment with a
// challenge; a RenewalReq with one is a renewal that policy will refuse in words.
Result<std::optional<policy::RenewedCertificate>> Enrollment::renewed_certificate(Exchange& exchange) {
    std::optional<policy::RenewedCertificate> none;
    if (!exchange.profile.renewal) return none;
    const auto& signer = exchange.envelope().signer();
    if (signer.self_issued()) return none;
    TRY(const auto record, parts_.issued.find(exchange.profile.ca_name, signer.serial_hex()));
    if (!record || !equal(record->der, signer.der())) return none;
    if (record->kind != "enroll" && record->kind != "renew") return none;

    policy::RenewedCertificate renewed{.certificate = signer,
                                       .recorded = true,
                                       .profile = record->profile,
                                       .revoked = record->revoked.has_value(),
                                       .template_name = record->template_name};
    const bool explicit_renewal = exchange.opened.type() == scep::MessageType::renewal_req;
    if (!explicit_renewal && (renewed.revoked || !signer.valid_at(exchange.now))) return none;
    if (!explicit_renewal) {
        TRY(const bool good, brings_a_good_challenge(exchange));
        if (good) return none;
    }
    // After the challenge: whoever has one of those asks nothing of the old certificate, and may go on without the
    // list.
    if (!renewed.revoked) {
        auto revoked = revoked_at_ca(exchange.profile, signer, exchange.now);
        if (!revoked && revoked.error().kind != ErrorKind::expired) return revoked.error();
        if (revoked) renewed.revoked_at_ca = *revoked;
        if (!revoked) renewed.unknown_at_ca = revoked.error().detail;
    }
    if (!explicit_renewal && renewed.revoked_at_ca) {
        exchange.signer_standing = policy::describe(*renewed.revoked_at_ca);
        return none;
    }
    return std::optional(std::move(renewed));
}

Result<std::optional<crypto::Revocation>> Enrollment::revoked_at_ca(const Profile& profile,
                                                                    const crypto::Certificate& certificate, Time now) {
    if (!profile.revocations) return std::optional<crypto::Revocation>();
    return profile.revocations->find(certificate, now);
}

// Whoever cannot be asked has not said no: such an error is the answer.
Result<bool> Enrollment::brings_a_good_challenge(const Exchange& exchange) {
    if (!(exchange.envelope().signer().public_key() == exchange.request().public_key())) return false;
    const auto challenge = exchange.request().challenge_password();
    if (!challenge || challenge->empty()) return false;
    const auto claim = exchange.profile.verifier->reserve(facts_of(exchange));
    if (claim) return true;
    const auto kind = claim.error().kind;
    if (kind == ErrorKind::unavailable || kind == ErrorKind::throttled || kind == ErrorKind::outcome_unknown)
        return claim.error();
    return false;
}

Result<challenge::Claim> Enrollment::claim_for(const Exchange& exchange) {
    if (exchange.renewed) {
        challenge::Claim claim;
        claim.kind = "renewal";
        claim.id = exchange.renewed->certificate.serial_hex();
        return claim;
    }
    return exchange.profile.verifier->reserve(facts_of(exchange));
}

challenge::Facts Enrollment::facts_of(const Exchange& exchange) {
    challenge::Facts facts;
    facts.profile = exchange.profile.name;
    facts.transaction_id = exchange.transaction.transaction_id;
    facts.client = exchange.client;
    facts.request = &exchange.request();
    facts.challenge = exchange.request().challenge_password();
    facts.now = exchange.now;
    return facts;
}

}  // namespace countersign::ra
