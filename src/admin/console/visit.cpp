#include "visit.hpp"

#include "html.hpp"

namespace countersign::admin {

Result<Reply> Visit::ask(std::string_view method, const std::string& path, const std::string& query,
                         const Json& body) const {
    const auto found = find_operation(method, path);
    if (found.operation == nullptr) return fail::not_found("There is nothing here.");
    CHECK(allows(*found.operation, *caller.account));
    const std::string octets = body.empty() ? std::string() : body.dump(-1, ' ', false, Json::error_handler_t::replace);
    return operate(*parts.desk, caller, found, {query, as_bytes(octets), "console"});
}

bool Visit::may(std::string_view method, std::string_view path) const {
    const auto found = find_operation(method, path);
    return found.operation != nullptr && allows(*found.operation, *caller.account);
}

bool Visit::oversees() const {
    return caller.account->is(Role::officer) || caller.account->is(Role::auditor);
}

std::string at(std::string_view path) {
    return std::string(Console::root) + std::string(path);
}

std::string badge(std::string_view state) {
    std::string_view kind = "";
    if (state == "issued" || state == "valid" || state == "outstanding" || state == "passes") kind = "good";
    if (state == "held" || state == "pending" || state == "approved" || state == "warning" || state == "intent")
        kind = "warn";
    if (state == "failed" || state == "revoked" || state == "alert" || state == "burnt" || state == "expired")
        kind = "bad";
    return "<span class=\"badge " + std::string(kind) + "\">" + html::escaped(state) + "</span>";
}

std::string moment(std::string_view rfc3339) {
    if (rfc3339.size() < 17 || rfc3339[10] != 'T') return html::foreign(rfc3339);
    return "<time datetime=\"" + html::escaped(rfc3339) + "\">" + html::escaped(rfc3339.substr(0, 10)) + " " +
           html::escaped(rfc3339.substr(11, 5)) + " UTC</time>";
}

std::string member(const Json& object, const char* name) {
    const auto found = object.find(name);
    if (found == object.end() || found->is_null()) return {};
    return found->is_string() ? found->get<std::string>() : found->dump();
}

}  // namespace countersign::admin
