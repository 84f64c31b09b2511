// The first page: what needs somebody now, and whether everything it takes to issue is there. And the newest events.
#include "countersign/core/text.hpp"
#include "html.hpp"
#include "visit.hpp"

#include <algorithm>

namespace countersign::admin {
namespace {

constexpr std::chrono::days soon{60};
constexpr std::chrono::days very_soon{14};

std::string health(const Visit& visit) {
    const auto found = visit.parts.readiness->findings();
    std::string text =
        "<section aria-labelledby=\"health\"><h2 id=\"health\">Health</h2><p role=\"status\">" +
        std::string(found->ready ? "<span class=\"badge good\">ready</span> Everything that issuing takes is there."
                                 : "<span class=\"badge bad\">not ready</span> Something that issuing takes is away.") +
        "</p>";
    if (!visit.oversees()) return text + "</section>";
    html::Table table("Store, CAs, keys and certificates, looked at within the last seconds",
                      {"Part", "State", "Problem"});
    for (const auto& one : found->all) {
        const bool passes = one.problem.empty();
        table.add({html::escaped(one.name), badge(passes ? "passes" : "failed"), html::foreign(one.problem)});
    }
    return text + table.text("") + "</section>";
}

std::string expiries(const Visit& visit) {
    const Time now = visit.parts.clock.now();
    auto certificates = visit.parts.certificates;
    std::ranges::stable_sort(certificates, {}, &ExpiringCertificate::not_after);
    html::Table table("The RA's and the CAs' own certificates, the next to expire first",
                      {"What for", "Subject", "Expires", "Left"});
    for (const auto& one : certificates) {
        const auto left = one.not_after - now;
        const auto days = std::chrono::floor<std::chrono::days>(left).count();
        const std::string_view kind = left < very_soon ? "bad" : left < soon ? "warn" : "good";
        table.add({html::escaped(one.kind + " (" + one.name + ")"), html::foreign(one.subject),
                   moment(to_rfc3339(one.not_after)),
                   "<span class=\"badge " + std::string(kind) + "\">" +
                       (left.count() <= 0 ? "expired" : std::to_string(days) + " days") + "</span>"});
    }
    return "<section aria-labelledby=\"expiry\"><h2 id=\"expiry\">Expiry</h2>" + table.text("None.") + "</section>";
}

bool concerns(const Account& account, const nlohmann::json& event) {
    if (account.profiles.empty()) return true;
    const auto profile = event.find("profile");
    return profile != event.end() && profile->is_string() && account.works_on(profile->get<std::string>());
}

std::string text_in(const nlohmann::json& event, const char* name) {
    const auto found = event.find(name);
    return found != event.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

std::string events_table(const Visit& visit, std::size_t limit) {
    html::Table table("Newest first, since the daemon's start; the audit file has them all",
                      {"When", "What", "Subject", "Client", "Reason"});
    std::size_t shown = 0;
    for (const auto& line : visit.parts.events->newest()) {
        if (shown == limit) break;
        const auto event = nlohmann::json::parse(line, nullptr, false);
        if (!event.is_object() || !concerns(*visit.caller.account, event)) continue;
        ++shown;
        const std::string severity = text_in(event, "severity");
        const std::string by = text_in(event, "by");
        table.add({moment(text_in(event, "time")),
                   html::escaped(text_in(event, "event")) + (severity == "info" ? "" : " " + badge(severity)),
                   html::foreign(text_in(event, "subject")), html::foreign(by.empty() ? text_in(event, "client") : by),
                   html::foreign(text_in(event, "reason"))});
    }
    return table.text("Nothing happened since the start.");
}

Result<Page> overview_page(const Visit& visit) {
    Page page{"Overview", "/", health(visit)};
    if (visit.oversees()) page.body += expiries(visit);
    if (visit.may("GET", "/requests")) {
        TRY(const auto held, visit.ask("GET", "/requests", "state=held&limit=10"));
        page.body += "<section aria-labelledby=\"held\"><h2 id=\"held\">Waiting for an officer</h2>" +
                     requests_table(held.json, "Held requests, newest first", "Nobody waits.") + "</section>";
    }
    if (visit.oversees()) {
        page.body += "<section aria-labelledby=\"newest\"><h2 id=\"newest\">What happened</h2>" +
                     events_table(visit, 12) + "<p>" + html::link(at("/events"), "More events") + "</p></section>";
    }
    return page;
}

Result<Page> events_page(const Visit& visit) {
    if (!visit.oversees()) return fail::denied("This needs the role officer or auditor.");
    return Page{"Events", "/events",
                "<section><p>" + html::link(at("/events?watch=true"), "Watch: load anew every 10 seconds") + "</p>" +
                    events_table(visit, RecentEvents::most) + "</section>"};
}

}  // namespace countersign::admin
