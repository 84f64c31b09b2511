// Makes CountersignedRequests in the agent's place, also wrong ones that the real agent never makes. It takes the name
// of ra::Agent, whom CountersignedRequest trusts: include it only in executables that do not link the room ra.
#pragma once

#include "countersign/ca/countersigned_request.hpp"

namespace countersign::ra {

class Agent {
public:
    static ca::CountersignedRequest countersigned(Bytes cms, crypto::CertificateRequest request,
                                                  crypto::CertificateContent plan) {
        return {std::move(cms), std::move(request), std::move(plan), "device", std::nullopt};
    }
};

}  // namespace countersign::ra
