// Carries what waits in the outbox for one receiver to it, until it was taken or given up.
//
// At least once: the outcome is recorded after the receiver answered. Pauses grow with each failure of a letter; a
// receiver that is away is left alone for a while, so that a backlog costs one try at a time. A letter that could not be
// delivered for too long is dead, and stays in the store for people to see. Of several nodes one delivers to a receiver at a
// time. One thread; borrows DelivererParts, shares
// receiver and counts.
#pragma once

#include "countersign/core/clock.hpp"
#include "countersign/core/random.hpp"
#include "countersign/notify/receiver.hpp"
#include "countersign/store/database.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace countersign::notify {

struct DeliveryRules {
    std::chrono::milliseconds first_pause{10'000};
    std::chrono::milliseconds longest_pause{3'600'000};
    std::chrono::milliseconds give_up{std::chrono::hours{72}};
    // Of a receiver that is away.
    std::chrono::milliseconds first_rest{1'000};
    std::chrono::milliseconds longest_rest{60'000};
};

// Since the daemon started; safe on any thread.
struct DeliveryCounts {
    std::atomic<std::uint64_t> delivered{0};
    std::atomic<std::uint64_t> failed{0};  // tries
    std::atomic<std::uint64_t> died{0};
};

struct DelivererParts {
    store::Outbox& outbox;
    store::Transactions& transactions;
    store::Issued& issued;
    store::Holds& holds;
    const Clock& clock;
    Random& random;
    std::function<void(const std::string&)> log;  // one line for each receiver that goes away or comes back, each letter that dies
};

class Deliverer {
public:
    Deliverer(std::string name, std::shared_ptr<Receiver> receiver, DeliveryRules rules,
              std::shared_ptr<DeliveryCounts> counts, const DelivererParts& parts);

    struct Round {
        std::size_t tried = 0;
        bool more = false;                // there may be more that is due
        std::chrono::milliseconds rest{};  // leave the receiver alone for so long
    };
    // Delivers what is due, at most `limit`, until `stop` says so.
    Round deliver_due(std::size_t limit, const std::function<bool()>& stop);

    const std::string& name() const { return name_; }

private:
    Result<Letter> letter_for(const store::Notification& notification);
    store::NotificationOutcome outcome_of(const store::Notification& notification, const Result<void>& delivered);
    std::chrono::milliseconds pause_after(int tries);
    void note_presence(bool away, const std::string& why);

    std::string name_;
    std::shared_ptr<Receiver> receiver_;
    DeliveryRules rules_;
    std::shared_ptr<DeliveryCounts> counts_;
    DelivererParts parts_;
    int times_away_ = 0;  // in a row
};

}  // namespace countersign::notify
