#include "hresult.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace countersign::ca {
namespace {

struct Entry {
    std::uint32_t code;
    std::string_view symbol;
    std::string_view words;
    bool unavailable = false;
};

// [MS-ERREF] 2.1, in the words of somebody who has to mend it.
constexpr std::array known_errors{
    Entry{0x80070005, "E_ACCESSDENIED",
          "the CA does not let our account request certificates: grant it \"Request Certificates\" on the CA's "
          "Security tab"},
    Entry{0x80070057, "E_INVALIDARG", "the CA could not make sense of the request"},
    Entry{0x8007000D, "ERROR_INVALID_DATA", "the CA could not decode the request"},
    Entry{0x80070490, "ERROR_NOT_FOUND", "the CA does not know what was asked for"},
    Entry{0x800706BA, "RPC_S_SERVER_UNAVAILABLE",
          "the web server could not reach the CA: its service is stopped, or a firewall is between them", true},
    Entry{0x800706BB, "RPC_S_SERVER_TOO_BUSY", "the CA is too busy", true},
    Entry{0x80080005, "CO_E_SERVER_EXEC_FAILURE", "the CA's service could not be started", true},
    Entry{0x80090008, "NTE_BAD_ALGID", "the CA does not take an algorithm of the request or of our signature"},
    Entry{0x8009000F, "NTE_EXISTS", "it exists already"},
    Entry{0x80091004, "CRYPT_E_INVALID_MSG_TYPE", "the CA does not take this form of request: see request_format"},
    Entry{0x80092012, "CRYPT_E_NO_REVOCATION_CHECK", "the CA could not check whether our agent certificate is revoked"},
    Entry{0x80092013, "CRYPT_E_REVOCATION_OFFLINE",
          "the CA could not fetch a CRL it needs to check our agent certificate: see its CRL distribution points"},
    Entry{0x80092010, "CRYPT_E_REVOKED", "our agent certificate, or one above it, is revoked"},
    Entry{0x80093101, "CRYPT_E_ASN1_EOD", "the CA found the request cut off"},
    Entry{0x8009310B, "CRYPT_E_ASN1_BADTAG", "the CA could not decode the request: see request_format"},
    Entry{0x80094001, "CERTSRV_E_BAD_REQUESTSUBJECT", "the CA does not take the subject name of the request"},
    Entry{0x80094002, "CERTSRV_E_NO_REQUEST", "the CA has no such request"},
    Entry{0x80094003, "CERTSRV_E_BAD_REQUESTSTATUS", "the request is not in a state that allows this"},
    Entry{0x80094004, "CERTSRV_E_PROPERTY_EMPTY", "the CA has nothing there"},
    Entry{0x80094009, "CERTSRV_E_RESTRICTEDOFFICER",
          "the CA restricts enrollment agents: allow our agent this template on its Enrollment Agents tab"},
    Entry{0x80094011, "CERTSRV_E_ENROLL_DENIED",
          "our account may not enroll: grant it Read and Enroll on the template"},
    Entry{0x80094012, "CERTSRV_E_TEMPLATE_DENIED",
          "our account, or our enrollment agent, may not enroll for this template: grant it Read and Enroll on the "
          "template"},
    Entry{0x80094013, "CERTSRV_E_DOWNLEVEL_DC_SSL_OR_UPGRADE",
          "the domain controller is too old for what the CA needs"},
    Entry{0x80094800, "CERTSRV_E_UNSUPPORTED_CERT_TYPE",
          "the CA does not issue this template: add it under Certificate Templates of the CA, and write its name, not "
          "its display name, as ca_name"},
    Entry{0x80094801, "CERTSRV_E_NO_CERT_TYPE", "no template reached the CA"},
    Entry{0x80094802, "CERTSRV_E_TEMPLATE_CONFLICT", "the request names another template than we do"},
    Entry{0x80094803, "CERTSRV_E_SUBJECT_ALT_NAME_REQUIRED",
          "the template demands an alternative name the request has not"},
    Entry{0x80094804, "CERTSRV_E_ARCHIVED_KEY_REQUIRED",
          "the template demands that the private key be archived, which no SCEP client does"},
    Entry{0x80094805, "CERTSRV_E_SMIME_REQUIRED", "the template demands S/MIME capabilities in the request"},
    Entry{0x80094807, "CERTSRV_E_TEMPLATE_POLICY_REQUIRED",
          "the template demands an issuance policy the request has not"},
    Entry{0x80094809, "CERTSRV_E_SIGNATURE_POLICY_REQUIRED",
          "the template demands a signature, and the CA found none: use request_format pkcs7 or cmc"},
    Entry{0x8009480A, "CERTSRV_E_SIGNATURE_COUNT", "the template demands more authorised signatures than our one"},
    Entry{0x8009480B, "CERTSRV_E_SIGNATURE_REJECTED",
          "the CA did not accept our agent's signature: its certificate needs the application policy the template "
          "names, and its CA must be in NTAuthCertificates"},
    Entry{0x8009480C, "CERTSRV_E_ISSUANCE_POLICY_REQUIRED",
          "the template demands an issuance policy of our agent certificate"},
    Entry{0x8009480D, "CERTSRV_E_SUBJECT_UPN_REQUIRED",
          "the template builds the subject from Active Directory: set \"Supply in the request\""},
    Entry{0x8009480E, "CERTSRV_E_SUBJECT_DIRECTORY_GUID_REQUIRED",
          "the template builds the subject from Active Directory: set \"Supply in the request\""},
    Entry{0x8009480F, "CERTSRV_E_SUBJECT_DNS_REQUIRED",
          "the template builds the subject from Active Directory: set \"Supply in the request\""},
    Entry{0x80094811, "CERTSRV_E_KEY_LENGTH", "the template demands a longer key: set rsa_bits_min as it does"},
    Entry{0x80094814, "CERTSRV_E_CERT_TYPE_OVERLAP", "the templates overlap"},
    Entry{0x80094815, "CERTSRV_E_TOO_MANY_SIGNATURES", "there are more signatures than the CA takes"},
    Entry{0x800B0101, "CERT_E_EXPIRED", "our agent certificate, or one above it, is expired at the CA's clock"},
    Entry{0x800B0109, "CERT_E_UNTRUSTEDROOT", "the CA does not trust the root of our agent certificate"},
    Entry{0x800B010A, "CERT_E_CHAINING", "the CA could not build the chain of our agent certificate"},
    Entry{0x800B0110, "CERT_E_WRONG_USAGE",
          "our agent certificate lacks a usage the CA wants: Certificate Request Agent"},
    Entry{0x800B0112, "CERT_E_UNTRUSTEDCA", "the CA of our agent certificate is not in NTAuthCertificates"},
    Entry{0x80096004, "TRUST_E_CERT_SIGNATURE", "a signature does not hold"},
};

const Entry* entry_of(std::uint32_t code) {
    const auto* found = std::ranges::find(known_errors, code, &Entry::code);
    return found == known_errors.end() ? nullptr : found;
}

}  // namespace

std::string explain_hresult(std::uint32_t code) {
    std::array<char, 8> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), code, 16).ptr;
    std::string text = "0x";
    for (const char* digit = digits.data(); digit != end; ++digit)
        text += *digit >= 'a' ? static_cast<char>(*digit - 'a' + 'A') : *digit;
    if (const auto* entry = entry_of(code)) text += " " + std::string(entry->symbol) + ": " + std::string(entry->words);
    return text;
}

bool means_unavailable(std::uint32_t code) {
    const auto* entry = entry_of(code);
    return entry != nullptr && entry->unavailable;
}

std::optional<std::uint32_t> hresult_in(std::string_view text) {
    for (auto at = text.find("0x8"); at != std::string_view::npos; at = text.find("0x8", at + 1)) {
        const auto digits = text.substr(at + 2, 8);
        std::uint32_t code = 0;
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
        if (error == std::errc() && digits.size() == 8 && end == digits.data() + 8) return code;
    }
    return std::nullopt;
}

}  // namespace countersign::ca
