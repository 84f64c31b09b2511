#include "countersign/notify/post_office.hpp"

#include <algorithm>
#include <condition_variable>
#include <exception>

namespace countersign::notify {
namespace {

constexpr std::size_t letters_a_round = 50;
constexpr std::chrono::milliseconds rest_after_a_bug{10'000};

}  // namespace

void PostOffice::serve(std::vector<ReceiverSettings> receivers) {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    std::erase_if(retired_, [](const Worker& one) { return one.ended->load(); });
    for (auto& worker : workers_) {
        worker.thread.request_stop();
        retired_.push_back(std::move(worker));
    }
    workers_.clear();
    served_.clear();
    for (auto& one : receivers) {
        Counter& counter = counters_[one.name];
        served_.push_back(one.name);
        auto deliverer =
            std::make_shared<Deliverer>(one.name, std::move(one.receiver), one.rules, counter.counts, parts_);
        auto ended = std::make_shared<std::atomic<bool>>(false);
        std::jthread thread([this, deliverer, ended, turn = counter.turn](const std::stop_token& stop) {
            {
                const std::lock_guard my_turn(*turn);
                work(stop, *deliverer);
            }
            ended->store(true);
        });
        workers_.push_back({std::move(ended), std::move(thread)});
    }
}

void PostOffice::work(const std::stop_token& stop, Deliverer& deliverer) const {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    while (!stop.stop_requested()) {
        Deliverer::Round round;
        try {
            round = deliverer.deliver_due(letters_a_round, [&] { return stop.stop_requested(); });
        } catch (const std::exception& exception) {
            // A receiver that throws has a bug, and must not take the daemon with it.
            if (parts_.log) parts_.log("delivering to " + deliverer.name() + " failed: " + exception.what());
            round.rest = rest_after_a_bug;
        }
        if (round.more) continue;
        wake.wait_for(lock, stop, std::max(round.rest, idle_), [] { return false; });
    }
}

void PostOffice::stop() {
    std::vector<Worker> ending;
    {
        const std::lock_guard lock(mutex_);
        stopped_ = true;
        ending = std::move(workers_);
        std::ranges::move(retired_, std::back_inserter(ending));
        workers_.clear();
        retired_.clear();
    }
    for (auto& worker : ending) worker.thread.request_stop();
    for (auto& worker : ending) worker.thread.join();
}

std::vector<std::string> PostOffice::receivers() const {
    const std::lock_guard lock(mutex_);
    return served_;
}

std::vector<ReceiverTraffic> PostOffice::traffic() const {
    const std::lock_guard lock(mutex_);
    std::vector<ReceiverTraffic> all;
    for (const std::string& name : served_) {
        const DeliveryCounts& counts = *counters_.at(name).counts;
        all.push_back({name, counts.delivered, counts.failed, counts.died});
    }
    return all;
}

}  // namespace countersign::notify
