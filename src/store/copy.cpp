#include "countersign/store/copy.hpp"

#include "connection.hpp"
#include "countersign/store/database.hpp"
#include "schema.hpp"
#include "tables.hpp"
#include "trouble.hpp"

namespace countersign::store {
namespace {

constexpr std::int64_t between_reports = 1000;

std::string joined(const Table& table, std::string_view before) {
    std::string text;
    for (const auto& column : table.columns)
        text += (text.empty() ? "" : ", ") + std::string(before) + std::string(column.name);
    return text;
}

std::string letters_of(const Table& table) {
    std::string letters;
    for (const auto& column : table.columns) letters += column.type;
    return letters;
}

std::int64_t count_rows(Connection& connection, const Table& table) {
    long long rows = 0;
    connection.session() << "SELECT count(*) FROM " + std::string(table.name), soci::into(rows);
    return rows;
}

std::int64_t copy_table(Connection& from, Connection& to, const Table& table, const CopyOptions& options) {
    const std::string name(table.name);
    const auto letters = letters_of(table);
    const std::string select_text =
        "SELECT " + joined(table, "") + " FROM " + name + " ORDER BY " + std::string(table.columns.front().name);
    const std::string insert_text =
        "INSERT INTO " + name + " (" + joined(table, "") + ") VALUES (" + joined(table, ":") + ")";
    Statement select(from.session(), Sql{select_text, "", letters});
    Statement insert(to.session(), Sql{insert_text, letters, ""});
    std::int64_t rows = 0;
    select.run({}, [&](const Row& row) {
        insert.repeat(row);
        if (++rows % between_reports == 0 && options.progress) options.progress(name, rows);
    });
    if (options.progress) options.progress(name, rows);
    return rows;
}

Result<void> check_empty(Connection& to) {
    for (const auto& table : tables_in_order()) {
        if (const auto rows = count_rows(to, table); rows > 0) {
            return fail::conflict("the store " + to.engine().place() + " holds records already (" +
                                  std::to_string(rows) + " " + std::string(table.name) +
                                  "); name a database of its own, or an empty schema");
        }
    }
    return {};
}

Result<std::map<std::string, std::int64_t>> copy_all(Connection& from, Connection& to, const CopyOptions& options) {
    std::map<std::string, std::int64_t> copied;
    // As a writer, so that no command writes meanwhile what would be missing in the copy.
    from.script(std::string(from.engine().begin()));
    to.script(std::string(to.engine().begin()));
    CHECK(check_empty(to));
    for (const auto& table : tables_in_order()) {
        const auto rows = copy_table(from, to, table, options);
        to.script(to.engine().after_copy(table.name));
        if (count_rows(to, table) != rows || count_rows(from, table) != rows)
            return fail::internal("table " + std::string(table.name) + " was not copied whole; nothing was kept");
        copied[std::string(table.name)] = rows;
    }
    to.script("COMMIT");
    from.script("ROLLBACK");
    return copied;
}

}  // namespace

Result<std::map<std::string, std::int64_t>> copy_store(const CopyOptions& options) {
    TRY(const auto source, Engine::from_url(options.from, options.busy_timeout_ms));
    TRY(const auto target, Engine::from_url(options.to, options.busy_timeout_ms));
    if (options.from == options.to) return fail::conflict("source and target are the same store");
    CHECK(source->check_present());
    TRY(const auto alone, source->take_alone());
    if (!alone)
        return fail::denied("only a SQLite store can be copied: on " + source->place() +
                            " other nodes could be at work meanwhile; use the database's own tools");
    DatabaseOptions opened;
    opened.url = options.to;
    opened.busy_timeout_ms = options.busy_timeout_ms;
    CHECK(Database::migrate(opened));
    const Engine* at = source.get();
    try {
        Connection from(source, Use::write);
        TRY(const int version, found_schema_version(from));
        CHECK(check_schema_version(version, *source));
        at = target.get();
        Connection to(target, Use::write);
        return copy_all(from, to, options);
    } catch (const std::exception& exception) {
        return within("copying into " + at->place(), error_from(exception));
    }
}

}  // namespace countersign::store
