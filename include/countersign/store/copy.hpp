// Moving an instance's records from a SQLite file into another database. Blocking; any thread.
#pragma once

#include "countersign/core/result.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace countersign::store {

struct CopyOptions {
    std::string from;  // "sqlite:/absolute/path.db", schema current, no daemon on it
    std::string to;    // created if need be; must hold no records
    int busy_timeout_ms = 10000;
    // Told after every thousand rows and at the end of each table; may be empty.
    std::function<void(const std::string& table, std::int64_t rows)> progress{};
};

// Copies every row in one transaction, counts on both sides and commits: afterwards all is there, or nothing is. The
// source is only read. Returns the rows by table. conflict: a daemon works on the source, or the target holds records
// already. denied: the source is no SQLite file (daemons elsewhere could not be kept out). expired: the source's schema
// must be migrated first. unavailable: one of them cannot be reached, or broke off.
Result<std::map<std::string, std::int64_t>> copy_store(const CopyOptions& options);

}  // namespace countersign::store
