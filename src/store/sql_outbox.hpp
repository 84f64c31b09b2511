// store::Outbox in SQL. Borrows the writer, the readers and the subscribers. Private to the store.
#pragma once

#include "countersign/store/outbox.hpp"
#include "readers.hpp"
#include "subscribers.hpp"
#include "writer.hpp"

namespace countersign::store {

class SqlOutbox final : public Outbox {
public:
    SqlOutbox(Writer& writer, Readers& readers, Subscribers& subscribers)
        : writer_(writer), readers_(readers), subscribers_(subscribers) {}

    void subscribe(std::vector<Subscription> subscriptions) override { subscribers_.replace(std::move(subscriptions)); }
    Result<void> announce(const Announcement& announcement) override;
    Result<std::vector<Notification>> due(const std::string& receiver, Time now, std::size_t limit) override;
    Result<void> record(const std::vector<NotificationOutcome>& outcomes, Time now) override;
    Result<Notification> find(const std::string& id) override;
    Result<std::vector<Notification>> list(const NotificationFilter& filter) override;
    Result<void> retry(const std::string& id, Time now) override;
    Result<void> drop(const std::string& id) override;
    Result<std::vector<OutboxFigures>> figures() override;
    Result<std::size_t> bury_unclaimed(const std::vector<std::string>& receivers, Time before, Time now) override;
    Result<std::size_t> purge(Time delivered_before, Time dead_before) override;

private:
    Result<std::vector<Notification>> select(const Sql& sql, Parameters parameters);
    // Many rows, a few at a time: the writer has others to serve. `change` touches at most `limit` rows.
    Result<std::size_t> in_batches(std::string_view kind,
                                   const std::function<std::int64_t(Connection&, std::int64_t limit)>& change);

    Writer& writer_;
    Readers& readers_;
    Subscribers& subscribers_;
};

}  // namespace countersign::store
