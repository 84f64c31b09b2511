// One opened message on its way to its answer: what every chapter of the enrollment's story needs to know.
#pragma once

#include "countersign/ra/enrollment.hpp"

namespace countersign::ra {

struct Enrollment::Exchange {
    const Profile& profile;
    const std::string& client;
    Time now;
    scep::OpenedRequest opened;
    scep::ReplyContext context;
    store::TransactionKey transaction;
    std::string request_digest{};                         // enrollments only
    std::optional<policy::RenewedCertificate> renewed{};  // set: this is a renewal
    std::string signer_standing{};                        // why the signer's certificate is no right, for the audit

    const scep::VerifiedEnvelope& envelope() const { return opened.envelope(); }
    const crypto::CertificateRequest& request() const { return std::get<crypto::CertificateRequest>(opened.content()); }
    audit::Event event(std::string_view id) const;
};

}  // namespace countersign::ra
