// One SQL database behind the three seams (Transactions, Challenges, Issued).
//
// A Database owns its connections and one writer thread that groups concurrent writes into one durable commit. Its seams live
// as long as it does. Safe on many threads; several processes may open the same SQLite file at once
// (the daemon and the command line do).
#pragma once

#include "countersign/core/result.hpp"
#include "countersign/store/challenges.hpp"
#include "countersign/store/issued.hpp"
#include "countersign/store/transactions.hpp"

#include <functional>
#include <memory>
#include <string>

namespace countersign::store {

// Called by name at every point where a crash would be interesting ("store.before_commit", "store.after_commit");
// the fault tests kill the process there. Never set in production.
using CrashPoint = std::function<void(std::string_view name)>;

struct DatabaseOptions {
    std::string url;              // "sqlite:/absolute/path.db"
    int busy_timeout_ms = 10000;
    std::size_t readers = 4;      // read connections
    CrashPoint crash_point;       // may be empty
};

// Whether the schema of the database at `url` is current: its version and the version this program wants.
struct SchemaStatus {
    int found = 0;  // 0: empty
    int wanted = 0;
};

class Database {
public:
    // Opens a database whose schema is current. expired: the schema is older (the detail names `countersign store
    // migrate`); conflict: it is newer than this program; unavailable: it cannot be opened (path and reason in words).
    static Result<std::unique_ptr<Database>> open(const DatabaseOptions& options);
    // Creates the database if need be and brings its schema up to date, one transaction per step. Returns what was found.
    static Result<SchemaStatus> migrate(const DatabaseOptions& options);
    static Result<SchemaStatus> status(const DatabaseOptions& options);

    virtual ~Database() = default;
    virtual Transactions& transactions() = 0;
    virtual Challenges& challenges() = 0;
    virtual Issued& issued() = 0;
    // A trivial read, for health.
    virtual Result<void> probe() = 0;
    // Waits for queued writes, then closes; later calls answer unavailable.
    virtual void close() = 0;
};

}  // namespace countersign::store
