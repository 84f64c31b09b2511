#include "countersign/ra/conduct.hpp"

#include "countersign/core/source.hpp"

#include <algorithm>
#include <iterator>

namespace countersign::ra {
namespace {

constexpr std::size_t most_sources = 100000;      // beyond: those that were quiet the longest are forgotten
constexpr std::chrono::milliseconds price{1000};  // of a failure, in time until it is forgiven
constexpr std::chrono::minutes between_reports{1};

constexpr std::chrono::milliseconds nothing{0};

}  // namespace

Conduct::Conduct(std::size_t credit) : credit_(static_cast<std::int64_t>(credit) * price) {}

Conduct::Record& Conduct::record_of(const std::string& source, Time now) {
    if (const auto found = records_.find(source); found != records_.end()) {
        quiet_first_.splice(quiet_first_.end(), quiet_first_, found->second.place);
        return found->second;
    }
    // First what may fail for want of memory and is easily undone.
    std::list<std::string> one{source};
    auto& record = records_[source];
    quiet_first_.splice(quiet_first_.end(), one);
    record.place = std::prev(quiet_first_.end());
    record.counted = now;
    return record;
}

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
    auto& record = record_of(source, now);
    forgive(record, now);
    // What was under way together when the credit ran out counts, or many at once would cost no more than one; but not
    // without end.
    record.debt = std::min(2 * credit_, record.debt + price);
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
