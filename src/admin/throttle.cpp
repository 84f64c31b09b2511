#include "countersign/admin/throttle.hpp"

#include "countersign/core/text.hpp"

#include <algorithm>

namespace countersign::admin {
namespace {

constexpr std::chrono::milliseconds first_wait{1000};

std::chrono::milliseconds wait_after(int failures, const ThrottleLimits::Limit& limit) {
    const int beyond = failures - limit.free;
    if (beyond < 0) return std::chrono::milliseconds{0};
    const int doublings = std::min(beyond, 16);
    return std::min(limit.longest, first_wait * (1 << doublings));
}

}  // namespace

struct Throttle::Keys {
    Keys(std::string_view source, std::string_view account)
        : of_source("s " + std::string(source)),
          of_account("a " + to_lower(account.substr(0, 256))),
          of_both(of_source + " " + of_account) {}
    std::string of_source;
    std::string of_account;
    std::string of_both;
};

std::chrono::milliseconds Throttle::wait_for(std::string_view source, std::string_view account, Time now) {
    const Keys keys(source, account);
    const std::lock_guard lock(mutex_);
    if (account.empty()) return wait_of(keys.of_source, now);
    const auto own = std::max(wait_of(keys.of_source, now), wait_of(keys.of_both, now));
    // Who has never failed here does not wait for the failures of others: else a few strangers could keep an account's
    // owner out, each failing as often as he may.
    return entries_.contains(keys.of_both) ? std::max(own, wait_of(keys.of_account, now)) : own;
}

void Throttle::failed(std::string_view source, std::string_view account, Time now) {
    const Keys keys(source, account);
    const std::lock_guard lock(mutex_);
    count(keys.of_source, limits_.source, now);
    if (account.empty()) return;
    count(keys.of_both, limits_.source_and_account, now);
    count(keys.of_account, limits_.account, now);
}

void Throttle::succeeded(std::string_view source, std::string_view account) {
    const Keys keys(source, account);
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(keys.of_both);
    if (found == entries_.end()) return;
    quiet_first_.erase(found->second.place);
    entries_.erase(found);
}

std::size_t Throttle::entries() const {
    const std::lock_guard lock(mutex_);
    return entries_.size();
}

std::chrono::milliseconds Throttle::wait_of(const std::string& key, Time now) {
    const auto found = entries_.find(key);
    if (found == entries_.end()) return {};
    const auto& entry = found->second;
    // A clock that was set back must not lock anybody out.
    if (entry.blocked_until <= now || now < entry.last) return {};
    return entry.blocked_until - now;
}

void Throttle::count(const std::string& key, const ThrottleLimits::Limit& limit, Time now) {
    auto [place, fresh] = entries_.try_emplace(key);
    auto& entry = place->second;
    if (fresh) {
        entry.place = quiet_first_.insert(quiet_first_.end(), key);
    } else {
        quiet_first_.splice(quiet_first_.end(), quiet_first_, entry.place);
        if (now - entry.last > limits_.forget_after) entry.failures = 0;
    }
    ++entry.failures;
    entry.last = now;
    entry.blocked_until = now + wait_after(entry.failures, limit);
    while (entries_.size() > limits_.entries) {
        entries_.erase(quiet_first_.front());
        quiet_first_.pop_front();
    }
}

}  // namespace countersign::admin
