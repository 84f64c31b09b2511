#include "checkpoint.hpp"
#include "countersign/audit/catalogue.hpp"
#include "countersign/audit/sinks.hpp"
#include "countersign/core/text.hpp"
#include "log_file.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <iterator>
#include <new>

namespace countersign::audit {
namespace {

constexpr const char* kNoMemory = "no memory";  // short enough to need none

}  // namespace

// Callers write their lines one after the other and join the round that is gathering. One of them leads it: it closes
// the round, syncs the file once and answers everybody in it. Those who come meanwhile gather in the next round, asleep
// until the one before them is over and one of them leads.
//
// A sync that fails is told once, and what it could not write counts as written from then on: whatever was appended
// before it ended may be lost though the next sync succeeds. So all of that fails with it, and is cut off again where
// nobody else has gone on with the file; else a power cut might leave a hole in the chain.
struct JsonLinesSink::State {
    struct Round {
        std::shared_ptr<LogFile> file;
        std::vector<Event> reports;  // written with its lines
        bool done = false;
        Result<void> result;
        std::condition_variable changed;  // done, or without a leader
    };

    State(std::filesystem::path where, const Clock& time_source, JsonLinesOptions settings)
        : path(std::move(where)), clock(time_source), options(std::move(settings)) {}

    // The event's line; `head` goes on to it. No copy of an event: g++ 12 destroys what was never made when copying a
    // variant throws.
    using MakeLine = std::function<Result<std::string>(ChainHead& head, Time now)>;
    Result<std::shared_ptr<Round>> write(const MakeLine& make_line);
    Result<void> wait_for(const std::shared_ptr<Round>& round, std::unique_lock<std::mutex>& lock);
    Result<void> take_file();
    void follow(const LogFile::Meanwhile& meanwhile);
    void report_broken(const std::string& what);
    Result<void> sync(const std::shared_ptr<LogFile>& led, std::unique_lock<std::mutex>& lock) noexcept;
    bool take_back(const std::shared_ptr<LogFile>& lost) noexcept;
    void fail_round(Round& round, const Error& error, bool taken_back) noexcept;

    const std::filesystem::path path;
    const Clock& clock;
    const JsonLinesOptions options;

    std::mutex mutex;
    std::shared_ptr<LogFile> file;
    ChainHead head;  // of the file, as far as it was followed
    // A place in the file, and its head there. Copied without asking for memory.
    struct Mark {
        off_t end = 0;
        ChainHead head;
    };
    Mark durable;                                // up to where the file was synced
    Mark covered;                                // by the sync under way
    bool others = false;                         // somebody else has appended after `durable`
    bool between = false;                        // or after `covered`
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
    durable.end = file->end();
    durable.head = head;
    others = between = false;
    return {};
}

void JsonLinesSink::State::report_broken(const std::string& what) {
    reports.push_back(Event(event::audit_broken, severity_of(event::audit_broken)).with("reason", what));
    if (options.when_broken) options.when_broken(path.string() + ": " + what);
}

void JsonLinesSink::State::follow(const LogFile::Meanwhile& meanwhile) {
    if (meanwhile.missing > 0 || !meanwhile.added.empty()) others = between = true;
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

Result<std::shared_ptr<JsonLinesSink::State::Round>> JsonLinesSink::State::write(const MakeLine& make_line) {
    if (!file || !file->is_at(path)) CHECK(take_file());
    ChainHead after;
    CHECK(file->append([&](const LogFile::Meanwhile& meanwhile) -> Result<std::string> {
        follow(meanwhile);
        after = head;
        const Time now = clock.now();
        std::string lines;
        for (const Event& report : reports) lines += append_to_chain(after, report, now);
        TRY(const std::string line, make_line(after, now));
        return lines + line;
    }));
    head = std::move(after);
    std::vector<Event> told;
    told.swap(reports);
    if (!options.sync) return nullptr;
    // Lines in an old file are synced there by those who wrote them.
    if (waiting.empty() || waiting.back()->file != file) {
        waiting.push_back(std::make_shared<Round>());
        waiting.back()->file = file;
    }
    std::ranges::move(told, std::back_inserter(waiting.back()->reports));
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
        if (const auto synced = sync(round->file, lock); !synced) {
            const bool taken_back = take_back(round->file);
            fail_round(*round, synced.error(), taken_back);
            for (const auto& other : waiting) {
                if (other->file == round->file) fail_round(*other, synced.error(), taken_back);
            }
            std::erase_if(waiting, [](const auto& one) { return one->done; });
        }
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

// Unlocks while the disk works. Does not throw: others sleep until whoever syncs has done.
Result<void> JsonLinesSink::State::sync(const std::shared_ptr<LogFile>& led,
                                        std::unique_lock<std::mutex>& lock) noexcept {
    covered.end = led->end();
    covered.head = head;
    between = false;
    lock.unlock();
    Result<void> synced;
    try {
        synced = led->sync();
    } catch (const std::bad_alloc&) {
        synced = fail::unavailable(kNoMemory);
    }
    lock.lock();
    if (synced && led == file) {
        durable.end = covered.end;
        durable.head = covered.head;
        others = between;
    }
    return synced;
}

bool JsonLinesSink::State::take_back(const std::shared_ptr<LogFile>& lost) noexcept try {
    if (lost != file || others || !file->take_back(durable.end)) return false;
    head = durable.head;
    return true;
} catch (const std::bad_alloc&) {
    return false;
}

void JsonLinesSink::State::fail_round(Round& round, const Error& error, bool taken_back) noexcept {
    round.done = true;
    round.changed.notify_all();
    try {
        round.result = error;
        if (taken_back) reports.insert(reports.end(), round.reports.begin(), round.reports.end());
    } catch (const std::bad_alloc&) {
        round.result = fail::unavailable(kNoMemory);
    }
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
    TRY(const auto round, state_->write([&](ChainHead& head, Time now) -> Result<std::string> {
        return append_to_chain(head, event, now);
    }));
    if (!round) return {};
    return state_->wait_for(round, lock);
}

Result<std::optional<ChainHead>> JsonLinesSink::checkpoint(keys::Key& key) {
    std::unique_lock lock(state_->mutex);
    if (state_->sealed == state_->head.seq && state_->sealed != 0) return std::optional<ChainHead>();
    ChainHead sealed;
    const auto written = state_->write([&](ChainHead& head, Time now) -> Result<std::string> {
        sealed = head;
        TRY(const Event event, checkpoint_event(sealed, key));
        return append_to_chain(head, event, now);
    });
    if (!written) return written.error();
    state_->sealed = state_->head.seq;
    if (!*written) return std::optional(sealed);
    if (const auto durable = state_->wait_for(*written, lock); !durable) {
        state_->sealed = 0;
        return durable.error();
    }
    return std::optional(sealed);
}

}  // namespace countersign::audit
