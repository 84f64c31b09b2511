#include "postgresql_engine.hpp"

#include "advisory_holds.hpp"
#include "countersign/core/text.hpp"

#include <soci/postgresql/soci-postgresql.h>
#include <algorithm>
#include <map>

namespace countersign::store {
namespace {

// Any number that no other program on the database is likely to have chosen.
constexpr auto kMigrationLock = "7233176217364211";

PGconn* connection_of(soci::session& session) {
    auto* backend = static_cast<soci::postgresql_session_backend*>(session.get_backend());
    return backend == nullptr ? nullptr : backend->conn_;
}

std::string setting(soci::session& session, const std::string& name) {
    std::string value;
    session << "SELECT current_setting('" + name + "')", soci::into(value);
    return value;
}

// keyword = 'value', as libpq quotes it.
std::string quoted(const std::string& value) {
    std::string text = "'";
    for (const char c : value) {
        if (c == '\'' || c == '\\') text += '\\';
        text += c;
    }
    return text + "'";
}

using Keywords = std::map<std::string, std::string>;

Result<Keywords> keywords_of(const std::string& url) {
    char* complaint = nullptr;
    PQconninfoOption* options = PQconninfoParse(url.c_str(), &complaint);
    if (options == nullptr) {
        PQfreemem(complaint);  // it may hold a part of a password
        return fail::malformed(
            "the store's url is none that PostgreSQL understands; write it as"
            " \"postgresql://USER@HOST/DATABASE\"");
    }
    Keywords keywords;
    for (const auto* option = options; option->keyword != nullptr; ++option) {
        if (option->val != nullptr) keywords.emplace(option->keyword, option->val);
    }
    PQconninfoFree(options);
    for (const auto* secret : {"password", "sslpassword"}) {
        if (keywords.contains(secret))
            return fail::malformed(
                "the store's url holds a password; put it into a file as PostgreSQL's passfile and"
                " write \"postgresql://USER@HOST/DATABASE?passfile=/path\"");
    }
    return keywords;
}

class PostgresqlEngine final : public Engine {
public:
    PostgresqlEngine(const Keywords& keywords, int busy_timeout_ms) : busy_timeout_ms_(busy_timeout_ms) {
        for (const auto& [keyword, value] : keywords)
            connect_string_ += (connect_string_.empty() ? "" : " ") + keyword + "=" + quoted(value);
        const auto host = keywords.find("host");
        const auto database = keywords.find("dbname");
        place_ = "postgresql:" + (database == keywords.end() ? std::string("(default)") : printable(database->second)) +
                 (host == keywords.end() ? "" : " at " + printable(host->second));
    }

    const std::string& place() const override { return place_; }
    // Only connecting tells.
    Result<void> check_present() const override { return {}; }
    Result<void> create_if_absent() const override { return {}; }
    std::unique_ptr<Holds> make_holds() const override { return std::make_unique<AdvisoryHolds>(shared_from_this()); }
    // Holds keep daemons apart, and steps of the schema only ever add what older programs do not see, so that nodes go
    // on working while it changes.
    Result<std::unique_ptr<ExclusiveUse>> take_alone() const override { return std::unique_ptr<ExclusiveUse>(); }

