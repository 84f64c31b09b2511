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

TEST(Clock, ReadsRfc3339) {
    const Time noon = from_milliseconds(1795262400000);
    for (const char* text : {"2026-11-21T12:00:00Z", "2026-11-21T12:00:00.000Z", "2026-11-21T13:30:00+01:30",
                             "2026-11-21T04:00:00.000000-08:00"}) {
        const auto time = from_rfc3339(text);
        ASSERT_TRUE(time) << text;
        EXPECT_EQ(*time, noon) << text;
    }
    EXPECT_EQ(from_rfc3339("2026-11-21T12:00:00.1239Z").value(), noon + std::chrono::milliseconds{123});
    EXPECT_EQ(from_rfc3339("2026-11-21T12:00:00.5Z").value(), noon + std::chrono::milliseconds{500});
    for (const std::int64_t value : {std::int64_t{951782399999}, std::int64_t{-1}, std::int64_t{253402300799999}}) {
        EXPECT_EQ(from_rfc3339(to_rfc3339(from_milliseconds(value))).value(), from_milliseconds(value));
    }
}

TEST(Clock, RefusesWhatIsNoTime) {
    for (const char* text : {"",
                             "2026-11-21",
                             "2026-11-21T12:00:00",
                             "2026-11-21 12:00:00Z",
                             "2026-11-21T12:00:00z",
                             "2026-02-29T00:00:00Z",
                             "2026-13-01T00:00:00Z",
                             "2026-11-00T00:00:00Z",
                             "2026-11-21T24:00:00Z",
                             "2026-11-21T12:60:00Z",
                             "2026-11-21T12:00:60Z",
                             "2026-11-21T12:00:00.Z",
                             "2026-11-21T12:00:00.0000000000Z",
                             "2026-11-21T12:00:00+0100",
                             "2026-11-21T12:00:00+24:00",
                             "2026-11-21T12:00:00+01:60",
                             "2026-11-21T12:00:00ZZ",
                             " 2026-11-21T12:00:00Z",
                             "-026-11-21T12:00:00Z",
                             "2026-11-21T-2:00:00Z",
                             "1795262400"}) {
        EXPECT_FALSE(from_rfc3339(text)) << text;
    }
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
