#include "countersign/admin/console.hpp"

#include "countersign/audit/catalogue.hpp"
#include "countersign/core/text.hpp"
#include "countersign/crypto/digest.hpp"
#include "html.hpp"
#include "problem.hpp"
#include "style.hpp"
#include "visit.hpp"

#include <algorithm>
#include <array>
#include <exception>

namespace countersign::admin {
namespace {

using net::Request;
using net::Response;

constexpr std::chrono::hours form_life{12};
constexpr std::string_view form_type = "application/x-www-form-urlencoded";

struct Place {
    std::string_view path;
    std::string_view words;
    std::string_view operation;  // shown to those who may ask for this; empty: everybody signed in
};
constexpr std::array<Place, 5> places{{{"/", "Overview", ""},
                                       {"/passwords", "Passwords", "/challenges"},
                                       {"/requests", "Requests", "/requests"},
                                       {"/certificates", "Certificates", "/certificates"},
                                       {"/events", "Events", "/requests"}}};

// What a finished act says on the page it leads to.
struct Notice {
    std::string_view word;
    std::string_view text;
};
constexpr std::array<Notice, 4> notices{{{"approved", "Approved: it goes to the CA within seconds."},
                                         {"denied", "Denied."},
                                         {"revoked", "Revoked."},
                                         {"withdrawn", "The password is revoked."}}};

std::string notice_of(const Visit& visit) {
    const auto word = visit.given("done");
    const auto* found = std::ranges::find(notices, word, &Notice::word);
    if (found == notices.end()) return {};
    return "<section class=\"note\" role=\"status\"><p>" + std::string(found->text) + "</p></section>";
}

// `account`: empty for nobody, who sees no navigation.
std::string document(const Page& page, std::string_view navigation, std::string_view account) {
    return "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
           "content=\"width=device-width,initial-scale=1\"><title>" +
           html::escaped(page.title) + " - Countersign</title><link rel=\"stylesheet\" href=\"" + at("/console.css") +
           "\"></head><body><a class=\"skip\" href=\"#main\">To the content</a><header><strong>Countersign</strong>" +
           (account.empty() ? "" : "<p>Signed in as " + html::foreign(account, 100) + "</p>") +
           std::string(navigation) + "</header><main id=\"main\" tabindex=\"-1\"><h1>" + html::escaped(page.title) +
           "</h1>" + page.body + "</main></body></html>\n";
}

Response html_response(int status, const std::string& text) {
    return guarded_page(Response::bytes(status, "text/html; charset=utf-8", to_bytes(as_bytes(text))));
}

Response plain_page(int status, std::string title, const std::string& words) {
    const Page page{std::move(title), "", "<section class=\"trouble\" role=\"alert\"><p>" + words + "</p></section>",
                    status};
    return html_response(status, document(page, "", ""));
}

// One request being answered.
class Exchange {
public:
    Exchange(const ConsoleParts& parts, const Secret& form_key, const Request& request)
        : parts_(parts), form_key_(form_key), request_(request), id_(Refuser{parts.random, parts.log}.new_id()) {}

    Response answer() {
        auto outcome = parts_.sign_in->identify(request_);
        if (const auto* refusal = std::get_if<Refusal>(&outcome))
            return with_headers(plain_page(refusal->status, "Sign in", html::escaped(refusal->text)), refusal->headers);
        const auto& caller = std::get<Caller>(outcome);
        return with_headers(answer_signed_in(caller), caller.headers);
    }

    Response trouble(const std::string& cause) const {
        parts_.log("refused " + id_ + ": 500 " + printable(request_.path, 200) + ": " + printable(cause, 500));
        return plain_page(500, "Something is wrong on our side", "The server's log says what, under " + id_ + ".");
    }

private:
    Response answer_signed_in(const Caller& caller) {
        const bool posted = request_.method == "POST";
        const std::string form(as_text(request_.body));
        auto parameters = posted ? Parameters::read(form, {"token", "profile", "subject", "sans", "template",
                                                           "valid_minutes", "reason", "ca"})
                                 : Parameters::read(request_.query, {"state", "subject", "ca", "watch", "done"});
        Visit visit{parts_, caller, token_for(caller, 0), {}};
        if (!parameters) return refuse(visit, parameters.error());
        visit.parameters = *std::move(parameters);
        const auto steps = steps_below_root();
        if (posted) {
            if (const auto believed = believe_form(visit); !believed) {
                record_refusal(*parts_.desk, caller, request_, believed.error().detail, id_);
                return refuse(visit,
                              fail::denied("This form is from another place or an old one. Load the page again."));
            }
            return act(visit, steps);
        }
        const auto page = page_for(visit, steps);
        return page ? render(visit, *page) : refuse(visit, page.error());
    }

    std::vector<std::string> steps_below_root() const {
        auto steps = split(to_lower(request_.path).substr(std::min(request_.path.size(), Console::root.size())), '/');
        std::erase(steps, "");
        return steps;
    }

    static Result<Page> page_for(const Visit& visit, const std::vector<std::string>& steps) {
        if (steps.empty()) return overview_page(visit);
        const auto& first = steps.front();
        if (steps.size() == 1) {
            if (first == "passwords") return passwords_page(visit);
            if (first == "requests") return requests_page(visit);
            if (first == "certificates") return certificates_page(visit);
            if (first == "events") return events_page(visit);
        }
        if (steps.size() == 2 && first == "requests") return request_page(visit, steps[1]);
        if (steps.size() == 2 && first == "certificates") return certificate_page(visit, steps[1]);
        return fail::not_found("There is no such page.");
    }

