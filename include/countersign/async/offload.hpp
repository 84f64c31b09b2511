// Awaiting a blocking job from a coroutine.
//
// A deadline abandons the job rather than waiting for it: the job goes on to its end on the pool with what it owns, and its
// result is dropped. Known trap of g++ 12: a capturing lambda temporary inside a co_await expression is
// destroyed twice, so the job must be a named object; rvalues do not compile.
#pragma once

#include "countersign/async/worker_pool.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <type_traits>

namespace countersign::async {

enum class OffloadFailure { queue_full, deadline_passed };

// The job's value, or why there is none.
template <class T>
struct Offloaded {
    std::optional<T> value;
    OffloadFailure failure = OffloadFailure::queue_full;
};

// Runs a copy of `job` (copyable, returns a movable value, owns all it touches, does not throw) on the pool and resumes on the
// coroutine's executor, which must not run two handlers at once (a strand, or one thread). deadline_passed also when the
// coroutine was cancelled. `failure` means nothing when there is a value.
template <class Job>
auto offload(WorkerPool& pool, Job& job, std::chrono::milliseconds deadline)
    -> boost::asio::awaitable<Offloaded<std::invoke_result_t<Job&>>>;
template <class Job>
auto offload(WorkerPool& pool, Job&& job, std::chrono::milliseconds deadline)
    -> std::enable_if_t<!std::is_lvalue_reference_v<Job>, boost::asio::awaitable<Offloaded<std::invoke_result_t<Job&>>>> = delete;

}  // namespace countersign::async

#include "countersign/async/impl/offload.hpp"
