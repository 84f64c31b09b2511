// A request that is approved and whose intent is on disk: the right to have the agent sign once.
//
// Made by Enrollment, from what policy approved, and by Renewer, for the RA's own certificates, alone (design habit 3);
// move-only and consumed by Agent::countersign.
#pragma once

#include "countersign/crypto/certificate.hpp"
#include "countersign/crypto/certificate_builder.hpp"
#include "countersign/crypto/certificate_request.hpp"

#include <optional>
#include <string>

namespace countersign::ra {

class Enrollment;
class Renewer;

class ApprovedRequest {
public:
    ApprovedRequest(ApprovedRequest&&) noexcept = default;
    ApprovedRequest& operator=(ApprovedRequest&&) noexcept = default;

private:
    friend class Enrollment;
    friend class Renewer;
    friend class Agent;
    ApprovedRequest(crypto::CertificateRequest request, crypto::CertificateContent plan, std::string template_name,
                    std::optional<crypto::Certificate> renews = std::nullopt)
        : request_(std::move(request)),
          plan_(std::move(plan)),
          template_name_(std::move(template_name)),
          renews_(std::move(renews)) {}
    crypto::CertificateRequest request_;
    crypto::CertificateContent plan_;
    std::string template_name_;
    std::optional<crypto::Certificate> renews_;
};

}  // namespace countersign::ra
