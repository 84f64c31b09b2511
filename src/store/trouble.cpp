#include "trouble.hpp"

#include "countersign/core/text.hpp"

#include <soci/postgresql/soci-postgresql.h>
#include <soci/sqlite3/soci-sqlite3.h>
#include <string_view>

namespace countersign::store {
namespace {

Trouble trouble_of_sqlite(int code) {
    switch (code & 0xff) {  // the primary code; SOCI may report an extended one
        case SQLITE_CONSTRAINT: return Trouble::constraint;
        case SQLITE_BUSY:
        case SQLITE_LOCKED: return Trouble::busy;
        case SQLITE_FULL:
        case SQLITE_IOERR:
        case SQLITE_CANTOPEN:
        case SQLITE_READONLY:
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
        case SQLITE_PERM:
        case SQLITE_AUTH:
        case SQLITE_NOMEM:
        case SQLITE_PROTOCOL: return Trouble::away;
        default: return Trouble::other;
    }
}

// PostgreSQL's appendix A, by class; the first two characters name it.
Trouble trouble_of_postgresql(const std::string& state) {
    if (state == "40001" || state == "40P01") return Trouble::contention;  // serialization_failure, deadlock_detected
    if (state == "55P03" || state == "57014") return Trouble::busy;        // lock_not_available, query_canceled
    const std::string_view group = std::string_view(state).substr(0, 2);
    if (group == "23") return Trouble::constraint;
    for (const std::string_view away : {"08", "25", "28", "3D", "53", "57", "58", "XX"}) {
        if (group == away) return Trouble::away;
    }
    // libpq's own troubles, a lost connection among them, have no state.
    return group.empty() || group.front() == ' ' || group.front() == '\0' ? Trouble::away : Trouble::other;
}

}  // namespace

Trouble trouble_of(const std::exception& exception) {
    if (const auto* error = dynamic_cast<const soci::sqlite3_soci_error*>(&exception))
        return trouble_of_sqlite(error->result());
    if (const auto* error = dynamic_cast<const soci::postgresql_soci_error*>(&exception))
        return trouble_of_postgresql(error->sqlstate());
    return Trouble::other;
}

std::string words_of(const std::exception& exception) {
    // SOCI's what() would go on with the statement and every bound value.
    const auto* error = dynamic_cast<const soci::soci_error*>(&exception);
    return printable(error == nullptr ? exception.what() : error->get_error_message(), 500);
}

Error error_from(const std::exception& exception) {
    const std::string words = "store: " + words_of(exception);
    switch (trouble_of(exception)) {
        case Trouble::constraint: return fail::conflict(words);
        case Trouble::busy: return fail::unavailable("store: somebody else keeps the database busy");
        case Trouble::contention: return fail::unavailable("store: others changed the same rows at the same time");
        case Trouble::away: return fail::unavailable(words);
        case Trouble::other: break;
    }
    return fail::internal(words);
}

}  // namespace countersign::store
