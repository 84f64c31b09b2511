// What Intune wants revoked: fetched, carried out, and answered through the outbox.
//
// Safe to repeat: a request that is fetched again, because we died or the answer was lost, is answered again. One
// thread; shares the client, borrows the outbox and the clock.
#pragma once

#include "countersign/intune/client.hpp"
#include "countersign/store/outbox.hpp"

#include <functional>
#include <memory>
#include <string>

namespace countersign::intune {

struct RevocationRequest {
    std::string context;  // Intune's own name for the request
    std::string serial;
    std::string issuer;
    std::string ca;  // caConfiguration: our name of the CA, as we reported it
};

// Carries one out. Success also when the certificate is revoked already. not_found: it is none of those Intune may
// speak for.
using Revoke = std::function<Result<void>(const RevocationRequest&)>;

class Revocations {
public:
    // `receiver`: of the answers, in the outbox.
    Revocations(std::shared_ptr<Client> client, store::Outbox& outbox, std::string receiver, Revoke revoke,
                const Clock& clock)
        : client_(std::move(client)),
          outbox_(outbox),
          receiver_(std::move(receiver)),
          revoke_(std::move(revoke)),
          clock_(clock) {}

    // Fetches what there is, at most 500, and carries it out; how many. unavailable: nothing could be fetched, or an
    // answer could not be stored; the next round fetches it again.
    Result<std::size_t> round();

private:
    std::shared_ptr<Client> client_;
    store::Outbox& outbox_;
    std::string receiver_;
    Revoke revoke_;
    const Clock& clock_;
};

// Intune's word for what came of it ("None", "CertificateNotFoundError", ...).
std::string_view error_code_of(const Result<void>& revoked);

}  // namespace countersign::intune
