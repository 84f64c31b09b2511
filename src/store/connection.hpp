// One connection to the database with its prepared statements. Private to the store; one thread at a time; throws
// soci::soci_error, which error_from (trouble.hpp) turns into an Error at the border.
#pragma once

#include "engine.hpp"
#include "statement.hpp"

#include <map>
#include <memory>

namespace countersign::store {

class Connection {
public:
    // A database that cannot promise what Engine::connect asks for is refused.
    Connection(std::shared_ptr<const Engine> engine, Use use);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // `sql` is a constant that outlives the connection: its address is its name.
    void run(const Sql& sql, Parameters parameters, const std::function<void(const Row&)>& each);
    std::int64_t change(const Sql& sql, Parameters parameters);
    // Several statements separated by semicolons, for schema steps.
    void script(const std::string& text);

    // For statements that are not constants.
    soci::session& session() { return session_; }

    const Engine& engine() const { return *engine_; }
    // False after the engine rolled back on its own, as it does when the disk is full.
    bool in_transaction() { return engine_->in_transaction(session_); }
    bool usable() { return engine_->usable(session_); }

private:
    Statement& prepared(const Sql& sql);
    template <class Job>
    auto with(const Sql& sql, const Job& job);

    std::shared_ptr<const Engine> engine_;
    soci::session session_;
    std::map<const Sql*, std::unique_ptr<Statement>> statements_;
};

}  // namespace countersign::store
