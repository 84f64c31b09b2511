#include "countersign/admin/password_page.hpp"

#include "countersign/audit/catalogue.hpp"
#include "countersign/core/text.hpp"
#include "problem.hpp"

#include <algorithm>

namespace countersign::admin {
namespace {

using net::Request;
using net::Response;

Response html(Bytes page) {
    return guarded(Response::bytes(200, "text/html", std::move(page)));
}

bool asks_operation(const Request& request) {
    for (const auto& parameter : split(request.query, '&')) {
        const auto name = parameter.substr(0, parameter.find('='));
        if (equals_ignoring_case(name, "operation")) return true;
    }
    return false;
}

bool is_library(const Request& request) {
    return to_lower(request.path).ends_with("/mscep.dll");
}

}  // namespace

std::optional<Response> PasswordPage::answer_at_once(const Request& request) {
    if (request.method != "GET" && request.method != "HEAD" && request.method != "POST") {
        auto response = Response::text(405, "This page is read with GET or POST.");
        response.headers.emplace_back("Allow", "GET, HEAD, POST");
        return response;
    }
    if (is_library(request) || request.path.ends_with('/')) return std::nullopt;
    // As IIS does for a directory.
    auto response = Response::text(301, "See the same address with a slash at its end.");
    response.headers.emplace_back("Location", request.path + "/" + (request.query.empty() ? "" : "?" + request.query));
    return response;
}

Response PasswordPage::answer(const Request& request) {
    auto outcome = sign_in_->identify(request);
    if (const auto* refusal = std::get_if<Refusal>(&outcome))
        return with_headers(guarded(Response::text(refusal->status, refusal->text)), refusal->headers);
    const auto& caller = std::get<Caller>(outcome);
    return with_headers(answer_signed_in(request, caller), caller.headers);
}

Response PasswordPage::answer_signed_in(const Request& request, const Caller& caller) {
    if (is_library(request) && asks_operation(request)) {
        if (auto at_once = scep_->answer_at_once(request)) return std::move(*at_once);
        return scep_->answer(request);
    }
    if (const auto intended = check_intended(request); !intended) {
        withhold(request, caller, intended.error().detail);
        return guarded(Response::text(403, "This page answers only those who open it themselves."));
    }
    if (!caller.account->mints_for(options_.profile))
        return withhold(request, caller, "not a device administrator of this profile");
    // HEAD must have no effect (RFC 9110 section 9.2.1), and its answer has no room for a password.
    if (request.method == "HEAD") return guarded(Response::bytes(200, "text/html", {}));
    if (options_.mode == "one-time") return mint(caller);
    // One password for everybody opens every template.
    const Actor actor{caller.account->name, "page", 0, caller.account->templates};
    if (options_.mode == "single-password" && !desk_->covers_all_templates(options_.profile, actor))
        return withhold(request, caller, "may not use every template that the password opens");
    return show(caller);
}

Response PasswordPage::withhold(const Request& request, const Caller& caller, const std::string& reason) {
    audit::Event event(audit::event::challenge_withheld, audit::severity_of(audit::event::challenge_withheld));
    event.with("profile", options_.profile)
        .with("by", printable(caller.account->name))
        .with("scheme", caller.scheme)
        .with("client", printable(request.client, 60))
        .with("reason", reason);
    // Withheld either way.
    static_cast<void>(desk_->parts().audit.record(event));
    return html(page::no_permission());
}

Response PasswordPage::show(const Caller& caller) {
    audit::Event event(audit::event::challenge_shown, audit::severity_of(audit::event::challenge_shown));
    event.with("profile", options_.profile).with("mode", options_.mode).with("by", printable(caller.account->name));
    if (!desk_->parts().audit.record(event)) return guarded(Response::text(503, "Temporarily unable to answer."));
    if (options_.mode == "none") return html(page::shown(options_.ca_thumbprint, page::NoPasswordNeeded{}, notice()));
    return html(
        page::shown(options_.ca_thumbprint, page::SinglePassword{options_.single_password.reveal_text()}, notice()));
}

Response PasswordPage::mint(const Caller& caller) {
    const auto& account = *caller.account;
    const Actor actor{account.name, "page", account.max_outstanding, account.templates};
    const auto minted = desk_->mint({options_.profile, {}, std::nullopt}, actor);
    if (minted) {
        // A policy hook may have made it shorter.
        const auto left = std::chrono::ceil<std::chrono::minutes>(minted->expires - desk_->parts().clock.now());
        return html(page::shown(options_.ca_thumbprint,
                                page::OneTimePassword{minted->value.reveal_text(), std::min(options_.valid, left)},
                                notice()));
    }
    if (minted.error().kind == ErrorKind::throttled)
        return html(page::cache_full(options_.valid, options_.max_outstanding));
    if (minted.error().kind == ErrorKind::denied) return html(page::no_permission());
    auto response = guarded(Response::text(503, "Temporarily unable to answer; the server's log says why."));
    response.headers.emplace_back("Retry-After", "5");
    return response;
}

}  // namespace countersign::admin
