// One thread for each receiver, so that a slow one keeps nobody else waiting.
//
// serve, stop and traffic are safe on any thread. After stop() nothing is delivered any more; what was being delivered
// has ended.
#pragma once

#include "countersign/notify/deliverer.hpp"

#include <map>
#include <mutex>
#include <thread>
#include <vector>

namespace countersign::notify {

struct ReceiverSettings {
    std::string name;
    std::shared_ptr<Receiver> receiver;
    DeliveryRules rules{};
};

struct ReceiverTraffic {
    std::string name;
    std::uint64_t delivered = 0;
    std::uint64_t failed = 0;
    std::uint64_t died = 0;
};

class PostOffice {
public:
    // `idle`: how often an outbox in which nothing was due is looked into.
    explicit PostOffice(DelivererParts parts, std::chrono::milliseconds idle = std::chrono::milliseconds{500})
        : parts_(std::move(parts)), idle_(idle) {}
    ~PostOffice() { stop(); }
    PostOffice(const PostOffice&) = delete;
    PostOffice& operator=(const PostOffice&) = delete;

    // These and no others from now on. Returns at once: what is being delivered ends as it began, and the receiver's
    // next letter waits for that.
    void serve(std::vector<ReceiverSettings> receivers);
    void stop();

    std::vector<std::string> receivers() const;
    // Of those served now, since the daemon started.
    std::vector<ReceiverTraffic> traffic() const;

private:
    struct Counter {
        std::shared_ptr<DeliveryCounts> counts = std::make_shared<DeliveryCounts>();
        std::shared_ptr<std::mutex> turn = std::make_shared<std::mutex>();  // one deliverer at a time
    };
    struct Worker {
        std::shared_ptr<std::atomic<bool>> ended;
        std::jthread thread;
    };
    void work(const std::stop_token& stop, Deliverer& deliverer) const;

    DelivererParts parts_;
    std::chrono::milliseconds idle_;
    mutable std::mutex mutex_;
    std::map<std::string, Counter> counters_;
    std::vector<std::string> served_;
    std::vector<Worker> workers_;
    std::vector<Worker> retired_;
    bool stopped_ = false;
};

}  // namespace countersign::notify
