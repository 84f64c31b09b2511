// What others are to be told about what happened here, until they have been told.
//
// A notification of an attempt or certificate is written by the seam that changes it (Transactions, Issued), in the
// very commit of the change: there is none without the other. Same contract of durability, blocking and errors as
// store/transactions.hpp. Delivering is at least once: whoever delivers records the outcome afterwards, and may die
// between.
#pragma once

#include "countersign/core/result.hpp"
#include "countersign/store/records.hpp"

#include <set>
#include <string>
#include <vector>

namespace countersign::store {

enum class NotificationEvent {
    issued,    // a certificate
    failed,    // an attempt
    pending,   // the CA holds it
    held,      // it waits for an officer
    revoked,   // a certificate
    expiring,  // a certificate of the RA or CA comes near its end, or has expired
    answer,    // to something a receiver asked of us; for that receiver alone
};
std::string_view name(NotificationEvent event);  // "issued", ...

enum class NotificationState { waiting, delivered, dead };
std::string_view name(NotificationState state);

struct Notification {
    std::string id;        // 32 lower-case hex digits; the same at each try
    std::string receiver;  // its name in the configuration
    NotificationEvent event = NotificationEvent::issued;
    std::string profile;   // empty: of none
    std::string attempt;   // empty: about none
    std::string ca;        // of the certificate it is about; empty: about none
    std::string serial;
    std::string detail;    // JSON: what the records of attempt and certificate do not say; empty: nothing
    Time occurred{};
    NotificationState state = NotificationState::waiting;
    int tries = 0;
    Time next_try{};
    Time changed{};        // when it was delivered, died or was tried last
    std::string problem;   // of the last try, for people
    Time since{};          // from when it counts how long it could not be delivered
};

// Who is told of what.
struct Subscription {
    std::string receiver;
    std::set<NotificationEvent> events;
    std::vector<std::string> profiles{};  // of these alone; empty: of all. What belongs to no profile is for all.
    std::string challenge_kind{};         // of attempts with a challenge of this kind alone; empty: of any
    bool final_failures_only = false;     // not of attempts whose client is expected to ask again
};

// What has no commit of its own to be part of.
struct Announcement {
    NotificationEvent event = NotificationEvent::expiring;
    std::string subject;   // what makes it this event and no other: said twice it is written once
    std::string receiver;  // for this one, subscribed or not; empty: for all who subscribed
    std::string profile;
    std::string detail;
    Time occurred{};
    bool again = false;    // one that is delivered or dead is delivered anew, with this detail
};

struct NotificationOutcome {
    std::string id;
    NotificationState state = NotificationState::waiting;  // waiting: try again at next_try
    Time next_try{};
    std::string problem;
};

struct NotificationFilter {
    std::string receiver;                    // empty: any
    std::optional<NotificationState> state;  // nullopt: any
    std::size_t limit = 1000;
};

struct OutboxFigures {
    std::string receiver;
    std::size_t waiting = 0;
    Time oldest{};  // since when the oldest waits; only with waiting
    std::size_t dead = 0;
};

class Outbox {
public:
    virtual ~Outbox() = default;

    // From now on, for what this process writes: every process that writes subscribes what its configuration says.
    virtual void subscribe(std::vector<Subscription> subscriptions) = 0;
    virtual Result<void> announce(const Announcement& announcement) = 0;

    // Those of a receiver to be delivered by `now`, longest due first.
    virtual Result<std::vector<Notification>> due(const std::string& receiver, Time now, std::size_t limit) = 0;
    // What came of as many tries, in one commit. One that is gone or not waiting any more is left as it is.
    virtual Result<void> record(const std::vector<NotificationOutcome>& outcomes, Time now) = 0;

    virtual Result<Notification> find(const std::string& id) = 0;  // not_found
    // Newest first, for people.
    virtual Result<std::vector<Notification>> list(const NotificationFilter& filter) = 0;
    // Due at once, dead or waiting; its age counts from `now`. not_found; conflict: delivered.
    virtual Result<void> retry(const std::string& id, Time now) = 0;
    // Never to be delivered. not_found; conflict: delivered.
    virtual Result<void> drop(const std::string& id) = 0;

    // By receiver; those with nothing waiting or dead are left out. Reads an index, over what waits or is dead.
    virtual Result<std::vector<OutboxFigures>> figures() = 0;
    // What waits for none of these receivers and happened before `before` is dead. Returns how many.
    virtual Result<std::size_t> bury_unclaimed(const std::vector<std::string>& receivers, Time before, Time now) = 0;
    // Forgets what was delivered before `delivered_before` or died before `dead_before`. Returns how many.
    virtual Result<std::size_t> purge(Time delivered_before, Time dead_before) = 0;
};

}  // namespace countersign::store
