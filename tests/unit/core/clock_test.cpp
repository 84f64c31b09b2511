#include "countersign/core/clock.hpp"

#include <gtest/gtest.h>

#include "counting_random.hpp"
#include "fixed_clock.hpp"

namespace countersign {
namespace {

TEST(Clock, WritesRfc3339) {
    EXPECT_EQ(to_rfc3339(from_milliseconds(0)), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(to_rfc3339(from_milliseconds(1795240800000)), "2026-11-21T06:00:00.000Z");
    EXPECT_EQ(to_rfc3339(from_milliseconds(951782399999)), "2000-02-28T23:59:59.999Z");
    EXPECT_EQ(to_rfc3339(from_milliseconds(951782400000)), "2000-02-29T00:00:00.000Z");
    EXPECT_EQ(to_rfc3339(from_milliseconds(253402300799999)), "9999-12-31T23:59:59.999Z");
}

TEST(Clock, WritesTimesBeforeTheEpoch) {
    EXPECT_EQ(to_rfc3339(from_milliseconds(-1)), "1969-12-31T23:59:59.999Z");
    EXPECT_EQ(to_rfc3339(from_milliseconds(-86400000)), "1969-12-31T00:00:00.000Z");
}

TEST(Clock, MillisecondsThereAndBack) {
    for (const std::int64_t value : {std::int64_t{0}, std::int64_t{-5}, std::int64_t{1795240800123}}) {
        EXPECT_EQ(to_milliseconds(from_milliseconds(value)), value);
    }
}

TEST(Clock, SystemClockShowsThisMillennium) {
    const SystemClock clock;
    EXPECT_GT(clock.now(), from_milliseconds(1700000000000));
}

TEST(Clock, FixedClockShowsWhatItIsTold) {
    test::FixedClock clock;
    EXPECT_EQ(to_rfc3339(clock.now()), "2026-11-21T06:00:00.000Z");
    clock.advance(std::chrono::seconds{90});
    EXPECT_EQ(to_rfc3339(clock.now()), "2026-11-21T06:01:30.000Z");
}

}  // namespace
}  // namespace countersign
