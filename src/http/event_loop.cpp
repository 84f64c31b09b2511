#include "event_loop.hpp"

#include <array>
#include <boost/asio/connect_pipe.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/readable_pipe.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/writable_pipe.hpp>
#include <chrono>
#include <exception>
#include <future>
#include <memory>
#include <thread>

namespace countersign::http {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

constexpr std::chrono::milliseconds longest_wait{5000};  // of a healthy loop's thread on a machine with too much to do
// A knock at a loop that does not sleep yet proves nothing: there are several, after longer and longer rests.
constexpr std::array<std::chrono::milliseconds, 4> rests{1ms, 2ms, 4ms, 8ms};

// Whether what `begin` is given was called.
template <class Begin>
bool is_heard(Begin begin) {
    auto heard = std::make_shared<std::promise<void>>();
    auto answer = heard->get_future();
    begin([heard] { heard->set_value(); });
    return answer.wait_for(longest_wait) == std::future_status::ready;
}

bool hears_knocks(asio::io_context& context) {
    for (const auto rest : rests) {
        std::this_thread::sleep_for(rest);
        if (!is_heard([&](auto heard) { asio::post(context, std::move(heard)); })) return false;
    }
    return true;
}

bool hears_timer(asio::io_context& context) {
    asio::steady_timer timer(context, 1ms);
    return is_heard([&](auto heard) {
        timer.async_wait([heard = std::move(heard)](const boost::system::error_code&) { heard(); });
    });
}

// Gets a loop out of its sleep that hears nothing else: what epoll does not take here, Asio tells.
class Alarm {
public:
    explicit Alarm(asio::io_context& context) : ear_(context), mouth_(context) {
        asio::connect_pipe(ear_, mouth_);
        ear_.async_read_some(asio::buffer(*octet_), [octet = octet_](const boost::system::error_code&, std::size_t) {});
    }
    void sound() {
        boost::system::error_code ignored;
        mouth_.write_some(asio::buffer("!", 1), ignored);
    }

private:
    asio::readable_pipe ear_;
    asio::writable_pipe mouth_;
    std::shared_ptr<std::array<char, 1>> octet_ = std::make_shared<std::array<char, 1>>();
};

}  // namespace

Result<void> prove_that_it_wakes(asio::io_context& context) {
    auto work = asio::make_work_guard(context);
    Alarm alarm(context);
    std::thread sleeper([&context] { context.run(); });
    bool woken = false;
    try {
        woken = hears_knocks(context) && hears_timer(context);
    } catch (const std::exception&) {
        // No memory for a knock: as if it had not been heard.
    }
    context.stop();
    alarm.sound();
    sleeper.join();
    work.reset();  // which stops it once more
    context.restart();
    if (!woken)
        return fail::internal(
            "the event loop does not wake: epoll did not take its descriptors, for want of memory or "
            "of watches (/proc/sys/fs/epoll/max_user_watches)");
    return {};
}

}  // namespace countersign::http
