// Who is told of what, and the rows by which they will be: for commits that change what somebody wants to know. Safe on
// many threads. Private to the store.
#pragma once

#include "connection.hpp"
#include "countersign/store/outbox.hpp"

#include <memory>
#include <mutex>

namespace countersign::store {

// Something that a commit changes.
struct Happening {
    NotificationEvent event = NotificationEvent::issued;
    std::string subject;  // the attempt, or CA and serial number: with the event, what this happening is known by
    std::string profile;
    std::string challenge_kind;
    std::string attempt;
    std::string ca;
    std::string serial;
    std::string detail{};
    bool final = true;  // false: a failure whose client is expected to ask again
    Time when{};
};

class Subscribers {
public:
    void replace(std::vector<Subscription> subscriptions);
    // One row for each who wants to know; none twice. Throws soci::soci_error.
    void tell(Connection& connection, const Happening& happening) const;

private:
    std::shared_ptr<const std::vector<Subscription>> present() const;

    mutable std::mutex mutex_;
    std::shared_ptr<const std::vector<Subscription>> subscriptions_ =
        std::make_shared<const std::vector<Subscription>>();
};

enum class IfKnown { leave, deliver_again };
void write_notification(Connection& connection, const std::string& receiver, const Happening& happening,
                        IfKnown if_known);

}  // namespace countersign::store
