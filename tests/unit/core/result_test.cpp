#include "countersign/core/result.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <vector>

namespace countersign {
namespace {

Result<int> number(bool works) {
    if (!works) return fail::not_found("no number");
    return 7;
}

Result<void> step(bool works, int& steps) {
    if (!works) return fail::denied("no step");
    ++steps;
    return boost::system::in_place_value;
}

Result<int> doubled(bool works) {
    TRY(const int value, number(works));
    return 2 * value;
}

Result<int> two_steps(bool first, bool second, int& steps) {
    CHECK(step(first, steps));
    CHECK(step(second, steps));
    return steps;
}

Result<std::unique_ptr<int>> moved(bool works) {
    const auto make = [works]() -> Result<std::unique_ptr<int>> {
        if (!works) return fail::unavailable("away");
        return std::make_unique<int>(3);
    };
    TRY(std::unique_ptr<int> value, make());
    ++*value;
    return value;
}

TEST(Result, TryPassesTheValueOrTheError) {
    EXPECT_EQ(doubled(true).value(), 14);
    const auto failed = doubled(false);
    ASSERT_FALSE(failed.has_value());
    EXPECT_EQ(failed.error().kind, ErrorKind::not_found);
    EXPECT_EQ(failed.error().detail, "no number");
}

TEST(Result, TryMovesWhatCannotBeCopied) {
    EXPECT_EQ(*moved(true).value(), 4);
    EXPECT_EQ(moved(false).error().kind, ErrorKind::unavailable);
}

TEST(Result, TryAssignsToWhatExists) {
    const auto assign = [](bool works) -> Result<int> {
        int value = 1;
        TRY(value, number(works));
        return value;
    };
    EXPECT_EQ(assign(true).value(), 7);
    EXPECT_FALSE(assign(false).has_value());
}

TEST(Result, CheckStopsAtTheFirstFailure) {
    int steps = 0;
    EXPECT_EQ(two_steps(true, true, steps).value(), 2);
    steps = 0;
    EXPECT_EQ(two_steps(false, true, steps).error().detail, "no step");
    EXPECT_EQ(steps, 0);
    EXPECT_FALSE(two_steps(true, false, steps).has_value());
    EXPECT_EQ(steps, 1);
}

TEST(Result, CheckAndTryEvaluateOnce) {
    int calls = 0;
    const auto once = [&]() -> Result<int> { return ++calls; };
    const auto use = [&]() -> Result<void> {
        CHECK(once());
        TRY(const int value, once());
        EXPECT_EQ(value, 2);
        return boost::system::in_place_value;
    };
    EXPECT_TRUE(use().has_value());
    EXPECT_EQ(calls, 2);
}

TEST(Result, ErrorsDescribeThemselves) {
    EXPECT_EQ(describe(fail::expired("yesterday")), "expired: yesterday");
    const Error error = within("opening ra/agent.key", fail::not_found("no such file"));
    EXPECT_EQ(error.kind, ErrorKind::not_found);
    EXPECT_EQ(error.detail, "opening ra/agent.key: no such file");
}

TEST(Result, EveryKindHasItsOwnName) {
    const std::vector<Error> all{fail::malformed(""), fail::unauthenticated(""), fail::denied(""),
                                 fail::not_found(""), fail::conflict(""),        fail::expired(""),
                                 fail::throttled(""), fail::unavailable(""),     fail::outcome_unknown(""),
                                 fail::internal("")};
    std::set<std::string_view> names;
    for (const Error& error : all) names.insert(name(error.kind));
    EXPECT_EQ(names.size(), all.size());
    EXPECT_EQ(name(ErrorKind::outcome_unknown), "outcome_unknown");
}

TEST(Result, ValueOfAFailureIsABug) {
    try {
        (void)number(false).value();
        FAIL() << "no exception";
    } catch (const std::logic_error& bug) {
        EXPECT_NE(std::string(bug.what()).find("not_found: no number"), std::string::npos);
    }
}

TEST(Result, StartupErrorCarriesItsError) {
    const StartupError error(fail::malformed("line 3: unknown key"));
    EXPECT_STREQ(error.what(), "line 3: unknown key");
    EXPECT_EQ(error.error().kind, ErrorKind::malformed);
}

}  // namespace
}  // namespace countersign
