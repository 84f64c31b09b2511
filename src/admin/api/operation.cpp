#include "operation.hpp"

#include "call.hpp"
#include "countersign/audit/catalogue.hpp"
#include "countersign/core/text.hpp"

#include <algorithm>

namespace countersign::admin {
namespace {

// What stands for the {name} of `pattern`; empty when it has none. nullopt: another path.
std::optional<std::string> match(std::string_view pattern, const std::vector<std::string>& path) {
    const auto parts = split(pattern, '/');
    if (parts.size() != path.size()) return std::nullopt;
    std::string name;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (parts[i].starts_with('{')) {
            if (path[i].empty()) return std::nullopt;
            name = path[i];
        } else if (parts[i] != path[i]) {
            return std::nullopt;
        }
    }
    return name;
}

}  // namespace

const std::vector<Operation>& operations() {
    static constexpr auto minter = Role::device_administrator;
    static constexpr auto officer = Role::officer;
    static constexpr auto auditor = Role::auditor;
    static const std::vector<Operation> table{
        {"POST", "/challenges", {minter}, {}, mint_challenge},
        {"GET", "/challenges", {minter, auditor}, {"profile", "all", "limit"}, list_challenges},
        {"GET", "/challenges/{id}", {minter, auditor}, {}, show_challenge},
        {"DELETE", "/challenges/{id}", {minter}, {}, revoke_challenge},
        {"GET", "/requests", {officer, auditor}, {"profile", "state", "limit"}, list_requests},
        {"GET", "/requests/{id}", {officer, auditor}, {}, show_request},
        {"POST", "/requests/{id}/approve", {officer}, {}, approve_request},
        {"POST", "/requests/{id}/deny", {officer}, {}, deny_request},
        {"GET", "/certificates", {officer, auditor}, {"profile", "subject", "valid", "limit"}, list_certificates},
        {"GET", "/certificates/{serial}", {officer, auditor}, {"ca"}, show_certificate},
        {"POST", "/certificates/{serial}/revoke", {officer}, {}, revoke_certificate},
        {"GET", "/notifications", {officer, auditor}, {"receiver", "state", "limit"}, list_notifications},
        {"GET", "/notifications/{id}", {officer, auditor}, {}, show_notification},
        {"POST", "/notifications/{id}/retry", {officer}, {}, retry_notification},
        {"DELETE", "/notifications/{id}", {officer}, {}, drop_notification},
        {"GET", "/whoami", {}, {}, who_am_i},
    };
    return table;
}

FoundOperation find_operation(std::string_view method, std::string_view below_root) {
    std::string path = to_lower(below_root);
    if (path.ends_with('/')) path.pop_back();
    const auto parts = split(path, '/');
    if (method == "HEAD") method = "GET";
    FoundOperation found;
    for (const auto& operation : operations()) {
        auto name = match(operation.path, parts);
        if (!name) continue;
        found.allowed += (found.allowed.empty() ? "" : ", ") + std::string(operation.method);
        if (operation.method == "GET") found.allowed += ", HEAD";
        if (operation.method != method) continue;
        found.operation = &operation;
        found.name = *std::move(name);
    }
    return found;
}

Result<void> allows(const Operation& operation, const Account& account) {
    const auto& roles = operation.roles;
    if (roles.empty() || std::ranges::any_of(roles, [&](Role role) { return account.is(role); })) return {};
    std::vector<std::string> needed;
    for (const auto role : roles) needed.emplace_back(name(role));
    return fail::denied("This needs the role " + join(needed, " or ") + ".");
}

void record_refusal(Desk& desk, const Caller& caller, const net::Request& request, const std::string& reason,
                    const std::string& instance) {
    audit::Event event(audit::event::api_refused, audit::severity_of(audit::event::api_refused));
    event.with("by", printable(caller.account->name))
        .with("scheme", caller.scheme)
        .with("client", printable(request.client, 60))
        .with("method", printable(request.method, 16))
        .with("path", printable(request.path, 200))
        .with("reason", reason)
        .with("instance", instance);
    static_cast<void>(desk.parts().audit.record(event));
}

Result<Reply> operate(Desk& desk, const Caller& caller, const FoundOperation& found, const Asked& asked) {
    TRY(auto parameters, Parameters::read(asked.query, found.operation->parameters));
    TRY(auto members, Members::read(asked.body));
    Call call{desk,
              caller,
              found.name,
              std::move(parameters),
              std::move(members),
              desk.parts().clock.now(),
              std::string(asked.through)};
    return found.operation->perform(call);
}

}  // namespace countersign::admin
