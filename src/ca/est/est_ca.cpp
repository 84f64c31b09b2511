#include "countersign/ca/est.hpp"

#include "countersign/core/text.hpp"
#include "countersign/crypto/cmc.hpp"
#include "countersign/crypto/cms.hpp"
#include "countersign/crypto/encoding.hpp"
#include "http_answers.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace countersign::ca {
namespace {

constexpr std::string_view mark = "est1";
constexpr std::string_view who = "the EST server";
// The handle of a request that was sent again, and the answer to that was lost.
constexpr std::string_view lost = "est1:lost";
constexpr std::array<std::string_view, 3> operations{"simpleenroll", "simplereenroll", "fullcmc"};

// MIME's way: 64 columns.
Bytes transfer_encoded(ByteView der) {
    const auto text = crypto::base64(der);
    Bytes lines;
    for (std::size_t at = 0; at < text.size(); at += 64) {
        const auto line = as_bytes(std::string_view(text).substr(at, 64));
        lines.insert(lines.end(), line.begin(), line.end());
        lines.push_back('\n');
    }
    return lines;
}

Result<Bytes> transfer_decoded(ByteView body) {
    std::string text(as_text(body));
    std::erase_if(text, [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; });
    return crypto::from_base64(text);
}

// The one for the requested key, else the first that is no CA's, else the first: the RA sees what is wrong with it.
std::optional<crypto::Certificate> pick(const std::vector<crypto::Certificate>& all, const std::string& key) {
    if (all.empty()) return std::nullopt;
    auto found = std::ranges::find_if(all, [&](const auto& one) { return one.public_key().fingerprint() == key; });
    if (found == all.end())
        found = std::ranges::find_if(all, [](const auto& one) { return !one.basic_constraints().ca; });
    return found == all.end() ? all.front() : *found;
}

std::string words_of(const crypto::CmcResponse& response) {
    return response.text.empty() ? "no reason given" : response.text;
}

}  // namespace

// What is sent, also again.
struct EstCa::Enrollment {
    std::string operation;
    Bytes message;    // DER
    std::string key;  // fingerprint of the requested public key

    std::string handle(Time not_before) const {
        return join(
            {std::string(mark), operation, std::to_string(to_milliseconds(not_before)), key, crypto::base64(message)},
            ":");
    }
    static std::optional<std::pair<Enrollment, Time>> from(const std::string& handle) {
        const auto parts = split(handle, ':');
        if (parts.size() != 5 || parts[0] != mark) return std::nullopt;
        std::int64_t when = 0;
        const auto [end, error] = std::from_chars(parts[2].data(), parts[2].data() + parts[2].size(), when);
        auto message = crypto::from_base64(parts[4]);
        const bool known = std::ranges::find(operations, parts[1]) != operations.end();
        if (!known || error != std::errc() || end != parts[2].data() + parts[2].size() || !message || message->empty())
            return std::nullopt;
        return std::pair{Enrollment{parts[1], *std::move(message), parts[3]}, from_milliseconds(when)};
    }
};

net::ClientRequest EstCa::request_to(const std::string& operation) const {
    net::ClientRequest request;
    request.url = options_.url + "/" + operation;
    request.user = options_.user;
    request.password = options_.password.get();
    return request;
}

Result<Outcome> EstCa::ask(Enrollment enrollment) const {
    auto post = request_to(enrollment.operation);
    const bool full = enrollment.operation == "fullcmc";
    post.method = "POST";
    post.headers = {{"Content-Type", full ? "application/pkcs7-mime; smime-type=CMC-request" : "application/pkcs10"},
                    {"Content-Transfer-Encoding", "base64"}};
    post.body = transfer_encoded(enrollment.message);
    TRY(const auto response, send_once(*http_, post));
    if (response.status == 202) {
        const auto pause = std::max(retry_after(response, options_.poll_interval), std::chrono::seconds{0});
        return Outcome(Pending{enrollment.handle(clock_.now() + pause)});
    }
    if (auto error = turned_away(response.status, who)) return *error;
    const std::string answered = "the EST server answered with HTTP " + std::to_string(response.status);
    const bool cms = media_type(response) == "application/pkcs7-mime";
    if (response.status == 200 && cms) {
        const auto der = transfer_decoded(response.body);
        if (!der) return fail::outcome_unknown(answered + " and no base64");
        return outcome_of(enrollment, *der);
    }
    if (response.status < 400 || response.status >= 500)
        return fail::outcome_unknown(answered + (response.status == 200 ? " and no CMS message" : ""));
    // RFC 7030 4.3.2: a full PKI response may say why.
    const auto der = full && cms ? transfer_decoded(response.body) : Result<Bytes>(fail::malformed(""));
    if (der) return outcome_of(enrollment, *der);
    const auto words = printable(trim(as_text(response.body)), 300);
    return Outcome(Rejected{answered + (words.empty() ? "" : ": " + words)});
}

