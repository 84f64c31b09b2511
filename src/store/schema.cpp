#include "schema.hpp"

#include <array>

namespace countersign::store {
namespace {

// In order; a released step is never edited, only followed.
constexpr std::array kSteps{
#include "schema/0001_initial.sql"
    ,
#include "schema/0002_challenges_by_creator.sql"
    ,
#include "schema/0003_used_challenges.sql"
    ,
#include "schema/0004_outbox.sql"
};

constexpr Sql kVersion{"SELECT version FROM schema_version", "", "i"};
constexpr Sql kSetVersion{
    "INSERT INTO schema_version (one, version) VALUES (1, :v)"
    " ON CONFLICT (one) DO UPDATE SET version = excluded.version",
    "i", ""};
constexpr auto kVersionTable =
    "CREATE TABLE IF NOT EXISTS schema_version (one BIGINT NOT NULL PRIMARY KEY CHECK (one = 1), version BIGINT NOT "
    "NULL)";

}  // namespace

int wanted_schema_version() {
    return static_cast<int>(kSteps.size());
}

Result<int> found_schema_version(Connection& connection) {
    bool ours = false;
    bool any = false;
    const soci::rowset<std::string> tables = connection.session().prepare << std::string(connection.engine().tables());
    for (const auto& table : tables) {
        any = true;
        ours = ours || table == "schema_version";
    }
    if (!any) return 0;
    if (!ours) return fail::conflict("the database holds tables of some other program");
    int version = 0;
    connection.run(kVersion, {}, [&](const Row& row) { version = static_cast<int>(row.number(0)); });
    return version;
}

Result<void> check_schema_version(int found, const Engine& engine) {
    const int wanted = wanted_schema_version();
    const std::string versions =
        " (schema " + std::to_string(found) + ", this program wants " + std::to_string(wanted) + ")";
    if (found < wanted) {
        return fail::expired("the store " + engine.place() + " is older than this program" + versions +
                             "; run `countersign store migrate`");
    }
    if (found > wanted) {
        return fail::conflict("the store " + engine.place() + " was written by a newer program" + versions +
                              "; install that version, or restore a backup made before it");
    }
    return {};
}

Result<bool> migrate_one_step(Connection& connection) {
    const Engine& engine = connection.engine();
    connection.script(engine.begin_step());
    // Looked at again under the write lock: another process may have migrated meanwhile.
    Result<int> found = found_schema_version(connection);
    if (found && *found > wanted_schema_version()) found = check_schema_version(*found, engine).error();
    if (!found || *found == wanted_schema_version()) {
        connection.script("ROLLBACK");
        if (!found) return found.error();
        return false;
    }
    connection.script(kVersionTable);
    if (!engine.keep_others_out().empty()) connection.script(std::string(engine.keep_others_out()));
    connection.script(engine.adapted(kSteps.at(static_cast<std::size_t>(*found))));
    connection.change(kSetVersion, {*found + 1});
    connection.script("COMMIT");
    return true;
}

}  // namespace countersign::store
