#include "connection.hpp"

#include "countersign/core/text.hpp"

#include <soci/sqlite3/soci-sqlite3.h>

namespace countersign::store {
namespace {

sqlite_api::sqlite3* handle_of(soci::session& session) {
    return static_cast<soci::sqlite3_session_backend*>(session.get_backend())->conn_;
}

// The primary result code; SOCI may report an extended one.
int code_of(const std::exception& exception) {
    const auto* error = dynamic_cast<const soci::sqlite3_soci_error*>(&exception);
    return error == nullptr ? SQLITE_OK : error->result() & 0xff;
}

std::string connect_string(const SqliteFile& file, Connection::Use use) {
    return "dbname=\"" + file.path + "\"" + (use == Connection::Use::read ? " readonly=true" : "");
}

}  // namespace

Connection::Connection(const SqliteFile& file, int busy_timeout_ms, Use use)
    : session_(soci::sqlite3, connect_string(file, use)) {
    set_up(busy_timeout_ms, use);
}

void Connection::set_up(int busy_timeout_ms, Use use) {
    sqlite_api::sqlite3_busy_timeout(handle_of(session_), busy_timeout_ms);
    sqlite_api::sqlite3_extended_result_codes(handle_of(session_), 1);
    // 16 MiB: the inner pages of every index at a million certificates.
    session_ << "PRAGMA cache_size = -16384";
    if (use == Use::read) {
        session_ << "PRAGMA query_only = ON";
        return;
    }
    if (pragma("PRAGMA journal_mode = WAL") != "wal") {
        throw soci::soci_error("write-ahead logging is not possible there (a network file system?)");
    }
    session_ << "PRAGMA synchronous = FULL";
    session_ << "PRAGMA foreign_keys = ON";
    session_ << "PRAGMA journal_size_limit = 67108864";
    // What a savepoint could undo stays in memory: otherwise each one makes and removes a file.
    session_ << "PRAGMA temp_store = MEMORY";
    // 32 MiB of log: a page that changes with every enrollment is copied back once for hundreds of them.
    session_ << "PRAGMA wal_autocheckpoint = 8192";
    if (pragma("PRAGMA synchronous") != "2" || pragma("PRAGMA foreign_keys") != "1") {
        throw soci::soci_error("this SQLite was built without durable commits or foreign keys");
    }
}

std::string Connection::pragma(const std::string& text) {
    std::string value;
    session_ << text, soci::into(value);
    return value;
}

Statement& Connection::prepared(const Sql& sql) {
    auto& place = statements_[&sql];
    if (!place) place = std::make_unique<Statement>(session_, sql);
    return *place;
}

void Connection::run(const Sql& sql, Parameters parameters, const std::function<void(const Row&)>& each) {
    prepared(sql).run(parameters, each);
}

std::int64_t Connection::change(const Sql& sql, Parameters parameters) {
    return prepared(sql).change(parameters);
}

void Connection::script(const std::string& text) {
    char* message = nullptr;
    const int code = sqlite_api::sqlite3_exec(handle_of(session_), text.c_str(), nullptr, nullptr, &message);
    const std::string words = message == nullptr ? "" : message;
    sqlite_api::sqlite3_free(message);
    if (code != SQLITE_OK) throw soci::sqlite3_soci_error(words, code);
}

bool Connection::in_transaction() {
    return sqlite_api::sqlite3_get_autocommit(handle_of(session_)) == 0;
}

std::string words_of(const std::exception& exception) {
    // SOCI's what() would go on with the statement and every bound value.
    const auto* error = dynamic_cast<const soci::soci_error*>(&exception);
    return printable(error == nullptr ? exception.what() : error->get_error_message(), 500);
}

bool is_busy(const std::exception& exception) {
    const int code = code_of(exception);
    return code == SQLITE_BUSY || code == SQLITE_LOCKED;
}

Error error_from(const std::exception& exception) {
    const std::string words = "store: " + words_of(exception);
    switch (code_of(exception)) {
        case SQLITE_CONSTRAINT: return fail::conflict(words);
        case SQLITE_BUSY:
        case SQLITE_LOCKED: return fail::unavailable("store: somebody else keeps the database busy");
        case SQLITE_FULL:
        case SQLITE_IOERR:
        case SQLITE_CANTOPEN:
        case SQLITE_READONLY:
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
        case SQLITE_PERM:
        case SQLITE_AUTH:
        case SQLITE_NOMEM:
        case SQLITE_PROTOCOL: return fail::unavailable(words);
        default: return fail::internal(words);
    }
}

}  // namespace countersign::store
