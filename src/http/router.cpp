#include "countersign/http/router.hpp"

#include "countersign/core/result.hpp"
#include "countersign/core/text.hpp"

#include <algorithm>

namespace countersign::http {
namespace {

std::string normal_form(std::string_view path) {
    if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
    return to_lower(path);
}

void claim(std::map<std::string, std::shared_ptr<Endpoint>, std::less<>>& routes, std::string_view path,
           std::shared_ptr<Endpoint> endpoint) {
    if (!path.starts_with('/')) throw StartupError(fail::malformed("path does not begin with '/': " + printable(path)));
    const auto [place, added] = routes.try_emplace(normal_form(path), std::move(endpoint));
    if (!added) throw StartupError(fail::conflict("two endpoints claim the path " + printable(path)));
}

}  // namespace

void Router::add(std::string_view path, std::shared_ptr<Endpoint> endpoint) {
    claim(routes_, path, std::move(endpoint));
}

void Router::add_below(std::string_view path, std::shared_ptr<Endpoint> endpoint) {
    claim(trees_, path, std::move(endpoint));
}

Endpoint* Router::route_of(const std::string& path) const {
    if (const auto route = routes_.find(path); route != routes_.end()) return route->second.get();
    if (trees_.empty()) return nullptr;
    for (auto end = path.rfind('/'); end != std::string::npos && end != 0; end = path.rfind('/', end - 1)) {
        const auto tree = trees_.find(std::string_view(path).substr(0, end));
        if (tree != trees_.end()) return tree->second.get();
    }
    return nullptr;
}

Endpoint* Router::find(const Request& request) const {
    auto* endpoint = route_of(normal_form(request.path));
    if (endpoint == nullptr) return nullptr;
    return std::ranges::find(request.serves, endpoint->serves()) == request.serves.end() ? nullptr : endpoint;
}

}  // namespace countersign::http
