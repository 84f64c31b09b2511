// Who is connected: the caps in total and per source, and the count that drain waits for. Safe on many threads.
#pragma once

#include "address.hpp"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

namespace countersign::http {

class Session;

class Attendance {
public:
    // One connection's place; gives it back when it goes.
    class Seat {
    public:
        Seat(Attendance& attendance, std::optional<Address> source) : attendance_(attendance), source_(source) {}
        Seat(const Seat&) = delete;
        Seat& operator=(const Seat&) = delete;
        ~Seat() { attendance_.leave(source_); }

    private:
        Attendance& attendance_;
        std::optional<Address> source_;
    };

    Attendance(std::size_t total_limit, std::size_t source_limit)
        : total_limit_(total_limit), source_limit_(source_limit) {}

    // Null: full. Without a source (trusted proxies, Unix sockets) only the total counts.
    std::unique_ptr<Seat> enter(std::optional<Address> source);
    void add(const std::shared_ptr<Session>& session);
    std::vector<std::shared_ptr<Session>> present();
    std::size_t count() const;
    // False: some are still there after `patience`.
    bool wait_until_empty(std::chrono::milliseconds patience);

private:
    void leave(const std::optional<Address>& source);

    std::size_t total_limit_;
    std::size_t source_limit_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::size_t count_ = 0;
    std::map<Address, std::size_t> by_source_;
    std::set<std::weak_ptr<Session>, std::owner_less<>> sessions_;
    std::size_t prune_at_ = 64;
};

}  // namespace countersign::http
