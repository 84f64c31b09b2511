// Lets so many through at a time and so many more wait for their turn, no longer than they have patience: what is slow
// behind it can stall nobody else. Safe on many threads.
#pragma once

#include "countersign/core/result.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

namespace countersign::hook {

class Turnstile {
public:
    Turnstile(std::size_t at_once, std::size_t queue) : at_once_(at_once), queue_(queue) {}

    // A place inside, for as long as it lives.
    class Turn {
    public:
        explicit Turn(Turnstile& turnstile) : turnstile_(&turnstile) {}
        Turn(Turn&& other) noexcept : turnstile_(std::exchange(other.turnstile_, nullptr)) {}
        Turn& operator=(Turn&&) = delete;
        Turn(const Turn&) = delete;
        Turn& operator=(const Turn&) = delete;
        ~Turn() {
            if (turnstile_ != nullptr) turnstile_->leave();
        }

    private:
        Turnstile* turnstile_;
    };

    // unavailable: too many wait already, at once; or the turn did not come in time.
    Result<Turn> enter(std::chrono::milliseconds patience) {
        std::unique_lock lock(mutex_);
        if (inside_ >= at_once_) {
            if (waiting_ >= queue_) return fail::unavailable("too many requests wait for it already");
            ++waiting_;
            const bool turn = free_.wait_for(lock, patience, [this] { return inside_ < at_once_; });
            --waiting_;
            if (!turn) return fail::unavailable("others kept it busy for too long");
        }
        ++inside_;
        return Turn(*this);
    }
    std::size_t present() const {
        const std::lock_guard lock(mutex_);
        return inside_ + waiting_;
    }

private:
    void leave() {
        {
            const std::lock_guard lock(mutex_);
            --inside_;
        }
        free_.notify_one();
    }

    const std::size_t at_once_;
    const std::size_t queue_;
    mutable std::mutex mutex_;
    std::condition_variable free_;
    std::size_t inside_ = 0;
    std::size_t waiting_ = 0;
};

}  // namespace countersign::hook
