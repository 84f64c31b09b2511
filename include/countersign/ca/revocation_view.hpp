// What a CA itself says about the certificates it issued, beside what our own ledger knows: somebody may have revoked
// one there. The seam through which a renewal asks; safe on many threads, and never waits for anybody.
#pragma once

#include "countersign/core/clock.hpp"
#include "countersign/crypto/certificate.hpp"
#include "countersign/crypto/revocation_list.hpp"

#include <optional>

namespace countersign::ca {

class RevocationView {
public:
    virtual ~RevocationView() = default;
    // nullopt: the CA had not revoked it when it last said so, and that still counts. unavailable: nothing that counts
    // is known about this certificate now; the detail says why, in words for the audit. expired: nobody will ever know,
    // because the CA speaks of certificates that have expired no more.
    virtual Result<std::optional<crypto::Revocation>> find(const crypto::Certificate& certificate, Time now) const = 0;
};

}  // namespace countersign::ca
