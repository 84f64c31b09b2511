// One connection: read a head, read its body, answer, write, again. Everything on the connection's strand.
//
// A session belongs to its coroutine and to the timer that watches it. Deadlines: one timer per connection, moved only
// when the next deadline is earlier than what it waits for, so that a request on a busy connection costs none. Each
// connection has up to a quarter more time than the next, so that a crowd that came at once does not end at once, with
// everybody else's requests in the queue behind it.
#pragma once

#include "chunked.hpp"
#include "inbox.hpp"
#include "site.hpp"
#include "transport.hpp"
#include "wire.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>

namespace countersign::http {

class Session : public std::enable_shared_from_this<Session> {
public:
    using Executor = boost::asio::any_io_executor;

    Session(std::shared_ptr<Site> site, std::shared_ptr<const ListenerTraits> listener, Peer peer,
            std::unique_ptr<Transport> transport, std::unique_ptr<Attendance::Seat> seat, Executor strand);

    // Starts the conversation on the strand.
    void start();
    // From any thread: closes at once when no request has begun; otherwise the request in flight is the last.
    void leave_when_idle();
    // From any thread: closes at once, whatever is going on.
    void leave_now();

private:
    enum class Arrival { complete, ended, refused };
    enum class Next { another, close_politely, drop };
    using TimePoint = std::chrono::steady_clock::time_point;
    template <class T>
    using Awaitable = boost::asio::awaitable<T>;

    static Awaitable<void> run(std::shared_ptr<Session> self);
    Awaitable<void> converse();
    Awaitable<Next> serve_one();
    Awaitable<Arrival> receive_head();
    Awaitable<Arrival> receive_body();
    Awaitable<Arrival> receive_counted(std::uint64_t length);
    Awaitable<Arrival> receive_chunked();
    Awaitable<bool> invite_body();
    Awaitable<bool> receive_more();
    Awaitable<Response> answer();
    Awaitable<void> hold_back(TimePoint asked, std::chrono::milliseconds quantum);
    Awaitable<bool> write(const Response& response, bool close);

    Arrival take_head(std::size_t length);
    void name_client(Request& request) const;
    bool may_stay() const;
    bool hold_body();
    Arrival refuse(int status, std::string_view why);
    Arrival refuse_body_size(std::string_view size);
    void log(int status, std::size_t octets, TimePoint since) const;

    void expect_within(std::chrono::milliseconds patience);
    void expect_nothing() { deadline_ = TimePoint::max(); }
    void watch(TimePoint until);
    void look_at_clock();

    std::shared_ptr<Site> site_;
    std::shared_ptr<const ListenerTraits> listener_;
    Peer peer_;
    std::shared_ptr<net::Connection> connection_;
    std::unique_ptr<Transport> transport_;
    std::unique_ptr<Attendance::Seat> seat_;
    std::int64_t stagger_;  // 4096ths of every patience that this connection has more
    Executor strand_;
    boost::asio::steady_timer timer_;
    boost::asio::cancellation_signal cancel_;
    TimePoint deadline_ = TimePoint::max();
    TimePoint watching_until_ = TimePoint::max();
    bool idle_ = false;
    bool finished_ = false;
    bool timed_out_ = false;
    bool aborted_ = false;  // what a read still brings is not begun: its answer could not be written

    Inbox inbox_;
    BodyLease lease_;
    std::size_t requests_ = 0;
    RequestHead head_;
    std::shared_ptr<Request> request_;  // shared with the job that answers it
    Response refusal_;
    std::string outgoing_;
};

}  // namespace countersign::http
