// The pages of certsrv, as browsers and scripts have always used them.
#include "countersign/ca/adcs.hpp"
#include "countersign/core/text.hpp"
#include "countersign/crypto/cms.hpp"
#include "countersign/crypto/encoding.hpp"
#include "hresult.hpp"

#include <algorithm>

namespace countersign::ca {
namespace {

constexpr std::string_view agent_name = "Mozilla/5.0 (compatible; Countersign)";  // the pages are for browsers

std::string page_of(const net::ClientResponse& response) {
    return std::string(as_text(response.body));
}

// The digits after a text that stands in the page; empty: it does not, or none follow.
std::string number_after(std::string_view page, std::string_view text) {
    const auto at = page.find(text);
    if (at == std::string_view::npos) return {};
    auto rest = page.substr(at + text.size());
    while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
    const auto end = std::ranges::find_if(rest, [](char c) { return c < '0' || c > '9'; });
    const auto length = static_cast<std::size_t>(end - rest.begin());
    return length > 10 ? std::string() : std::string(rest.substr(0, length));
}

bool good_number(const std::string& text) {
    return !text.empty() && text.size() <= 10 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// The CA's own words, with what its error code means.
std::string reason_in(std::string_view page) {
    constexpr std::string_view begin = "disposition message is \"";
    std::string reason;
    if (const auto at = page.find(begin); at != std::string_view::npos) {
        const auto rest = page.substr(at + begin.size());
        reason = printable(trim(rest.substr(0, rest.find('"'))), 300);
    }
    if (const auto code = hresult_in(page)) reason += (reason.empty() ? "" : " - ") + explain_hresult(*code);
    return reason;
}

bool tells_of_denial(std::string_view page) {
    return page.find("disposition message is \"") != std::string_view::npos ||
           page.find("Certificate Request Denied") != std::string_view::npos ||
           page.find("Denied by") != std::string_view::npos;
}

// Nothing was processed when the server turned us away at the door.
std::optional<Error> turned_away(const net::ClientResponse& response) {
    switch (response.status) {
        case 401: return fail::unavailable("AD CS does not accept how we sign in (HTTP 401): see ca.NAME.connection");
        case 403: return fail::unavailable("AD CS refuses us (HTTP 403): see who may use /certsrv there");
        case 404:
        case 405:
            return fail::unavailable("there are no web enrollment pages (HTTP " + std::to_string(response.status) +
                                     "): see ca.NAME.connection.url");
        case 503: return fail::unavailable("the web server of AD CS is stopped or too busy (HTTP 503)");
        default: return std::nullopt;
    }
}

}  // namespace

Result<Outcome> AdcsWebEnrollment::submit(const CountersignedRequest& request, const std::string&) {
    const bool bare = options_.format == AdcsRequestFormat::pkcs10;
    auto post = request_to(options_.url + "/certfnsh.asp");
    post.method = "POST";
    post.headers = {{"Content-Type", "application/x-www-form-urlencoded"}, {"User-Agent", std::string(agent_name)}};
    post.body = to_bytes(
        as_bytes(net::form({{"Mode", "newreq"},
                            {"CertRequest", crypto::to_pem(bare ? "CERTIFICATE REQUEST" : "PKCS7", submitted(request))},
                            {"CertAttrib", "CertificateTemplate:" + template_of(request) + "\r\n"},
                            {"FriendlyType", "Saved-Request Certificate"},
                            {"ThumbPrint", ""},
                            {"TargetStoreFlags", "0"},
                            {"SaveCert", "yes"}})));
    auto response = http_->send(post);
    if (!response && response.error().kind == ErrorKind::malformed)
        return fail::outcome_unknown(response.error().detail);
    if (!response) return response.error();
    if (auto error = turned_away(*response)) return *error;

    const auto page = page_of(*response);
    if (const auto issued = number_after(page, "certnew.cer?ReqID="); response->status == 200 && !issued.empty()) {
        auto fetched = fetch(issued);
        // Known by its number, it is not lost, whatever happened on the way.
        if (!fetched) return Outcome(Pending{issued});
        return fetched;
    }
    if (const auto id = number_after(page, "Your Request Id is"); !id.empty() && !tells_of_denial(page))
        return Outcome(Pending{id});
    const auto code = hresult_in(page);
    if (code && means_unavailable(*code)) return fail::unavailable(explain_hresult(*code));
    if (response->status == 200 && tells_of_denial(page)) return Outcome(Rejected{reason_in(page)});
    return fail::outcome_unknown("AD CS answered with HTTP " + std::to_string(response->status) +
                                 " and a page that tells nothing" + (code ? " but " + explain_hresult(*code) : ""));
}

Result<Outcome> AdcsWebEnrollment::poll(const std::string& handle) {
    if (!good_number(handle)) return fail::not_found("no request id of AD CS: " + printable(handle));
    return fetch(handle);
}

Result<Outcome> AdcsWebEnrollment::fetch(const std::string& request_id) {
    auto get = request_to(options_.url + "/certnew.cer?ReqID=" + request_id + "&Enc=b64");
    get.headers = {{"User-Agent", std::string(agent_name)}};
    TRY(const auto response, http_->send(get));
    if (auto error = turned_away(response)) return *error;
    const auto page = page_of(response);
    if (response.status == 200 && page.find("-----BEGIN CERTIFICATE-----") != std::string::npos) {
        auto certificate = crypto::Certificate::from_pem(page);
        if (!certificate)
            return fail::unavailable("request " + request_id +
                                     ": an unreadable certificate: " + certificate.error().detail);
        return Outcome(Issued{*std::move(certificate)});
    }
    if (page.find("Taken Under Submission") != std::string::npos ||
        page.find("Certificate Pending") != std::string::npos)
        return Outcome(Pending{request_id});
    const auto code = hresult_in(page);
    if (code && means_unavailable(*code)) return fail::unavailable(explain_hresult(*code));
    if (code == no_such_request) return fail::not_found("AD CS has no request " + request_id);
    if (response.status == 200 && tells_of_denial(page)) return Outcome(Rejected{reason_in(page)});
    return fail::unavailable("AD CS answered with HTTP " + std::to_string(response.status) + " and no certificate" +
                             (code ? ": " + explain_hresult(*code) : ""));
}

Result<void> AdcsWebEnrollment::probe() {
    auto get = request_to(options_.url + "/certcarc.asp");
    get.headers = {{"User-Agent", std::string(agent_name)}};
    TRY(const auto page, http_->send(get));
    if (auto error = turned_away(page)) return *error;
    const auto renewals = number_after(page_of(page), "var nRenewals=");
    if (page.status != 200 || renewals.empty())
        return fail::unavailable("certcarc.asp does not look like AD CS (HTTP " + std::to_string(page.status) + ")");
    auto fetch_chain = request_to(options_.url + "/certnew.p7b?ReqID=CACert&Renewal=" + renewals + "&Enc=bin");
    fetch_chain.headers = get.headers;
    TRY(const auto answer, http_->send(fetch_chain));
    auto bag = crypto::CertificateBag::from_ber(answer.body);
    if (!bag) return fail::unavailable("the CA certificate could not be read: " + bag.error().detail);
    if (std::ranges::find(bag->certificates, options_.chain.front()) == bag->certificates.end()) {
        return fail::unavailable("the CA signs with another certificate than the configured " +
                                 options_.chain.front().subject().text() + ": see ca.NAME.certificate");
    }
    return {};
}

}  // namespace countersign::ca
