// GetCACaps (RFC 8894 3.5.2), and which algorithms follow from it.
#include "countersign/core/text.hpp"
#include "session.hpp"

namespace countersign::app {
namespace {

constexpr const char* step = "capabilities";

void choose_algorithms(ProbeSession& session) {
    const auto& offered = session.offered;
    const bool standard = offered.offers("SCEPStandard");
    session.style.cipher =
        standard || offered.offers("AES") ? crypto::ContentCipher::aes256_cbc : crypto::ContentCipher::des_ede3_cbc;
    session.digest = standard || offered.offers("SHA-256") ? crypto::DigestAlgorithm::sha256
                     : offered.offers("SHA-512")           ? crypto::DigestAlgorithm::sha512
                                                           : crypto::DigestAlgorithm::sha1;
}

std::vector<std::string> missing(const OfferedFacts& offered) {
    const bool standard = offered.offers("SCEPStandard");
    std::vector<std::string> wants;
    if (!standard && !offered.offers("AES")) wants.emplace_back("AES");
    if (!standard && !offered.offers("SHA-256") && !offered.offers("SHA-512")) wants.emplace_back("SHA-256");
    if (!standard && !offered.offers("POSTPKIOperation")) wants.emplace_back("POSTPKIOperation");
    if (!offered.offers("Renewal")) wants.emplace_back("Renewal");
    return wants;
}

}  // namespace

bool check_capabilities(ProbeSession& session) {
    const auto response = session.get("GetCACaps", "probe");
    choose_algorithms(session);
    if (!response) return session.note_absent(step, response.error());
    if (response->status != 200) {
        session.note(step, StepOutcome::fail,
                     status_text(*response) + ": clients fall back to single DES and MD5, or give up",
                     "check the path of the URL (NDES: /certsrv/mscep/mscep.dll), or let the server answer GetCACaps",
                     "capabilities-status");
        return true;
    }
    session.offered.answered_capabilities = true;
    session.offered.capabilities_octets = response->body.size();
    std::vector<std::string> shown;
    for (const std::string& line : split(as_text(response->body).substr(0, 4096), '\n')) {
        const std::string_view word = trim(line);
        if (word.empty()) continue;
        shown.push_back(printable(word, 40));
        session.offered.capabilities.insert(to_lower(word));
    }
    choose_algorithms(session);
    const auto wants = missing(session.offered);
    const std::string listed = shown.empty() ? "none offered" : join(shown, " ");
    if (response->body.size() > 1024) {
        session.note(step, StepOutcome::warn, "the answer has " + std::to_string(response->body.size()) + " octets",
                     "certmonger refuses more than 1024", "capabilities-length");
    }
    if (wants.empty()) return session.note(step, StepOutcome::pass, listed);
    return session.note(step, StepOutcome::warn, listed, "the server should offer " + join(wants, ", "),
                        "capabilities-missing");
}

}  // namespace countersign::app
