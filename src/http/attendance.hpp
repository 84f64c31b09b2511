// Who is connected: the caps in total and per source, who has to make room, and the count that drain waits for. Safe on
// many threads.
//
// When the house is full, the connection that has kept us waiting for its octets longest makes room for the newcomer,
// as long as there is one: ten thousand slow connections must not keep a client out that asks at once. Connections
// whose request is being answered keep their place, and no source gets more than its share that way.
#pragma once

#include "address.hpp"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <list>
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
    // One connection's place; gives it back when it goes, unless another has it already.
    class Seat {
    public:
        Seat(Attendance& attendance, std::optional<Address> source)
            : attendance_(attendance), source_(std::move(source)) {}
        Seat(const Seat&) = delete;
        Seat& operator=(const Seat&) = delete;
        ~Seat() { attendance_.leave(*this); }

        // The first connection's is 1.
        std::uint64_t number() const { return number_; }
        // From now on `session` waits for its client, to send or to read.
        void waits(std::weak_ptr<Session> session) { attendance_.start_waiting(*this, std::move(session)); }
        // From now on the client waits for us.
        void is_served() { attendance_.stop_waiting(*this); }

    private:
        friend class Attendance;
        struct Waiter {
            Seat* seat;
            std::weak_ptr<Session> session;
        };

        Attendance& attendance_;
        std::optional<Address> source_;
        std::uint64_t number_ = 0;
        std::optional<std::list<Waiter>::iterator> waiting_;
        bool taken_ = false;
    };

    // Who got a place, and who has to leave for it.
    struct Admission {
        std::unique_ptr<Seat> seat;           // null: full
        std::shared_ptr<Session> to_dismiss;  // null: nobody
    };

    Attendance(std::size_t total_limit, std::size_t source_limit)
        : total_limit_(total_limit), source_limit_(source_limit) {}

    // Without a source (trusted proxies, Unix sockets) only the total counts.
    Admission enter(std::optional<Address> source);
    void add(const std::shared_ptr<Session>& session);
    std::vector<std::shared_ptr<Session>> present();
    std::size_t count() const;
    // False: some are still there after `patience`.
    bool wait_until_empty(std::chrono::milliseconds patience);

private:
    void leave(Seat& seat);
    void start_waiting(Seat& seat, std::weak_ptr<Session> session);
    void stop_waiting(Seat& seat);
    void forget_waiting(Seat& seat);
    void free_place_of(Seat& seat);
    void forget_one_of(const std::optional<Address>& source);
    std::shared_ptr<Session> take_longest_waiting();

    std::size_t total_limit_;
    std::size_t source_limit_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::size_t count_ = 0;
    std::uint64_t admitted_ = 0;
    std::map<Address, std::size_t> by_source_;
    std::list<Seat::Waiter> waiting_;  // longest first
    std::set<std::weak_ptr<Session>, std::owner_less<>> sessions_;
    std::size_t prune_at_ = 64;
};

}  // namespace countersign::http
