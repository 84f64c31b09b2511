#include "countersign/store/database.hpp"

#include "readers.hpp"
#include "schema.hpp"
#include "sql_challenges.hpp"
#include "sql_issued.hpp"
#include "sql_outbox.hpp"
#include "sql_transactions.hpp"
#include "sql_used_challenges.hpp"
#include "trouble.hpp"
#include "writer.hpp"

namespace countersign::store {
namespace {

// Twice is no change, and a write all the same: SQLite leaves a page alone that an update would leave as it is.
constexpr Sql kTouch{"UPDATE schema_version SET version = -version", "", ""};
constexpr Sql kAlive{"SELECT version FROM schema_version", "", "i"};

Error cannot_open(const std::shared_ptr<const Engine>& engine, const std::exception& exception) {
    return fail::unavailable("the store " + engine->place() + " cannot be opened: " + error_from(exception).detail);
}

class SqlDatabase final : public Database {
public:
    // Throws soci::soci_error.
    SqlDatabase(const std::shared_ptr<const Engine>& engine, const DatabaseOptions& options,
                std::unique_ptr<ExclusiveUse> lock)
        : lock_(std::move(lock)),
          writer_(engine, options),
          readers_(engine, options.readers),
          transactions_(writer_, readers_, subscribers_, RequestSeal(options.request_key)),
          challenges_(writer_, readers_),
          issued_(writer_, readers_, subscribers_),
          used_challenges_(writer_, readers_),
          outbox_(writer_, readers_, subscribers_),
          holds_(engine->make_holds()) {}
    ~SqlDatabase() override { shut(); }

    Transactions& transactions() override { return transactions_; }
    Challenges& challenges() override { return challenges_; }
    Issued& issued() override { return issued_; }
    UsedChallenges& used_challenges() override { return used_challenges_; }
    Outbox& outbox() override { return outbox_; }
    Holds& holds() override { return *holds_; }

    Result<void> probe() override {
        bool answered = false;
        CHECK(readers_.run(
            [&](Connection& connection) { connection.run(kAlive, {}, [&](const Row&) { answered = true; }); }));
        if (!answered) return fail::unavailable("the store has lost its schema version");
        // Reading says little about a disk that is full. Where the last write failed, another is tried.
        if (writer_.troubled()) {
            CHECK(writer_.run("probe", [](Connection& connection) -> Result<void> {
                connection.change(kTouch, {});
                connection.change(kTouch, {});
                return {};
            }));
            writer_.settle_trouble();
        }
        return {};
    }

    void close() override { shut(); }

private:
    void shut() {
        readers_.close();
        writer_.close();
        const std::lock_guard one_closer(lock_mutex_);
        lock_.reset();
    }

    std::mutex lock_mutex_;
    std::unique_ptr<ExclusiveUse> lock_;
    Writer writer_;
    Readers readers_;
    Subscribers subscribers_;
    SqlTransactions transactions_;
    SqlChallenges challenges_;
    SqlIssued issued_;
    SqlUsedChallenges used_challenges_;
    SqlOutbox outbox_;
    std::unique_ptr<Holds> holds_;
};

// Read without writing anything, and without needing leave to write.
Result<int> version_of(const std::shared_ptr<const Engine>& engine) {
    try {
        Connection connection(engine, Use::read);
        return found_schema_version(connection);
    } catch (const std::exception& exception) {
        return cannot_open(engine, exception);
    }
}

}  // namespace

Result<std::unique_ptr<Database>> Database::open(const DatabaseOptions& options) {
    TRY(const auto engine, Engine::from_url(options.url, options.busy_timeout_ms));
    if (const auto present = engine->check_present(); !present) return fail::unavailable(present.error().detail);
    std::unique_ptr<ExclusiveUse> lock;
    if (options.as_daemon) {
        TRY(lock, engine->take_alone());
    }
    TRY(const int version, version_of(engine));
    CHECK(check_schema_version(version, *engine));
    try {
        return std::unique_ptr<Database>(std::make_unique<SqlDatabase>(engine, options, std::move(lock)));
    } catch (const std::exception& exception) {
        return cannot_open(engine, exception);
    }
}

Result<SchemaStatus> Database::migrate(const DatabaseOptions& options) {
    TRY(const auto engine, Engine::from_url(options.url, options.busy_timeout_ms));
    CHECK(engine->create_if_absent());
    TRY(const SchemaStatus before, status(options));
    if (before.found == before.wanted) return before;
    // Not under the feet of a daemon that works with the old schema.
    TRY(const auto lock, engine->take_alone());
    try {
        Connection connection(engine, Use::write);
        for (bool more = true; more;) {
            TRY(more, migrate_one_step(connection));
        }
    } catch (const std::exception& exception) {
        return within("migrating the store " + engine->place(), error_from(exception));
    }
    return before;
}

Result<SchemaStatus> Database::status(const DatabaseOptions& options) {
    TRY(const auto engine, Engine::from_url(options.url, options.busy_timeout_ms));
    if (const auto present = engine->check_present(); !present) return fail::unavailable(present.error().detail);
    TRY(const int found, version_of(engine));
    return SchemaStatus{found, wanted_schema_version()};
}

}  // namespace countersign::store
