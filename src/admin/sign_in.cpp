#include "countersign/admin/sign_in.hpp"

#include "countersign/audit/catalogue.hpp"
#include "countersign/core/source.hpp"
#include "countersign/core/text.hpp"

#include <algorithm>

namespace countersign::admin {
namespace {

template <class... Ts>
struct Overloaded : Ts... {
    using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;  // clang 16, which fuzzes, wants to be told

std::string whole_seconds(std::chrono::milliseconds wait) {
    return std::to_string(std::chrono::ceil<std::chrono::seconds>(wait).count());
}

Refusal later(int status, std::string seconds, std::string text) {
    return Refusal{status, {{"Retry-After", std::move(seconds)}}, std::move(text)};
}

// "https://host:port" or a URL below it against our own Host.
bool same_host(std::string_view url, std::string_view host) {
    const auto scheme = url.find("://");
    if (scheme == std::string_view::npos) return false;
    url.remove_prefix(scheme + 3);
    return equals_ignoring_case(url.substr(0, url.find_first_of("/?#")), host);
}

}  // namespace

std::optional<std::string_view> credentials_for(std::string_view scheme, const net::Request& request) {
    const auto is_authorization = [](const auto& field) { return field.first == "authorization"; };
    if (std::ranges::count_if(request.headers, is_authorization) != 1) return std::nullopt;
    const std::string_view value = *request.header("authorization");
    if (value.size() <= scheme.size() || value[scheme.size()] != ' ') return std::nullopt;
    if (!equals_ignoring_case(value.substr(0, scheme.size()), scheme)) return std::nullopt;
    return trim(value.substr(scheme.size()));
}

std::shared_ptr<const Account> account_without_roles(std::string name) {
    Account account;
    account.name = std::move(name);
    return std::make_shared<const Account>(std::move(account));
}

std::variant<Caller, Refusal> SignIn::identify(const net::Request& request) {
    const auto listener = request.connection ? listeners_.find(request.connection->listener) : listeners_.end();
    if (listener == listeners_.end()) return Refusal{403, {}, "Nobody can sign in here."};
    if (!request.secure && !request.loopback_or_proxy && !listener->second.plain_http)
        return Refusal{403, {}, "Administrators sign in over HTTPS only."};
    // What a client writes into this very request goes before what its connection brings along with each.
    for (const bool invited : {true, false}) {
        for (const auto& scheme : listener->second.schemes) {
            if (scheme->invitation().empty() == invited || !scheme->is_brought_by(request)) continue;
            return judge(request, listener->second, *scheme);
        }
    }
    return invite(listener->second);
}

Refusal SignIn::invite(const ListenerSignIn& listener) const {
    Refusal refusal{401, {}, "Sign in to use this page."};
    for (const auto& scheme : listener.schemes) {
        if (auto invitation = scheme->invitation(); !invitation.empty())
            refusal.headers.emplace_back("WWW-Authenticate", std::move(invitation));
    }
    if (refusal.headers.empty()) refusal = Refusal{403, {}, "Present a client certificate to use this page."};
    return refusal;
}

std::variant<Caller, Refusal> SignIn::judge(const net::Request& request, const ListenerSignIn& listener,
                                            Scheme& scheme) {
    if (auto account = scheme.remembered(request)) return Caller{std::move(account), std::string(scheme.name()), {}};
    // By scheme: a script with a stale password must not lock out those behind the same address who hold tickets.
    const auto source = source_of(request.client) + " " + std::string(scheme.name());
    const auto claimed = scheme.claimed(request);
    if (const auto wait = throttle_.wait_for(source, claimed, clock_.now()); wait.count() > 0)
        return later(429, whole_seconds(wait), "Too many failed sign-ins; try again later.");

    using Answer = std::variant<Caller, Refusal>;
    return std::visit(
        Overloaded{[&](Proven&& proven) -> Answer {
                       throttle_.succeeded(source, claimed);
                       Caller caller{std::move(proven.account), std::string(scheme.name()), {}};
                       if (!proven.token.empty()) caller.headers.emplace_back("WWW-Authenticate", proven.token);
                       return caller;
                   },
                   [&](Unproven&& unproven) -> Answer {
                       throttle_.failed(source, claimed, clock_.now());
                       note_failure(request, scheme, claimed, unproven.reason);
                       return invite(listener);
                   },
                   [](AnotherRound&& round) -> Answer {
                       return Refusal{401, {{"WWW-Authenticate", std::move(round.challenge)}}, "Go on signing in."};
                   },
                   [](Busy&&) -> Answer { return later(503, "1", "Too many sign-ins at a time; try again."); }},
        scheme.judge(request));
}

void SignIn::note_failure(const net::Request& request, const Scheme& scheme, const std::string& claimed,
                          const std::string& reason) {
    audit::Event event(audit::event::sign_in_failed, audit::severity_of(audit::event::sign_in_failed));
    event.with("client", printable(request.client, 60))
        .with("scheme", std::string(scheme.name()))
        .with("account", printable(claimed, 100))
        .with("path", printable(request.path, 100))
        .with("reason", reason);
    // Refused either way; an audit that is away stops what would be allowed, and this is not.
    static_cast<void>(audit_.record(event));
}

Result<void> check_intended(const net::Request& request) {
    for (const auto* header : {"sec-purpose", "purpose", "x-purpose", "x-moz"}) {
        const auto purpose = to_lower(request.header(header).value_or(""));
        if (purpose.find("prefetch") != std::string::npos || purpose.find("preview") != std::string::npos ||
            purpose.find("prerender") != std::string::npos)
            return fail::denied("a browser asks ahead of its user");
    }
    if (const auto site = request.header("sec-fetch-site")) {
        if (*site != "same-origin" && *site != "none") return fail::denied("another site made the browser ask");
        return {};
    }
    const auto host = request.header("host").value_or("");
    for (const auto* header : {"origin", "referer"}) {
        const auto from = request.header(header);
        if (from && !same_host(*from, host)) return fail::denied("another site made the browser ask");
    }
    return {};
}

}  // namespace countersign::admin
