#include "local_holds.hpp"

namespace countersign::store {

class LocalHolds::Held final : public Hold {
public:
    Held(LocalHolds& holds, std::string attempt_id) : holds_(holds), attempt_id_(std::move(attempt_id)) {}
    ~Held() override {
        const std::lock_guard lock(holds_.mutex_);
        holds_.held_.erase(attempt_id_);
    }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;

private:
    LocalHolds& holds_;
    std::string attempt_id_;
};

Result<std::unique_ptr<Holds::Hold>> LocalHolds::take(const std::string& attempt_id) {
    {
        const std::lock_guard lock(mutex_);
        if (!held_.insert(attempt_id).second) return std::unique_ptr<Hold>();
    }
    return std::unique_ptr<Hold>(std::make_unique<Held>(*this, attempt_id));
}

}  // namespace countersign::store
