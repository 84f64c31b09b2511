// A circuit breaker: after so many failures in a row nobody is let through for a while, then one, who decides for all.
// Safe on many threads.
#pragma once

#include "countersign/core/clock.hpp"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <string>

namespace countersign {

class Breaker {
public:
    Breaker(unsigned failures_to_open, std::chrono::milliseconds pause, std::chrono::milliseconds longest)
        : failures_to_open_(failures_to_open), first_pause_(pause), longest_(longest), pause_(pause) {}

    // Who is let through reports back with succeeded() or failed().
    bool admit(Time now) {
        const std::lock_guard lock(mutex_);
        if (!passes(now)) return false;
        trial_ = open_;
        return true;
    }
    bool would_admit(Time now) const {
        const std::lock_guard lock(mutex_);
        return passes(now);
    }
    void succeeded() {
        const std::lock_guard lock(mutex_);
        open_ = trial_ = false;
        failures_ = 0;
        pause_ = first_pause_;
        problem_.clear();
    }
    void failed(Time now, const std::string& problem) {
        const std::lock_guard lock(mutex_);
        ++failures_;
        if (open_ && trial_) pause_ = std::min(pause_ * 2, longest_);
        if (open_ || failures_ >= failures_to_open_) {
            open_ = true;
            trial_ = false;
            since_ = now;
        }
        problem_ = problem;  // last: memory may be wanting for it
    }
    bool open() const {
        const std::lock_guard lock(mutex_);
        return open_;
    }
    std::string problem() const {
        const std::lock_guard lock(mutex_);
        return problem_;
    }

private:
    bool passes(Time now) const {
        // A clock that was set back must not keep the circuit open.
        return !open_ || (!trial_ && (now < since_ || now - since_ >= pause_));
    }

    const unsigned failures_to_open_;
    const std::chrono::milliseconds first_pause_;
    const std::chrono::milliseconds longest_;
    mutable std::mutex mutex_;
    std::chrono::milliseconds pause_;
    unsigned failures_ = 0;
    bool open_ = false;
    bool trial_ = false;
    Time since_{};
    std::string problem_;
};

}  // namespace countersign
