// The one connection that writes. Callers queue closures; whoever finds the connection free takes all that wait, runs
// each in its own savepoint within one transaction, commits once (one fsync for all of them) and then answers
// everybody. So a lone write wakes no other thread, and writes that meet share a commit.
//
// run() blocks until the write is durable or certainly not done, except outcome_unknown: the commit itself failed in a
// way that leaves open what reached the disk. Safe on many threads. Private to the store.
#pragma once

#include "connection.hpp"
#include "countersign/store/database.hpp"

#include <atomic>
#include <boost/container/static_vector.hpp>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

namespace countersign::store {

class Writer {
public:
    // Its error undoes what it wrote, and nothing else of the batch. Runs on the thread of one of those who wait,
    // while its caller waits too, so it may refer to the caller's variables. Runs again, from the start, when another
    // node's transaction crossed this one's.
    using Work = std::function<Result<void>(Connection&)>;

    // Throws soci::soci_error when the connection cannot be made.
    Writer(std::shared_ptr<const Engine> engine, const DatabaseOptions& options);
    ~Writer();
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    // `kind` names the crash points.
    Result<void> run(std::string_view kind, const Work& work);
    // Whether a batch could not be committed since settle_trouble(). A commit that succeeds says little: it may have
    // had nothing to write.
    bool troubled() const { return troubled_; }
    void settle_trouble() { troubled_ = false; }
    // Returns when what is queued is finished and every caller on his way out; later calls answer unavailable.
    void close();

private:
    struct Job {
        std::string_view kind;
        const Work* work = nullptr;
        Result<void> result;
        bool done = false;
        std::condition_variable changed;  // done, or his turn to lead
    };
    // Enough to share an fsync among everybody a busy server has, few enough that nobody waits for a crowd.
    static constexpr std::size_t kLargestBatch = 256;
    // Asks for no memory: whoever leads must not fail the others for lack of it.
    using Batch = boost::container::static_vector<std::shared_ptr<Job>, kLargestBatch>;

    void lead(std::unique_lock<std::mutex>& lock) noexcept;
    Batch take_waiting();
    Result<void> commit_unless_exhausted(const Batch& batch) noexcept;
    Result<void> commit(const Batch& batch);
    Result<void> commit_once(const Batch& batch, bool alone);
    bool run_all(const Batch& batch);
    Result<void> begin(bool alone);
    void begin_transaction(bool alone);
    Result<void> run_in_savepoint(const Work& work);
    Result<void> finish(const Batch& batch);
    void reach(std::string_view when, const Batch& batch) const;
    void abandon_transaction();

    std::shared_ptr<const Engine> engine_;
    CrashPoint crash_point_;
    std::unique_ptr<Connection> connection_;  // of him who leads
    bool crossed_ = false;                    // his batch was undone because of somebody else's

    std::atomic<bool> troubled_{false};

    std::mutex mutex_;
    std::deque<std::shared_ptr<Job>> queue_;
    bool led_ = false;  // somebody is committing a batch
    std::size_t callers_ = 0;
    std::condition_variable deserted_;
    bool closing_ = false;
};

}  // namespace countersign::store