    void connect(soci::session& session, Use use) const override;
    // What crosses is undone and done again by the writer: all that SQLite's one writer at a time promises holds here.
    // Another's commit that waits for a disk or a standby undoes all that crosses it until it ends; so the second try
    // waits for it, at a table that every writer passes first. Locked before anything is read, it delays the snapshot
    // too.
    std::string_view begin() const override {
        return "BEGIN ISOLATION LEVEL SERIALIZABLE; LOCK TABLE schema_version IN ROW SHARE MODE";
    }
    std::string_view begin_alone() const override {
        return "BEGIN ISOLATION LEVEL SERIALIZABLE; LOCK TABLE schema_version IN EXCLUSIVE MODE";
    }
    std::string_view keep_others_out() const override { return "LOCK TABLE schema_version IN EXCLUSIVE MODE"; }
    std::string begin_step() const override {
        // An index of a large table takes its time; only waiting for others stays bounded, by lock_timeout.
        return "BEGIN; SET LOCAL statement_timeout = 0; SELECT pg_advisory_xact_lock(" + std::string(kMigrationLock) +
               ")";
    }
    void script(soci::session& session, const std::string& text) const override;
    bool in_transaction(soci::session& session) const override {
        const auto status = PQtransactionStatus(connection_of(session));
        return status == PQTRANS_INTRANS || status == PQTRANS_INERROR || status == PQTRANS_ACTIVE;
    }
    bool usable(soci::session& session) const override { return PQstatus(connection_of(session)) == CONNECTION_OK; }
    std::string_view tables() const override {
        return "SELECT table_name::text FROM information_schema.tables WHERE table_schema = current_schema()";
    }
    // A sequence of its own numbers the rows, and knows nothing of those that came with a number.
    std::string after_copy(std::string_view table) const override {
        const std::string name(table);
        return "DO $$ BEGIN IF EXISTS (SELECT FROM information_schema.columns WHERE table_schema = current_schema() "
               "AND "
               "table_name = '" +
               name + "' AND column_name = 'sequence') THEN PERFORM setval(pg_get_serial_sequence('" + name +
               "', 'sequence'), coalesce((SELECT max(sequence) FROM " + name + "), 0) + 1, false); END IF; END $$";
    }
    std::string adapted(std::string_view step) const override {
        std::string text(step);
        constexpr std::string_view words = "INTEGER PRIMARY KEY";
        for (auto at = text.find(words); at != std::string::npos; at = text.find(words, at + 1))
            text.replace(at, words.size(), "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY");
        return text;
    }

private:
    std::string connect_string_;
    std::string place_;
    int busy_timeout_ms_;
};

void PostgresqlEngine::connect(soci::session& session, Use use) const {
    session.open(soci::postgresql, connect_string_);
    // Notices ("table exists already") would go to standard error.
    PQsetNoticeProcessor(
        connection_of(session), [](void*, const char*) {}, nullptr);
    const std::string timeout = std::to_string(busy_timeout_ms_);
    // The last bounds how long a node that hangs in the middle of a transaction can keep rows from the others.
    script(session, "SET statement_timeout = " + timeout + "; SET lock_timeout = " + timeout +
                        "; SET idle_in_transaction_session_timeout = " + timeout);
    // A node that lost its power must not keep its holds until the server's system notices, two hours later.
    script(session, "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3");
    // Neither stale rows nor locks that exclude nobody: holds and readers need the primary as well.
    if (setting(session, "transaction_read_only") == "on") {
        throw soci::soci_error(
            "this server is a standby and takes no writes; name every server in the url and add"
            " target_session_attrs=read-write");
    }
    if (use == Use::read) {
        script(session, "SET default_transaction_read_only = on");
        return;
    }
    if (setting(session, "fsync") != "on" || setting(session, "synchronous_commit") == "off") {
        throw soci::soci_error("the server's commits are not durable: fsync and synchronous_commit must be on");
    }
}

void PostgresqlEngine::script(soci::session& session, const std::string& text) const {
    PGconn* connection = connection_of(session);
    PGresult* result = PQexec(connection, text.c_str());
    const auto status = PQresultStatus(result);
    const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const std::string sqlstate = state == nullptr ? "     " : state;
    const std::string words = PQerrorMessage(connection);
    PQclear(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        throw soci::postgresql_soci_error(words, sqlstate.c_str());
}

}  // namespace

Result<std::shared_ptr<const Engine>> postgresql_engine(const std::string& url, int busy_timeout_ms) {
    TRY(Keywords keywords, keywords_of(url));
    // libpq waits without end unless told otherwise.
    keywords.try_emplace("connect_timeout", "5");
    keywords.try_emplace("keepalives_idle", "10");
    keywords.try_emplace("keepalives_interval", "5");
    keywords.try_emplace("keepalives_count", "3");
    keywords.try_emplace("tcp_user_timeout", std::to_string(std::max(1000, busy_timeout_ms)));
    keywords.try_emplace("application_name", "countersign");
    keywords["client_encoding"] = "UTF8";
    return std::shared_ptr<const Engine>(std::make_shared<PostgresqlEngine>(keywords, busy_timeout_ms));
}

}  // namespace countersign::store
