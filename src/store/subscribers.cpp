#include "subscribers.hpp"

#include "countersign/crypto/digest.hpp"

#include <algorithm>

namespace countersign::store {
namespace {

constexpr std::size_t kIdDigits = 32;

constexpr Sql kInsert{
    "INSERT INTO notifications (id, receiver, event, profile, attempt, ca, serial, detail, occurred, state, next_try,"
    " changed, since) VALUES (:i, :r, :e, :p, :a, :c, :s, :d, :o, 'waiting', :n, :h, :w) ON CONFLICT (id) DO NOTHING",
    "ttttttttiiii", ""};
constexpr Sql kAgain{
    "UPDATE notifications SET state = 'waiting', tries = 0, problem = '', detail = :d, occurred = :o, next_try = :n,"
    " changed = :h, since = :w WHERE id = :i AND state <> 'waiting'",
    "tiiiit", ""};

// Derived, not drawn: the same happening has the same id whoever writes it and however often.
std::string id_of(const std::string& receiver, const Happening& happening) {
    const std::string material =
        "countersign notification\n" + receiver + "\n" + std::string(name(happening.event)) + "\n" + happening.subject;
    return crypto::sha256_hex(as_bytes(material)).substr(0, kIdDigits);
}

bool concerns(const Subscription& one, const Happening& happening) {
    if (!one.events.contains(happening.event)) return false;
    if (one.final_failures_only && !happening.final) return false;
    if (!one.challenge_kind.empty() && one.challenge_kind != happening.challenge_kind) return false;
    return one.profiles.empty() || happening.profile.empty() ||
           std::ranges::find(one.profiles, happening.profile) != one.profiles.end();
}

}  // namespace

void write_notification(Connection& connection, const std::string& receiver, const Happening& happening,
                        IfKnown if_known) {
    const std::string id = id_of(receiver, happening);
    const auto written = connection.change(
        kInsert, {id, receiver, name(happening.event), happening.profile, happening.attempt, happening.ca,
                  happening.serial, happening.detail, happening.when, happening.when, happening.when, happening.when});
    if (written == 0 && if_known == IfKnown::deliver_again) {
        connection.change(kAgain,
                          {happening.detail, happening.when, happening.when, happening.when, happening.when, id});
    }
}

void Subscribers::replace(std::vector<Subscription> subscriptions) {
    auto replaced = std::make_shared<const std::vector<Subscription>>(std::move(subscriptions));
    const std::lock_guard lock(mutex_);
    subscriptions_ = std::move(replaced);
}

std::shared_ptr<const std::vector<Subscription>> Subscribers::present() const {
    const std::lock_guard lock(mutex_);
    return subscriptions_;
}

void Subscribers::tell(Connection& connection, const Happening& happening) const {
    const auto subscriptions = present();
    for (const Subscription& one : *subscriptions) {
        if (concerns(one, happening)) write_notification(connection, one.receiver, happening, IfKnown::leave);
    }
}

}  // namespace countersign::store
