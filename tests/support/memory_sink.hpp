// An audit sink in memory, with a switch that makes it be away. Safe on many threads.
#pragma once

#include "countersign/audit/event.hpp"

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

namespace countersign::test {

class MemoryEvents final : public audit::Sink {
public:
    std::atomic<bool> away{false};

    Result<void> record(const audit::Event& event) override {
        if (away) return fail::unavailable("the audit is away");
        const std::lock_guard lock(mutex_);
        events_.push_back(event);
        return boost::system::in_place_value;
    }
    std::vector<audit::Event> events() const {
        const std::lock_guard lock(mutex_);
        return events_;
    }
    std::vector<std::string> ids() const {
        std::vector<std::string> result;
        for (const auto& event : events()) result.emplace_back(event.id);
        return result;
    }
    // A text field of the newest event; empty when it has none of that name.
    std::string last(std::string_view field) const {
        const auto all = events();
        if (all.empty()) return {};
        for (const auto& [key, value] : all.back().fields) {
            if (key == field && std::holds_alternative<std::string>(value)) return std::get<std::string>(value);
        }
        return {};
    }

private:
    mutable std::mutex mutex_;
    std::vector<audit::Event> events_;
};

}  // namespace countersign::test
