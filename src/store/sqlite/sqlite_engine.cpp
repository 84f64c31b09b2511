#include "sqlite_engine.hpp"

#include "local_holds.hpp"
#include "sqlite_file.hpp"

#include <soci/sqlite3/soci-sqlite3.h>

namespace countersign::store {
namespace {

sqlite_api::sqlite3* handle_of(soci::session& session) {
    return static_cast<soci::sqlite3_session_backend*>(session.get_backend())->conn_;
}

std::string pragma(soci::session& session, const std::string& text) {
    std::string value;
    session << text, soci::into(value);
    return value;
}

class SqliteEngine final : public Engine {
public:
    SqliteEngine(SqliteFile file, int busy_timeout_ms) : file_(std::move(file)), busy_timeout_ms_(busy_timeout_ms) {}

    const std::string& place() const override { return file_.path; }
    Result<void> check_present() const override { return file_.check_present(); }
    Result<void> create_if_absent() const override { return file_.create_if_absent(); }
    std::unique_ptr<Holds> make_holds() const override { return std::make_unique<LocalHolds>(); }
    Result<std::unique_ptr<ExclusiveUse>> take_alone() const override { return DaemonLock::take(file_); }

    void connect(soci::session& session, Use use) const override;
    std::string_view begin() const override { return "BEGIN IMMEDIATE"; }
    std::string_view begin_alone() const override { return begin(); }
    std::string_view keep_others_out() const override { return {}; }
    std::string begin_step() const override { return "BEGIN IMMEDIATE"; }
    void script(soci::session& session, const std::string& text) const override;
    bool in_transaction(soci::session& session) const override {
        return sqlite_api::sqlite3_get_autocommit(handle_of(session)) == 0;
    }
    bool usable(soci::session& session) const override { return handle_of(session) != nullptr; }
    std::string_view tables() const override {
        return "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    }
    // The next key is one more than the largest.
    std::string after_copy(std::string_view) const override { return ""; }
    std::string adapted(std::string_view step) const override { return std::string(step); }

private:
    SqliteFile file_;
    int busy_timeout_ms_;
};

void SqliteEngine::connect(soci::session& session, Use use) const {
    session.open(soci::sqlite3, "dbname=\"" + file_.path + "\"" + (use == Use::read ? " readonly=true" : ""));
    sqlite_api::sqlite3_busy_timeout(handle_of(session), busy_timeout_ms_);
    sqlite_api::sqlite3_extended_result_codes(handle_of(session), 1);
    // 16 MiB: the inner pages of every index at a million certificates.
    session << "PRAGMA cache_size = -16384";
    if (use == Use::read) {
        session << "PRAGMA query_only = ON";
        return;
    }
    if (pragma(session, "PRAGMA journal_mode = WAL") != "wal") {
        throw soci::soci_error("write-ahead logging is not possible there (a network file system?)");
    }
    session << "PRAGMA synchronous = FULL";
    session << "PRAGMA foreign_keys = ON";
    session << "PRAGMA journal_size_limit = 67108864";
    // What a savepoint could undo stays in memory: otherwise each one makes and removes a file.
    session << "PRAGMA temp_store = MEMORY";
    // 32 MiB of log: a page that changes with every enrollment is copied back once for hundreds of them.
    session << "PRAGMA wal_autocheckpoint = 8192";
    if (pragma(session, "PRAGMA synchronous") != "2" || pragma(session, "PRAGMA foreign_keys") != "1") {
        throw soci::soci_error("this SQLite was built without durable commits or foreign keys");
    }
}

void SqliteEngine::script(soci::session& session, const std::string& text) const {
    char* message = nullptr;
    const int code = sqlite_api::sqlite3_exec(handle_of(session), text.c_str(), nullptr, nullptr, &message);
    const std::string words = message == nullptr ? "" : message;
    sqlite_api::sqlite3_free(message);
    if (code != SQLITE_OK) throw soci::sqlite3_soci_error(words, code);
}

}  // namespace

Result<std::shared_ptr<const Engine>> sqlite_engine(const std::string& url, int busy_timeout_ms) {
    TRY(SqliteFile file, SqliteFile::from_url(url));
    return std::shared_ptr<const Engine>(std::make_shared<SqliteEngine>(std::move(file), busy_timeout_ms));
}

}  // namespace countersign::store
