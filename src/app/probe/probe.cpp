#include "probe.hpp"

#include <algorithm>

namespace countersign::app {

Probe::Probe(ProbeOptions options, net::HttpClient& client, Console& console)
    : session_(std::move(options), client, console) {}

bool Probe::run() {
    const bool readable = check_reach(session_) && check_capabilities(session_) && check_ca_certificates(session_);
    if (readable) check_clients(session_);
    // A challenge is not spent where no request could be encrypted.
    const bool enrolled = readable && session_.recipient && check_admin_page(session_) && check_enrollment(session_);
    if (enrolled && !session_.options.enroll_once) {
        check_second_use(session_);
        check_renewal(session_);
    }
    return enrolled && std::ranges::none_of(session_.steps,
                                            [](const ProbeStep& step) { return step.outcome == StepOutcome::fail; });
}

}  // namespace countersign::app
