// What CAs answer in CMP (RFC 4210) and CMC (RFC 5272).
#include "countersign/crypto/cmc.hpp"
#include "countersign/crypto/cmp.hpp"
#include "fuzz.hpp"

#include <algorithm>

using namespace countersign;

namespace {

bool fit_for_a_log(const std::string& text) {
    return std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

void look_at(const crypto::cmp::StatusInfo& status) {
    fuzz::expect(fit_for_a_log(status.describe()), "a status is one line of a log");
    fuzz::expect(!(status.positive() && status.status == crypto::cmp::PkiStatus::rejection),
                 "a rejection is not positive");
}

}  // namespace

FUZZ_TARGET(input) {
    if (const auto response = crypto::read_pki_response(input); response.has_value())
        fuzz::expect(fit_for_a_log(response->text), "the CA's words are one line of a log");

    const auto message = crypto::cmp::read_message(input);
    if (!message.has_value()) return;
    using namespace crypto::cmp;
    if (const auto* answer = std::get_if<CertificateResponse>(&message->body)) {
        look_at(answer->status);
        fuzz::expect(!answer->certificate || !answer->certificate->empty(), "a certificate is not empty");
    }
    if (const auto* answer = std::get_if<RevocationResponse>(&message->body)) look_at(answer->status);
    if (const auto* answer = std::get_if<ErrorResponse>(&message->body)) look_at(answer->status);
    fuzz::expect(!verify_by_secret(input, Secret("not the vectors' secret")).has_value(),
                 "nothing holds under another secret");
}
