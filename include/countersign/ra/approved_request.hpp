// A request that policy has approved and whose intent is on disk: the right to have the agent sign once.
//
// Made by Enrollment alone (design habit 3); move-only and consumed by Agent::countersign.
#pragma once

#include "countersign/crypto/certificate_builder.hpp"
#include "countersign/crypto/certificate_request.hpp"

#include <string>

namespace countersign::ra {

class Enrollment;

class ApprovedRequest {
public:
    ApprovedRequest(ApprovedRequest&&) noexcept = default;
    ApprovedRequest& operator=(ApprovedRequest&&) noexcept = default;

private:
    friend class Enrollment;
    friend class Agent;
    ApprovedRequest(crypto::CertificateRequest request, crypto::CertificateContent plan, std::string template_name)
        : request_(std::move(request)), plan_(std::move(plan)), template_name_(std::move(template_name)) {}
    crypto::CertificateRequest request_;
    crypto::CertificateContent plan_;
    std::string template_name_;
};

}  // namespace countersign::ra
