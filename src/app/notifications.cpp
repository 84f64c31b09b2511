#include "notifications.hpp"

#include "assembly.hpp"
#include "ca_connection.hpp"
#include "countersign/admin/desk.hpp"
#include "countersign/core/text.hpp"
#include "countersign/hook/hook.hpp"
#include "countersign/intune/reports.hpp"
#include "countersign/notify/webhook.hpp"
#include "files.hpp"

#include <algorithm>

namespace countersign::app {
namespace {

using store::NotificationEvent;

constexpr std::size_t least_secret = 32;

std::set<NotificationEvent> events_of(const std::vector<std::string>& names) {
    std::set<NotificationEvent> events;
    for (const auto event : {NotificationEvent::issued, NotificationEvent::failed, NotificationEvent::pending,
                             NotificationEvent::held, NotificationEvent::revoked, NotificationEvent::expiring}) {
        if (std::ranges::find(names, store::name(event)) != names.end()) events.insert(event);
    }
    return events;
}

// What became of requests is told to the hook that was asked about them.
class HookNotices final : public notify::Receiver {
public:
    explicit HookNotices(std::shared_ptr<hook::Hook> hook) : hook_(std::move(hook)) {}

    Result<void> deliver(const notify::Letter& letter) override {
        hook::Notice notice;
        notice.id = letter.notification.id;
        notice.event = store::name(letter.notification.event);
        notice.at = letter.notification.occurred;
        notice.profile = letter.notification.profile;
        notice.serial = letter.notification.serial;
        if (letter.attempt) {
            notice.request = letter.attempt->id;
            notice.transaction_id = letter.attempt->key.transaction_id;
            notice.template_name = letter.attempt->template_name;
            notice.subject = letter.attempt->subject;
            notice.reason = letter.attempt->reason;
        }
        if (letter.certificate) notice.certificate = letter.certificate->der;
        return hook_->notify(notice);
    }

private:
    std::shared_ptr<hook::Hook> hook_;
};

std::vector<std::string> profiles_of_hook(const config::Settings& settings, const std::string& hook) {
    std::vector<std::string> profiles;
    for (const auto& [name, profile] : settings.profiles) {
        if (profile.hook == hook) profiles.push_back(name);
    }
    return profiles;
}

std::vector<std::string> profiles_of(const config::Settings& settings, const std::string& tenant) {
    std::vector<std::string> profiles;
    for (const auto& [name, profile] : settings.profiles) {
        if (profile.challenge.accepts("intune") && profile.challenge.intune == tenant) profiles.push_back(name);
    }
    return profiles;
}

notify::DeliveryRules rules_of(std::uint32_t give_up_hours) {
    notify::DeliveryRules rules;
    rules.give_up = std::chrono::hours{give_up_hours};
    return rules;
}

}  // namespace

std::string intune_receiver(const std::string& tenant) {
    return "intune:" + tenant;
}

std::string hook_receiver(const std::string& hook) {
    return "hook:" + hook;
}

std::vector<store::Subscription> subscriptions_of(const config::Settings& settings) {
    std::vector<store::Subscription> subscriptions;
    for (const auto& [name, receiver] : settings.notifications)
        subscriptions.push_back({name, events_of(receiver.events), receiver.profiles});
    for (const auto& [name, tenant] : settings.intune) {
        auto profiles = profiles_of(settings, name);
        if (profiles.empty()) continue;
        subscriptions.push_back({intune_receiver(name),
                                 {NotificationEvent::issued, NotificationEvent::failed},
                                 std::move(profiles),
                                 std::string(intune::challenge_kind),
                                 true});
    }
    for (const auto& [name, hook] : settings.hooks) {
        auto profiles = profiles_of_hook(settings, name);
        if (profiles.empty() || std::ranges::find(hook.calls, "notify") == hook.calls.end()) continue;
        subscriptions.push_back({hook_receiver(name),
                                 {NotificationEvent::issued, NotificationEvent::failed, NotificationEvent::pending,
                                  NotificationEvent::held, NotificationEvent::revoked},
                                 std::move(profiles)});
    }
    return subscriptions;
}

// --- Assembly ---

void Assembly::build_receivers() {
    for (const auto& [name, settings] : settings_.notifications) {
        auto webhook = note(settings.place, open_webhook(settings), "see `countersign config explain notification`");
        if (webhook) wiring_.receivers.push_back({name, *std::move(webhook), rules_of(settings.give_up_hours)});
    }
    for (const auto& [name, tenant] : wiring_.tenants) {
        wiring_.receivers.push_back({intune_receiver(name),
                                     std::make_shared<intune::Reports>(tenant->settings.provider, tenant->client),
                                     rules_of(tenant->settings.give_up_hours)});
    }
    for (const auto& [name, hook] : *wiring_.hooks) {
        if (hook->has(hook::Call::notify))
            wiring_.receivers.push_back({hook_receiver(name), std::make_shared<HookNotices>(hook)});
    }
}

Result<std::shared_ptr<notify::Receiver>> Assembly::open_webhook(const config::NotificationSettings& settings) {
    TRY(Secret secret, read_password_file(settings.secret));
    if (secret.size() < least_secret) {
        return fail::malformed(settings.secret.string() + " holds fewer than 32 characters; run: openssl rand -hex 32");
    }
    TRY(auto http, open_http(settings.connection));
    return std::shared_ptr<notify::Receiver>(std::make_shared<notify::Webhook>(
        notify::WebhookOptions{settings.connection.url, std::move(secret)}, std::move(http), parts_.clock));
}

Result<std::shared_ptr<const IntuneTenant>> Assembly::intune_tenant(const std::string& name) {
    if (const auto known = wiring_.tenants.find(name); known != wiring_.tenants.end()) return known->second;
    const auto found = settings_.intune.find(name);
    if (found == settings_.intune.end()) return fail::not_found("there is no [intune." + printable(name) + "]");
    const auto& settings = found->second;
    intune::ClientOptions options;
    options.tenant = settings.tenant;
    options.client_id = settings.client_id;
    options.provider = settings.provider;
    options.authority = settings.authority;
    options.graph = settings.graph;
    options.resource = settings.resource;
    options.service_application = settings.service_application;
    if (!settings.secret.empty()) {
        TRY(Secret secret, read_password_file(settings.secret));
        options.secret = std::make_shared<const Secret>(std::move(secret));
    } else {
        TRY(const std::string pem, read_file(settings.certificate));
        TRY(options.certificate, crypto::Certificate::from_pem(pem));
        TRY(options.key, open_key(settings.key));
        if (!options.key->public_key().is_rsa() || !(options.key->public_key() == options.certificate->public_key())) {
            return fail::denied("intune." + name + ": " + options.key->describe() + " is not the RSA key of " +
                                settings.certificate.string());
        }
    }
    TRY(auto http, open_http(settings.connection));
    auto tenant = std::make_shared<IntuneTenant>();
    tenant->settings = settings;
    tenant->client = std::make_shared<intune::Client>(std::move(options), std::move(http), parts_.clock, parts_.random);
    // The other workers go on answering.
    const std::size_t at_once =
        std::clamp<std::size_t>(worker_count(settings_.server) / 2, 1, settings.requests_at_once);
    tenant->gate = std::make_shared<intune::Gate>(at_once, parts_.clock);
    wiring_.tenants.emplace(name, tenant);
    return std::shared_ptr<const IntuneTenant>(std::move(tenant));
}

Result<std::shared_ptr<challenge::Verifier>> Assembly::open_intune_verifier(const config::ProfileSettings& profile) {
    const std::string& name = profile.challenge.intune;
    TRY(const auto tenant, intune_tenant(name));
    return std::shared_ptr<challenge::Verifier>(std::make_shared<intune::Verifier>(
        intune::VerifierOptions{profile.name, intune_receiver(name), tenant->settings.provider}, tenant->client,
        tenant->gate, parts_.database.outbox(), parts_.clock));
}

// --- revocation ---

intune::Revoke revocation_for(const config::Settings& settings, const std::string& tenant, store::Database& database,
                              std::shared_ptr<admin::Desk> desk) {
    return [profiles = profiles_of(settings, tenant), &database, desk = std::move(desk),
            tenant](const intune::RevocationRequest& request) -> Result<void> {
        TRY(const auto found, database.issued().find_by_serial(request.serial));
        for (const auto& one : found) {
            if (!request.ca.empty() && one.ca != request.ca) continue;
            if (one.attempt.empty() || std::ranges::find(profiles, one.profile) == profiles.end()) continue;
            TRY(const auto attempt, database.transactions().find(one.attempt));
            if (attempt.challenge_kind != intune::challenge_kind) continue;
            if (one.revoked) return {};  // by us before a crash, or by people
            constexpr int unspecified = 0;
            const auto revoked =
                desk->revoke_certificate(one.serial, one.ca, unspecified, false, {"intune " + tenant, "intune"});
            if (!revoked) return revoked.error();
            return {};
        }
        return fail::not_found("no certificate of this tenant has serial " + printable(request.serial, 60));
    };
}

// --- monitoring ---

std::vector<admin::NotificationTraffic> notification_traffic(store::Outbox& outbox, const notify::PostOffice& post,
                                                             const Clock& clock) {
    std::map<std::string, admin::NotificationTraffic> all;
    for (const auto& one : post.traffic()) {
        auto& traffic = all[one.name];
        traffic.delivered = one.delivered;
        traffic.failed = one.failed;
        traffic.died = one.died;
    }
    if (const auto figures = outbox.figures()) {
        for (const auto& one : *figures) {
            auto& traffic = all[one.receiver];
            traffic.waiting = one.waiting;
            traffic.dead = one.dead;
            if (one.waiting != 0) traffic.oldest = std::chrono::duration<double>(clock.now() - one.oldest).count();
        }
    }
    std::vector<admin::NotificationTraffic> list;
    for (auto& [name, traffic] : all) {
        traffic.receiver = name;
        list.push_back(std::move(traffic));
    }
    return list;
}

}  // namespace countersign::app
