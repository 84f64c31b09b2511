// The frame of a rollover: what is due, what is under way, and when it takes effect.
#include "countersign/ra/renewer.hpp"

#include "countersign/audit/catalogue.hpp"
#include "countersign/core/text.hpp"
#include "countersign/keys/successor.hpp"
#include "renewal_work.hpp"

#include <algorithm>

namespace countersign::ra {
namespace {

using namespace std::chrono_literals;

// A CA whose own certificate ends soon can only give certificates that are due at once; asking again and again helps
// nobody.
Time soonest_after(const Succession& succession) {
    return succession.last && succession.last->success ? succession.last->at + 1h : Time::min();
}

bool is_due(const RaInService& ra, const Succession& succession, Time now) {
    if (!ra.rules.automatic) return false;
    return std::ranges::any_of(ra.identities, [&](const auto& entry) {
        const auto& certificate = entry.second.certificate;
        const auto life = certificate.not_after() - certificate.not_before();
        return now >= due_at(certificate, ra.rules.renew_at_percent) &&
               (life <= 4h || now >= soonest_after(succession));
    });
}

}  // namespace

Result<RenewalReport> Renewer::advance(const RaInService& ra, const std::optional<RenewalWish>& wish) {
    const SuccessionFile file(ra.directory, ra.name);
    TRY(const auto seen, file.read());
    const Time now = parts_.clock.now();
    const bool overlap_over = overlapping(seen, ra.rules.overlap, now).size() != seen.retired.size();
    const bool under_way = seen.rollover && (wish || now >= seen.rollover->next_try);
    const bool starts = !seen.rollover && (wish || is_due(ra, seen, now));
    if (seen.revision != ra.revision) return RenewalReport{RenewalStep::outdated};
    if (!overlap_over && !under_way && !starts)
        return RenewalReport{seen.rollover ? RenewalStep::not_yet : RenewalStep::nothing_due};

    TRY(const auto lock, file.lock());
    TRY(auto succession, file.read());
    if (succession.revision != ra.revision) return RenewalReport{RenewalStep::outdated};
    Work work{ra, file, std::move(succession), now};
    if (overlap_over && !wish) return end_overlaps(work);
    if (!work.succession.rollover) {
        const RenewalWish both{{Role::agent, Role::encryption}, ra.rules.new_key, "daemon"};
        if (!wish && !is_due(ra, work.succession, now)) return RenewalReport{RenewalStep::nothing_due};
        CHECK(begin(work, wish ? *wish : both));
    } else if (!wish && now < work.succession.rollover->next_try) {
        return RenewalReport{RenewalStep::not_yet};
    }
    return carry_on(work);
}

Result<RenewalReport> Renewer::end_overlaps(Work& work) {
    auto& succession = work.succession;
    succession.retired = overlapping(succession, work.ra.rules.overlap, work.now);
    ++succession.revision;
    CHECK(parts_.audit.record(event(work, audit::event::ra_overlap_ended)));
    CHECK(work.file.write(succession));
    return RenewalReport{RenewalStep::overlap_over};
}

Result<void> Renewer::begin(Work& work, const RenewalWish& wish) {
    Rollover rollover;
    rollover.asked_by = wish.who;
    rollover.started = rollover.next_try = work.now;
    for (const auto role : wish.roles) {
        Renewal renewal{role, work.ra.identities.at(role).key};
        renewal.id = lower_hex(parts_.random.bytes(16));
        if (wish.new_key) {
            renewal.key = keys::successor_uri(renewal.key, work.ra.key_directory,
                                              work.ra.name + "-" + std::string(name(role)), renewal.id.substr(0, 12));
        }
        rollover.renewals.push_back(std::move(renewal));
    }
    work.succession.rollover = std::move(rollover);
    CHECK(parts_.audit.record(
        event(work, audit::event::ra_renewal_started).with("by", printable(wish.who)).with("new_key", wish.new_key)));
    CHECK(work.file.write(work.succession));
    reach("ra.after_begin");
    return boost::system::in_place_value;
}

Result<RenewalReport> Renewer::carry_on(Work& work) {
    std::vector<std::string> troubles;
    auto& rollover = *work.succession.rollover;
    for (auto& renewal : rollover.renewals) {
        if (renewal.issued) continue;
        const auto advanced = advance_one(work, renewal);
        if (!advanced) troubles.push_back(std::string(name(renewal.role)) + ": " + advanced.error().detail);
    }
    const auto is_there = [](const Renewal& renewal) { return renewal.issued.has_value(); };
    if (std::ranges::all_of(rollover.renewals, is_there)) return install(work);
    // Both take effect together, so that a client sees a pair; an expired one waits for nobody.
    const bool cannot_wait = std::ranges::any_of(rollover.renewals, [&](const Renewal& renewal) {
        return renewal.issued && work.ra.identities.at(renewal.role).certificate.not_after() <= work.now;
    });
    if (cannot_wait) return install(work);
    return fail_for_now(work, join(troubles, "; "));
}

// Written whatever comes: the next try must know of this one.
Result<RenewalReport> Renewer::fail_for_now(Work& work, const std::string& trouble) {
    auto& rollover = *work.succession.rollover;
    Time end = Time::max();
    for (const auto& renewal : rollover.renewals)
        end = std::min(end, work.ra.identities.at(renewal.role).certificate.not_after());
    const auto life_left = std::max(end - work.now, Time::duration::zero());
    rollover.next_try = work.now + pause_after(++rollover.tries, life_left, parts_.random.bytes(1).front());
    rollover.trouble = printable(trouble, 1000);
    if (!trouble.empty()) work.succession.last = LastOutcome{false, work.now, rollover.trouble};
    CHECK(work.file.write(work.succession));
    if (trouble.empty()) return RenewalReport{RenewalStep::pending, "the CA holds the request"};
    // Each first failure, and then as the pauses grow: the operator's alert is the metric and the log.
    static_cast<void>(parts_.audit.record(event(work, audit::event::ra_renewal_failed)
                                              .with("reason", rollover.trouble)
                                              .with("tries", static_cast<std::int64_t>(rollover.tries))
                                              .with("next_try", to_rfc3339(rollover.next_try))));
    return RenewalReport{RenewalStep::failed, rollover.trouble};
}

Result<RenewalReport> Renewer::install(Work& work) {
    auto next = work.succession;
    auto recorded = event(work, audit::event::ra_renewed);
    std::vector<Renewal> unfinished;
    for (auto& renewal : next.rollover->renewals) {
        if (!renewal.issued) {
            unfinished.push_back(std::move(renewal));
            continue;
        }
        const std::string role(name(renewal.role));
        recorded.with(role + "_serial", renewal.issued->serial_hex())
            .with(role + "_key", printable(renewal.key))
            .with(role + "_not_after", to_rfc3339(renewal.issued->not_after()));
        const auto origin = work.ra.configured.at(renewal.role).certificate.fingerprint_sha256();
        next.heirs.insert_or_assign(renewal.role, Heir{{renewal.key, *renewal.issued}, origin});
    }
    next.retired.insert(next.retired.begin(), Retired{work.ra.identities, work.now});
    if (next.retired.size() > most_retired) next.retired.resize(most_retired);
    if (unfinished.empty()) {
        next.rollover.reset();
    } else {
        next.rollover->renewals = std::move(unfinished);
    }
    next.last = LastOutcome{true, work.now, "renewed"};
    ++next.revision;
    CHECK(parts_.audit.record(recorded));
    reach("ra.before_install");
    CHECK(work.file.write(next));
    work.succession = std::move(next);
    reach("ra.after_install");
    return RenewalReport{RenewalStep::installed};
}

audit::Event Renewer::event(const Work& work, std::string_view id) const {
    audit::Event event(id, audit::severity_of(id));
    event.with("ra", work.ra.name).with("ca", work.ra.ca_name);
    return event;
}

void Renewer::reach(std::string_view crash_point) const {
    if (parts_.crash_point) parts_.crash_point(crash_point);
}

}  // namespace countersign::ra
