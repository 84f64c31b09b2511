#include "caretaker.hpp"

#include "countersign/audit/catalogue.hpp"
#include "countersign/core/text.hpp"
#include "monitoring.hpp"

#include <spdlog/spdlog.h>
#include <nlohmann/json.hpp>

namespace countersign::app {
namespace {

constexpr std::chrono::minutes pause_after_failed_adoption{1};

}  // namespace

void Caretaker::look_after(const Wiring& wiring) {
    std::vector<admin::RenewalState> renewals;
    for (const auto& [name, ra] : wiring.ras) {
        look_after(*ra);
        renewals.push_back(state_of(*ra));
    }
    warn(watch_.look(watched_certificates(wiring), parts_.clock.now()));
    const std::lock_guard lock(mutex_);
    renewals_ = std::move(renewals);
}

void Caretaker::look_after(const ra::RaInService& ra) {
    // A backend that throws has a bug, and must not take the daemon with it.
    try {
        report(ra, renewer_.advance(ra, std::nullopt));
    } catch (const std::exception& exception) {
        report(ra, fail::internal(exception.what()));
    }
}

void Caretaker::report(const ra::RaInService& ra, const Result<ra::RenewalReport>& report) {
    using enum ra::RenewalStep;
    std::string trouble;
    if (!report) {
        if (report.error().kind != ErrorKind::conflict) trouble = report.error().detail;
    } else if (report->step == failed) {
        trouble = report->detail;
    } else if (report->step == installed || report->step == overlap_over || report->step == outdated) {
        const std::lock_guard lock(mutex_);
        if (parts_.clock.now() >= not_before_) wants_adoption_ = true;
    } else if (report->step == not_yet) {
        return;  // the trouble said before stands
    }
    auto& said = said_[ra.name];
    if (!trouble.empty() && trouble != said)
        spdlog::error("the certificates of ra {} were not renewed: {}", ra.name, printable(trouble, 1000));
    said = trouble;
}

admin::RenewalState Caretaker::state_of(const ra::RaInService& ra) const {
    admin::RenewalState state;
    state.ra = ra.name;
    state.automatic = ra.rules.automatic;
    state.next = Time::max();
    for (const auto& [role, identity] : ra.identities)
        state.next = std::min(state.next, ra::due_at(identity.certificate, ra.rules.renew_at_percent));
    const auto succession = ra::SuccessionFile(ra.directory, ra.name).read();
    if (!succession) {
        state.tried = true;
        return state;
    }
    if (const auto& rollover = succession->rollover) {
        state.under_way = true;
        state.next = rollover->next_try;
    }
    if (const auto& last = succession->last) {
        state.tried = true;
        state.success = last->success;
        state.at = last->at;
    }
    return state;
}

void Caretaker::warn(const std::vector<ra::ExpiryNotice>& notices) {
    for (const auto& [certificate, days] : notices) {
        const auto id = days == 0 ? audit::event::certificate_expired : audit::event::certificate_expiring;
        const std::string which = certificate.kind + " certificate of " + certificate.name + " (" +
                                  printable(certificate.subject) + ", serial " + certificate.serial + ")";
        if (days == 0) {
            spdlog::error("the {} has expired on {}: see `countersign ra status`", which,
                          to_rfc3339(certificate.not_after));
        } else {
            spdlog::warn("the {} expires in less than {} days, on {}", which, days, to_rfc3339(certificate.not_after));
        }
        // The log has said it; an audit that is away is reported by itself.
        static_cast<void>(parts_.audit.record(audit::Event(id, audit::severity_of(id))
                                                  .with("kind", certificate.kind)
                                                  .with("name", certificate.name)
                                                  .with("subject", printable(certificate.subject))
                                                  .with("serial", certificate.serial)
                                                  .with("not_after", to_rfc3339(certificate.not_after))));
        announce({certificate, days});
    }
}

void Caretaker::announce(const ra::ExpiryNotice& notice) {
    const auto& certificate = notice.certificate;
    const nlohmann::json detail{{"kind", certificate.kind},
                                {"name", certificate.name},
                                {"subject", certificate.subject},
                                {"serial", certificate.serial},
                                {"not_after", to_rfc3339(certificate.not_after)},
                                {"days", notice.days}};
    // Under the same name after each start: it is told once.
    const auto announced = outbox_.announce(
        {store::NotificationEvent::expiring,
         certificate.kind + " " + certificate.name + " " + certificate.serial + " " + std::to_string(notice.days), "",
         "", detail.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), parts_.clock.now()});
    if (!announced) spdlog::warn("an expiring certificate was not announced: {}", announced.error().detail);
}

bool Caretaker::wants_adoption() {
    return wants_adoption_.exchange(false);
}

void Caretaker::adoption_failed() {
    const std::lock_guard lock(mutex_);
    not_before_ = parts_.clock.now() + pause_after_failed_adoption;
}

std::vector<admin::RenewalState> Caretaker::renewals() const {
    const std::lock_guard lock(mutex_);
    return renewals_;
}

}  // namespace countersign::app
