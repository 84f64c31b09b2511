// Holds of one process. Private to the store.
#pragma once

#include "countersign/store/holds.hpp"

#include <mutex>
#include <set>

namespace countersign::store {

class LocalHolds final : public Holds {
public:
    Result<std::unique_ptr<Hold>> take(const std::string& attempt_id) override;

private:
    class Held;
    std::mutex mutex_;
    std::set<std::string> held_;
};

}  // namespace countersign::store
