#include "countersign/admin/monitoring.hpp"

#include "countersign/core/text.hpp"
#include "problem.hpp"

#include <array>
#include <exception>

namespace countersign::admin {
namespace {

using net::Request;
using net::Response;

constexpr std::chrono::seconds findings_keep{5};

std::optional<Response> refuse_other_methods(const Request& request) {
    if (request.method == "GET" || request.method == "HEAD") return std::nullopt;
    auto response = Response::text(405, "This is read with GET.");
    response.headers.emplace_back("Allow", "GET, HEAD");
    return guarded(std::move(response));
}

// nullopt: the details are for this client. Else what to answer to one who must have them.
std::optional<Problem> withheld(const MonitoringParts& parts, const Request& request, std::string& who,
                                std::vector<std::pair<std::string, std::string>>& headers) {
    if (const auto intended = check_intended(request); !intended)
        return problem::forbidden("This answers only those who ask it themselves.");
    if (is_local(request) && !request.header("authorization")) return std::nullopt;
    auto outcome = parts.sign_in->identify(request);
    if (const auto* refusal = std::get_if<Refusal>(&outcome)) return problem::sign_in(*refusal);
    auto& caller = std::get<Caller>(outcome);
    who = caller.account->name;
    headers = std::move(caller.headers);
    if (!caller.account->is(Role::auditor)) return problem::forbidden("This needs the role auditor.");
    return std::nullopt;
}

// A proxy passes on the name its clients use, or its own for us; who asks us directly names us by loopback.
bool names_this_machine(std::string_view host) {
    if (host.starts_with('[')) return host.starts_with("[::1]");
    host = host.substr(0, host.find(':'));
    const bool numeric = host.find_first_not_of("0123456789.") == std::string_view::npos;
    return (numeric && (host.empty() || host.starts_with("127."))) || equals_ignoring_case(host, "localhost");
}

}  // namespace

bool is_local(const Request& request) {
    if (request.connection == nullptr || request.connection->relayed) return false;
    // A proxy on this machine that nobody declared: what it relays is not local.
    for (const auto* header : {"x-forwarded-for", "forwarded", "x-real-ip", "via"}) {
        if (request.header(header)) return false;
    }
    if (!names_this_machine(request.header("host").value_or(""))) return false;
    return request.client == "::1" || request.client == "unix" || request.client.starts_with("127.");
}

std::optional<Response> Health::answer_at_once(const Request& request) {
    if (auto refused = refuse_other_methods(request)) return refused;
    return answer(request);
}

Response Health::answer(const Request&) {
    return guarded(json_response(200, {{"status", "alive"}}));
}

std::optional<Response> Readiness::answer_at_once(const Request& request) {
    return refuse_other_methods(request);
}

Response Readiness::answer(const Request& request) try {
    const auto found = findings();
    Json json{{"status", found->ready ? "ready" : "not ready"}};
    std::string who;
    std::vector<std::pair<std::string, std::string>> headers;
    // Whoever brings no credentials, or is not an auditor, learns the status alone.
    const bool asks_details = is_local(request) || request.header("authorization") ||
                              (request.connection && !request.connection->client_certificate.empty());
    if (asks_details && !withheld(parts_, request, who, headers)) {
        Json checks = Json::array();
        for (const auto& one : found->all) {
            Json check{{"name", one.name}, {"passes", one.problem.empty()}};
            if (!one.problem.empty()) check["problem"] = one.problem;
            if (!one.warning.empty()) check["warning"] = one.warning;
            checks.push_back(std::move(check));
        }
        json["checks"] = std::move(checks);
    }
    auto response = guarded(json_response(found->ready ? 200 : 503, json));
    if (!found->ready) response.headers.emplace_back("Retry-After", "5");
    return with_headers(std::move(response), headers);
} catch (const std::exception& exception) {
    const Refuser refuser{parts_.random, parts_.log};
    return refuser.refuse(request, problem::from(fail::internal(exception.what())), "-", refuser.new_id());
}

std::shared_ptr<const Readiness::Findings> Readiness::findings() {
    const auto fresh = [&]() -> std::shared_ptr<const Findings> {
        const std::lock_guard lock(mutex_);
        const auto now = parts_.clock.now();
        return last_ && last_->at <= now && now - last_->at < findings_keep ? last_ : nullptr;
    };
    if (auto known = fresh()) return known;
    std::unique_lock checking(checking_, std::try_to_lock);
    if (!checking) {
        // A check that hangs must not collect workers.
        const std::lock_guard lock(mutex_);
        if (last_) return last_;
        auto unknown = std::make_shared<Findings>();
        unknown->all.push_back({"checks", "the first ones are still being made"});
        return unknown;
    }
    auto made = std::make_shared<Findings>();
    made->ready = true;
    for (const auto& check : checks_) {
        const auto passed = check.passes();
        made->ready = made->ready && passed;
        made->all.push_back({check.name, passed ? std::string() : printable(passed.error().detail, 300),
                             check.warning ? printable(check.warning(), 300) : std::string()});
    }
    made->at = parts_.clock.now();
    const std::lock_guard lock(mutex_);
    last_ = made;
    return made;
}

std::optional<Response> MetricsPage::answer_at_once(const Request& request) {
    return refuse_other_methods(request);
}

Response MetricsPage::answer(const Request& request) {
    const Refuser refuser{parts_.random, parts_.log};
    std::string who = "-";
    try {
        std::vector<std::pair<std::string, std::string>> headers;
        if (const auto problem = withheld(parts_, request, who, headers))
            return refuser.refuse(request, *problem, who, refuser.new_id());
        return with_headers(guarded(Response::bytes(200, "text/plain; version=0.0.4; charset=utf-8",
                                                    to_bytes(as_bytes(metrics_->text(subjects_))))),
                            headers);
    } catch (const std::exception& exception) {
        return refuser.refuse(request, problem::from(fail::internal(exception.what())), who, refuser.new_id());
    }
}

}  // namespace countersign::admin
