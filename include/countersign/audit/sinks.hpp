// Where audit events go: JSON lines in a file, several sinks at once, or memory in tests.
#pragma once

#include "countersign/audit/event.hpp"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace countersign::audit {

// One line of JSON in ASCII: {"time":...,"event":...,"severity":...,fields...}, without the newline. A field whose name
// is taken gets underscores after it.
std::string to_json_line(const Event& event, Time time);

// Appends one line per event to a file (0640, created when absent) with a single write(2). Every `record` returns after
// fdatasync unless `sync` is false; concurrent callers share one fdatasync. A short or failed write is an error
// (unavailable) and the partial line is cut off again. Reopens when the file was renamed or removed (logrotate). An
// event whose id is not in the catalogue is refused (internal). Several processes may write one file.
class JsonLinesSink final : public Sink {
public:
    static Result<std::unique_ptr<JsonLinesSink>> open(const std::filesystem::path& path, const Clock& clock,
                                                       bool sync);
    ~JsonLinesSink() override;
    Result<void> record(const Event& event) override;

private:
    struct State;
    explicit JsonLinesSink(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

// Hands each line to a function, e.g. the operations log; fails only if that throws.
class CallbackSink final : public Sink {
public:
    CallbackSink(std::function<void(Severity, const std::string& line)> callback, const Clock& clock)
        : callback_(std::move(callback)), clock_(clock) {}
    Result<void> record(const Event& event) override;

private:
    std::function<void(Severity, const std::string&)> callback_;
    const Clock& clock_;
};

// Records into all; fails if any fails.
class TeeSink final : public Sink {
public:
    explicit TeeSink(std::vector<std::unique_ptr<Sink>> sinks) : sinks_(std::move(sinks)) {}
    Result<void> record(const Event& event) override;

private:
    std::vector<std::unique_ptr<Sink>> sinks_;
};

// Counts by id what another sink recorded, and what it failed to record, since this was made. For metrics.
class CountingSink final : public Sink {
public:
    explicit CountingSink(std::unique_ptr<Sink> sink);
    Result<void> record(const Event& event) override;

    struct Count {
        std::string_view id;  // of the catalogue
        Severity severity;
        std::uint64_t recorded;
    };
    std::vector<Count> counts() const;  // every id of the catalogue, in its order
    std::uint64_t failures() const { return failures_; }

private:
    std::unique_ptr<Sink> sink_;
    std::vector<std::atomic<std::uint64_t>> recorded_;
    std::atomic<std::uint64_t> failures_{0};
};

}  // namespace countersign::audit
