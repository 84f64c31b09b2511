// The schema and its steps. Each step is a file in schema/, a string constant to the compiler, run in its own
// transaction. Private to the store; throws soci::soci_error.
#pragma once

#include "connection.hpp"

namespace countersign::store {

// The version this program works with: the number of steps.
int wanted_schema_version();

// 0: the database is empty. conflict: it holds tables and is not ours.
Result<int> found_schema_version(Connection& connection);

// The error that keeps a program from working with a schema that is not the one it wants.
Result<void> check_schema_version(int found, const Engine& engine);

// Runs one step if the database is older than this program. True: call again. Safe when several processes migrate at
// once.
Result<bool> migrate_one_step(Connection& connection);

}  // namespace countersign::store
