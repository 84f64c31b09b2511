#include "readers.hpp"

#include "trouble.hpp"

#include <algorithm>

namespace countersign::store {

Readers::Readers(std::shared_ptr<const Engine> engine, std::size_t count) : engine_(std::move(engine)) {
    for (std::size_t i = 0; i < std::max<std::size_t>(count, 1); ++i) {
        idle_.push_back(std::make_unique<Connection>(engine_, Use::read));
    }
}

Result<void> Readers::run(const Work& work) {
    std::unique_ptr<Connection> connection;
    {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return closed_ || !idle_.empty(); });
        if (closed_) return fail::unavailable("the store is closed");
        connection = std::move(idle_.back());
        idle_.pop_back();
        ++lent_;
    }
    Result<void> result = use(connection, work);
    give_back(std::move(connection));
    return result;
}

Result<void> Readers::use(std::unique_ptr<Connection>& connection, const Work& work) {
    try {
        if (!connection) connection = std::make_unique<Connection>(engine_, Use::read);
    } catch (const std::exception& exception) {
        // A driver has no code for a server that is away, as it has for one that goes.
        return fail::unavailable(error_from(exception).detail);
    }
    try {
        work(*connection);
        return {};
    } catch (const std::exception& exception) {
        // A server that went took the idle ones with it: one caller learns of it, not one for each.
        if (!connection->usable()) forget_idle();
        connection.reset();
        return error_from(exception);
    }
}

void Readers::forget_idle() {
    std::vector<std::unique_ptr<Connection>> gone;
    const std::lock_guard lock(mutex_);
    gone.resize(idle_.size());
    gone.swap(idle_);
}

void Readers::give_back(std::unique_ptr<Connection> connection) {
    {
        const std::lock_guard lock(mutex_);
        idle_.push_back(std::move(connection));
        --lent_;
    }
    changed_.notify_all();
}

void Readers::close() {
    std::unique_lock lock(mutex_);
    closed_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return lent_ == 0; });
    idle_.clear();
}

}  // namespace countersign::store
