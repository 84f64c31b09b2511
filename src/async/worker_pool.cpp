#include "countersign/async/worker_pool.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace countersign::async {

struct WorkerPool::State {
    std::size_t queue_limit = 0;
    mutable std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::function<void()>> jobs;
    std::size_t busy = 0;
    bool draining = false;
    std::mutex joining;
    std::vector<std::thread> threads;

    // noexcept turns a job that throws into the end of the program, as the contract says.
    void work() noexcept {
        for (std::unique_lock lock(mutex);;) {
            changed.wait(lock, [this] { return draining || !jobs.empty(); });
            if (jobs.empty()) return;
            auto job = std::move(jobs.front());
            jobs.pop_front();
            ++busy;
            lock.unlock();
            job();
            job = nullptr;  // what the job owned goes before the thread counts as free
            lock.lock();
            --busy;
        }
    }
};

WorkerPool::WorkerPool(std::size_t threads, std::size_t queue_limit) : state_(std::make_unique<State>()) {
    state_->queue_limit = queue_limit;
    for (std::size_t i = 0; i < threads; ++i) state_->threads.emplace_back([state = state_.get()] { state->work(); });
}

WorkerPool::~WorkerPool() {
    drain();
}

bool WorkerPool::try_post(std::function<void()> job) {
    {
        const std::lock_guard lock(state_->mutex);
        const auto room = state_->threads.size() + state_->queue_limit;
        if (state_->draining || state_->busy + state_->jobs.size() >= room) return false;
        state_->jobs.push_back(std::move(job));
    }
    state_->changed.notify_one();
    return true;
}

std::size_t WorkerPool::queued() const {
    const std::lock_guard lock(state_->mutex);
    return state_->jobs.size();
}

void WorkerPool::drain() {
    {
        const std::lock_guard lock(state_->mutex);
        state_->draining = true;
    }
    state_->changed.notify_all();
    const std::lock_guard lock(state_->joining);
    for (auto& thread : state_->threads) {
        if (thread.joinable()) thread.join();
    }
}

}  // namespace countersign::async
