// How fast somebody who guesses passwords is allowed to go.
//
// Failures are counted by source and account together, by source and by account. After a few, each further failure doubles
// the wait, up to a bound that still lets the rightful owner in: nobody is ever locked out for good. What many places do
// to an account slows those places down, not its owner, who has not failed. Safe on many threads; bounded memory.
#pragma once

#include "countersign/core/clock.hpp"

#include <chrono>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace countersign::admin {

struct ThrottleLimits {
    struct Limit {
        int free;                          // failures that cost nothing
        std::chrono::milliseconds longest;  // bound of the wait
    };
    Limit source_and_account{5, std::chrono::seconds{60}};
    Limit source{30, std::chrono::seconds{60}};
    Limit account{100, std::chrono::seconds{5}};  // for sources that failed at it themselves
    std::chrono::minutes forget_after{30};  // without a failure
    std::size_t entries = 100000;           // beyond: the entries that were quiet the longest go
};

class Throttle {
public:
    explicit Throttle(ThrottleLimits limits) : limits_(limits) {}

    // An empty account means that nobody knows yet whom the credentials claim to be: only the source counts then.

    // How long `source` must wait before it may try `account` again; zero: it may now.
    std::chrono::milliseconds wait_for(std::string_view source, std::string_view account, Time now);
    void failed(std::string_view source, std::string_view account, Time now);
    // Forgives the pair, not the source or the account: who knows one password may still be guessing others.
    void succeeded(std::string_view source, std::string_view account);

    std::size_t entries() const;

private:
    struct Entry {
        int failures = 0;
        Time last{};
        Time blocked_until{};
        std::list<std::string>::iterator place{};
    };
    struct Keys;

    std::chrono::milliseconds wait_of(const std::string& key, Time now);
    void count(const std::string& key, const ThrottleLimits::Limit& limit, Time now);

    const ThrottleLimits limits_;
    mutable std::mutex mutex_;
    std::unordered_map<std::string, Entry> entries_;
    std::list<std::string> quiet_first_;
};

}  // namespace countersign::admin
