#include "countersign/store/ledger_entry.hpp"

namespace countersign::store {

IssuedCertificate ledger_entry(const crypto::Certificate& certificate, const std::string& ca, const std::string& kind) {
    IssuedCertificate entry;
    entry.serial = certificate.serial_hex();
    entry.ca = ca;
    entry.kind = kind;
    entry.subject = certificate.subject().text();
    for (const auto& san : certificate.subject_alt_names()) entry.sans.push_back(crypto::to_text(san));
    entry.public_key = certificate.public_key().fingerprint();
    entry.fingerprint = certificate.fingerprint_sha256();
    entry.not_before = certificate.not_before();
    entry.not_after = certificate.not_after();
    entry.der = to_bytes(certificate.der());
    return entry;
}

}  // namespace countersign::store
