#include "countersign/ra/conduct.hpp"

#include "countersign/core/source.hpp"

#include <algorithm>

namespace countersign::ra {
namespace {

constexpr std::size_t most_sources = 100000;      // beyond: those that were quiet the longest are forgotten
constexpr std::chrono::milliseconds price{1000};  // of a failure, in time until it is forgiven
constexpr std::chrono::minutes between_reports{1};

constexpr std::chrono::milliseconds nothing{0};

}  // namespace

Conduct::Conduct(std::size_t credit) : credit_(static_cast<std::int64_t>(credit) * price) {}

void Conduct::forgive(Record& record, Time now) const {
    // A clock that was set back forgives nothing, and one set forward again not twice.
    if (now > record.counted) record.debt = std::max(nothing, record.debt - (now - record.counted));
    record.counted = now;
}

std::chrono::milliseconds Conduct::wait_for(std::string_view client, Time now) {
    if (credit_ <= nothing) return {};
    const std::lock_guard lock(mutex_);
    const auto found = records_.find(source_of(client));
    if (found == records_.end()) return {};
    forgive(found->second, now);
    return std::max(nothing, found->second.debt - (credit_ - price));
}

bool Conduct::failed(std::string_view client, Time now) {
    if (credit_ <= nothing || is_this_machine(client)) return false;
    const auto source = source_of(client);
    const std::lock_guard lock(mutex_);
    auto [place, fresh] = records_.try_emplace(source);
    auto& record = place->second;
    if (fresh) {
        record.place = quiet_first_.insert(quiet_first_.end(), source);
        record.counted = now;
    } else {
        quiet_first_.splice(quiet_first_.end(), quiet_first_, record.place);
    }
    forgive(record, now);
    // What was under way together when the credit ran out does not make the wait longer.
    record.debt = std::min(credit_, record.debt + price);
    while (records_.size() > most_sources) {
        records_.erase(quiet_first_.front());
        quiet_first_.pop_front();
    }
    if (record.debt <= credit_ - price) return false;
    const bool news = record.said == Time{} || now - record.said >= between_reports || now < record.said;
    record.said = now;
    return news;
}

void Conduct::succeeded(std::string_view client, Time now) {
    if (credit_ <= nothing) return;
    const std::lock_guard lock(mutex_);
    const auto found = records_.find(source_of(client));
    if (found == records_.end()) return;
    forgive(found->second, now);
    found->second.debt = std::max(nothing, found->second.debt - price);
}

std::size_t Conduct::sources() const {
    const std::lock_guard lock(mutex_);
    return records_.size();
}

}  // namespace countersign::ra
