// A clock that shows what the test sets. Safe on many threads.
#pragma once

#include "countersign/core/clock.hpp"

#include <atomic>

namespace countersign::test {

class FixedClock final : public Clock {
public:
    // 2026-11-21T06:00:00Z unless told otherwise.
    explicit FixedClock(Time now = from_milliseconds(1795240800000)) : now_(to_milliseconds(now)) {}

    Time now() const override { return from_milliseconds(now_.load()); }
    void set(Time now) { now_.store(to_milliseconds(now)); }
    void advance(std::chrono::milliseconds by) { now_.fetch_add(by.count()); }

private:
    std::atomic<std::int64_t> now_;
};

}  // namespace countersign::test
