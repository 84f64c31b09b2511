// A bounded pool of threads for everything that blocks or computes: RSA, tokens, SQL, outbound HTTP.
//
// The pool owns its threads and the queued jobs; a job owns all it touches. Full is an answer, not a wait: the
// caller says 503 before anything was reserved.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace countersign::async {

class WorkerPool {
public:
    // `queue_limit`: jobs waiting beyond those running.
    WorkerPool(std::size_t threads, std::size_t queue_limit);
    ~WorkerPool();  // as drain()
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;

    // False when the queue is full or the pool drains; the job is then untouched. A job must not throw; one that does
    // ends the program (a bug).
    bool try_post(std::function<void()> job);

    std::size_t queued() const;
    // Takes no more jobs, finishes those taken, joins. Idempotent.
    void drain();

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace countersign::async
