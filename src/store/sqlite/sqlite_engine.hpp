// SQLite in write-ahead mode. Private to the store.
#pragma once

#include "engine.hpp"

namespace countersign::store {

// malformed: not "sqlite:/absolute/path".
Result<std::shared_ptr<const Engine>> sqlite_engine(const std::string& url, int busy_timeout_ms);

}  // namespace countersign::store
