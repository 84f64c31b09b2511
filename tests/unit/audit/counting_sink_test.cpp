#include "countersign/audit/catalogue.hpp"
#include "countersign/audit/sinks.hpp"

#include <gtest/gtest.h>

namespace countersign::audit {
namespace {

struct Switch final : Sink {
    explicit Switch(const bool& is_away) : away(is_away) {}
    Result<void> record(const Event&) override {
        if (away) return fail::unavailable("away");
        return {};
    }
    const bool& away;
};

std::uint64_t count(const CountingSink& sink, std::string_view id) {
    for (const auto& one : sink.counts()) {
        if (one.id == id) return one.recorded;
    }
    ADD_FAILURE() << id;
    return 0;
}

TEST(CountingSink, CountsWhatIsRecordedAndWhatIsNot) {
    bool away = false;
    CountingSink sink(std::make_unique<Switch>(away));
    EXPECT_EQ(sink.counts().size(), catalogue().size());
    EXPECT_TRUE(sink.record(Event(event::enrollment_issued)));
    EXPECT_TRUE(sink.record(Event(event::enrollment_issued)));
    EXPECT_TRUE(sink.record(Event(event::sign_in_failed)));
    away = true;
    EXPECT_FALSE(sink.record(Event(event::enrollment_issued)));
    EXPECT_EQ(count(sink, event::enrollment_issued), 2u);
    EXPECT_EQ(count(sink, event::sign_in_failed), 1u);
    EXPECT_EQ(count(sink, event::challenge_minted), 0u);
    EXPECT_EQ(sink.failures(), 1u);
}

TEST(CountingSink, TheFirstRecordAfterFailuresIsFollowedByTheirNumber) {
    bool away = true;
    CountingSink sink(std::make_unique<Switch>(away));
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(sink.record(Event(event::enrollment_issued)));
    away = false;
    EXPECT_TRUE(sink.record(Event(event::enrollment_issued)));
    EXPECT_EQ(count(sink, event::audit_resumed), 1u);
    EXPECT_TRUE(sink.record(Event(event::enrollment_issued)));
    EXPECT_EQ(count(sink, event::audit_resumed), 1u) << "told twice";
}

TEST(CountingSink, ItsHealthIsBadFromAFailureUntilSomethingIsRecorded) {
    bool away = false;
    CountingSink sink(std::make_unique<Switch>(away));
    EXPECT_TRUE(sink.probe());
    EXPECT_EQ(count(sink, event::audit_resumed), 0u) << "nothing was wrong";
    away = true;
    EXPECT_TRUE(sink.probe()) << "nobody has tried yet";
    EXPECT_FALSE(sink.record(Event(event::enrollment_issued)));
    EXPECT_FALSE(sink.probe());
    EXPECT_FALSE(sink.probe());
    away = false;
    EXPECT_TRUE(sink.probe());
    EXPECT_EQ(count(sink, event::audit_resumed), 1u);
    EXPECT_TRUE(sink.probe());
    EXPECT_EQ(count(sink, event::audit_resumed), 1u);
}

}  // namespace
}  // namespace countersign::audit
