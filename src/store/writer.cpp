#include "writer.hpp"

#include <algorithm>

namespace countersign::store {
namespace {

constexpr Sql kBegin{"BEGIN IMMEDIATE", "", ""};
constexpr Sql kCommit{"COMMIT", "", ""};
constexpr Sql kSavepoint{"SAVEPOINT one_caller", "", ""};
constexpr Sql kRelease{"RELEASE one_caller", "", ""};
constexpr Sql kUndo{"ROLLBACK TO one_caller", "", ""};

// Enough to share an fsync among everybody a busy server has, few enough that nobody waits for a crowd.
constexpr std::size_t kLargestBatch = 256;

Error closed() {
    return fail::unavailable("the store is closed");
}

}  // namespace

Writer::Writer(SqliteFile file, const DatabaseOptions& options)
    : file_(std::move(file)),
      busy_timeout_ms_(options.busy_timeout_ms),
      crash_point_(options.crash_point),
      connection_(std::make_unique<Connection>(file_, busy_timeout_ms_, Connection::Use::write)) {}

Writer::~Writer() {
    close();
}

Result<void> Writer::run(std::string_view kind, const Work& work) {
    const auto job = std::make_shared<Job>();
    job->kind = kind;
    job->work = &work;
    std::unique_lock lock(mutex_);
    if (closing_) return closed();
    ++callers_;
    queue_.push_back(job);
    while (!job->done) {
        if (led_)
            job->changed.wait(lock);
        else
            lead(lock);
    }
    // Told under the lock: once it is free, nothing of this object is touched any more.
    if (--callers_ == 0) deserted_.notify_all();
    return job->result;
}

void Writer::close() {
    std::unique_lock lock(mutex_);
    closing_ = true;
    deserted_.wait(lock, [this] { return callers_ == 0; });
    connection_.reset();
}

// Commits one batch for all who are in it. Those who came meanwhile are led by the first of them, or by whoever comes
// next.
void Writer::lead(std::unique_lock<std::mutex>& lock) noexcept {
    led_ = true;
    const Batch batch = take_waiting();
    lock.unlock();
    const Result<void> outcome = commit(batch);
    lock.lock();
    for (const auto& job : batch) {
        // A caller whose own work failed keeps that answer: nothing of his was in the commit.
        if (job->result && !outcome) job->result = outcome;
        job->done = true;
    }
    led_ = false;
    const auto next = queue_.empty() ? nullptr : queue_.front();
    lock.unlock();
    for (const auto& job : batch) job->changed.notify_one();
    if (next) next->changed.notify_one();
    lock.lock();
}

Writer::Batch Writer::take_waiting() {
    const auto count = static_cast<std::ptrdiff_t>(std::min(queue_.size(), kLargestBatch));
    Batch batch(queue_.begin(), queue_.begin() + count);
    queue_.erase(queue_.begin(), queue_.begin() + count);
    return batch;
}

// An error is the answer to everybody in the batch whose work succeeded.
Result<void> Writer::commit(const Batch& batch) {
    CHECK(begin());
    for (const auto& job : batch) {
        job->result = run_in_savepoint(*job->work);
        if (connection_ && connection_->in_transaction()) continue;
        // The engine rolled everything back by itself (disk full, I/O error): nobody's work is left, nor was any begun
        // after.
        const Error error = job->result ? fail::unavailable("store: the transaction was lost") : job->result.error();
        return fail::unavailable("store: the shared transaction was rolled back: " + error.detail);
    }
    return finish(batch);
}

Result<void> Writer::begin() {
    try {
        if (!connection_) {
            connection_ = std::make_unique<Connection>(file_, busy_timeout_ms_, Connection::Use::write);
        }
        connection_->change(kBegin, {});
        return {};
    } catch (const std::exception& exception) {
        abandon_transaction();
        return fail::unavailable(error_from(exception).detail);
    }
}

Result<void> Writer::run_in_savepoint(const Work& work) {
    Result<void> result;
    try {
        connection_->change(kSavepoint, {});
        try {
            result = work(*connection_);
        } catch (const std::exception& exception) {
            result = error_from(exception);
        }
        if (!connection_->in_transaction()) return result;
        if (!result) connection_->change(kUndo, {});
        connection_->change(kRelease, {});
        return result;
    } catch (const std::exception& exception) {
        // The savepoint itself failed: what it holds cannot be told apart any more, so the whole transaction goes.
        abandon_transaction();
        return fail::unavailable(error_from(exception).detail);
    }
}

Result<void> Writer::finish(const Batch& batch) {
    reach("store.before_commit.", batch);
    try {
        connection_->change(kCommit, {});
    } catch (const std::exception& exception) {
        abandon_transaction();
        if (is_busy(exception)) return error_from(exception);
        // The commit frame may be in the log although its fsync, or what comes after it, failed.
        return fail::outcome_unknown("store: the commit failed: " + words_of(exception));
    }
    reach("store.after_commit.", batch);
    return {};
}

void Writer::reach(std::string_view when, const Batch& batch) const {
    if (!crash_point_) return;
    for (const auto& job : batch) {
        if (job->result) crash_point_(std::string(when).append(job->kind));
    }
}

// Leaves no transaction open; a connection that cannot even roll back is closed and made anew at the next batch.
void Writer::abandon_transaction() {
    if (!connection_) return;
    try {
        if (connection_->in_transaction()) connection_->script("ROLLBACK");
    } catch (const std::exception&) {
        connection_.reset();
    }
}

}  // namespace countersign::store
