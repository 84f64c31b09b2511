// The Certificate Enrollment Web Service: [MS-WSTEP] over HTTPS.
#include "countersign/ca/adcs.hpp"
#include "countersign/core/text.hpp"
#include "hresult.hpp"
#include "soap.hpp"

#include <algorithm>

namespace countersign::ca {
namespace {

soap::TokenKind kind_of(AdcsRequestFormat format) {
    switch (format) {
        case AdcsRequestFormat::pkcs7: return soap::TokenKind::pkcs7;
        case AdcsRequestFormat::cmc: return soap::TokenKind::cmc;
        case AdcsRequestFormat::pkcs10: break;
    }
    return soap::TokenKind::pkcs10;
}

std::string words_of(const soap::Answer::Fault& fault) {
    if (!fault.code) return fault.reason.empty() ? "no reason given" : fault.reason;
    return (fault.reason.empty() ? "" : fault.reason + " - ") + explain_hresult(*fault.code);
}

// HRESULTs of the CA (facility 9 with code 0x4000 and up: CERTSRV_E_*) are decisions about the request.
bool decided(const soap::Answer::Fault& fault) {
    return fault.invalid_request || (fault.code && *fault.code >= 0x80094000U && *fault.code < 0x80095000U);
}

// Faults come with status 500: only what the service says tells what happened.
Result<Outcome> outcome_of_fault(const soap::Answer::Fault& fault) {
    if (fault.code && means_unavailable(*fault.code)) return fail::unavailable(words_of(fault));
    if (fault.code == no_such_request) return fail::not_found(words_of(fault));
    if (decided(fault)) return Outcome(Rejected{words_of(fault)});
    return fail::outcome_unknown("the enrollment web service failed: " + words_of(fault));
}

Result<Outcome> outcome_of(const soap::Answer& answer) {
    if (answer.fault) return outcome_of_fault(*answer.fault);
    if (answer.certificate) {
        auto certificate = crypto::Certificate::from_der(*answer.certificate);
        // Known by its number it can be asked for again.
        if (!certificate && !answer.request_id.empty()) return Outcome(Pending{answer.request_id});
        if (!certificate) return fail::outcome_unknown("an unreadable certificate: " + certificate.error().detail);
        return Outcome(Issued{*std::move(certificate)});
    }
    if (!answer.request_id.empty()) return Outcome(Pending{answer.request_id});
    return fail::outcome_unknown("neither certificate nor request id: " +
                                 (answer.disposition.empty() ? "no message" : answer.disposition));
}

std::optional<Error> turned_away(int status) {
    switch (status) {
        case 401:
        case 403:
            return fail::unavailable("the enrollment web service does not accept how we sign in (HTTP " +
                                     std::to_string(status) + "): see ca.NAME.connection");
        case 404:
        case 405:
            return fail::unavailable("there is no enrollment web service (HTTP " + std::to_string(status) +
                                     "): see ca.NAME.connection.url");
        case 503: return fail::unavailable("the enrollment web service is stopped or too busy (HTTP 503)");
        default: return std::nullopt;
    }
}

}  // namespace

Result<net::ClientResponse> AdcsWebService::send(const std::string& envelope) {
    auto response = soap::send(*http_, envelope, options_.url, options_);
    if (!response && response.error().kind == ErrorKind::malformed)
        return fail::outcome_unknown(response.error().detail);
    if (!response) return response.error();
    if (auto error = turned_away(response->status)) return *error;
    return response;
}

Result<Outcome> AdcsWebService::submit(const CountersignedRequest& request, const std::string&) {
    const auto message = soap::message_to(options_.url, options_, random_);
    TRY(const auto response,
        send(soap::issue_request(message, kind_of(options_.format), submitted(request), template_of(request))));
    const auto answer = soap::read_answer(response.body);
    if (!answer) {
        return fail::outcome_unknown("the enrollment web service answered with HTTP " +
                                     std::to_string(response.status) + " and " + answer.error().detail);
    }
    return outcome_of(*answer);
}

Result<Outcome> AdcsWebService::poll(const std::string& handle) {
    const bool number = !handle.empty() && handle.size() <= 10 &&
                        std::ranges::all_of(handle, [](char c) { return c >= '0' && c <= '9'; });
    if (!number) return fail::not_found("no request id of AD CS: " + printable(handle));
    const auto message = soap::message_to(options_.url, options_, random_);
    TRY(const auto response, send(soap::status_request(message, handle)));
    const auto answer = soap::read_answer(response.body);
    if (!answer) {
        return fail::unavailable("the enrollment web service answered with HTTP " + std::to_string(response.status) +
                                 " and " + answer.error().detail);
    }
    return outcome_of(*answer);
}

Result<void> AdcsWebService::probe() {
    // Any answer but being turned away: what a GET gets depends on how the service was set up.
    TRY(const auto response, http_->send(request_to(options_.url)));
    if (response.status == 405) return {};
    if (auto error = turned_away(response.status)) return *error;
    return {};
}

}  // namespace countersign::ca
