#include "soap.hpp"

#include "countersign/core/text.hpp"
#include "countersign/crypto/encoding.hpp"

#include <pugixml.hpp>

#include <algorithm>
#include <charconv>
#include <sstream>

namespace countersign::ca::soap {
namespace {

// [MS-WSTEP] 2.2.1 and the specifications it names.
namespace ns {
constexpr auto soap = "http://www.w3.org/2003/05/soap-envelope";
constexpr auto addressing = "http://www.w3.org/2005/08/addressing";
constexpr auto trust = "http://docs.oasis-open.org/ws-sx/ws-trust/200512";
constexpr auto security = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
constexpr auto authorization = "http://schemas.xmlsoap.org/ws/2006/12/authorization";
constexpr auto enrollment = "http://schemas.microsoft.com/windows/pki/2009/01/enrollment";
constexpr auto instance = "http://www.w3.org/2001/XMLSchema-instance";
}  // namespace ns

constexpr auto token_x509 = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3";
constexpr auto action_request = "http://schemas.microsoft.com/windows/pki/2009/01/enrollment/RST/wstep";
constexpr auto type_issue = "http://docs.oasis-open.org/ws-sx/ws-trust/200512/Issue";
constexpr auto type_status = "http://schemas.microsoft.com/windows/pki/2009/01/enrollment/QueryTokenStatus";
constexpr auto encoding_base64 =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd#base64binary";
constexpr auto password_text =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText";

const char* value_type(TokenKind kind) {
    switch (kind) {
        case TokenKind::pkcs7:
            return "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd#PKCS7";
        case TokenKind::cmc: return "http://schemas.microsoft.com/windows/pki/2009/01/enrollment#CMC";
        case TokenKind::pkcs10: break;
    }
    return "http://schemas.microsoft.com/windows/pki/2009/01/enrollment#PKCS10";
}

pugi::xml_node add(pugi::xml_node parent, const char* name, const char* text = "") {
    auto node = parent.append_child(name);
    if (*text != '\0') node.text().set(text);
    return node;
}

// The envelope with its header; returns where the body goes.
pugi::xml_node begin(pugi::xml_document& document, const Message& message) {
    auto envelope = document.append_child("s:Envelope");
    envelope.append_attribute("xmlns:s") = ns::soap;
    envelope.append_attribute("xmlns:a") = ns::addressing;
    auto header = add(envelope, "s:Header");
    auto action = add(header, "a:Action", action_request);
    action.append_attribute("s:mustUnderstand") = "1";
    add(header, "a:MessageID", message.message_id.c_str());
    auto to = add(header, "a:To", message.to.c_str());
    to.append_attribute("s:mustUnderstand") = "1";
    if (!message.user.empty()) {
        auto security = add(header, "o:Security");
        security.append_attribute("xmlns:o") = ns::security;
        security.append_attribute("s:mustUnderstand") = "1";
        auto token = add(security, "o:UsernameToken");
        add(token, "o:Username", message.user.c_str());
        auto password = add(token, "o:Password", password_place);
        password.append_attribute("Type") = password_text;
    }
    return add(envelope, "s:Body");
}

pugi::xml_node add_request(pugi::xml_node body, const char* type) {
    auto request = add(body, "RequestSecurityToken");
    request.append_attribute("xmlns") = ns::trust;
    request.append_attribute("PreferredLanguage") = "en-US";
    add(request, "TokenType", token_x509);
    add(request, "RequestType", type);
    return request;
}

std::string text_of(const pugi::xml_document& document) {
    std::ostringstream out;
    document.save(out, "", pugi::format_raw);
    return out.str();
}

std::string_view local_name(const pugi::xml_node& node) {
    const std::string_view name = node.name();
    const auto colon = name.find(':');
    return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

// The namespace an element is in: the nearest declaration of its prefix.
std::string_view namespace_of(const pugi::xml_node& node) {
    const std::string_view name = node.name();
    const auto colon = name.find(':');
    const std::string declaration =
        colon == std::string_view::npos ? "xmlns" : "xmlns:" + std::string(name.substr(0, colon));
    for (auto at = node; at; at = at.parent()) {
        if (const auto declared = at.attribute(declaration.c_str())) return declared.value();
    }
    return {};
}

pugi::xml_node child(const pugi::xml_node& parent, const char* space, std::string_view name) {
    for (const auto& node : parent.children()) {
        if (local_name(node) == name && namespace_of(node) == space) return node;
    }
    return {};
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
    fault.reason = printable(trim(child(child(node, ns::soap, "Reason"), ns::soap, "Text").text().get()), 300);
    const auto detail = child(child(node, ns::soap, "Detail"), ns::enrollment, "CertificateEnrollmentWSDetail");
    fault.code = code_of(child(detail, ns::enrollment, "ErrorCode"));
    const std::string_view invalid = child(detail, ns::enrollment, "InvalidRequest").text().get();
    fault.invalid_request = invalid == "true" || invalid == "1";
    return fault;
}

Result<Bytes> token_in(const pugi::xml_node& node) {
    std::string base64 = node.text().get();
    std::erase_if(base64, [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; });
    return crypto::from_base64(base64);
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
        TRY(answer.certificate, token_in(token));
    }
    return answer;
}

}  // namespace

std::string issue_request(const Message& message, TokenKind kind, ByteView token, const std::string& template_name) {
    pugi::xml_document document;
    auto request = add_request(begin(document, message), type_issue);
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
    auto request = add_request(begin(document, message), type_status);
    auto id = add(request, "RequestID", request_id.c_str());
    id.append_attribute("xmlns") = ns::enrollment;
    return text_of(document);
}

Result<Answer> read_answer(ByteView xml) {
    pugi::xml_document document;
    // parse_minimal and the five predefined entities: no DTD, no comment, no processing instruction.
    const auto parsed =
        document.load_buffer(xml.data(), xml.size(), pugi::parse_escapes | pugi::parse_cdata | pugi::parse_eol);
    if (!parsed) return fail::malformed(std::string("no XML: ") + parsed.description());
    const auto body = child(child(document, ns::soap, "Envelope"), ns::soap, "Body");
    if (!body) return fail::malformed("no SOAP 1.2 message");
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
