// What a CA may issue: the constraints in its own certificate and in those above it, and its configuration. Immutable;
// any thread.
#pragma once

#include "countersign/crypto/certificate_builder.hpp"
#include "countersign/crypto/name_constraints.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace countersign::ca {

class IssuerLimits {
public:
    // `path`: the issuing CA first, root last. malformed: a certificate whose name constraints cannot be read.
    // `configured_usages`: further narrows the EKUs; empty does not.
    static Result<IssuerLimits> of(const std::vector<crypto::Certificate>& path,
                                   std::vector<std::string> configured_usages);

    // Every reason not to issue a certificate with this content, in words; empty: none. Validity is cut, not refused.
    std::vector<std::string> objections(const crypto::CertificateContent& content) const;

    // The part of [not_before, not_after] in which every certificate of the path is valid.
    Time not_before() const { return not_before_; }
    Time not_after() const { return not_after_; }

private:
    IssuerLimits() = default;
    void object_to_usages(const crypto::CertificateContent& content, std::vector<std::string>& objections) const;

    std::vector<crypto::NameConstraints> name_constraints_;
    std::vector<std::vector<std::string>> usages_;  // every EKU must be in each of these lists
    Time not_before_{};
    Time not_after_ = Time::max();
};

}  // namespace countersign::ca
