// The newest audit events since the start, for people who watch: in memory, bounded, never a replacement of the audit file.
// Safe on many threads.
#pragma once

#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

namespace countersign::admin {

class RecentEvents {
public:
    static constexpr std::size_t most = 500;

    // One line of JSON, as the audit sinks write it. Longer ones than 4 KiB are not kept.
    void note(const std::string& line);
    // Newest first.
    std::vector<std::string> newest() const;

private:
    mutable std::mutex mutex_;
    std::deque<std::string> lines_;
};

}  // namespace countersign::admin
