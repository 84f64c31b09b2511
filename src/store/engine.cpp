#include "engine.hpp"

#include "postgresql/postgresql_engine.hpp"
#include "sqlite/sqlite_engine.hpp"

namespace countersign::store {

Result<std::shared_ptr<const Engine>> Engine::from_url(const std::string& url, int busy_timeout_ms) {
    if (url.starts_with("sqlite:")) return sqlite_engine(url, busy_timeout_ms);
    if (url.starts_with("postgresql://")) return postgresql_engine(url, busy_timeout_ms);
    // Not the URL itself: it might hold a password.
    return fail::malformed("the store's url must begin with \"sqlite:\" or \"postgresql:\"");
}

}  // namespace countersign::store
