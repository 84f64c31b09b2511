// Enrollment requests: who asks, what became of it and why; an officer's decision on those that are held.
#include "countersign/core/text.hpp"
#include "html.hpp"
#include "visit.hpp"

namespace countersign::admin {
namespace {

std::string decision_forms(const Visit& visit, const std::string& id) {
    return "<section aria-labelledby=\"decide\"><h2 id=\"decide\">Decide</h2>"
           "<p>Approving submits the request to the CA within seconds; the device gets its certificate when it asks "
           "again.</p>" +
           html::form(at("/requests/" + id + "/approve"), visit.token, "", "Approve") +
           "<details><summary>Deny this request</summary>" +
           html::form(at("/requests/" + id + "/deny"), visit.token,
                      html::field("Reason <small>for the records; the device is not told</small>", "reason", "",
                                  "required maxlength=\"1000\""),
                      "Deny", "danger") +
           "</details></section>";
}

}  // namespace

std::string requests_table(const Json& found, std::string_view caption, std::string_view nothing) {
    html::Table table(std::string(caption) + (found.at("more").get<bool>() ? "; there are more" : ""),
                      {"Asked", "Subject", "State", "Profile", "Client", "Reason"});
    for (const auto& one : found.at("items")) {
        auto subject = html::foreign(member(one, "subject"));
        if (subject.empty()) subject = "no subject";
        table.add({moment(member(one, "created")), html::link(at("/requests/" + member(one, "id")), subject),
                   badge(member(one, "state")), html::escaped(member(one, "profile")),
                   html::foreign(member(one, "client")), html::foreign(member(one, "reason"))});
    }
    return table.text(nothing);
}

Result<Page> requests_page(const Visit& visit) {
    const auto state = visit.given("state");
    if (state.find_first_not_of("abcdefghijklmnopqrstuvwxyz") != std::string::npos)
        return fail::malformed("There is no such state.");
    TRY(const auto found, visit.ask("GET", "/requests", state.empty() ? "" : "state=" + state));
    return Page{"Requests", "/requests",
                "<section><form method=\"get\" action=\"" + at("/requests") + "\">" +
                    html::choice("State", "state", {"held", "pending", "issued", "failed", "intent", "approved"}, state,
                                 "all") +
                    "<button>Show</button></form><p>" +
                    html::link(at("/requests?watch=true" + (state.empty() ? "" : "&state=" + state)),
                               "Watch: load anew every 10 seconds") +
                    "</p></section><section>" +
                    requests_table(found.json, "Newest first", "There is no such request.") +
                    "<p class=\"quiet\">Messages refused before they became a request are among the " +
                    html::link(at("/events"), "events") + ".</p></section>"};
}

Result<Page> request_page(const Visit& visit, const std::string& id) {
    TRY(const auto reply, visit.ask("GET", "/requests/" + id));
    const Json& one = reply.json;
    const auto serial = member(one, "certificate_serial");
    Page page{"Request", "/requests",
              "<section>" +
                  html::facts({{"Subject", html::foreign(member(one, "subject"), 4096)},
                               {"State", badge(member(one, "state"))},
                               {"Reason", html::foreign(member(one, "reason"), 1000)},
                               {"Kind", html::escaped(member(one, "kind"))},
                               {"Profile", html::escaped(member(one, "profile"))},
                               {"Template", html::escaped(member(one, "template"))},
                               {"Client", html::foreign(member(one, "client"))},
                               {"Asked", moment(member(one, "created"))},
                               {"Last change", moment(member(one, "updated"))},
                               {"Transaction", html::foreign(member(one, "transaction_id"))},
                               {"Certificate",
                                serial.empty() ? "" : html::link(at("/certificates/" + serial), html::escaped(serial))},
                               {"Id", html::escaped(member(one, "id"))}}) +
                  "</section>"};
    if (member(one, "state") == "held" && visit.may("POST", "/requests/x/approve"))
        page.body += decision_forms(visit, id);
    page.body += "<section><h2>What the certificate would hold</h2><pre>" +
                 html::escaped(one.at("plan").dump(2, ' ', false, Json::error_handler_t::replace)) +
                 "</pre></section><section><h2>The request</h2><pre>" + html::escaped(member(one, "csr")) +
                 "</pre></section>";
    return page;
}

}  // namespace countersign::admin
