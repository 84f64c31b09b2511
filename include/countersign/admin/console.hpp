// The administrator's console below /countersign: what the JSON API can do, as pages for people.
//
// Rendered here, without scripts, for a Content-Security-Policy that allows none. Every request is signed in on its own by
// whatever scheme its listener offers; every act goes through the API's operations and so through the Desk. A form is only
// believed with a token made for the account that loaded it, and from this very site. Blocking, never throws; safe on many
// threads. Shares its parts, borrows clock and random, which outlive it.
#pragma once

#include "countersign/admin/desk.hpp"
#include "countersign/admin/metrics.hpp"
#include "countersign/admin/monitoring.hpp"
#include "countersign/admin/recent_events.hpp"
#include "countersign/admin/sign_in.hpp"
#include "countersign/core/random.hpp"
#include "countersign/core/secret.hpp"
#include "countersign/net/endpoint.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace countersign::admin {

struct ConsoleParts {
    std::shared_ptr<Desk> desk;
    std::shared_ptr<SignIn> sign_in;
    std::shared_ptr<Readiness> readiness;
    std::shared_ptr<const RecentEvents> events;
    std::vector<ExpiringCertificate> certificates;  // of the RA and the CAs
    const Clock& clock;
    Random& random;
    std::function<void(const std::string&)> log;  // one line for each refusal; never a secret
};

class Console final : public net::Endpoint {
public:
    static constexpr std::string_view root = "/countersign";

    // Forms of an earlier Console (before a reload) are not taken any more.
    explicit Console(ConsoleParts parts);

    std::string_view serves() const override { return "admin"; }
    // The style sheet, and methods that nothing here takes.
    std::optional<net::Response> answer_at_once(const net::Request& request) override;
    net::Response answer(const net::Request& request) override;

private:
    ConsoleParts parts_;
    Secret form_key_;
};

}  // namespace countersign::admin
