#include "writer.hpp"

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
      connection_(std::make_unique<Connection>(file_, busy_timeout_ms_, Connection::Use::write)) {
    thread_ = std::thread([this] { work_until_closed(); });
}

Writer::~Writer() {
    close();
}

Result<void> Writer::run(std::string_view kind, const Work& work) {
    std::future<Result<void>> answer;
    {
        const std::lock_guard lock(mutex_);
        if (closing_) return closed();
        Job& job = queue_.emplace_back();
        job.kind = kind;
        job.work = &work;
        answer = job.promise.get_future();
    }
    wake_.notify_one();
    return answer.get();
}

void Writer::close() {
    {
        const std::lock_guard lock(mutex_);
        closing_ = true;
    }
    wake_.notify_one();
    const std::lock_guard one_closer(close_mutex_);
    if (thread_.joinable()) thread_.join();
    connection_.reset();
}

void Writer::work_until_closed() {
    for (;;) {
        Batch batch;
        {
            std::unique_lock lock(mutex_);
            wake_.wait(lock, [this] { return closing_ || !queue_.empty(); });
            if (queue_.empty()) return;
            while (!queue_.empty() && batch.size() < kLargestBatch) {
                batch.push_back(std::move(queue_.front()));
                queue_.pop_front();
            }
        }
        const Result<void> outcome = commit(batch);
        // A caller whose own work failed keeps that answer: nothing of his was in the commit.
        for (Job& job : batch) job.promise.set_value(job.result && !outcome ? outcome : job.result);
    }
}

// An error is the answer to everybody in the batch whose work succeeded.
Result<void> Writer::commit(Batch& batch) {
    CHECK(begin());
    for (Job& job : batch) {
        job.result = run_in_savepoint(*job.work);
        if (connection_ && connection_->in_transaction()) continue;
        // The engine rolled everything back by itself (disk full, I/O error): nobody's work is left, nor was any begun
        // after.
        const Error error = job.result ? fail::unavailable("store: the transaction was lost") : job.result.error();
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
    for (const Job& job : batch) {
        if (job.result) crash_point_(std::string(when).append(job.kind));
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
