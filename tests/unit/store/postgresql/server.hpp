// The one PostgreSQL that the tests of this executable share.
#pragma once

#include "countersign/store/database.hpp"
#include "postgresql_server.hpp"

#include <gtest/gtest.h>

namespace countersign::test {

inline PostgresqlServer& postgresql_server() {
    static PostgresqlServer server;
    return server;
}

inline store::DatabaseOptions postgresql_options(const std::string& url) {
    store::DatabaseOptions options;
    options.url = url;
    options.request_key = std::make_shared<const Secret>("a key for requests of these tests");
    return options;
}

// Null, with a failure recorded, when it cannot be opened.
inline std::unique_ptr<store::Database> open_postgresql(const std::string& url) {
    const auto options = postgresql_options(url);
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

}  // namespace countersign::test
