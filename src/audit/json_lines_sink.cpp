#include "checkpoint.hpp"
#include "countersign/audit/catalogue.hpp"
#include "countersign/audit/sinks.hpp"
#include "countersign/core/text.hpp"
#include "log_file.hpp"

#include <condition_variable>
#include <deque>

namespace countersign::audit {

// Callers write their lines one after the other and join the round that is gathering. One of them leads it: it closes
// the round, syncs the file once and answers everybody in it. Those who come meanwhile gather in the next round, asleep
// until the one before them is over and one of them leads.
struct JsonLinesSink::State {
    struct Round {
        std::shared_ptr<LogFile> file;
        bool done = false;
        Result<void> result;
        std::condition_variable changed;  // done, or without a leader
    };

    State(std::filesystem::path where, const Clock& time_source, JsonLinesOptions settings)
        : path(std::move(where)), clock(time_source), options(std::move(settings)) {}

    using MakeEvent = std::function<Result<Event>(const ChainHead& before)>;
    Result<std::shared_ptr<Round>> write(const MakeEvent& make_event);
    Result<void> wait_for(const std::shared_ptr<Round>& round, std::unique_lock<std::mutex>& lock);
    Result<void> take_file();
    void follow(const LogFile::Meanwhile& meanwhile);
    void report_broken(const std::string& what);

    const std::filesystem::path path;
    const Clock& clock;
    const JsonLinesOptions options;

    std::mutex mutex;
    std::shared_ptr<LogFile> file;
    ChainHead head;                              // of the file, as far as it was followed
    std::vector<Event> reports;                  // about the file itself: written before the next event
    std::uint64_t sealed = 0;                    // number of our last checkpoint
    std::deque<std::shared_ptr<Round>> waiting;  // rounds nobody has led yet; several after a change of files
    bool syncing = false;
};

// The file that is at the path now. In another one than before, the chain goes on; what somebody else has begun there
// stays, and says where ours came from.
Result<void> JsonLinesSink::State::take_file() {
    const bool first = !file;
    TRY(file, LogFile::open(path));
    if (!first) {
        reports.push_back(Event(event::audit_continued)
                              .with("previous_seq", static_cast<std::int64_t>(head.seq))
                              .with("previous", head.hash));
    }
    if (const auto last = read_chained_line(file->last_line())) head = last->head;
    return {};
}

void JsonLinesSink::State::report_broken(const std::string& what) {
    reports.push_back(Event(event::audit_broken, severity_of(event::audit_broken)).with("reason", what));
    if (options.when_broken) options.when_broken(path.string() + ": " + what);
}

void JsonLinesSink::State::follow(const LogFile::Meanwhile& meanwhile) {
    if (meanwhile.missing > 0) {
        report_broken("the file got shorter by " + std::to_string(meanwhile.missing) +
                      " octets; its end is not what was written here");
    }
    std::size_t strangers = 0;
    for (const auto& line : split(meanwhile.added, '\n')) {
        if (line.empty()) continue;
        const auto chained = read_chained_line(line);
        if (chained && chained->follows(head)) {
            head = chained->head;
        } else {
            ++strangers;
        }
    }
    if (strangers > 0) {
        report_broken(std::to_string(strangers) + " lines after number " + std::to_string(head.seq) +
                      " do not go on with the chain");
    }
}

Result<std::shared_ptr<JsonLinesSink::State::Round>> JsonLinesSink::State::write(const MakeEvent& make_event) {
    if (!file || !file->is_at(path)) CHECK(take_file());
    ChainHead after;
    CHECK(file->append([&](const LogFile::Meanwhile& meanwhile) -> Result<std::string> {
        follow(meanwhile);
        after = head;
        const Time now = clock.now();
        std::string lines;
        for (const Event& report : reports) lines += append_to_chain(after, report, now);
        TRY(const Event event, make_event(after));
        return lines + append_to_chain(after, event, now);
    }));
    head = after;
    reports.clear();
    if (!options.sync) return nullptr;
    // Lines in an old file are synced there by those who wrote them.
    if (waiting.empty() || waiting.back()->file != file) {
        waiting.push_back(std::make_shared<Round>());
        waiting.back()->file = file;
    }
    return waiting.back();
}

Result<void> JsonLinesSink::State::wait_for(const std::shared_ptr<Round>& round, std::unique_lock<std::mutex>& lock) {
    while (!round->done) {
        if (syncing) {
            round->changed.wait(lock);
            continue;
        }
        syncing = true;
        std::erase(waiting, round);
        lock.unlock();
        Result<void> synced = round->file->sync();
        lock.lock();
        round->result = std::move(synced);
        round->done = true;
        syncing = false;
        const auto next = waiting.empty() ? nullptr : waiting.front();
        lock.unlock();
        round->changed.notify_all();
        if (next) next->changed.notify_one();
        lock.lock();
    }
    return round->result;
}

JsonLinesSink::JsonLinesSink(std::unique_ptr<State> state) : state_(std::move(state)) {}
JsonLinesSink::~JsonLinesSink() = default;

Result<std::unique_ptr<JsonLinesSink>> JsonLinesSink::open(const std::filesystem::path& path, const Clock& clock,
                                                           JsonLinesOptions options) {
    auto state = std::make_unique<State>(path, clock, std::move(options));
    CHECK(state->take_file());
    return std::unique_ptr<JsonLinesSink>(new JsonLinesSink(std::move(state)));
}

Result<void> JsonLinesSink::record(const Event& event) {
    if (!is_catalogued(event.id)) {
        return fail::internal("audit event " + printable(event.id) + " is not in the catalogue");
    }
    std::unique_lock lock(state_->mutex);
    TRY(const auto round, state_->write([&](const ChainHead&) -> Result<Event> { return event; }));
    if (!round) return {};
    return state_->wait_for(round, lock);
}

Result<std::optional<ChainHead>> JsonLinesSink::checkpoint(keys::Key& key) {
    std::unique_lock lock(state_->mutex);
    if (state_->sealed == state_->head.seq && state_->sealed != 0) return std::optional<ChainHead>();
    ChainHead sealed;
    const auto written =
        state_->write([&](const ChainHead& before) { return sealed = before, checkpoint_event(before, key); });
    if (!written) return written.error();
    state_->sealed = state_->head.seq;
    if (*written) CHECK(state_->wait_for(*written, lock));
    return std::optional(sealed);
}

}  // namespace countersign::audit
