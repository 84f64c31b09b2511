// Who is told what, from settings: subscriptions for the store, receivers for the post office. Errors name the file, the
// key and the remedy.
#pragma once

#include "countersign/admin/metrics.hpp"
#include "countersign/config/settings.hpp"
#include "countersign/intune/client.hpp"
#include "countersign/intune/revocations.hpp"
#include "countersign/intune/verifier.hpp"
#include "countersign/notify/post_office.hpp"
#include "countersign/store/outbox.hpp"

#include <memory>
#include <string>
#include <vector>

namespace countersign::admin {
class Desk;
}

namespace countersign::app {

// How the outbox calls a tenant of Intune; no [notification.NAME] can be called so.
std::string intune_receiver(const std::string& tenant);

// And a policy hook.
std::string hook_receiver(const std::string& hook);

std::vector<store::Subscription> subscriptions_of(const config::Settings& settings);

// Everything of a tenant that its profiles share.
struct IntuneTenant {
    config::IntuneSettings settings;
    std::shared_ptr<intune::Client> client;
    std::shared_ptr<intune::Gate> gate;
};

// What Intune may have revoked: certificates of enrollments that this tenant's challenges allowed, and no others.
intune::Revoke revocation_for(const config::Settings& settings, const std::string& tenant, store::Database& database,
                              std::shared_ptr<admin::Desk> desk);

// What waits and what became of it, for monitoring. A store that is away leaves out what only it knows.
std::vector<admin::NotificationTraffic> notification_traffic(store::Outbox& outbox, const notify::PostOffice& post,
                                                             const Clock& clock);

}  // namespace countersign::app
