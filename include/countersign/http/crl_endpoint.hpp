// The CRL of a CA backend at an HTTP path (RFC 5280 4.2.1.13, RFC 2585 section 3), plain HTTP on purpose: a CRL is signed.
// Immutable once built; shares the backend.
#pragma once

#include "countersign/ca/backend.hpp"
#include "countersign/core/clock.hpp"
#include "countersign/http/router.hpp"

#include <memory>

namespace countersign::http {

class CrlEndpoint final : public Endpoint {
public:
    CrlEndpoint(std::shared_ptr<ca::Backend> backend, const Clock& clock) : backend_(std::move(backend)), clock_(clock) {}

    std::string_view serves() const override { return "scep"; }
    std::optional<Response> answer_at_once(const Request&) override { return std::nullopt; }
    Response answer(const Request& request) override;

private:
    std::shared_ptr<ca::Backend> backend_;
    const Clock& clock_;
};

}  // namespace countersign::http
