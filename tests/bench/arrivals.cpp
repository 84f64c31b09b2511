#include "arrivals.hpp"

#include "many_sockets.hpp"

#include <sys/socket.h>
#include <algorithm>
#include <cerrno>
#include <cmath>
#include <deque>

namespace countersign::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t sources = 2000;

struct Visit {
    std::size_t request = 0;
    Clock::time_point due;
    Socket socket;
    std::size_t sent = 0;
    std::string received;
};

class Arrivals {
public:
    Arrivals(const test::Endpoint& endpoint, const std::vector<std::string>& requests, const ArrivalOptions& options)
        : endpoint_(endpoint), requests_(requests), options_(options) {
        for (std::size_t i = 0; i < requests.size(); ++i) waiting_.push_back(i);
    }
    ArrivalResult run();

private:
    void begin(Clock::time_point due);
    void go_on(std::size_t number);
    void finish(Visit& visit);

    const test::Endpoint& endpoint_;
    const std::vector<std::string>& requests_;
    const ArrivalOptions& options_;
    std::deque<std::size_t> waiting_;
    std::vector<Visit> visits_;
    std::vector<std::size_t> free_;
    std::size_t under_way_ = 0;
    Clock::time_point start_;
    Readiness readiness_;
    ArrivalResult result_;
};

void Arrivals::begin(Clock::time_point due) {
    if (waiting_.empty()) return;
    auto socket = begin_connection(endpoint_, result_.arrived % sources);
    ++result_.arrived;
    if (!socket.open()) {
        ++result_.not_begun;
        return;
    }
    if (free_.empty()) {
        free_.push_back(visits_.size());
        visits_.emplace_back();
    }
    const auto number = free_.back();
    free_.pop_back();
    readiness_.watch(socket.get(), EPOLLOUT | EPOLLIN | EPOLLRDHUP, number);
    visits_[number] = {waiting_.front(), due, std::move(socket), 0, {}};
    waiting_.pop_front();
    ++under_way_;
}

void Arrivals::go_on(std::size_t number) {
    auto& visit = visits_[number];
    if (!visit.socket.open()) return;
    const auto& request = requests_[visit.request];
    if (visit.sent < request.size()) {
        const auto sent =
            ::send(visit.socket.get(), request.data() + visit.sent, request.size() - visit.sent, MSG_NOSIGNAL);
        if (sent > 0) visit.sent += static_cast<std::size_t>(sent);
        if (visit.sent == request.size()) readiness_.change(visit.socket.get(), EPOLLIN | EPOLLRDHUP, number);
    }
    char buffer[16384];
    ssize_t count = 0;
    while ((count = ::recv(visit.socket.get(), buffer, sizeof buffer, 0)) > 0)
        visit.received.append(buffer, static_cast<std::size_t>(count));
    if (count < 0 && (errno == EAGAIN || errno == EINPROGRESS)) return;
    finish(visit);
    visit.socket.close();
    --under_way_;
    free_.push_back(number);
}

void Arrivals::finish(Visit& visit) {
    const auto end = visit.received.find("\r\n\r\n");
    const auto head = visit.received.substr(0, end == std::string::npos ? 0 : end);
    if (head.starts_with("HTTP/1.1 200 ")) {
        if (Clock::now() < start_ + options_.for_time) ++result_.in_time;
        result_.seconds.push_back(std::chrono::duration<double>(Clock::now() - visit.due).count());
        result_.answers.emplace_back(visit.request, visit.received.substr(end + 4));
        return;
    }
    if (head.starts_with("HTTP/1.1 503 ") && head.find("Retry-After: ") != std::string::npos)
        ++result_.busy;
    else
        ++result_.unclean;
    if (options_.again_when_busy) waiting_.push_back(visit.request);
}

ArrivalResult Arrivals::run() {
    start_ = Clock::now();
    const auto last = start_ + options_.for_time;
    const std::chrono::duration<double> apart(1 / options_.per_second);
    for (std::size_t i = 0; Clock::now() < last + options_.patience;) {
        const auto now = Clock::now();
        while (now < last) {
            const auto due = start_ + std::chrono::duration_cast<Clock::duration>(apart * static_cast<double>(i));
            if (due > now) break;
            begin(due);
            ++i;
        }
        if (under_way_ == 0 && (now >= last || waiting_.empty())) break;
        for (const auto& event : readiness_.wait(1)) go_on(static_cast<std::size_t>(event.data.u64));
    }
    result_.unclean += under_way_;
    std::ranges::sort(result_.seconds);
    return std::move(result_);
}

}  // namespace

double ArrivalResult::percentile(double part) const {
    if (seconds.empty()) return std::nan("");
    const auto place = static_cast<std::size_t>(part * static_cast<double>(seconds.size()));
    return seconds[std::min(place, seconds.size() - 1)];
}

ArrivalResult arrive(const test::Endpoint& endpoint, const std::vector<std::string>& requests,
                     const ArrivalOptions& options) {
    return Arrivals(endpoint, requests, options).run();
}

}  // namespace countersign::bench
