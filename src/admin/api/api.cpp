#include "countersign/admin/api.hpp"

#include "call.hpp"
#include "countersign/core/text.hpp"
#include "operation.hpp"

#include <exception>

namespace countersign::admin {
namespace {

using net::Request;
using net::Response;

std::string_view below_root(const Request& request) {
    const std::string_view path = request.path;
    return path.size() < Api::root.size() ? std::string_view() : path.substr(Api::root.size());
}

bool is_json(std::string_view content_type) {
    return equals_ignoring_case(trim(content_type.substr(0, content_type.find(';'))), "application/json");
}

// Without a body no Content-Type is needed; a wrong one is refused anyhow: it is what a form of another site would
// send.
std::optional<Problem> check_body(const Request& request, const Operation& operation) {
    if (operation.method != "POST") {
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
        auto found = find_operation(request_.method, below_root(request_));
        if (found.allowed.empty()) return refuse(problem::not_found("The API has no such path."));
        if (found.operation == nullptr) return refuse(problem::method_not_allowed(found.allowed));
        if (const auto allowed = allows(*found.operation, *caller.account); !allowed)
            return forbid(caller, "lacks the role", allowed.error().detail);
        if (const auto wrong = check_body(request_, *found.operation)) return refuse(*wrong);
        return render(operate(*parts_.desk, caller, found, {request_.query, request_.body, "api"}));
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
        record_refusal(*parts_.desk, caller, request_, reason, id_);
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
    for (const auto& one : admin::operations()) all.push_back({std::string(one.method), std::string(one.path)});
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
