// What the ledger says of a certificate, read off the certificate itself. Pure; any thread.
#pragma once

#include "countersign/crypto/certificate.hpp"
#include "countersign/store/records.hpp"

#include <string>

namespace countersign::store {

// An entry under the CA `ca`, of the given kind; profile, attempt and template are left for whoever knows them.
IssuedCertificate ledger_entry(const crypto::Certificate& certificate, const std::string& ca, const std::string& kind);

}  // namespace countersign::store
