// Wall-clock time as the rest of the program sees it: milliseconds since 1970 UTC, from an injected Clock,
// so that tests decide what time it is. Clock implementations are safe on any thread.
#pragma once

#include "countersign/core/result.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace countersign {

using Time = std::chrono::sys_time<std::chrono::milliseconds>;

class Clock {
public:
    virtual ~Clock() = default;
    virtual Time now() const = 0;
};

class SystemClock final : public Clock {
public:
    Time now() const override;
};

inline std::int64_t to_milliseconds(Time time) { return time.time_since_epoch().count(); }
inline Time from_milliseconds(std::int64_t value) { return Time{std::chrono::milliseconds{value}}; }

// RFC 3339 in UTC with milliseconds: 2026-11-21T06:00:00.000Z.
std::string to_rfc3339(Time time);
// A time of RFC 3339 with any offset, capital T and Z; what is finer than milliseconds is cut off. malformed: anything
// else, leap seconds too.
Result<Time> from_rfc3339(std::string_view text);

}  // namespace countersign
