#include "countersign/core/text.hpp"
#include "countersign/http/endpoint.hpp"

#include <algorithm>

namespace countersign::http {
namespace {

std::string normal_form(std::string_view path) {
    if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
    return to_lower(path);
}

}  // namespace

void Router::add(std::string_view path, std::shared_ptr<Endpoint> endpoint) {
    if (!path.starts_with('/')) throw StartupError(fail::malformed("path does not begin with '/': " + printable(path)));
    const auto [place, added] = routes_.try_emplace(normal_form(path), std::move(endpoint));
    if (!added) throw StartupError(fail::conflict("two endpoints claim the path " + printable(path)));
}

Endpoint* Router::find(const Request& request) const {
    const auto route = routes_.find(normal_form(request.path));
    if (route == routes_.end()) return nullptr;
    const auto serves = route->second->serves();
    return std::ranges::find(request.serves, serves) == request.serves.end() ? nullptr : route->second.get();
}

}  // namespace countersign::http
