#include "attendance.hpp"

#include <algorithm>

namespace countersign::http {

Attendance::Admission Attendance::enter(std::optional<Address> source) {
    // What memory may be wanting for comes first, before anything is counted or anybody has to leave; and it goes,
    // where it is not given out, after the lock.
    Admission admission{std::make_unique<Seat>(*this, source), nullptr};
    admission.seat->taken_ = true;
    const std::lock_guard lock(mutex_);
    if (source) {
        auto& mine = by_source_[*source];
        if (mine >= source_limit_) return {};
        ++mine;
    }
    if (count_ >= total_limit_) {
        admission.to_dismiss = take_longest_waiting();
        if (!admission.to_dismiss) {
            forget_one_of(source);
            return {};
        }
    }
    ++count_;
    admission.seat->number_ = ++admitted_;
    admission.seat->taken_ = false;
    return admission;
}

// Its place is free at once; that the session notices may take a moment.
std::shared_ptr<Session> Attendance::take_longest_waiting() {
    while (!waiting_.empty()) {
        const auto longest = waiting_.front();
        auto session = longest.session.lock();
        forget_waiting(*longest.seat);
        if (!session) continue;
        free_place_of(*longest.seat);
        return session;
    }
    return nullptr;
}

void Attendance::free_place_of(Seat& seat) {
    seat.taken_ = true;
    --count_;
    forget_one_of(seat.source_);
}

void Attendance::forget_one_of(const std::optional<Address>& source) {
    if (!source) return;
    const auto mine = by_source_.find(*source);
    if (--mine->second == 0) by_source_.erase(mine);
}

void Attendance::forget_waiting(Seat& seat) {
    if (seat.waiting_) waiting_.erase(*seat.waiting_);
    seat.waiting_.reset();
}

void Attendance::start_waiting(Seat& seat, std::weak_ptr<Session> session) {
    const std::lock_guard lock(mutex_);
    if (seat.taken_) return;
    forget_waiting(seat);
    seat.waiting_ = waiting_.insert(waiting_.end(), Seat::Waiter{&seat, std::move(session)});
}

void Attendance::stop_waiting(Seat& seat) {
    const std::lock_guard lock(mutex_);
    forget_waiting(seat);
}

void Attendance::leave(Seat& seat) {
    {
        const std::lock_guard lock(mutex_);
        forget_waiting(seat);
        if (!seat.taken_) free_place_of(seat);
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
