// One SQL database behind its seams (Transactions, Challenges, Issued, UsedChallenges, Outbox, Holds).
//
// A Database owns its connections, of which one writes and groups concurrent writes into one durable commit. Its seams
// live as long as it does. Safe on many threads; several processes may open the same SQLite file at once (the daemon
// and the command line do), and several daemons the same PostgreSQL database.
#pragma once

#include "countersign/core/result.hpp"
#include "countersign/core/secret.hpp"
#include "countersign/store/challenges.hpp"
#include "countersign/store/holds.hpp"
#include "countersign/store/issued.hpp"
#include "countersign/store/outbox.hpp"
#include "countersign/store/transactions.hpp"
#include "countersign/store/used_challenges.hpp"

#include <functional>
#include <memory>
#include <string>

namespace countersign::store {

// Called by name at every point where a crash would be interesting, on the thread that commits:
// "store.before_commit.<kind>" with the writes made and not yet durable, "store.after_commit.<kind>" with the commit
// durable and no caller answered yet. Kinds: intent, issued, pending, failed, approve, deny, challenge_insert,
// challenge_revoke, challenge_refusal, challenge_purge, used_challenge_purge, certificate_insert, certificate_revoke,
// crl_number, announce, delivery, notification_retry, notification_drop, notification_bury, notification_purge. The fault
// tests kill the process there. Never set in production.
using CrashPoint = std::function<void(std::string_view name)>;

struct DatabaseOptions {
    std::string url;  // "sqlite:/absolute/path.db" or "postgresql://USER@HOST/DATABASE"
    int busy_timeout_ms = 10000;
    std::size_t readers = 4;  // read connections
    // Also take the lock that lets one daemon at a time work on a SQLite database (a file beside it, freed by the
    // kernel when the process ends however it ends): its holds are known in one process's memory. Commands leave it
    // false.
    bool as_daemon = false;
    CrashPoint crash_point;  // may be empty
    // At least 32 octets, the same for all who open this database: certification requests, which carry passwords, are
    // sealed with it. Null: they are stored as they are, and sealed ones are read as empty.
    std::shared_ptr<const Secret> request_key = nullptr;
};

// Whether the schema of the database at `url` is current: its version and the version this program wants.
struct SchemaStatus {
    int found = 0;  // 0: empty
    int wanted = 0;
};

class Database {
public:
    // Opens a database whose schema is current. expired: the schema is older (the detail names `countersign store
    // migrate`); conflict: it is newer than this program, is not ours, or another daemon works on it (as_daemon);
    // unavailable: it cannot be opened (path and reason in words); malformed: a URL this program does not understand.
    static Result<std::unique_ptr<Database>> open(const DatabaseOptions& options);
    // Creates the database if need be and brings its schema up to date, one transaction per step. Returns what was
    // found. conflict: it is newer, not ours, or a daemon works on it while there is something to do.
    static Result<SchemaStatus> migrate(const DatabaseOptions& options);
    static Result<SchemaStatus> status(const DatabaseOptions& options);

    virtual ~Database() = default;
    virtual Transactions& transactions() = 0;
    virtual Challenges& challenges() = 0;
    virtual Issued& issued() = 0;
    virtual UsedChallenges& used_challenges() = 0;
    virtual Outbox& outbox() = 0;
    virtual Holds& holds() = 0;
    // For health: a trivial read, and a trivial write where the last one failed.
    virtual Result<void> probe() = 0;
    // Waits for queued writes, then closes; later calls answer unavailable.
    virtual void close() = 0;
};

}  // namespace countersign::store
