#include "soap.hpp"

#include "countersign/core/text.hpp"
#include "countersign/crypto/encoding.hpp"

#include <algorithm>
#include <charconv>

namespace countersign::ca::soap {

// [MS-WSTEP] 2.2.1 and the specifications it names.
namespace ns {
constexpr auto trust = "http://docs.oasis-open.org/ws-sx/ws-trust/200512";
constexpr auto authorization = "http://schemas.xmlsoap.org/ws/2006/12/authorization";
constexpr auto enrollment = "http://schemas.microsoft.com/windows/pki/2009/01/enrollment";
}  // namespace ns

namespace {

constexpr auto token_x509 = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3";
constexpr auto action_request = "http://schemas.microsoft.com/windows/pki/2009/01/enrollment/RST/wstep";
constexpr auto type_issue = "http://docs.oasis-open.org/ws-sx/ws-trust/200512/Issue";
constexpr auto type_status = "http://schemas.microsoft.com/windows/pki/2009/01/enrollment/QueryTokenStatus";
constexpr auto encoding_base64 =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd#base64binary";

const char* value_type(TokenKind kind) {
    switch (kind) {
        case TokenKind::pkcs7:
            return "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd#PKCS7";
        case TokenKind::cmc: return "http://schemas.microsoft.com/windows/pki/2009/01/enrollment#CMC";
        case TokenKind::pkcs10: break;
    }
    return "http://schemas.microsoft.com/windows/pki/2009/01/enrollment#PKCS10";
}

pugi::xml_node add_request(pugi::xml_node body, const char* type) {
    auto request = add(body, "RequestSecurityToken");
    request.append_attribute("xmlns") = ns::trust;
    request.append_attribute("PreferredLanguage") = "en-US";
    add(request, "TokenType", token_x509);
    add(request, "RequestType", type);
    return request;
}

// xs:int, so an HRESULT comes as a negative number.
std::optional<std::uint32_t> code_of(const pugi::xml_node& node) {
    const auto text = trim(node.text().get());
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number == 0) return std::nullopt;
    if (number < INT32_MIN || number > UINT32_MAX) return std::nullopt;
    return static_cast<std::uint32_t>(number);
}

Answer::Fault read_fault(const pugi::xml_node& node) {
    Answer::Fault fault;
    fault.reason = reason_of(node);
    const auto detail = child(child(node, ns::soap, "Detail"), ns::enrollment, "CertificateEnrollmentWSDetail");
    fault.code = code_of(child(detail, ns::enrollment, "ErrorCode"));
    const std::string_view invalid = child(detail, ns::enrollment, "InvalidRequest").text().get();
    fault.invalid_request = invalid == "true" || invalid == "1";
    return fault;
}

Result<Answer> read_response(const pugi::xml_node& response) {
    Answer answer;
    answer.disposition = printable(trim(child(response, ns::enrollment, "DispositionMessage").text().get()), 300);
    const auto id = trim(child(response, ns::enrollment, "RequestID").text().get());
    const bool number = id.size() <= 10 && std::ranges::all_of(id, [](char c) { return c >= '0' && c <= '9'; });
    if (number) answer.request_id = id;
    const auto requested = child(response, ns::trust, "RequestedSecurityToken");
    if (const auto token = child(requested, ns::security, "BinarySecurityToken")) {
        if (std::string_view(token.attribute("ValueType").value()) != token_x509)
            return fail::malformed("the answer's token is no X.509 certificate");
        TRY(answer.certificate, octets_in(token));
    }
    return answer;
}

}  // namespace

std::string issue_request(const Message& message, TokenKind kind, ByteView token, const std::string& template_name) {
    pugi::xml_document document;
    auto request = add_request(begin(document, action_request, message), type_issue);
    auto binary = add(request, "BinarySecurityToken", crypto::base64(token).c_str());
    binary.append_attribute("xmlns") = ns::security;
    binary.append_attribute("ValueType") = value_type(kind);
    binary.append_attribute("EncodingType") = encoding_base64;
    auto context = add(request, "AdditionalContext");
    context.append_attribute("xmlns") = ns::authorization;
    auto item = add(context, "ContextItem");
    item.append_attribute("Name") = "CertificateTemplate";
    add(item, "Value", template_name.c_str());
    auto id = add(request, "RequestID");
    id.append_attribute("xmlns") = ns::enrollment;
    id.append_attribute("xmlns:xsi") = ns::instance;
    id.append_attribute("xsi:nil") = "true";
    return text_of(document);
}

std::string status_request(const Message& message, const std::string& request_id) {
    pugi::xml_document document;
    auto request = add_request(begin(document, action_request, message), type_status);
    auto id = add(request, "RequestID", request_id.c_str());
    id.append_attribute("xmlns") = ns::enrollment;
    return text_of(document);
}

Result<Answer> read_answer(ByteView xml) {
    pugi::xml_document document;
    TRY(const auto body, body_in(document, xml));
    if (const auto fault = child(body, ns::soap, "Fault")) {
        Answer answer;
        answer.fault = read_fault(fault);
        return answer;
    }
    const auto collection = child(body, ns::trust, "RequestSecurityTokenResponseCollection");
    const auto response = child(collection, ns::trust, "RequestSecurityTokenResponse");
    if (!response) return fail::malformed("no RequestSecurityTokenResponse");
    return read_response(response);
}

}  // namespace countersign::ca::soap
