// A few connections for reading, lent to one caller at a time. Blocking when all are lent; safe on many threads.
// Private to the store.
#pragma once

#include "connection.hpp"

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace countersign::store {

class Readers {
public:
    using Work = std::function<void(Connection&)>;

    // Throws soci::soci_error when the connections cannot be made. At least one, whatever `count` says.
    Readers(std::shared_ptr<const Engine> engine, std::size_t count);

    // Exceptions of `work` come back as errors, and its connection, in who knows what state, is replaced. unavailable:
    // no new one can be had.
    Result<void> run(const Work& work);
    // Waits until every connection is back, then closes them; later calls answer unavailable.
    void close();

private:
    // Null when there was none to be had, or when it is not to be used again.
    Result<void> use(std::unique_ptr<Connection>& connection, const Work& work);
    void forget_idle();
    void give_back(std::unique_ptr<Connection> connection);

    std::shared_ptr<const Engine> engine_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::unique_ptr<Connection>> idle_;  // a null one is made anew by whoever takes it
    std::size_t lent_ = 0;
    bool closed_ = false;
};

}  // namespace countersign::store
