#include "countersign/audit/sinks.hpp"
#include "fixed_clock.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace countersign::audit {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const Time kTime = from_milliseconds(1795240800123);

TEST(JsonLine, HoldsTimeEventSeverityAndFieldsInOrder) {
    Event event("enrollment.issued", Severity::info);
    event.with("serial", std::string("0a1b"))
        .with("count", std::int64_t{-7})
        .with("held", true)
        .with("reasons", std::vector<std::string>{"a", "b"});
    EXPECT_EQ(to_json_line(event, kTime),
              R"({"time":"2026-11-21T06:00:00.123Z","event":"enrollment.issued","severity":"info",)"
              R"("serial":"0a1b","count":-7,"held":true,"reasons":["a","b"]})");
}

TEST(JsonLine, NamesEverySeverity) {
    for (const auto& [severity, text] : {std::pair{Severity::info, "info"}, std::pair{Severity::warning, "warning"},
                                         std::pair{Severity::alert, "alert"}}) {
        EXPECT_EQ(json::parse(to_json_line(Event("x", severity), kTime)).at("severity"), text);
    }
}

TEST(JsonLine, StaysOneAsciiLineWhateverAFieldHolds) {
    const std::string hostile[] = {"line\nbreak\r\x1b[2Jesc",
                                   "quote\" and back\\slash",
                                   "\xe2\x80\xae"
                                   "bidi",
                                   "\xff\xfe not UTF-8",
                                   std::string("nul\0inside", 10),
                                   "\x7f\xc2\x85"};
    for (const std::string& text : hostile) {
        const std::string line = to_json_line(Event("x").with("subject", text), kTime);
        for (const char c : line) {
            EXPECT_GE(c, 0x20) << line;
            EXPECT_LE(c, 0x7f) << line;
        }
        EXPECT_TRUE(json::parse(line).at("subject").is_string());
    }
    EXPECT_EQ(json::parse(to_json_line(Event("x").with("s", std::string("a\n\"\\")), kTime)).at("s"), "a\n\"\\");
}

TEST(JsonLine, AFieldCannotPassForTheEventOrHideAnother) {
    const auto line = json::parse(to_json_line(
        Event("enrollment.refused").with("event", std::string("enrollment.issued")).with("a", true).with("a", false),
        kTime));
    EXPECT_EQ(line.at("event"), "enrollment.refused");
    EXPECT_EQ(line.at("event_"), "enrollment.issued");
    EXPECT_EQ(line.at("a"), true);
    EXPECT_EQ(line.at("a_"), false);
}

TEST(CallbackSink, HandsOverSeverityAndLine) {
    const test::FixedClock clock(kTime);
    std::vector<std::string> lines;
    CallbackSink sink(
        [&](Severity severity, const std::string& line) { lines.push_back(std::string(name(severity)) + " " + line); },
        clock);
    ASSERT_TRUE(sink.record(Event("daemon.started", Severity::warning)));
    ASSERT_EQ(lines.size(), 1u);
    EXPECT_THAT(lines[0], HasSubstr("warning {"));
    EXPECT_THAT(lines[0], HasSubstr("06:00:00.123Z"));
}

TEST(CallbackSink, AThrowingCallbackIsAnError) {
    const test::FixedClock clock;
    CallbackSink sink([](Severity, const std::string&) { throw std::runtime_error("full"); }, clock);
    const auto recorded = sink.record(Event("daemon.started"));
    ASSERT_FALSE(recorded);
    EXPECT_EQ(recorded.error().kind, ErrorKind::unavailable);
}

class CountingSink final : public Sink {
public:
    CountingSink(int& count, bool works) : count_(count), works_(works) {}
    Result<void> record(const Event&) override {
        ++count_;
        if (works_) return {};
        return fail::unavailable("broken");
    }

private:
    int& count_;
    bool works_;
};

TEST(TeeSink, RecordsIntoAllAndFailsIfAnyFails) {
    for (const int broken : {-1, 0, 1, 2}) {
        int count = 0;
        std::vector<std::unique_ptr<Sink>> sinks;
        for (int i = 0; i < 3; ++i) sinks.push_back(std::make_unique<CountingSink>(count, i != broken));
        TeeSink tee(std::move(sinks));
        EXPECT_EQ(tee.record(Event("daemon.started")).has_value(), broken == -1) << broken;
        EXPECT_EQ(count, 3) << "one was left out after another failed";
    }
}

}  // namespace
}  // namespace countersign::audit
