// What answers requests, and which path goes where.
#pragma once

#include "countersign/http/message.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace countersign::http {

// Contract: both calls are safe on many threads and never throw. The session asks answer_at_once on the I/O thread first: it must
// neither block nor compute for more than microseconds. nullopt sends the request to the worker pool.
class Endpoint {
public:
    virtual ~Endpoint() = default;
    virtual std::string_view serves() const = 0;  // "scep" or "admin": listeners that do not serve it answer 404
    virtual std::optional<Response> answer_at_once(const Request& request) = 0;
    virtual Response answer(const Request& request) = 0;
};

// Immutable once built; share it. Paths match in any letter case, with or without one trailing slash.
class Router {
public:
    // A path that is there already throws StartupError naming it (overlapping routes are a configuration error).
    void add(std::string_view path, std::shared_ptr<Endpoint> endpoint);
    // Null: no such path on a listener that serves `serves`.
    Endpoint* find(const Request& request) const;

private:
    std::map<std::string, std::shared_ptr<Endpoint>, std::less<>> routes_;
};

}  // namespace countersign::http
