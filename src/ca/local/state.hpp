// What a LocalCa consists of. Everything but the cached CRL and the last agent is
// constant after create(), so issuing takes no lock for longer than a comparison.
#pragma once

#include "countersign/ca/local.hpp"
#include "countersignature.hpp"
#include "issuer_limits.hpp"

#include <mutex>
#include <optional>

namespace countersign::ca {

struct LocalCa::State {
    struct CachedCrl {
        Bytes der;
        Time made{};
        std::uint64_t revocation_version = 0;
    };

    LocalCaOptions options;
    std::shared_ptr<keys::Key> key;
    Secret serial_secret;
    store::Issued& ledger;
    const Clock& clock;
    IssuerLimits limits;
    crypto::IssuerContent issuer;  // as written into certificates
    crypto::SignCallback sign;

    LastAgent last_agent{};

    std::mutex crl_mutex{};  // held while a CRL is made: one is enough
    std::optional<CachedCrl> crl{};

    Result<Outcome> issue(const CountersignedRequest& request, const Bytes& serial);
    Result<Bytes> make_crl(Time now) const;
};

// The issuer's part of a CRL or certificate.
crypto::IssuerContent issuer_content(const crypto::Certificate& ca, crypto::DigestAlgorithm digest);

}  // namespace countersign::ca
