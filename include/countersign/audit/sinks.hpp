// Where audit events go: JSON lines in a file, several sinks at once, or memory in tests.
#pragma once

#include "countersign/audit/chain.hpp"
#include "countersign/audit/event.hpp"
#include "countersign/keys/key.hpp"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace countersign::audit {

// One line of JSON in ASCII: {"seq":...,"time":...,"event":...,"severity":...,fields...}, without the newline, and
// without "seq" unless it is given. A field whose name is taken, or is "seq" or "chain", gets underscores after it.
std::string to_json_line(const Event& event, Time time, std::optional<std::uint64_t> seq = std::nullopt);

struct JsonLinesOptions {
    bool sync = true;  // every record() returns after fdatasync; concurrent callers share one
    // Told when the file turns out to have been changed by somebody else than this program.
    std::function<void(const std::string& what)> when_broken{};
};

// Appends one line per event to a file (0640, created when absent) with a single write(2), each chained to the one before
// (audit/chain.hpp). A short or failed write is an error (unavailable) and the partial line is cut off again. Reopens when
// the file was renamed or removed (logrotate) and goes on with the chain in the new one. An event whose id is not in the
// catalogue is refused (internal). Several processes may write one file; lines of others that do not go on with the
// chain, and lines that are gone, are reported by an event of their own.
class JsonLinesSink final : public Sink {
public:
    static Result<std::unique_ptr<JsonLinesSink>> open(const std::filesystem::path& path, const Clock& clock,
                                                       JsonLinesOptions options = {});
    ~JsonLinesSink() override;
    Result<void> record(const Event& event) override;
    // Appends a checkpoint: the key's signature over the number and hash of the line before it, which nobody without the
    // key can make for a history of his own. Nothing is written when nothing was recorded since the last one of this object.
    // What it says of the chain; nullopt: nothing new.
    Result<std::optional<ChainHead>> checkpoint(keys::Key& key);

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

// Hands each line to a syslog daemon's or journald's datagram socket (RFC 3164 without a time, as facility authpriv; the
// identifier is "countersign-audit"). Unlike syslog(3) it fails, as unavailable, when nobody takes the line within two
// seconds.
class SyslogSink final : public Sink {
public:
    // unavailable: nobody listens there.
    static Result<std::unique_ptr<SyslogSink>> open(const std::filesystem::path& socket, const Clock& clock);
    ~SyslogSink() override;
    Result<void> record(const Event& event) override;

private:
    SyslogSink(std::filesystem::path socket, const Clock& clock, int descriptor)
        : socket_(std::move(socket)), clock_(clock), descriptor_(descriptor) {}
    Result<void> connect();

    const std::filesystem::path socket_;
    const Clock& clock_;
    std::mutex mutex_;
    int descriptor_;
};

// Records into all; fails if any fails.
class TeeSink final : public Sink {
public:
    explicit TeeSink(std::vector<std::unique_ptr<Sink>> sinks) : sinks_(std::move(sinks)) {}
    Result<void> record(const Event& event) override;

private:
    std::vector<std::unique_ptr<Sink>> sinks_;
};

// Counts by id what another sink recorded, and what it failed to record, since this was made. For metrics. The first
// record after failures is followed by audit.resumed, which says how many there were.
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
    // Whether events can be recorded. Where the last one could not, this tries with audit.resumed.
    Result<void> probe();

private:
    Result<void> pass_on(const Event& event);
    Result<void> tell_resumed();

    std::unique_ptr<Sink> sink_;
    std::vector<std::atomic<std::uint64_t>> recorded_;
    std::atomic<std::uint64_t> failures_{0};
    std::atomic<std::uint64_t> lost_{0};  // failures not told of yet
};

}  // namespace countersign::audit
