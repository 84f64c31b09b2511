// The one thread that writes. Callers hand it closures; it takes all that wait, runs each in its own savepoint within
// one transaction, commits once (one fsync for all of them) and then answers everybody.
//
// run() blocks until the write is durable or certainly not done, except outcome_unknown: the commit itself failed in a
// way that leaves open what reached the disk. Safe on many threads. Private to the store.
#pragma once

#include "connection.hpp"
#include "countersign/store/database.hpp"

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <thread>

namespace countersign::store {

class Writer {
public:
    // Its error undoes what it wrote, and nothing else of the batch. Runs on the writer's thread while the caller
    // waits, so it may refer to the caller's variables.
    using Work = std::function<Result<void>(Connection&)>;

    // Throws soci::soci_error when the connection cannot be made.
    Writer(SqliteFile file, const DatabaseOptions& options);
    ~Writer();
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    // `kind` names the crash points.
    Result<void> run(std::string_view kind, const Work& work);
    // Finishes what is queued; later calls answer unavailable.
    void close();

private:
    struct Job {
        std::string_view kind;
        const Work* work = nullptr;
        Result<void> result;
        std::promise<Result<void>> promise;
    };
    using Batch = std::deque<Job>;

    void work_until_closed();
    Result<void> commit(Batch& batch);
    Result<void> begin();
    Result<void> run_in_savepoint(const Work& work);
    Result<void> finish(const Batch& batch);
    void reach(std::string_view when, const Batch& batch) const;
    void abandon_transaction();

    SqliteFile file_;
    int busy_timeout_ms_;
    CrashPoint crash_point_;
    std::unique_ptr<Connection> connection_;  // the thread's own

    std::mutex mutex_;
    std::condition_variable wake_;
    Batch queue_;
    bool closing_ = false;
    std::mutex close_mutex_;
    std::thread thread_;
};

}  // namespace countersign::store
