// The password page: who is let in, what it looks like, and the challenge on it.
#include "countersign/core/text.hpp"
#include "countersign/crypto/digest.hpp"
#include "ndes_page.hpp"
#include "session.hpp"

#include <algorithm>

namespace countersign::app {
namespace {

constexpr const char* page_step = "admin-page";
constexpr const char* step = "challenge";

Result<net::ClientResponse> open_page(ProbeSession& session, bool signed_in) {
    net::ClientRequest request;
    request.url = session.options.admin_url;
    if (signed_in) {
        request.user = session.options.admin_user;
        if (session.options.admin_password) request.password = &*session.options.admin_password;
    }
    auto response = session.client.send(request);
    // IIS sends /certsrv/mscep_admin to /certsrv/mscep_admin/ first.
    const bool moved = response && response->status >= 301 && response->status <= 308 && !request.url.ends_with('/');
    if (!moved || !response->header("location").ends_with("/")) return response;
    request.url += "/";
    return session.client.send(request);
}

std::vector<std::string> schemes_of(const net::ClientResponse& response) {
    std::vector<std::string> schemes;
    for (const auto& [header, value] : response.headers) {
        if (header == "www-authenticate") schemes.push_back(to_lower(value.substr(0, value.find(' '))));
    }
    return schemes;
}

void judge_schemes(ProbeSession& session, const net::ClientResponse& response) {
    const auto schemes = schemes_of(response);
    const auto offers = [&](const char* scheme) { return std::ranges::find(schemes, scheme) != schemes.end(); };
    const std::string shown = schemes.empty() ? "none" : printable(join(schemes, ", "), 80);
    if (!offers("basic")) {
        session.note(page_step, StepOutcome::warn, "sign-in schemes: " + shown,
                     "MDMs that sign in with Basic are refused; this probe can use Basic alone", "admin-no-basic");
    } else if (offers("negotiate") && !offers("ntlm")) {
        session.note(page_step, StepOutcome::warn, "sign-in schemes: " + shown,
                     "Fleet and other users of go-ntlmssp send NTLM where Negotiate is offered and never try Basic: "
                     "offer Basic alone",
                     "admin-negotiate-beside-basic");
    } else {
        session.note(page_step, StepOutcome::pass, "wants a sign-in: " + shown);
    }
}

bool on_this_machine(const std::string& url) {
    return url.starts_with("http://127.") || url.starts_with("http://[::1]") || url.starts_with("http://localhost");
}

// What a visitor without credentials gets. False: no page to go on with.
bool judge_stranger(ProbeSession& session) {
    const auto response = open_page(session, false);
    if (!response) return session.note_absent(page_step, response.error());
    if (response->status == 401) judge_schemes(session, *response);
    if (response->status == 403) {
        return session.note(
            page_step, StepOutcome::fail, "HTTP status 403",
            "a policy module (Intune) that hands out challenges itself closes this page: fetch them there",
            "admin-forbidden");
    }
    if (response->status == 200 && read_ndes_page(response->body)) {
        session.note(page_step, StepOutcome::fail, "challenges are shown to anybody, without a sign-in",
                     "demand a sign-in for this path", "admin-page-open");
    }
    if (session.options.admin_url.starts_with("http:") && !on_this_machine(session.options.admin_url)) {
        session.note(page_step, StepOutcome::warn, "plain HTTP: the user's password and the challenges travel in clear",
                     "use https", "admin-plain-http");
    }
    return true;
}

void judge_thumbprint(ProbeSession& session, const NdesPage& page) {
    const auto shows = [&](const crypto::Certificate& one) {
        return upper_hex(crypto::digest(crypto::DigestAlgorithm::md5, one.der())) == page.thumbprint;
    };
    if (page.thumbprint.empty() || std::ranges::any_of(session.offered.certificates, shows)) return;
    session.note(page_step, StepOutcome::warn,
                 "the thumbprint shown, " + page.thumbprint + ", is of no certificate of GetCACert",
                 "look whether page and endpoint are of the same server", "admin-thumbprint");
}

void judge_page(ProbeSession& session, const NdesPage& page) {
    judge_thumbprint(session, page);
    const auto failing = failing_readers(page);
    for (const PageReader& reader : failing) {
        session.note(page_step, StepOutcome::warn, reader.client + " cannot read the page: " + reader.reason,
                     "send the page as NDES does, in UTF-16LE with a byte order mark", "admin-page-form");
    }
    const std::string life = page.reusable        ? "may be used again"
                             : page.valid_minutes ? "once, within " + std::to_string(*page.valid_minutes) + " minutes"
                                                  : "no life is told";
    if (failing.empty()) session.note(page_step, StepOutcome::pass, "every known reader finds the challenge; " + life);
}

bool fetch_challenge(ProbeSession& session) {
    auto response = open_page(session, true);
    if (!response) return session.note_absent(step, response.error());
    if (response->status == 401 || response->status == 403) {
        return session.note(step, StepOutcome::fail, status_text(*response),
                            "check --user and the password; the server must offer Basic authentication",
                            "admin-sign-in");
    }
    if (response->status != 200) {
        return session.note(step, StepOutcome::fail, status_text(*response),
                            "check --admin-url; NDES: /certsrv/mscep_admin", "admin-status");
    }
    auto page = read_ndes_page(response->body);
    wipe_memory(response->body.data(), response->body.size());
    if (!page && page.error().kind == ErrorKind::not_found)
        return session.note(step, StepOutcome::warn, page.error().detail, "demand challenges", "challenge-none");
    if (!page) {
        const std::string fault = page.error().kind == ErrorKind::throttled ? "admin-cache-full"
                                  : page.error().kind == ErrorKind::denied  ? "admin-no-permission"
                                                                            : "admin-page-unreadable";
        return session.note(step, StepOutcome::fail, page.error().detail, remedy_for(page.error().kind), fault);
    }
    judge_page(session, *page);
    session.options.reusable = session.options.reusable || page->reusable;
    session.options.challenge = std::move(page->challenge);
    return session.note(step, StepOutcome::pass, "fetched from the admin page");
}

}  // namespace

bool check_admin_page(ProbeSession& session) {
    if (session.options.challenge) return session.note(step, StepOutcome::pass, "as given");
    if (session.options.admin_url.empty()) {
        return session.note(step, StepOutcome::warn, "none: the request carries no challenge",
                            "give --challenge or --admin-url", "challenge-none");
    }
    return judge_stranger(session) && fetch_challenge(session);
}

}  // namespace countersign::app
