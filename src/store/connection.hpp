// One connection to the database with its prepared statements. Private to the store; one thread at a time; throws
// soci::soci_error, which error_from turns into an Error at the border.
#pragma once

#include "countersign/core/result.hpp"
#include "sqlite_file.hpp"
#include "statement.hpp"

#include <map>
#include <memory>

namespace countersign::store {

class Connection {
public:
    enum class Use { read, write };

    // WAL, synchronous=FULL and foreign keys are set here and checked: a database that cannot have them is refused.
    Connection(const SqliteFile& file, int busy_timeout_ms, Use use);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // `sql` is a constant that outlives the connection: its address is its name.
    void run(const Sql& sql, Parameters parameters, const std::function<void(const Row&)>& each);
    std::int64_t change(const Sql& sql, Parameters parameters);
    // Several statements separated by semicolons, for schema steps.
    void script(const std::string& text);

    // For statements that are not constants.
    soci::session& session() { return session_; }

    // False after the engine rolled back on its own, as it does when the disk is full.
    bool in_transaction();

private:
    void set_up(int busy_timeout_ms, Use use);
    std::string pragma(const std::string& text);
    Statement& prepared(const Sql& sql);

    soci::session session_;
    std::map<const Sql*, std::unique_ptr<Statement>> statements_;
};

// What a failure of the engine means to a caller for whom nothing was committed.
Error error_from(const std::exception& exception);
// What went wrong, without the statement and its values.
std::string words_of(const std::exception& exception);
// True when the engine refused because somebody else holds the database.
bool is_busy(const std::exception& exception);

}  // namespace countersign::store
