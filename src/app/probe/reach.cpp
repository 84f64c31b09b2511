// Is there a server, and does it answer at the paths that clients make of its URL?
#include "countersign/core/text.hpp"
#include "session.hpp"

namespace countersign::app {
namespace {

std::string page_text(const Bytes& body) {
    std::string text;
    for (const auto octet : body) {
        if (octet != 0) text += static_cast<char>(octet);  // UTF-16 of ASCII text
    }
    return text;
}

bool judge_page(ProbeSession& session, const net::ClientResponse& response) {
    constexpr const char* step = "reach";
    if (response.status >= 500) {
        return session.note(
            step, StepOutcome::fail, status_text(response) + " for the page without an operation",
            "NDES answers 500 when an RA certificate has expired, its account is locked or a registry value is "
            "missing, 503 when its application pool has stopped: look at its event log",
            "server-error");
    }
    if (response.status == 403)
        return session.note(step, StepOutcome::pass,
                            "HTTP status 403, as an NDES with a policy module (Intune) answers");
    const bool ndes = page_text(response.body).find("Network Device Enrollment Service") != std::string::npos;
    if (response.status == 200)
        return session.note(step, StepOutcome::pass, ndes ? "the page of an NDES" : "a page that is not that of NDES");
    return session.note(step, StepOutcome::pass, status_text(response) + " for the page without an operation");
}

}  // namespace

bool check_reach(ProbeSession& session) {
    const auto response = session.fetch(session.options.url);
    if (!response) return session.note_absent("reach", response.error());
    if (!judge_page(session, *response)) return false;
    const std::string& url = session.options.url;
    if (!to_lower(url).ends_with(".dll")) return true;
    // Windows and Cisco append this to whatever URL they are given.
    const auto appended = session.fetch(url + "/pkiclient.exe?operation=GetCACaps&message=default");
    if (appended && appended->status == 200) return true;
    session.note("reach", StepOutcome::warn, "GetCACaps is not answered at " + printable(url) + "/pkiclient.exe",
                 "Windows and Cisco clients append /pkiclient.exe: answer there too", "path-pkiclient");
    return true;
}

}  // namespace countersign::app
