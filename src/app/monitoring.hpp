// The API, what monitoring asks and the console beside it, put on a router; and which surface a path belongs to.
#pragma once

#include "countersign/admin/metrics.hpp"
#include "countersign/app/wire.hpp"
#include "countersign/http/router.hpp"
#include "countersign/http/server.hpp"
#include "countersign/ra/expiry_watch.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace countersign::app {

// The certificates in force whose end somebody must see coming.
std::vector<ra::WatchedCertificate> watched_certificates(const Wiring& wiring);

void add_api(http::Router& router, const AdminSurfaces& admin, const SharedParts& parts);
void add_monitoring(http::Router& router, const config::Settings& settings, const Wiring& wiring,
                    const AdminSurfaces& admin, const SharedParts& parts,
                    const std::shared_ptr<const admin::Metrics>& metrics);

// The surfaces by path, from the settings in force. Safe on many threads.
class SurfaceMap {
public:
    explicit SurfaceMap(const config::Settings& settings) { learn(settings); }
    void learn(const config::Settings& settings);
    admin::Surface of(const std::string& path) const;

private:
    using Paths = std::map<std::string, admin::Surface, std::less<>>;
    mutable std::mutex mutex_;
    Paths paths_;
};

}  // namespace countersign::app
