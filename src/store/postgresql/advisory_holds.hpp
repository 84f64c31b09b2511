// Holds as PostgreSQL's session-level advisory locks, on a connection of their own. Private to the store.
#pragma once

#include "connection.hpp"
#include "local_holds.hpp"

#include <cstdint>

namespace countersign::store {

class AdvisoryHolds final : public Holds {
public:
    // Throws soci::soci_error when the connection cannot be made.
    explicit AdvisoryHolds(std::shared_ptr<const Engine> engine);

    Result<std::unique_ptr<Hold>> take(const std::string& attempt_id) override;

private:
    class Held;
    bool lock(const std::string& attempt_id);
    void unlock(const std::string& attempt_id, std::uint64_t connection_number) noexcept;
    void reconnect();

    std::shared_ptr<const Engine> engine_;
    // The server lets one session take a lock it has already.
    LocalHolds of_this_node_;
    std::mutex mutex_;
    std::unique_ptr<Connection> connection_;
    std::uint64_t connection_number_ = 0;  // locks die with the connection they were taken on
};

}  // namespace countersign::store
