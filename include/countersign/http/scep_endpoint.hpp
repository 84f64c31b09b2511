// SCEP over HTTP at one profile's paths (RFC 8894 section 4): GetCACaps, GetCACert, GetNextCACert, PKIOperation, and the page a
// person sees who opens the URL in a browser.
//
// Immutable once built. Borrows the Enrollment, which outlives it; shares the profile.
#pragma once

#include "countersign/http/router.hpp"
#include "countersign/ra/enrollment.hpp"
#include "countersign/ra/profile.hpp"

#include <memory>

namespace countersign::http {

// What somebody sees who opens the URL in a browser. `forbidden` (403) where the profile has no password page to point to: that is
// how NDES with a policy module answers, and what Microsoft's validation script expects.
enum class Landing { page, forbidden };

class ScepEndpoint final : public Endpoint {
public:
    ScepEndpoint(std::shared_ptr<const ra::Profile> profile, ra::Enrollment& enrollment, const Clock& clock,
                 Landing landing = Landing::page);

    std::string_view serves() const override { return "scep"; }
    std::optional<Response> answer_at_once(const Request& request) override;
    Response answer(const Request& request) override;

private:
    Response answer_pki_operation(const Request& request, const std::string& message);
    Response answer_next_ca_cert();

    std::shared_ptr<const ra::Profile> profile_;
    ra::Enrollment& enrollment_;
    const Clock& clock_;
    Response capabilities_;
    Response ca_certificates_;
    Response landing_;
};

}  // namespace countersign::http
