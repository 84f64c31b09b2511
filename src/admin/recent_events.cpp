#include "countersign/admin/recent_events.hpp"

namespace countersign::admin {

void RecentEvents::note(const std::string& line) {
    if (line.size() > 4096) return;
    const std::lock_guard lock(mutex_);
    lines_.push_front(line);
    if (lines_.size() > most) lines_.pop_back();
}

std::vector<std::string> RecentEvents::newest() const {
    const std::lock_guard lock(mutex_);
    return {lines_.begin(), lines_.end()};
}

}  // namespace countersign::admin
