// How offload() works; included by async/offload.hpp alone.
//
// The Mailbox lives on the coroutine's executor and is touched there only. The Bell is what the worker holds: it can be
// silenced, after which the worker never touches the executor again, so a job may outlive the io_context that asked for
// it. The value stays with the Bell until it is taken out, so that nothing is lost when there is no memory to say that
// it is there.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <utility>

namespace countersign::async {
namespace detail {

template <class Value>
struct Mailbox {
    explicit Mailbox(const boost::asio::any_io_executor& executor) : timer(executor) {}
    boost::asio::steady_timer timer;
    std::optional<Value> value;
};

template <class Value>
class Bell : public std::enable_shared_from_this<Bell<Value>> {
public:
    explicit Bell(std::shared_ptr<Mailbox<Value>> mailbox) : mailbox_(std::move(mailbox)) {}

    // On a worker. Without memory, tried a few times, the coroutine waits for its deadline.
    void ring(Value value) {
        const std::lock_guard lock(mutex_);
        if (!mailbox_) return;
        value_ = std::move(value);
        const auto executor = mailbox_->timer.get_executor();
        for (int tries = 0; tries < 3; ++tries) {
            try {
                return boost::asio::post(executor, [self = this->shared_from_this()] { self->deliver(); });
            } catch (const std::bad_alloc&) {
                continue;
            }
        }
    }
    void silence() {
        const std::lock_guard lock(mutex_);
        mailbox_ = nullptr;
    }

private:
    // On the executor.
    void deliver() {
        const std::lock_guard lock(mutex_);
        if (!mailbox_) return;
        mailbox_->value = std::move(value_);
        mailbox_->timer.cancel();
        mailbox_ = nullptr;
    }

    std::mutex mutex_;
    std::shared_ptr<Mailbox<Value>> mailbox_;
    std::optional<Value> value_;
};

// Also runs when the coroutine is destroyed while it waits.
template <class Value>
struct SilenceOnExit {
    std::shared_ptr<Bell<Value>> bell;
    explicit SilenceOnExit(std::shared_ptr<Bell<Value>> to_silence) : bell(std::move(to_silence)) {}
    SilenceOnExit(const SilenceOnExit&) = delete;
    SilenceOnExit& operator=(const SilenceOnExit&) = delete;
    ~SilenceOnExit() { bell->silence(); }
};

}  // namespace detail

template <class Job>
auto offload(WorkerPool& pool, Job& job, std::chrono::milliseconds deadline)
    -> boost::asio::awaitable<Offloaded<std::invoke_result_t<Job&>>> {
    using Value = std::invoke_result_t<Job&>;
    const auto executor = co_await boost::asio::this_coro::executor;
    auto mailbox = std::make_shared<detail::Mailbox<Value>>(executor);
    auto bell = std::make_shared<detail::Bell<Value>>(mailbox);
    const detail::SilenceOnExit<Value> guard(bell);
    mailbox->timer.expires_after(deadline);

    std::function<void()> task = [bell, copy = job]() mutable { bell->ring(copy()); };
    Offloaded<Value> outcome;
    if (!pool.try_post(std::move(task))) co_return outcome;

    // Expired, rung, or the coroutine was cancelled: the mailbox alone says which.
    co_await mailbox->timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    outcome.value = std::move(mailbox->value);
    outcome.failure = OffloadFailure::deadline_passed;
    co_return outcome;
}

}  // namespace countersign::async
