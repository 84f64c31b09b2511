// Which path goes to which endpoint.
#pragma once

#include "countersign/net/endpoint.hpp"

#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace countersign::http {

using net::Endpoint;
using net::Request;
using net::Response;

// Immutable once built; share it. Paths match in any letter case, with or without one trailing slash.
class Router {
public:
    // A path that is there already throws StartupError naming it (overlapping routes are a configuration error).
    void add(std::string_view path, std::shared_ptr<Endpoint> endpoint);
    // Everything below `path` ("/api/v1": "/api/v1/..."), unless a path of its own is longer.
    void add_below(std::string_view path, std::shared_ptr<Endpoint> endpoint);
    // Null: no such path on a listener that serves `serves`.
    Endpoint* find(const Request& request) const;

private:
    using Routes = std::map<std::string, std::shared_ptr<Endpoint>, std::less<>>;
    Endpoint* route_of(const std::string& path) const;

    Routes routes_;
    Routes trees_;
};

}  // namespace countersign::http
