#include "writer.hpp"

#include "trouble.hpp"

#include <algorithm>
#include <new>

namespace countersign::store {
namespace {

constexpr Sql kCommit{"COMMIT", "", ""};
constexpr Sql kSavepoint{"SAVEPOINT one_caller", "", ""};
constexpr Sql kRelease{"RELEASE one_caller", "", ""};
constexpr Sql kUndo{"ROLLBACK TO one_caller", "", ""};

// How often a batch that crossed another node's is done again before its callers are told to come back.
constexpr int kMostTries = 8;

constexpr const char* kNoMemory = "no memory";  // short enough to need none

Error copy_of(const Error& error) noexcept {
    try {
        return error;
    } catch (const std::bad_alloc&) {
        return {error.kind, kNoMemory};
    }
}

Error closed() {
    return fail::unavailable("the store is closed");
}

}  // namespace

Writer::Writer(std::shared_ptr<const Engine> engine, const DatabaseOptions& options)
    : engine_(std::move(engine)),
      crash_point_(options.crash_point),
      connection_(std::make_unique<Connection>(engine_, Use::write)) {}

Writer::~Writer() {
    close();
}

Result<void> Writer::run(std::string_view kind, const Work& work) {
    const auto job = std::make_shared<Job>();
    job->kind = kind;
    job->work = &work;
    std::unique_lock lock(mutex_);
    if (closing_) return closed();
    queue_.push_back(job);
    ++callers_;
    while (!job->done) {
        if (led_)
            job->changed.wait(lock);
        else
            lead(lock);
    }
    // Told under the lock: once it is free, nothing of this object is touched any more.
    if (--callers_ == 0) deserted_.notify_all();
    return std::move(job->result);
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
    const Result<void> outcome = commit_unless_exhausted(batch);
    if (!outcome) troubled_ = true;
    lock.lock();
    for (const auto& job : batch) {
        // A caller whose own work failed keeps that answer: nothing of his was in the commit.
        if (job->result && !outcome) job->result = copy_of(outcome.error());
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

// Memory may end anywhere in it, the commit included.
Result<void> Writer::commit_unless_exhausted(const Batch& batch) noexcept {
    try {
        return commit(batch);
    } catch (const std::bad_alloc&) {
        abandon_transaction();
        return fail::outcome_unknown(kNoMemory);
    }
}

// An error is the answer to everybody in the batch whose work succeeded.
Result<void> Writer::commit(const Batch& batch) {
    for (int tries = 1;; ++tries) {
        Result<void> outcome = commit_once(batch, tries > 1);
        if (!crossed_ || tries == kMostTries) return outcome;
    }
}

Result<void> Writer::commit_once(const Batch& batch, bool alone) {
    crossed_ = false;
    CHECK(begin(alone));
    if (run_all(batch)) return finish(batch);
    if (crossed_) {
        abandon_transaction();
        for (const auto& job : batch) job->result = {};
        return fail::unavailable("store: others kept changing the same rows at the same time");
    }
    std::string reason = "the transaction was lost";
    for (const auto& job : batch) {
        if (!job->result) reason = job->result.error().detail;
    }
    abandon_transaction();
    return fail::unavailable("store: the shared transaction was rolled back: " + reason);
}

// False: the transaction is gone, rolled back by the engine itself (disk full, I/O error, connection lost) or crossed
// by another; nobody's work is left, nor was any begun after.
bool Writer::run_all(const Batch& batch) {
    for (const auto& job : batch) {
        job->result = run_in_savepoint(*job->work);
        if (crossed_ || !connection_ || !connection_->in_transaction()) return false;
    }
    return true;
}

Result<void> Writer::begin(bool alone) {
    try {
        try {
            begin_transaction(alone);
        } catch (const std::exception&) {
            // A server that was restarted has closed this connection; a new one may be had.
            if (connection_ && connection_->usable()) throw;
            connection_.reset();
            begin_transaction(alone);
        }
        return {};
    } catch (const std::exception& exception) {
        abandon_transaction();
        return fail::unavailable(error_from(exception).detail);
    }
}

void Writer::begin_transaction(bool alone) {
    if (!connection_) connection_ = std::make_unique<Connection>(engine_, Use::write);
    connection_->script(std::string(alone ? engine_->begin_alone() : engine_->begin()));
}

Result<void> Writer::run_in_savepoint(const Work& work) {
    Result<void> result;
    try {
        connection_->change(kSavepoint, {});
        try {
            result = work(*connection_);
        } catch (const std::exception& exception) {
            result = error_from(exception);
            crossed_ = trouble_of(exception) == Trouble::contention;
        }
        if (crossed_) return result;
        if (!connection_->in_transaction()) return result;
        if (!result) connection_->change(kUndo, {});
        connection_->change(kRelease, {});
        return result;
    } catch (const std::exception& exception) {
        // The savepoint itself failed: what it holds cannot be told apart any more, so the whole transaction goes.
        crossed_ = trouble_of(exception) == Trouble::contention;
        abandon_transaction();
        return fail::unavailable(error_from(exception).detail);
    }
}

Result<void> Writer::finish(const Batch& batch) {
    reach("store.before_commit.", batch);
    try {
        connection_->change(kCommit, {});
    } catch (const std::exception& exception) {
        const auto trouble = trouble_of(exception);
        crossed_ = trouble == Trouble::contention;
        abandon_transaction();
        if (crossed_ || trouble == Trouble::busy) return error_from(exception);
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
        if (!connection_->usable()) connection_.reset();
    } catch (const std::exception&) {
        connection_.reset();
    }
}

}  // namespace countersign::store
