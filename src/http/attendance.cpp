#include "attendance.hpp"

#include <algorithm>

namespace countersign::http {

std::unique_ptr<Attendance::Seat> Attendance::enter(std::optional<Address> source) {
    const std::lock_guard lock(mutex_);
    if (count_ >= total_limit_) return nullptr;
    if (source) {
        auto& mine = by_source_[*source];
        if (mine >= source_limit_) {
            if (mine == 0) by_source_.erase(*source);
            return nullptr;
        }
        ++mine;
    }
    ++count_;
    return std::make_unique<Seat>(*this, source);
}

void Attendance::leave(const std::optional<Address>& source) {
    {
        const std::lock_guard lock(mutex_);
        --count_;
        if (source) {
            const auto mine = by_source_.find(*source);
            if (--mine->second == 0) by_source_.erase(mine);
        }
    }
    changed_.notify_all();
}

void Attendance::add(const std::shared_ptr<Session>& session) {
    const std::lock_guard lock(mutex_);
    // Those gone are forgotten whenever the set has doubled, which costs a constant per connection.
    if (sessions_.size() >= prune_at_) {
        std::erase_if(sessions_, [](const auto& past) { return past.expired(); });
        prune_at_ = std::max<std::size_t>(64, 2 * sessions_.size());
    }
    sessions_.insert(session);
}

std::vector<std::shared_ptr<Session>> Attendance::present() {
    std::vector<std::shared_ptr<Session>> result;
    const std::lock_guard lock(mutex_);
    for (const auto& session : sessions_) {
        if (auto alive = session.lock()) result.push_back(std::move(alive));
    }
    return result;
}

std::size_t Attendance::count() const {
    const std::lock_guard lock(mutex_);
    return count_;
}

bool Attendance::wait_until_empty(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [this] { return count_ == 0; });
}

}  // namespace countersign::http
