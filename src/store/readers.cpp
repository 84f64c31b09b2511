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
    Result<void> result;
    try {
        if (!connection) connection = std::make_unique<Connection>(engine_, Use::read);
        work(*connection);
    } catch (const std::exception& exception) {
        connection.reset();
        result = error_from(exception);
    }
    give_back(std::move(connection));
    return result;
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
