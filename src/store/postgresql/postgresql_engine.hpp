// PostgreSQL 13 or newer, for several nodes on one database. Private to the store.
#pragma once

#include "engine.hpp"

namespace countersign::store {

// `url` as libpq reads it, several hosts included ("postgresql://a,b/countersign?target_session_attrs=read-write").
// malformed: libpq does not understand it, or it holds a password (that belongs into a passfile).
Result<std::shared_ptr<const Engine>> postgresql_engine(const std::string& url, int busy_timeout_ms);

}  // namespace countersign::store
