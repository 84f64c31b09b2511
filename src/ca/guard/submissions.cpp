#include "countersign/ca/submissions.hpp"

#include "countersign/async/worker_pool.hpp"

#include <condition_variable>
#include <deque>
#include <exception>
#include <map>
#include <mutex>

namespace countersign::ca {
namespace {

constexpr std::size_t remembered = 4096;

using Name = std::pair<std::string, std::string>;  // CA and key

struct Entry {
    bool done = false;
    std::optional<Result<Outcome>> result{};
};

// A worker's thread must not end for want of memory (the words are short enough to need none), nor for a backend's bug.
Result<Outcome> carry_out(const Submissions::Work& work) {
    try {
        return work();
    } catch (const std::bad_alloc&) {
        return fail::outcome_unknown("out of memory");
    } catch (const std::exception& exception) {
        return fail::outcome_unknown(exception.what());
    }
}

}  // namespace

struct Submissions::State {
    mutable std::mutex mutex;
    std::condition_variable changed;
    std::map<Name, std::shared_ptr<Entry>> entries;
    std::deque<Name> finished;  // oldest first
    std::map<std::string, std::shared_ptr<async::WorkerPool>> pools;
    std::size_t waiters_left = 0;
    bool draining = false;

    std::shared_ptr<async::WorkerPool> pool(const Lane& lane) {
        auto& pool = pools[lane.ca];
        if (!pool) pool = std::make_shared<async::WorkerPool>(lane.at_once, lane.queue);
        return pool;
    }

    void finish(const Name& name, const std::shared_ptr<Entry>& entry, Result<Outcome> result) {
        {
            const std::lock_guard lock(mutex);
            entry->done = true;
            entry->result = std::move(result);
            try {
                finished.push_back(name);
            } catch (const std::bad_alloc&) {
                // Then this one is remembered until the end.
            }
            while (finished.size() > remembered) {
                const auto oldest = entries.find(finished.front());
                if (oldest != entries.end() && oldest->second->done) entries.erase(oldest);
                finished.pop_front();
            }
        }
        changed.notify_all();
    }

    Finding finding(const Name& name) const {
        const auto entry = entries.find(name);
        if (entry == entries.end()) return {};
        if (!entry->second->done) return {Stage::on_its_way, std::nullopt};
        return {Stage::done, entry->second->result};
    }
};

Submissions::Submissions(std::size_t waiters) : state_(std::make_unique<State>()) {
    state_->waiters_left = waiters;
}

Submissions::~Submissions() {
    drain();
}

bool Submissions::begin(const Lane& lane, const std::string& key, Work work) {
    const Name name{lane.ca, key};
    const std::lock_guard lock(state_->mutex);
    if (state_->draining) return false;
    const auto known = state_->entries.find(name);
    if (known != state_->entries.end() && !known->second->done) return true;

    const auto entry = std::make_shared<Entry>();
    auto job = [state = state_.get(), name, entry, work = std::move(work)] {
        bool draining = false;
        {
            const std::lock_guard inner(state->mutex);
            draining = state->draining;
        }
        state->finish(name, entry, draining ? fail::unavailable("the daemon is stopping") : carry_out(work));
    };
    if (!state_->pool(lane)->try_post(std::move(job))) return false;
    state_->entries[name] = entry;
    return true;
}

Submissions::Finding Submissions::find(const std::string& ca, const std::string& key) const {
    const std::lock_guard lock(state_->mutex);
    return state_->finding({ca, key});
}

Submissions::Finding Submissions::wait(const std::string& ca, const std::string& key,
                                       std::chrono::milliseconds patience) {
    const Name name{ca, key};
    std::unique_lock lock(state_->mutex);
    auto found = state_->finding(name);
    if (found.stage != Stage::on_its_way || patience.count() <= 0 || state_->waiters_left == 0) return found;
    --state_->waiters_left;
    state_->changed.wait_for(lock, patience, [&] {
        found = state_->finding(name);
        return found.stage != Stage::on_its_way;
    });
    ++state_->waiters_left;
    return found;
}

void Submissions::forget(const std::string& ca, const std::string& key) {
    const std::lock_guard lock(state_->mutex);
    const auto entry = state_->entries.find({ca, key});
    if (entry != state_->entries.end() && entry->second->done) state_->entries.erase(entry);
}

std::size_t Submissions::queued(const std::string& ca) const {
    const std::lock_guard lock(state_->mutex);
    const auto pool = state_->pools.find(ca);
    return pool == state_->pools.end() ? 0 : pool->second->queued();
}

bool Submissions::full(const Lane& lane) const {
    return queued(lane.ca) >= lane.queue;
}

void Submissions::drain() {
    std::map<std::string, std::shared_ptr<async::WorkerPool>> pools;
    {
        const std::lock_guard lock(state_->mutex);
        state_->draining = true;
        pools = state_->pools;
    }
    for (const auto& [ca, pool] : pools) pool->drain();
}

}  // namespace countersign::ca
