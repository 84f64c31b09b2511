// What is on its way to CAs that are somewhere else, and what came of it, whoever waits and whichever configuration was
// loaded meanwhile.
//
// One per process: it owns the threads that talk to CAs, so a reload loses nothing. Every method is safe on many
// threads. Outcomes are remembered until the caller forgets them, at most `remembered` of them, the oldest going first;
// the store knows what to do about one that is gone.
#pragma once

#include "countersign/ca/backend.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace countersign::ca {

class Submissions {
public:
    using Work = std::function<Result<Outcome>()>;
    struct Lane {
        std::string ca;
        std::size_t at_once = 8;  // of the first caller of this CA; changes with a restart only
        std::size_t queue = 1000;
    };
    enum class Stage { unknown, on_its_way, done };
    struct Finding {
        Stage stage = Stage::unknown;
        std::optional<Result<Outcome>> result{};  // when done
    };

    // `waiters`: callers that may wait at a time, for all CAs together; the others are answered at once.
    explicit Submissions(std::size_t waiters);
    ~Submissions();  // as drain()

    // Has `work` done on a thread of the lane. While work under this key is on its way, that is the work. False: the
    // lane is full or we drain; the work is not done.
    bool begin(const Lane& lane, const std::string& key, Work work);
    Finding find(const std::string& ca, const std::string& key) const;
    // The same after waiting for it to be done, at most so long; not at all when too many wait already.
    Finding wait(const std::string& ca, const std::string& key, std::chrono::milliseconds patience);
    void forget(const std::string& ca, const std::string& key);

    std::size_t queued(const std::string& ca) const;
    bool full(const Lane& lane) const;
    // Finishes what a CA is being asked, refuses what waits for a thread (unavailable), and begins nothing more.
    void drain();

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace countersign::ca
