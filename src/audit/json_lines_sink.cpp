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

    State(std::filesystem::path where, const Clock& time_source, bool sync_each)
        : path(std::move(where)), clock(time_source), sync(sync_each) {}

    Result<std::shared_ptr<Round>> write(const std::string& line);
    Result<void> wait_for(const std::shared_ptr<Round>& round, std::unique_lock<std::mutex>& lock);

    const std::filesystem::path path;
    const Clock& clock;
    const bool sync;

    std::mutex mutex;
    std::shared_ptr<LogFile> file;
    std::deque<std::shared_ptr<Round>> waiting;  // rounds nobody has led yet; several after a change of files
    bool syncing = false;
};

Result<std::shared_ptr<JsonLinesSink::State::Round>> JsonLinesSink::State::write(const std::string& line) {
    if (!file || !file->is_at(path)) {
        TRY(file, LogFile::open(path));
    }
    CHECK(file->append(line));
    if (!sync) return nullptr;
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
                                                           bool sync) {
    auto state = std::make_unique<State>(path, clock, sync);
    TRY(state->file, LogFile::open(path));
    return std::unique_ptr<JsonLinesSink>(new JsonLinesSink(std::move(state)));
}

Result<void> JsonLinesSink::record(const Event& event) {
    if (!is_catalogued(event.id)) {
        return fail::internal("audit event " + printable(event.id) + " is not in the catalogue");
    }
    const std::string line = to_json_line(event, state_->clock.now()) + '\n';
    std::unique_lock lock(state_->mutex);
    TRY(const auto round, state_->write(line));
    if (!round) return {};
    return state_->wait_for(round, lock);
}

}  // namespace countersign::audit
