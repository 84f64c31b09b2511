// What differs from one database engine to another: how it is reached, what its connections must promise, how it says
// what went wrong. Everything else in this room is SQL that all of them understand.
//
// An Engine is a value made from a URL, shared by the connections; safe on many threads. Private to the store.
#pragma once

#include "countersign/core/result.hpp"
#include "countersign/store/holds.hpp"

#include <soci/soci.h>
#include <memory>
#include <string>
#include <string_view>

namespace countersign::store {

// Keeps others out for as long as it lives.
class ExclusiveUse {
public:
    virtual ~ExclusiveUse() = default;
};

enum class Use { read, write };

class Engine : public std::enable_shared_from_this<Engine> {
public:
    // "sqlite:/absolute/path" or "postgresql://...". malformed: a URL no engine understands.
    static Result<std::shared_ptr<const Engine>> from_url(const std::string& url, int busy_timeout_ms);

    virtual ~Engine() = default;

    // The database as messages name it: a path, or host and database. Never a secret.
    virtual const std::string& place() const = 0;
    // not_found with the remedy in words; unavailable.
    virtual Result<void> check_present() const = 0;
    virtual Result<void> create_if_absent() const = 0;
    // Throws soci::soci_error.
    virtual std::unique_ptr<Holds> make_holds() const = 0;
    // What one daemon, or one migration, takes so that no other works beside it. Null where several may. conflict: it
    // is taken.
    virtual Result<std::unique_ptr<ExclusiveUse>> take_alone() const = 0;

    // Opens the session and makes its promises: durable commits, foreign keys, bounded waits. Throws soci::soci_error.
    virtual void connect(soci::session& session, Use use) const = 0;
    // Begins a transaction in which this connection sees and changes the database as if it were alone.
    virtual std::string_view begin() const = 0;
    // The same, once all others' have ended, and before any more of them begin: it crosses nobody's.
    virtual std::string_view begin_alone() const = 0;
    // The same around one step of the schema, while others may try the same.
    virtual std::string begin_step() const = 0;
    // Within a step, once there is a table schema_version: keeps everybody's transactions out until it ends. May be
    // empty.
    virtual std::string_view keep_others_out() const = 0;
    // Several statements separated by semicolons. Throws.
    virtual void script(soci::session& session, const std::string& text) const = 0;
    // False after the engine rolled back on its own, and when the connection is gone.
    virtual bool in_transaction(soci::session& session) const = 0;
    // False: the connection is of no use any more.
    virtual bool usable(soci::session& session) const = 0;
    // Selects the names of the tables there are.
    virtual std::string_view tables() const = 0;
    // What there is to do after rows with their keys were put into a table; may be empty.
    virtual std::string after_copy(std::string_view table) const = 0;
    // A step of the schema as this engine writes it.
    virtual std::string adapted(std::string_view step) const = 0;
};

}  // namespace countersign::store
