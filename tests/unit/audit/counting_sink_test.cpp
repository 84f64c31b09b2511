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

}  // namespace
}  // namespace countersign::audit
