// The daemon's care for the RA's own certificates: renews them in time, warns before they end, and notices when
// somebody else renewed them.
//
// look_after blocks (keys, CA) and is called by one thread, again and again; the rest is safe on any.
#pragma once

#include "countersign/admin/metrics.hpp"
#include "countersign/app/wire.hpp"
#include "countersign/ra/expiry_watch.hpp"
#include "countersign/ra/renewer.hpp"
#include "countersign/store/outbox.hpp"

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace countersign::app {

class Caretaker {
public:
    Caretaker(const ra::RenewerParts& parts, store::Outbox& outbox) : parts_(parts), outbox_(outbox), renewer_(parts) {}

    // One round over the RAs and CAs of a wiring.
    void look_after(const Wiring& wiring);
    // Whether what is in force is not what the wiring given last says: true once for each change, and again after a
    // pause when adopting it failed.
    bool wants_adoption();
    void adoption_failed();
    std::vector<admin::RenewalState> renewals() const;

private:
    void look_after(const ra::RaInService& ra);
    void report(const ra::RaInService& ra, const Result<ra::RenewalReport>& report);
    admin::RenewalState state_of(const ra::RaInService& ra) const;
    void announce(const ra::ExpiryNotice& notice);
    void warn(const std::vector<ra::ExpiryNotice>& notices);

    ra::RenewerParts parts_;
    store::Outbox& outbox_;
    ra::Renewer renewer_;
    ra::ExpiryWatch watch_;
    std::map<std::string, std::string> said_;  // the last trouble by RA: said once
    std::atomic<bool> wants_adoption_{false};
    mutable std::mutex mutex_;
    Time not_before_{Time::min()};  // adopting failed: not again until then
    std::vector<admin::RenewalState> renewals_;
};

}  // namespace countersign::app
