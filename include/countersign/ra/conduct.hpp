// How the sources of messages behave, so that one that keeps failing costs little and learns little.
//
// Each source has a number of failures to its credit. A failed message takes one, a certificate gives one back, and so
// does each second. A source without credit is to be asked to wait before anything expensive is done for it, and whoever
// shares its address waits with it, unless as many succeed there as fail. The machine itself is never asked to wait: a
// proxy on it that was not declared trusted stands for everybody. Safe on many threads; bounded memory.
#pragma once

#include "countersign/core/clock.hpp"

#include <chrono>
#include <cstddef>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace countersign::ra {

class Conduct {
public:
    // `credit`: failures a source may have at once; 0: nobody is ever asked to wait.
    explicit Conduct(std::size_t credit);

    // How long `client` is to wait before its next message is looked at; zero: not at all.
    std::chrono::milliseconds wait_for(std::string_view client, Time now);
    // True: with this failure it has used up its credit, which it had not in the minute before.
    bool failed(std::string_view client, Time now);
    void succeeded(std::string_view client, Time now);

    std::size_t sources() const;

private:
    struct Record {
        std::chrono::milliseconds debt{};
        Time counted{};
        Time said{};  // when it was last reported to be without credit
        std::list<std::string>::iterator place{};
    };

    Record& record_of(const std::string& source, Time now);
    void forgive(Record& record, Time now) const;

    const std::chrono::milliseconds credit_;
    mutable std::mutex mutex_;
    std::unordered_map<std::string, Record> records_;
    std::list<std::string> quiet_first_;
};

}  // namespace countersign::ra
