// One-time passwords: minted for a subject, shown once, listed and revoked.
#include "countersign/core/text.hpp"
#include "html.hpp"
#include "visit.hpp"

#include <charconv>
#include <set>

namespace countersign::admin {
namespace {

std::string mint_form(const Visit& visit) {
    const auto& account = *visit.caller.account;
    std::vector<std::string> profiles;
    std::set<std::string> templates;
    for (const auto& [name, desk] : visit.parts.desk->profiles()) {
        if (!account.mints_for(name) || !desk.issuer) continue;
        profiles.push_back(name);
        for (const auto& one : desk.templates) {
            if (account.templates.empty() || std::ranges::find(account.templates, one) != account.templates.end())
                templates.insert(one);
        }
    }
    if (profiles.empty()) return "<p class=\"quiet\">None of your profiles mints passwords.</p>";
    const std::string fields =
        "<div class=\"two\"><div>" +
        html::field("Subject <small>the request must have exactly this; empty: any</small>", "subject",
                    visit.given("subject"), "maxlength=\"4096\" placeholder=\"CN=device-7,O=Example\"") +
        "</div><div>" +
        html::field("Alternative names <small>all of them, between blanks; empty: any</small>", "sans",
                    visit.given("sans"), "maxlength=\"4096\" placeholder=\"dns:device-7.example.com\"") +
        "</div><div>" +
        html::choice("Profile", "profile", profiles, visit.given("profile"), profiles.size() > 1 ? "choose one" : "") +
        "</div><div>" +
        html::choice("Template", "template", {templates.begin(), templates.end()}, visit.given("template"),
                     "as the request's key usage says") +
        "</div><div>" +
        html::field("Valid for minutes <small>empty: as the profile says</small>", "valid_minutes",
                    visit.given("valid_minutes"), "inputmode=\"numeric\" maxlength=\"5\" pattern=\"[0-9]*\"") +
        "</div></div>";
    return html::form(at("/passwords"), visit.token, fields, "Make a password");
}

std::string outstanding(const Visit& visit, const Json& found) {
    html::Table table(found.at("more").get<bool>() ? "The newest 100; there are more" : "Not used and not expired",
                      {"Made", "Expires", "For", "Profile", "By", "Action"});
    const bool revokes = visit.may("DELETE", "/challenges/x");
    for (const auto& one : found.at("items")) {
        std::string subject = html::foreign(member(one, "subject"));
        for (const auto& name : one.at("sans")) subject += "<br>" + html::foreign(name.get<std::string>());
        if (subject.empty()) subject = "<span class=\"quiet\">any subject</span>";
        const std::string id = member(one, "id");
        table.add({moment(member(one, "created")), moment(member(one, "expires")), subject,
                   html::escaped(member(one, "profile")), html::foreign(member(one, "created_by")),
                   revokes
                       ? html::form(at("/passwords/" + id + "/revoke"), visit.token, "",
                                    "Revoke<span class=\"skip\"> password " + html::escaped(id) + "</span>", "danger")
                       : std::string()});
    }
    return table.text("No password is outstanding.");
}

// What the form says, as the API takes it.
Result<void> collect(const Visit& visit, Json& body) {
    for (const char* name : {"profile", "subject", "template"}) {
        if (const auto text = visit.given(name); !trim(text).empty()) body[name] = std::string(trim(text));
    }
    for (const auto& name : split(visit.given("sans"), ' ')) {
        if (!name.empty()) body["sans"].push_back(name);
    }
    if (const auto minutes = visit.given("valid_minutes"); !minutes.empty()) {
        std::int64_t number = 0;
        const auto* end = minutes.data() + minutes.size();
        const auto parsed = std::from_chars(minutes.data(), end, number);
        if (parsed.ec != std::errc{} || parsed.ptr != end) return fail::malformed("Minutes are a whole number.");
        body["valid_minutes"] = number;
    }
    return {};
}

}  // namespace

Result<Page> passwords_page(const Visit& visit, const std::string& before) {
    Page page{"Passwords", "/passwords", before};
    if (visit.may("POST", "/challenges"))
        page.body +=
            "<section aria-labelledby=\"new\"><h2 id=\"new\">New password</h2>" + mint_form(visit) + "</section>";
    TRY(const auto found, visit.ask("GET", "/challenges"));
    page.body += "<section aria-labelledby=\"outstanding\"><h2 id=\"outstanding\">Outstanding</h2>" +
                 outstanding(visit, found.json) + "</section>";
    return page;
}

Result<Page> mint_password(const Visit& visit) {
    Json body = Json::object();
    const auto mint = [&]() -> Result<Reply> {
        CHECK(collect(visit, body));
        return visit.ask("POST", "/challenges", {}, body);
    };
    const auto made = mint();
    if (!made && made.error().kind == ErrorKind::malformed) {
        // The form again, as it was filled in.
        TRY(auto page, passwords_page(visit, "<section class=\"trouble\" role=\"alert\"><p>" +
                                                 html::foreign(made.error().detail, 1000) + "</p></section>"));
        page.status = 400;
        return page;
    }
    if (!made) return made.error();
    const Json& minted = made->json;
    std::string names;
    for (const auto& one : minted.at("sans"))
        names += (names.empty() ? "" : "<br>") + html::foreign(one.get<std::string>());
    return Page{"New password", "/passwords",
                "<section class=\"note\" aria-labelledby=\"made\"><h2 id=\"made\">The password, this once</h2>"
                "<p>Copy it now: it is stored nowhere and cannot be shown again. It works for one enrollment.</p>"
                "<label for=\"challenge\">One-time password</label>"
                "<input class=\"secret\" id=\"challenge\" readonly autofocus autocomplete=\"off\" value=\"" +
                    html::escaped(member(minted, "challenge")) + "\">" +
                    html::facts({{"Subject", html::foreign(member(minted, "subject"))},
                                 {"Alternative names", names},
                                 {"Profile", html::escaped(member(minted, "profile"))},
                                 {"Template", html::escaped(member(minted, "template"))},
                                 {"Expires", moment(member(minted, "expires"))},
                                 {"Id", html::escaped(member(minted, "id"))}}) +
                    "<p>" + html::link(at("/passwords"), "Done, make another") + "</p></section>"};
}

}  // namespace countersign::admin
