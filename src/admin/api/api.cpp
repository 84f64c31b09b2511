#include "countersign/admin/api.hpp"

#include "call.hpp"
#include "countersign/audit/catalogue.hpp"
#include "countersign/core/text.hpp"

#include <algorithm>
#include <exception>

namespace countersign::admin {
namespace {

using net::Request;
using net::Response;

struct Route {
    std::string_view method;
    std::string_view path;                     // below the root; at most one {name}
    std::vector<Role> roles;                   // one of these; empty: whoever is signed in
    std::vector<std::string_view> parameters;  // of the query
    Result<Reply> (*operation)(Call&);
};

const std::vector<Route>& routes() {
    static constexpr auto minter = Role::device_administrator;
    static constexpr auto officer = Role::officer;
    static constexpr auto auditor = Role::auditor;
    static const std::vector<Route> table{
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
        {"GET", "/whoami", {}, {}, who_am_i},
    };
    return table;
}

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

struct Found {
    const Route* route = nullptr;
    std::string name;
    std::string allowed;  // the methods of this path; empty: no such path
};

Found find_route(const Request& request) {
    std::string path = to_lower(request.path);
    if (path.ends_with('/')) path.pop_back();
    const auto parts = split(
        path.size() < Api::root.size() ? std::string_view() : std::string_view(path).substr(Api::root.size()), '/');
    const std::string_view method = request.method == "HEAD" ? "GET" : std::string_view(request.method);
    Found found;
    for (const auto& route : routes()) {
        auto name = match(route.path, parts);
        if (!name) continue;
        found.allowed += (found.allowed.empty() ? "" : ", ") + std::string(route.method);
        if (route.method == "GET") found.allowed += ", HEAD";
        if (route.method != method) continue;
        found.route = &route;
        found.name = *std::move(name);
    }
    return found;
}

bool is_json(std::string_view content_type) {
    return equals_ignoring_case(trim(content_type.substr(0, content_type.find(';'))), "application/json");
}

// Without a body no Content-Type is needed; a wrong one is refused anyhow: it is what a form of another site would
// send.
std::optional<Problem> check_body(const Request& request, const Route& route) {
    if (route.method != "POST") {
        if (request.body.empty()) return std::nullopt;
        return problem::from(fail::malformed("this takes no body"));
    }
    if (request.body.size() > most_body_octets) return problem::body_too_large(most_body_octets);
    const auto type = request.header("content-type");
    if (!type && request.body.empty()) return std::nullopt;
    if (!type || !is_json(*type)) return problem::wrong_content_type();
    return std::nullopt;
}

// One request being answered.
class Exchange {
public:
    Exchange(const ApiParts& parts, const Request& request)
        : parts_(parts), request_(request), refuser_{parts.random, parts.log}, id_(refuser_.new_id()) {}

    Response answer() {
        auto outcome = parts_.sign_in->identify(request_);
        if (const auto* refusal = std::get_if<Refusal>(&outcome)) return refuse(problem::sign_in(*refusal));
        const auto& caller = std::get<Caller>(outcome);
        who_ = caller.account->name;
        return with_headers(answer_signed_in(caller), caller.headers);
    }
    Response refuse(const Problem& problem) const { return refuser_.refuse(request_, problem, who_, id_); }

private:
    Response answer_signed_in(const Caller& caller) {
        if (const auto intended = check_intended(request_); !intended)
            return forbid(caller, intended.error().detail, "The API answers only those who ask it themselves.");
        auto found = find_route(request_);
        if (found.allowed.empty()) return refuse(problem::not_found("The API has no such path."));
        if (found.route == nullptr) return refuse(problem::method_not_allowed(found.allowed));
        const auto& roles = found.route->roles;
        const auto has = [&](Role role) { return caller.account->is(role); };
        if (!roles.empty() && std::ranges::none_of(roles, has)) {
            std::vector<std::string> needed;
            for (const auto role : roles) needed.emplace_back(name(role));
            return forbid(caller, "lacks the role", "This needs the role " + join(needed, " or ") + ".");
        }
        if (const auto wrong = check_body(request_, *found.route)) return refuse(*wrong);
        return render(operate(caller, std::move(found)));
    }

    Result<Reply> operate(const Caller& caller, Found found) const {
        TRY(auto parameters, Parameters::read(request_.query, found.route->parameters));
        TRY(auto members, Members::read(request_.body));
        Call call{*parts_.desk,          caller,
                  std::move(found.name), std::move(parameters),
                  std::move(members),    parts_.desk->parts().clock.now()};
        return found.route->operation(call);
    }

    Response render(const Result<Reply>& reply) const {
        if (!reply) return refuse(problem::from(reply.error()));
        if (reply->status == 204) {
            Response nothing;
            nothing.status = 204;
            return guarded(std::move(nothing));
        }
        auto response = json_response(reply->status, reply->json);
        if (!reply->location.empty())
            response.headers.emplace_back("Location", std::string(Api::root) + "/" + reply->location);
        return guarded(std::move(response));
    }

    Response forbid(const Caller& caller, const std::string& reason, std::string detail) const {
        audit::Event event(audit::event::api_refused, audit::severity_of(audit::event::api_refused));
        event.with("by", printable(caller.account->name))
            .with("scheme", caller.scheme)
            .with("client", printable(request_.client, 60))
            .with("method", printable(request_.method, 16))
            .with("path", printable(request_.path, 200))
            .with("reason", reason)
            .with("instance", id_);
        // Refused either way.
        static_cast<void>(parts_.desk->parts().audit.record(event));
        return refuse(problem::forbidden(std::move(detail)));
    }

    const ApiParts& parts_;
    const Request& request_;
    Refuser refuser_;
    std::string id_;
    std::string who_ = "-";
};

}  // namespace

Response Api::answer(const Request& request) {
    Exchange exchange(parts_, request);
    try {
        return exchange.answer();
    } catch (const std::exception& exception) {
        return exchange.refuse(problem::from(fail::internal(exception.what())));
    }
}

std::vector<Api::Operation> Api::operations() {
    std::vector<Operation> all;
    for (const auto& route : routes()) all.push_back({std::string(route.method), std::string(route.path)});
    return all;
}

Result<std::string> profile_parameter(const Call& call) {
    auto profile = call.parameters.text("profile");
    if (profile.empty()) return profile;
    if (!call.sees(profile) || !call.desk.profiles().contains(profile))
        return fail::not_found("there is no profile " + printable(profile, 60));
    return profile;
}

Result<Reply> who_am_i(Call& call) {
    Json roles = Json::array();
    for (const auto role : call.account().roles) roles.push_back(name(role));
    Json profiles = Json::array();
    for (const auto& [profile, desk] : call.desk.profiles()) {
        if (call.sees(profile)) profiles.push_back(profile);
    }
    return Reply{200,
                 {{"account", call.account().name},
                  {"roles", std::move(roles)},
                  {"profiles", std::move(profiles)},
                  {"scheme", call.caller.scheme}}};
}

}  // namespace countersign::admin
