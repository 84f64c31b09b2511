// What all connections of a server share. Safe on many threads.
#pragma once

#include "attendance.hpp"
#include "countersign/http/server.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <utility>

namespace countersign::http {

struct Site {
    Site(Limits the_limits, AccessLog log, async::WorkerPool& workers, std::shared_ptr<const Router> the_router)
        : limits(the_limits),
          access_log(std::move(log)),
          pool(workers),
          attendance(the_limits.connections, the_limits.connections_per_client),
          router_(std::move(the_router)) {}

    const Limits limits;
    const AccessLog access_log;
    async::WorkerPool& pool;
    Attendance attendance;
    std::atomic<bool> draining{false};
    std::atomic<std::size_t> body_octets{0};  // held by all connections together

    std::shared_ptr<const Router> router() const {
        const std::lock_guard lock(mutex_);
        return router_;
    }
    void swap_router(std::shared_ptr<const Router> router) {
        const std::lock_guard lock(mutex_);
        router_.swap(router);
    }

private:
    mutable std::mutex mutex_;
    std::shared_ptr<const Router> router_;
};

// What a listener says of every connection it accepts. Immutable.
struct ListenerTraits {
    std::string address;  // as configured
    std::vector<std::string> serves;
    std::vector<Block> trusted_proxies;
    bool tls = false;
};

struct Peer {
    std::optional<Address> address;  // nullopt: a Unix socket
    std::string text;                // "192.0.2.1" or "unix"
    bool trusted = false;
    bool loopback_or_proxy = false;
};

// One connection's share of Limits::all_bodies_octets.
class BodyLease {
public:
    explicit BodyLease(Site& site) : site_(site) {}
    BodyLease(const BodyLease&) = delete;
    BodyLease& operator=(const BodyLease&) = delete;
    ~BodyLease() { release(); }

    // False: all bodies together would be over the limit.
    bool extend_to(std::size_t octets) {
        if (octets <= held_) return true;
        const auto more = octets - held_;
        held_ = octets;
        return site_.body_octets.fetch_add(more) + more <= site_.limits.all_bodies_octets;
    }
    void release() { site_.body_octets -= std::exchange(held_, 0); }

private:
    Site& site_;
    std::size_t held_ = 0;
};

}  // namespace countersign::http
