#include "store/tables.hpp"

#include "sqlite_fixture.hpp"

#include <sqlite3.h>
#include <map>
#include <vector>

namespace countersign::store {
namespace {

using Columns = std::map<std::string, char>;

std::map<std::string, Columns> in_schema(const std::string& file) {
    sqlite3* handle = nullptr;
    if (sqlite3_open(file.c_str(), &handle) != SQLITE_OK) throw std::runtime_error("cannot open " + file);
    sqlite3_stmt* statement = nullptr;
    const auto* sql =
        "SELECT t.name, c.name, c.type FROM sqlite_master t, pragma_table_info(t.name) c"
        " WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name <> 'schema_version'";
    if (sqlite3_prepare_v2(handle, sql, -1, &statement, nullptr) != SQLITE_OK) throw std::runtime_error("cannot ask");
    const auto text = [&](int i) {
        return std::string(reinterpret_cast<const char*>(sqlite3_column_text(statement, i)));
    };
    std::map<std::string, Columns> tables;
    while (sqlite3_step(statement) == SQLITE_ROW) tables[text(0)][text(1)] = text(2) == "TEXT" ? 't' : 'i';
    sqlite3_finalize(statement);
    sqlite3_close(handle);
    return tables;
}

TEST(Tables, AreThoseOfTheSchemaWithAllTheirColumns) {
    const test::ScratchDirectory directory;
    { const auto made = test::open_sqlite(directory); }
    std::map<std::string, Columns> named;
    for (const auto& table : tables_in_order()) {
        for (const auto& column : table.columns) named[std::string(table.name)][std::string(column.name)] = column.type;
    }
    EXPECT_EQ(named, in_schema((directory / "test.db").string()));
}

}  // namespace
}  // namespace countersign::store
