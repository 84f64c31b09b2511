#include "advisory_holds.hpp"

#include "trouble.hpp"

namespace countersign::store {
namespace {

// The second argument keeps these apart from what else hashes to a lock in this database.
constexpr Sql kLock{"SELECT CASE WHEN pg_try_advisory_lock(hashtextextended(:a, 4217364211)) THEN 1 ELSE 0 END", "t",
                    "i"};
constexpr Sql kUnlock{"SELECT CASE WHEN pg_advisory_unlock(hashtextextended(:a, 4217364211)) THEN 1 ELSE 0 END", "t",
                      "i"};

}  // namespace

class AdvisoryHolds::Held final : public Hold {
public:
    Held(AdvisoryHolds& holds, std::unique_ptr<Hold> of_this_node, std::string attempt_id, std::uint64_t connection)
        : holds_(holds),
          of_this_node_(std::move(of_this_node)),
          attempt_id_(std::move(attempt_id)),
          connection_(connection) {}
    ~Held() override { holds_.unlock(attempt_id_, connection_); }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;

private:
    AdvisoryHolds& holds_;
    std::unique_ptr<Hold> of_this_node_;  // let go after the server's
    std::string attempt_id_;
    std::uint64_t connection_;
};

AdvisoryHolds::AdvisoryHolds(std::shared_ptr<const Engine> engine) : engine_(std::move(engine)) {
    reconnect();
}

Result<std::unique_ptr<Holds::Hold>> AdvisoryHolds::take(const std::string& attempt_id) {
    TRY(auto of_this_node, of_this_node_.take(attempt_id));
    if (!of_this_node) return std::unique_ptr<Hold>();
    const std::lock_guard guard(mutex_);
    try {
        if (!lock(attempt_id)) return std::unique_ptr<Hold>();
        return std::unique_ptr<Hold>(
            std::make_unique<Held>(*this, std::move(of_this_node), attempt_id, connection_number_));
    } catch (const std::exception& exception) {
        // The others that are held live as long as the connection.
        if (connection_ && !connection_->usable()) connection_.reset();
        return fail::unavailable(error_from(exception).detail);
    }
}

bool AdvisoryHolds::lock(const std::string& attempt_id) {
    if (!connection_) reconnect();
    bool locked = false;
    const auto read = [&](const Row& row) { locked = row.number(0) == 1; };
    try {
        connection_->run(kLock, {attempt_id}, read);
    } catch (const std::exception&) {
        // A server that was restarted has closed this connection; a new one may be had.
        if (connection_->usable()) throw;
        reconnect();
        connection_->run(kLock, {attempt_id}, read);
    }
    return locked;
}

void AdvisoryHolds::unlock(const std::string& attempt_id, std::uint64_t connection_number) noexcept {
    const std::lock_guard guard(mutex_);
    if (!connection_ || connection_number != connection_number_) return;
    try {
        connection_->run(kUnlock, {attempt_id}, [](const Row&) {});
    } catch (const std::exception&) {
        // Closing it lets go of everything it held.
        connection_.reset();
    }
}

void AdvisoryHolds::reconnect() {
    connection_.reset();
    connection_ = std::make_unique<Connection>(engine_, Use::read);
    ++connection_number_;
}

}  // namespace countersign::store
