// Issued certificates: found by subject, shown, revoked.
#include "countersign/admin/records.hpp"
#include "countersign/core/text.hpp"
#include "html.hpp"
#include "visit.hpp"

namespace countersign::admin {
namespace {

// For a query of ours: everything but letters and digits escaped.
std::string percent_encoded(std::string_view text) {
    std::string result;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        const auto octet = static_cast<std::uint8_t>(c);
        result += plain ? std::string(1, c) : "%" + upper_hex(ByteView(&octet, 1));
    }
    return result;
}

std::string revoke_form(const Visit& visit, const Json& one) {
    std::vector<std::string> reasons;
    for (const auto& [name, number] : revocation_reasons()) reasons.push_back(name);
    return "<section><h2>Revoke</h2><p>The next CRL names it. This cannot be undone.</p>"
           "<details><summary>Revoke this certificate</summary>" +
           html::form(at("/certificates/" + member(one, "serial") + "/revoke"), visit.token,
                      "<input type=\"hidden\" name=\"ca\" value=\"" + html::escaped(member(one, "ca")) + "\">" +
                          html::choice("Reason", "reason", reasons, "unspecified", ""),
                      "Revoke", "danger") +
           "</details></section>";
}

std::string names_of(const Json& one) {
    std::string text;
    for (const auto& name : one.at("sans"))
        text += (text.empty() ? "" : "<br>") + html::foreign(name.get<std::string>());
    return text;
}

}  // namespace

Result<Page> certificates_page(const Visit& visit) {
    const auto subject = visit.given("subject");
    TRY(const auto found,
        visit.ask("GET", "/certificates", subject.empty() ? "" : "subject=" + percent_encoded(subject)));
    html::Table table(found.json.at("more").get<bool>() ? "The newest 100; there are more" : "Newest first",
                      {"Subject", "State", "Expires", "Profile", "Serial"});
    for (const auto& one : found.json.at("items")) {
        auto shown = html::foreign(member(one, "subject"));
        if (shown.empty()) shown = "no subject";
        table.add(
            {html::link(at("/certificates/" + member(one, "serial") + "?ca=" + percent_encoded(member(one, "ca"))),
                        shown),
             badge(member(one, "state")), moment(member(one, "not_after")), html::escaped(member(one, "profile")),
             html::escaped(member(one, "serial"))});
    }
    return Page{"Certificates", "/certificates",
                "<section><form method=\"get\" action=\"" + at("/certificates") + "\">" +
                    html::field("Subject contains", "subject", subject, "maxlength=\"256\"") +
                    "<button>Search</button></form></section><section>" + table.text("There is no such certificate.") +
                    "</section>"};
}

Result<Page> certificate_page(const Visit& visit, const std::string& serial) {
    const auto ca = visit.given("ca");
    TRY(const auto reply, visit.ask("GET", "/certificates/" + serial, ca.empty() ? "" : "ca=" + percent_encoded(ca)));
    const Json& one = reply.json;
    const auto request = member(one, "request");
    Page page{
        "Certificate", "/certificates",
        "<section>" +
            html::facts(
                {{"Subject", html::foreign(member(one, "subject"), 4096)},
                 {"Alternative names", names_of(one)},
                 {"State", badge(member(one, "state"))},
                 {"Revoked", moment(member(one, "revoked"))},
                 {"Reason", html::escaped(member(one, "reason"))},
                 {"Valid from", moment(member(one, "not_before"))},
                 {"Expires", moment(member(one, "not_after"))},
                 {"Profile", html::escaped(member(one, "profile"))},
                 {"Template", html::escaped(member(one, "template"))},
                 {"CA", html::escaped(member(one, "ca"))},
                 {"Serial", html::escaped(member(one, "serial"))},
                 {"SHA-256", html::escaped(member(one, "certificate_sha256"))},
                 {"Request", request.empty() ? "" : html::link(at("/requests/" + request), html::escaped(request))}}) +
            "</section>"};
    const auto kind = member(one, "kind");
    const bool revocable = member(one, "state") == "valid" && kind != "ca" && kind != "ra";
    if (revocable && visit.may("POST", "/certificates/x/revoke")) page.body += revoke_form(visit, one);
    page.body += "<section><h2>PEM</h2><pre>" + html::escaped(member(one, "pem")) + "</pre></section>";
    return page;
}

}  // namespace countersign::admin
