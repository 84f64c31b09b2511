// A request the enrollment agent has signed: the only thing a CA backend takes.
//
// Made by ra::Agent alone, from an ApprovedRequest; move-only. Any thread.
#pragma once

#include "countersign/core/bytes.hpp"
#include "countersign/crypto/certificate.hpp"
#include "countersign/crypto/certificate_builder.hpp"
#include "countersign/crypto/certificate_request.hpp"

#include <optional>
#include <string>

namespace countersign::ra {
class Agent;
}

namespace countersign::ca {

class Guard;

class CountersignedRequest {
public:
    CountersignedRequest(CountersignedRequest&&) noexcept = default;
    CountersignedRequest& operator=(CountersignedRequest&&) noexcept = default;

    // CMS SignedData over the PKCS#10 (content type id-data), the agent certificate inside: what AD CS calls a request
    // signed by an enrollment agent ([MS-WCCE] 3.1.1.4.3.3.2 without requestername).
    ByteView cms() const { return cms_; }
    const crypto::CertificateRequest& request() const { return request_; }
    // What policy approved. A backend that builds certificates builds this; one that cannot must not issue more.
    const crypto::CertificateContent& plan() const { return plan_; }
    const std::string& template_name() const { return template_name_; }
    // Set: the RA renews this certificate of its own; never a client's request. The plan has the same subject and
    // usages, for the same or a new key.
    const std::optional<crypto::Certificate>& renews() const { return renews_; }

private:
    friend class ra::Agent;
    // For work that outlives the caller's hold on the request: a second handle on the same one.
    friend class Guard;
    CountersignedRequest(const CountersignedRequest&) = default;
    CountersignedRequest(Bytes cms, crypto::CertificateRequest request, crypto::CertificateContent plan,
                         std::string template_name, std::optional<crypto::Certificate> renews)
        : cms_(std::move(cms)),
          request_(std::move(request)),
          plan_(std::move(plan)),
          template_name_(std::move(template_name)),
          renews_(std::move(renews)) {}
    Bytes cms_;
    crypto::CertificateRequest request_;
    crypto::CertificateContent plan_;
    std::string template_name_;
    std::optional<crypto::Certificate> renews_;
};

}  // namespace countersign::ca
