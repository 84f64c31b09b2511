#include "audit_seal.hpp"

#include <spdlog/spdlog.h>

namespace countersign::app {

Result<AuditSeal> AuditSeal::make(const config::AuditSettings& settings, keys::KeySource& keys,
                                  audit::JsonLinesSink* file, const Clock& clock) {
    std::shared_ptr<keys::Key> key;
    if (file != nullptr && !settings.key.empty()) {
        auto opened = keys.open(settings.key);
        if (!opened) return within("[audit] key", opened.error());
        key = *std::move(opened);
    }
    return AuditSeal(file, std::move(key), std::chrono::minutes(settings.checkpoint_minutes), clock);
}

void AuditSeal::seal() {
    if (!key_) return;
    next_ = clock_->now() + interval_;
    const auto sealed = file_->checkpoint(*key_);
    if (!sealed) {
        spdlog::error("the audit file could not be sealed: {}", sealed.error().detail);
    } else if (*sealed) {
        spdlog::info("audit checkpoint {}", (*sealed)->text());
    }
}

void AuditSeal::seal_if_due() {
    const Time now = clock_->now();
    // A clock that was set back must not put it off.
    if (now >= next_ || next_ - now > interval_) seal();
}

}  // namespace countersign::app
