#include "sql_outbox.hpp"

#include "countersign/core/text.hpp"
#include "rows.hpp"

namespace countersign::store {
namespace {

#define COUNTERSIGN_SELECT_NOTIFICATION "SELECT " COUNTERSIGN_NOTIFICATION_COLUMNS " FROM notifications "

constexpr Sql kDue{COUNTERSIGN_SELECT_NOTIFICATION
                   "WHERE state = 'waiting' AND receiver = :r AND next_try <= :n ORDER BY next_try, sequence LIMIT :l",
                   "tii", kNotificationTypes};
constexpr Sql kFind{COUNTERSIGN_SELECT_NOTIFICATION "WHERE id = :i", "t", kNotificationTypes};
// For people, not for requests: this one may look at every row.
constexpr Sql kList{COUNTERSIGN_SELECT_NOTIFICATION
                    "WHERE (:r = '' OR receiver = :q) AND (:s = '' OR state = :t) ORDER BY sequence DESC LIMIT :l",
                    "tttti", kNotificationTypes};
constexpr Sql kRecord{
    "UPDATE notifications SET state = :s, tries = tries + 1, next_try = :n, changed = :c, problem = :p"
    " WHERE id = :i AND state = 'waiting'",
    "tiitt", ""};
constexpr Sql kState{"SELECT state FROM notifications WHERE id = :i", "t", "t"};
constexpr Sql kRetry{
    "UPDATE notifications SET state = 'waiting', tries = 0, next_try = :n, since = :o, changed = :c WHERE id = :i"
    " AND state <> 'delivered'",
    "iiit", ""};
constexpr Sql kDrop{"DELETE FROM notifications WHERE id = :i AND state <> 'delivered'", "t", ""};
constexpr Sql kFigures{
    "SELECT receiver, state, COUNT(*), MIN(since) FROM notifications WHERE state IN ('waiting', 'dead')"
    " GROUP BY state, receiver",
    "", "ttii"};
constexpr std::int64_t kBatch = 1000;
constexpr Sql kBury{
    "UPDATE notifications SET state = 'dead', changed = :c, problem = 'no receiver of this name is configured'"
    " WHERE sequence IN (SELECT sequence FROM notifications WHERE state = 'waiting' AND REPLACE(:r, '\n' || receiver ||"
    " '\n', '') = :q AND since < :b LIMIT :l)",
    "ittii", ""};
constexpr Sql kPurge{
    "DELETE FROM notifications WHERE sequence IN (SELECT sequence FROM notifications WHERE state = :s AND changed < :b"
    " LIMIT :l)",
    "tii", ""};

// What kept a row from being changed.
Result<void> why_unchanged(Connection& connection, const std::string& id) {
    std::string state;
    connection.run(kState, {id}, [&](const Row& row) { state = row.text(0); });
    if (state.empty()) return fail::not_found("there is no notification " + printable(id, 60));
    return fail::conflict("notification " + printable(id, 60) + " is " + state + " already");
}

}  // namespace

Result<void> SqlOutbox::announce(const Announcement& announcement) {
    Happening happening;
    happening.event = announcement.event;
    happening.subject = announcement.subject;
    happening.profile = announcement.profile;
    happening.detail = announcement.detail;
    happening.when = announcement.occurred;
    return writer_.run("announce", [&](Connection& connection) -> Result<void> {
        if (announcement.receiver.empty()) {
            subscribers_.tell(connection, happening);
        } else {
            write_notification(connection, announcement.receiver, happening,
                               announcement.again ? IfKnown::deliver_again : IfKnown::leave);
        }
        return {};
    });
}

Result<std::vector<Notification>> SqlOutbox::select(const Sql& sql, Parameters parameters) {
    std::vector<Notification> found;
    CHECK(readers_.run([&](Connection& connection) {
        found.clear();
        connection.run(sql, parameters, [&](const Row& row) { found.push_back(notification_from(row)); });
    }));
    return found;
}

Result<std::vector<Notification>> SqlOutbox::due(const std::string& receiver, Time now, std::size_t limit) {
    return select(kDue, {receiver, now, limit_of(limit)});
}

Result<void> SqlOutbox::record(const std::vector<NotificationOutcome>& outcomes, Time now) {
    if (outcomes.empty()) return {};
    return writer_.run("delivery", [&](Connection& connection) -> Result<void> {
        for (const NotificationOutcome& one : outcomes)
            connection.change(kRecord, {name(one.state), one.next_try, now, one.problem, one.id});
        return {};
    });
}

Result<Notification> SqlOutbox::find(const std::string& id) {
    TRY(std::vector<Notification> found, select(kFind, {id}));
    if (found.empty()) return fail::not_found("there is no notification " + printable(id, 60));
    return std::move(found.front());
}

Result<std::vector<Notification>> SqlOutbox::list(const NotificationFilter& filter) {
    const std::string_view state = filter.state ? name(*filter.state) : "";
    return select(kList, {filter.receiver, filter.receiver, state, state, limit_of(filter.limit)});
}

Result<void> SqlOutbox::retry(const std::string& id, Time now) {
    return writer_.run("notification_retry", [&](Connection& connection) -> Result<void> {
        if (connection.change(kRetry, {now, now, now, id}) == 1) return {};
        return why_unchanged(connection, id);
    });
}

Result<void> SqlOutbox::drop(const std::string& id) {
    return writer_.run("notification_drop", [&](Connection& connection) -> Result<void> {
        if (connection.change(kDrop, {id}) == 1) return {};
        return why_unchanged(connection, id);
    });
}

Result<std::vector<OutboxFigures>> SqlOutbox::figures() {
    std::map<std::string, OutboxFigures> by_receiver;
    CHECK(readers_.run([&](Connection& connection) {
        by_receiver.clear();
        connection.run(kFigures, {}, [&](const Row& row) {
            auto& figures = by_receiver[row.text(0)];
            figures.receiver = row.text(0);
            const auto count = static_cast<std::size_t>(row.number(2));
            if (row.text(1) == name(NotificationState::dead)) {
                figures.dead = count;
            } else {
                figures.waiting = count;
                figures.oldest = row.time(3);
            }
        });
    }));
    std::vector<OutboxFigures> all;
    for (auto& [receiver, figures] : by_receiver) all.push_back(std::move(figures));
    return all;
}

Result<std::size_t> SqlOutbox::in_batches(std::string_view kind,
                                          const std::function<std::int64_t(Connection&, std::int64_t)>& change) {
    std::int64_t changed = 0;
    for (std::int64_t batch = kBatch; batch == kBatch; changed += batch) {
        CHECK(writer_.run(kind, [&](Connection& connection) -> Result<void> {
            batch = change(connection, kBatch);
            return {};
        }));
    }
    return static_cast<std::size_t>(changed);
}

Result<std::size_t> SqlOutbox::bury_unclaimed(const std::vector<std::string>& receivers, Time before, Time now) {
    const std::string claimed = name_list(receivers);
    return in_batches("notification_bury", [&](Connection& connection, std::int64_t limit) {
        return connection.change(kBury, {now, claimed, claimed, before, limit});
    });
}

Result<std::size_t> SqlOutbox::purge(Time delivered_before, Time dead_before) {
    const auto forget = [&](NotificationState state, Time before) {
        return in_batches("notification_purge", [&, state, before](Connection& connection, std::int64_t limit) {
            return connection.change(kPurge, {name(state), before, limit});
        });
    };
    TRY(const auto delivered, forget(NotificationState::delivered, delivered_before));
    TRY(const auto dead, forget(NotificationState::dead, dead_before));
    return delivered + dead;
}

}  // namespace countersign::store
