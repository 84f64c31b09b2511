// A SCEP or NDES server tested from outside as a device and an MDM would use it: each check with what was found, a
// stable name for what is wrong, and how to mend it. Blocking; one thread.
#pragma once

#include "session.hpp"

namespace countersign::app {

class Probe {
public:
    Probe(ProbeOptions options, net::HttpClient& client, Console& console);

    // Reads what there is to read, then enrolls if that can succeed. True: nothing failed.
    bool run();

    const std::vector<ProbeStep>& steps() const { return session_.steps; }
    const std::optional<crypto::Certificate>& certificate() const { return session_.certificate; }
    const Secret& private_key_pem() const { return session_.device.private_key_pem; }
    const std::vector<crypto::Certificate>& authorities() const { return session_.authorities; }

private:
    ProbeSession session_;
};

}  // namespace countersign::app