Result<Outcome> EstCa::outcome_of(const Enrollment& enrollment, ByteView answer) const {
    const auto issued = [&](const std::vector<crypto::Certificate>& certificates) -> Result<Outcome> {
        auto certificate = pick(certificates, enrollment.key);
        if (!certificate) return fail::outcome_unknown("the EST server says issued but gives no certificate");
        return Outcome(Issued{*std::move(certificate)});
    };
    if (const auto bag = crypto::CertificateBag::from_ber(answer)) return issued(bag->certificates);
    const auto full = crypto::SignedData::from_ber(answer);
    if (!full || full->content_type != crypto::cmc_pki_response_type)
        return fail::outcome_unknown("the EST server's answer is neither certificates nor a full PKI response");
    const auto response = crypto::read_pki_response(full->content);
    if (!response) return fail::outcome_unknown("the EST server's answer: " + response.error().detail);
    switch (response->status) {
        case crypto::CmcStatus::success: return issued(full->certificates);
        case crypto::CmcStatus::pending:
            return Outcome(Pending{enrollment.handle(clock_.now() + options_.poll_interval)});
        case crypto::CmcStatus::failed:
        case crypto::CmcStatus::no_support: return Outcome(Rejected{"the CA says: " + words_of(*response)});
        default: return fail::outcome_unknown("the EST server wants something more of us: " + words_of(*response));
    }
}

Result<Outcome> EstCa::submit(const CountersignedRequest& request, const std::string&) {
    const auto key = request.request().public_key().fingerprint();
    if (options_.full_cmc) return ask({"fullcmc", to_bytes(request.cms()), key});
    return ask({request.renews() ? "simplereenroll" : "simpleenroll", to_bytes(request.request().der()), key});
}

Result<Outcome> EstCa::poll(const std::string& handle) {
    if (auto found = found_by_people(handle)) return *std::move(found);
    if (handle == lost) return fail::not_found(left_to_people(who, "it at the CA, by time and subject").detail);
    auto known = Enrollment::from(handle);
    if (!known) return fail::not_found("no request of EST: " + printable(handle));
    if (clock_.now() < known->second) return Outcome(Pending{handle});
    auto outcome = ask(std::move(known->first));
    // RFC 7030 4.2.3 has the same request sent again for one answer that was 202. When that answer is lost, a server
    // that has issued and forgotten would issue once more.
    if (!outcome && outcome.error().kind == ErrorKind::outcome_unknown) return Outcome(Pending{std::string(lost)});
    return outcome;
}

Result<std::optional<Outcome>> EstCa::reconcile(const std::string&, Time) {
    return left_to_people(who, "it at the CA, by time and subject");
}

Result<void> EstCa::probe() {
    TRY(const auto response, http_->send(request_to("cacerts")));
    if (auto error = turned_away(response.status, who)) return *error;
    if (response.status != 200)
        return fail::unavailable("cacerts is answered with HTTP " + std::to_string(response.status));
    const auto der = transfer_decoded(response.body);
    const auto bag = der ? crypto::CertificateBag::from_ber(*der) : Result<crypto::CertificateBag>(der.error());
    if (!bag) return fail::unavailable("cacerts could not be read: " + bag.error().detail);
    if (std::ranges::find(bag->certificates, options_.chain.front()) == bag->certificates.end()) {
        return fail::unavailable("the CA signs with another certificate than the configured " +
                                 options_.chain.front().subject().text() + ": see ca.NAME.certificate");
    }
    return {};
}

}  // namespace countersign::ca
