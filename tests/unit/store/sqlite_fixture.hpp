// A migrated SQLite database in a scratch directory.
#pragma once

#include "countersign/store/database.hpp"
#include "scratch_directory.hpp"

#include <gtest/gtest.h>
#include <memory>

namespace countersign::test {

inline store::DatabaseOptions sqlite_options(const ScratchDirectory& directory) {
    store::DatabaseOptions options;
    options.url = "sqlite:" + (directory / "test.db").string();
    options.request_key = std::make_shared<const Secret>("a key for requests of these tests");
    return options;
}

// Null, with a failure recorded, when it cannot be opened.
inline std::unique_ptr<store::Database> open_sqlite(const store::DatabaseOptions& options) {
    if (const auto migrated = store::Database::migrate(options); !migrated) {
        ADD_FAILURE() << describe(migrated.error());
        return nullptr;
    }
    auto database = store::Database::open(options);
    if (!database) {
        ADD_FAILURE() << describe(database.error());
        return nullptr;
    }
    return *std::move(database);
}
inline std::unique_ptr<store::Database> open_sqlite(const ScratchDirectory& directory) {
    return open_sqlite(sqlite_options(directory));
}

}  // namespace countersign::test
