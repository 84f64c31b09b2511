#include "connection.hpp"

#include <new>

namespace countersign::store {

Connection::Connection(std::shared_ptr<const Engine> engine, Use use) : engine_(std::move(engine)) {
    engine_->connect(session_, use);
}

Statement& Connection::prepared(const Sql& sql) {
    auto& place = statements_[&sql];
    if (!place) place = std::make_unique<Statement>(session_, sql);
    return *place;
}

// A statement that was left in the middle for want of memory would keep reading what was there then, and with SQLite
// keep this connection from ever writing again once somebody else has written.
template <class Job>
auto Connection::with(const Sql& sql, const Job& job) {
    try {
        return job(prepared(sql));
    } catch (const std::bad_alloc&) {
        statements_.erase(&sql);
        throw;
    }
}

void Connection::run(const Sql& sql, Parameters parameters, const std::function<void(const Row&)>& each) {
    with(sql, [&](Statement& statement) { statement.run(parameters, each); });
}

std::int64_t Connection::change(const Sql& sql, Parameters parameters) {
    return with(sql, [&](Statement& statement) { return statement.change(parameters); });
}

void Connection::script(const std::string& text) {
    engine_->script(session_, text);
}

}  // namespace countersign::store