    Response act(const Visit& visit, const std::vector<std::string>& steps) {
        if (steps.size() == 1 && steps[0] == "passwords") {
            const auto page = mint_password(visit);
            return page ? render(visit, *page) : refuse(visit, page.error());
        }
        if (steps.size() != 3) return refuse(visit, fail::not_found("There is no such page."));
        const auto& [kind, name, verb] = std::tie(steps[0], steps[1], steps[2]);
        Json body = Json::object();
        for (const char* member : {"reason", "ca"}) {
            if (const auto text = visit.given(member); !text.empty()) body[member] = text;
        }
        if (kind == "passwords" && verb == "revoke")
            return done(visit, visit.ask("DELETE", "/challenges/" + name), "/passwords?done=withdrawn");
        if (kind == "requests" && verb == "approve")
            return done(visit, visit.ask("POST", "/requests/" + name + "/approve"), "/requests?done=approved");
        if (kind == "requests" && verb == "deny")
            return done(visit, visit.ask("POST", "/requests/" + name + "/deny", {}, body), "/requests?done=denied");
        if (kind == "certificates" && verb == "revoke") {
            return done(visit, visit.ask("POST", "/certificates/" + name + "/revoke", {}, body),
                        "/certificates?done=revoked");
        }
        return refuse(visit, fail::not_found("There is no such page."));
    }

    // The page that follows is loaded by GET, so that loading it again repeats nothing.
    Response done(const Visit& visit, const Result<Reply>& outcome, const std::string& next) {
        if (!outcome) return refuse(visit, outcome.error());
        auto response = html_response(303, "");
        response.headers.emplace_back("Location", at(next));
        return response;
    }

    Response refuse(const Visit& visit, const Error& error) {
        const auto problem = problem::from(error);
        parts_.log("refused " + id_ + ": " + std::to_string(problem.status) + " " + printable(request_.method, 16) +
                   " " + printable(request_.path, 200) + " by " + printable(visit.caller.account->name, 60) + ": " +
                   printable(describe(error), 500));
        const Page page{"This did not work", "",
                        "<section class=\"trouble\" role=\"alert\"><p>" + html::foreign(problem.detail, 1000) +
                            "</p><p class=\"quiet\">In the server's log: " + id_ + "</p></section>",
                        problem.status};
        return with_headers(render(visit, page), problem.headers);
    }

    Response render(const Visit& visit, const Page& page) const {
        std::string navigation = "<nav aria-label=\"Pages\"><ul>";
        for (const auto& place : places) {
            if (!place.operation.empty() && !visit.may("GET", place.operation)) continue;
            navigation += "<li><a href=\"" + at(place.path) + "\"" +
                          (page.current == place.path ? " aria-current=\"page\"" : "") + ">" +
                          std::string(place.words) + "</a></li>";
        }
        auto shown = page;
        shown.body = notice_of(visit) + page.body;
        auto response =
            html_response(page.status, document(shown, navigation + "</ul></nav>", visit.caller.account->name));
        if (visit.given("watch") == "true") response.headers.emplace_back("Refresh", "10");
        return response;
    }

    std::string token_for(const Caller& caller, int earlier) const {
        const auto period = std::chrono::floor<std::chrono::hours>(parts_.clock.now().time_since_epoch()) / form_life;
        const std::string about = std::to_string(period - earlier) + "\n" + caller.account->name;
        return lower_hex(crypto::hmac_sha256(form_key_.reveal(), as_bytes(about)));
    }

    // denied, with the reason for the records: the browser was misled, or the form was not made for this account
    // lately.
    Result<void> believe_form(const Visit& visit) const {
        CHECK(check_intended(request_));
        const auto type = request_.header("content-type").value_or("");
        if (!equals_ignoring_case(trim(type.substr(0, type.find(';'))), form_type))
            return fail::denied("not sent by a form");
        const Secret given(visit.given("token"));
        for (const int earlier : {0, 1}) {
            if (given.equals(as_bytes(token_for(visit.caller, earlier)))) return {};
        }
        return fail::denied("the form has no token made for this account within the last hours");
    }

    const ConsoleParts& parts_;
    const Secret& form_key_;
    const Request& request_;
    std::string id_;
};

}  // namespace

Console::Console(ConsoleParts parts) : parts_(std::move(parts)), form_key_(parts_.random.bytes(32)) {}

std::optional<Response> Console::answer_at_once(const Request& request) {
    const bool reads = request.method == "GET" || request.method == "HEAD";
    if (!reads && request.method != "POST") {
        auto response = Response::text(405, "Here works: GET, HEAD, POST.");
        response.headers.emplace_back("Allow", "GET, HEAD, POST");
        return guarded(std::move(response));
    }
    if (reads && equals_ignoring_case(request.path, at("/console.css"))) {
        auto response = Response::bytes(200, "text/css; charset=utf-8", to_bytes(as_bytes(console_style)));
        response.headers.emplace_back("X-Content-Type-Options", "nosniff");
        response.headers.emplace_back("Cache-Control", "max-age=3600");
        return response;
    }
    if (request.body.size() > most_body_octets) return guarded(Response::text(413, "No form is that large."));
    return std::nullopt;
}

Response Console::answer(const Request& request) {
    Exchange exchange(parts_, form_key_, request);
    try {
        return exchange.answer();
    } catch (const std::exception& exception) {
        return exchange.trouble(exception.what());
    }
}

}  // namespace countersign::admin
