#include "countersign/notify/deliverer.hpp"

#include "countersign/core/text.hpp"

#include <algorithm>
#include <exception>

namespace countersign::notify {
namespace {

using store::NotificationOutcome;
using store::NotificationState;

constexpr std::size_t longest_problem = 500;
// Outcomes are recorded together, but none is kept unrecorded for longer: a crash repeats what was not recorded.
constexpr std::chrono::milliseconds longest_unrecorded{1000};

bool is_away(const Result<void>& delivered) {
    if (delivered) return false;
    const auto kind = delivered.error().kind;
    return kind == ErrorKind::unavailable || kind == ErrorKind::outcome_unknown || kind == ErrorKind::throttled;
}

std::chrono::milliseconds doubled(std::chrono::milliseconds first, int times, std::chrono::milliseconds longest) {
    auto pause = first;
    for (int i = 0; i < times && pause < longest; ++i) pause *= 2;
    return std::min(pause, longest);
}

}  // namespace

Deliverer::Deliverer(std::string name, std::shared_ptr<Receiver> receiver, DeliveryRules rules,
                     std::shared_ptr<DeliveryCounts> counts, const DelivererParts& parts)
    : name_(std::move(name)),
      receiver_(std::move(receiver)),
      rules_(rules),
      counts_(std::move(counts)),
      parts_(parts) {}

Result<Letter> Deliverer::letter_for(const store::Notification& notification) {
    Letter letter{notification, std::nullopt, std::nullopt};
    if (!notification.attempt.empty()) {
        TRY(letter.attempt, parts_.transactions.find(notification.attempt));
    }
    if (!notification.serial.empty()) {
        TRY(letter.certificate, parts_.issued.find(notification.ca, notification.serial));
    }
    return letter;
}

Deliverer::Round Deliverer::deliver_due(std::size_t limit, const std::function<bool()>& stop) {
    Round round;
    // Another node's turn, or a database that cannot say: the next round asks again.
    const auto turn = parts_.holds.take("deliveries to " + name_);
    if (!turn || !*turn) return round;
    const auto due = parts_.outbox.due(name_, parts_.clock.now(), limit);
    if (!due) return round;  // the store reports its own trouble; the next round asks again
    std::vector<NotificationOutcome> outcomes;
    Time unrecorded_since = parts_.clock.now();
    bool recorded = true;
    const auto record = [&] {
        // Unrecorded, they are delivered again.
        recorded = parts_.outbox.record(outcomes, parts_.clock.now()).has_value();
        outcomes.clear();
        unrecorded_since = parts_.clock.now();
    };
    for (const auto& notification : *due) {
        if (stop()) break;
        const auto letter = letter_for(notification);
        if (!letter && letter.error().kind == ErrorKind::unavailable) break;
        Result<void> delivered = letter ? Result<void>() : letter.error();
        if (letter) delivered = receiver_->deliver(*letter);
        outcomes.push_back(outcome_of(notification, delivered));
        ++round.tried;
        const bool away = is_away(delivered);
        note_presence(away, away ? delivered.error().detail : "");
        if (away) {
            round.rest = doubled(rules_.first_rest, times_away_ - 1, rules_.longest_rest);
            break;
        }
        if (parts_.clock.now() - unrecorded_since >= longest_unrecorded) record();
        if (!recorded) break;
    }
    if (recorded) record();
    // A store that takes no writes must not have the same letters go out again and again.
    if (!recorded) round.rest = std::max(round.rest, rules_.longest_rest);
    round.more = round.rest.count() == 0 && round.tried == limit;
    return round;
}

NotificationOutcome Deliverer::outcome_of(const store::Notification& notification, const Result<void>& delivered) {
    const Time now = parts_.clock.now();
    if (delivered) {
        ++counts_->delivered;
        return {notification.id, NotificationState::delivered, now, ""};
    }
    ++counts_->failed;
    const std::string problem = printable(describe(delivered.error()), longest_problem);
    if (now - notification.since < rules_.give_up)
        return {notification.id, NotificationState::waiting, now + pause_after(notification.tries), problem};
    ++counts_->died;
    if (parts_.log) {
        parts_.log("notification " + notification.id + " (" + std::string(store::name(notification.event)) +
                   ") could not be delivered to " + name_ + " and is given up: " + problem);
    }
    return {notification.id, NotificationState::dead, now, problem};
}

// Up to a quarter longer by chance, so that what failed together does not come back together.
std::chrono::milliseconds Deliverer::pause_after(int tries) {
    const auto pause = doubled(rules_.first_pause, tries, rules_.longest_pause);
    return pause + pause * parts_.random.bytes(1).front() / 1024;
}

void Deliverer::note_presence(bool away, const std::string& why) {
    const bool was_away = times_away_ > 0;
    times_away_ = away ? times_away_ + 1 : 0;
    if (away == was_away || !parts_.log) return;
    parts_.log(away ? "receiver " + name_ + " of notifications is away: " + printable(why, longest_problem)
                    : "receiver " + name_ + " of notifications is back");
}

}  // namespace countersign::notify
