// Seals the audit file now and then: a checkpoint signed with the audit key, told to the operations log too, so that
// another machine that collects the log remembers how far the file went. One thread at a time.
#pragma once

#include "countersign/audit/sinks.hpp"
#include "countersign/config/settings.hpp"
#include "countersign/keys/key.hpp"

namespace countersign::app {

class AuditSeal {
public:
    // `file` outlives it; null, or no key in the settings: nothing is ever sealed.
    static Result<AuditSeal> make(const config::AuditSettings& settings, keys::KeySource& keys,
                                  audit::JsonLinesSink* file, const Clock& clock);

    // What was recorded since the last one. Failures are logged; the next call tries again.
    void seal();
    // The same once the interval is over.
    void seal_if_due();

private:
    AuditSeal(audit::JsonLinesSink* file, std::shared_ptr<keys::Key> key, std::chrono::minutes interval,
              const Clock& clock)
        : file_(file), key_(std::move(key)), interval_(interval), clock_(&clock) {}

    audit::JsonLinesSink* file_;
    std::shared_ptr<keys::Key> key_;  // null: nothing is sealed
    std::chrono::minutes interval_;
    const Clock* clock_;
    Time next_{};
};

}  // namespace countersign::app
