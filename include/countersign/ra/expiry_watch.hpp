// Says once when a certificate comes near its end: at 60, 30 and 7 days, and when it is over. Pure but for its memory;
// one thread.
#pragma once

#include "countersign/core/clock.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace countersign::ra {

struct WatchedCertificate {
    std::string kind;  // "agent", "encryption", "ca"
    std::string name;  // of the RA or CA
    std::string subject;
    std::string serial;
    Time not_before{};
    Time not_after{};
};

struct ExpiryNotice {
    WatchedCertificate certificate;
    int days = 0;  // the threshold passed; 0: expired
};

// The narrowest threshold passed at `now`. Thresholds longer than half of the certificate's own life do not count: one
// of 90 days is not in danger at 60. nullopt: none.
std::optional<int> threshold_passed(const WatchedCertificate& certificate, Time now);

class ExpiryWatch {
public:
    // What there is to say that was not said yet. A certificate that is gone is forgotten.
    std::vector<ExpiryNotice> look(const std::vector<WatchedCertificate>& certificates, Time now);

private:
    std::map<std::string, int> said_;  // by kind, name and serial
};

}  // namespace countersign::ra
