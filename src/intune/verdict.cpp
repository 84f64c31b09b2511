#include "countersign/intune/verdict.hpp"

#include "countersign/core/text.hpp"
#include "member.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace countersign::intune {
namespace {

constexpr std::array<std::string_view, 23> kRefusals{"CertificateRequestDecodingFailed",
                                                     "ChallengePasswordMissing",
                                                     "ChallengeDeserializationError",
                                                     "ChallengeDecryptionError",
                                                     "ChallengeDecodingError",
                                                     "ChallengeInvalidTimestamp",
                                                     "ChallengeExpired",
                                                     "SubjectNameMissing",
                                                     "SubjectNameMismatch",
                                                     "SubjectAltNameMissing",
                                                     "SubjectAltNameMismatch",
                                                     "KeyUsageMismatch",
                                                     "KeyLengthMismatch",
                                                     "EnhancedKeyUsageMissing",
                                                     "EnhancedKeyUsageMismatch",
                                                     "AadKeyIdentifierListMissing",
                                                     "RegisteredKeyMismatch",
                                                     "SigningCertThumbprintMismatch",
                                                     "ScepProfileNoLongerTargetedToTheClient",
                                                     "SignatureValidationFailed",
                                                     "BadCertificateRequestIdInChallenge",
                                                     "BadDeviceIdInChallenge",
                                                     "BadUserIdInChallenge"};

}  // namespace

std::span<const std::string_view> refusals() {
    return kRefusals;
}

Result<void> verdict_in(const nlohmann::json& answer) {
    const std::string code = text_of(answer, "code");
    if (code == "Success") return {};
    if (code.empty()) return fail::unavailable("Intune gave no verdict");
    const bool known = std::ranges::find(kRefusals, code) != kRefusals.end();
    std::string words = known ? code : "Unknown: " + printable(code, 80);
    if (const auto description = text_of(answer, "errorDescription"); !description.empty())
        words += ": " + printable(description, 300);
    if (code == "ChallengeExpired") return fail::expired(words);
    return fail::denied(words);
}

}  // namespace countersign::intune
