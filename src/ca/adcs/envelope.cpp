#include "envelope.hpp"

#include "countersign/core/text.hpp"
#include "countersign/crypto/encoding.hpp"

#include <algorithm>
#include <sstream>

namespace countersign::ca::soap {
namespace {

constexpr auto password_text =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText";
constexpr const char* password_place = "@@PASSWORD@@";

std::string random_uuid(Random& random) {
    auto octets = random.bytes(16);
    octets[6] = static_cast<std::uint8_t>((octets[6] & 0x0fU) | 0x40U);  // RFC 4122 4.4
    octets[8] = static_cast<std::uint8_t>((octets[8] & 0x3fU) | 0x80U);
    const auto hex = lower_hex(octets);
    return "urn:uuid:" + hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" + hex.substr(16, 4) +
           "-" + hex.substr(20);
}

// The password as XML text, straight into the octets that are sent.
Bytes with_password(const std::string& envelope, const Secret* password) {
    const auto at = password == nullptr ? std::string::npos : envelope.find(password_place);
    if (at == std::string::npos) return to_bytes(as_bytes(envelope));
    Bytes body;
    // Never moved while it holds the password: six octets are the most that one becomes.
    body.reserve(envelope.size() + 6 * password->size());
    const auto append = [&body](std::string_view text) { body.insert(body.end(), text.begin(), text.end()); };
    append(std::string_view(envelope).substr(0, at));
    for (const char c : password->reveal_text()) {
        if (c == '&')
            append("&amp;");
        else if (c == '<')
            append("&lt;");
        else if (c == '>')
            append("&gt;");
        else
            append(std::string_view(&c, 1));
    }
    append(std::string_view(envelope).substr(at + std::string_view(password_place).size()));
    return body;
}

// What a prefix means at a node: its nearest declaration.
std::string_view declared_at(const pugi::xml_node& node, std::string_view prefix) {
    const std::string declaration = prefix.empty() ? "xmlns" : "xmlns:" + std::string(prefix);
    for (auto at = node; at; at = at.parent()) {
        if (const auto declared = at.attribute(declaration.c_str())) return declared.value();
    }
    return {};
}

}  // namespace

Message message_to(const std::string& url, const AdcsOptions& options, Random& random) {
    return {url, random_uuid(random), options.sign_in == AdcsSignIn::username_token ? options.user : ""};
}

pugi::xml_node add(pugi::xml_node parent, const char* name, const char* text) {
    auto node = parent.append_child(name);
    if (*text != '\0') node.text().set(text);
    return node;
}

pugi::xml_node begin(pugi::xml_document& document, const char* action_uri, const Message& message) {
    auto envelope = document.append_child("s:Envelope");
    envelope.append_attribute("xmlns:s") = ns::soap;
    envelope.append_attribute("xmlns:a") = ns::addressing;
    auto header = add(envelope, "s:Header");
    auto action = add(header, "a:Action", action_uri);
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

std::string text_of(const pugi::xml_document& document) {
    std::ostringstream out;
    document.save(out, "", pugi::format_raw);
    return out.str();
}

net::ClientRequest request_to(const std::string& url, const AdcsOptions& options) {
    net::ClientRequest request;
    request.url = url;
    request.negotiate = options.sign_in == AdcsSignIn::negotiate;
    if (options.sign_in == AdcsSignIn::basic) {
        request.user = options.user;
        request.password = options.password.get();
    }
    return request;
}

Result<net::ClientResponse> send(net::HttpClient& http, const std::string& envelope, const std::string& url,
                                 const AdcsOptions& options) {
    auto post = request_to(url, options);
    post.method = "POST";
    post.headers = {{"Content-Type", "application/soap+xml; charset=utf-8"}};
    const bool token = options.sign_in == AdcsSignIn::username_token;
    post.body = with_password(envelope, token ? options.password.get() : nullptr);
    auto response = http.send(post);
    wipe_memory(post.body.data(), post.body.size());
    return response;
}

Result<pugi::xml_node> body_in(pugi::xml_document& document, ByteView xml) {
    // parse_minimal and the five predefined entities: no DTD, no comment, no processing instruction.
    const auto parsed =
        document.load_buffer(xml.data(), xml.size(), pugi::parse_escapes | pugi::parse_cdata | pugi::parse_eol);
    if (!parsed) return fail::malformed(std::string("no XML: ") + parsed.description());
    const auto body = child(child(document, ns::soap, "Envelope"), ns::soap, "Body");
    if (!body) return fail::malformed("no SOAP 1.2 message");
    return body;
}

std::string reason_of(const pugi::xml_node& fault) {
    return printable(trim(child(child(fault, ns::soap, "Reason"), ns::soap, "Text").text().get()), 300);
}

std::string_view local_name(const pugi::xml_node& node) {
    const std::string_view name = node.name();
    const auto colon = name.find(':');
    return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

std::string_view namespace_of(const pugi::xml_node& node) {
    const std::string_view name = node.name();
    const auto colon = name.find(':');
    return declared_at(node, colon == std::string_view::npos ? "" : name.substr(0, colon));
}

pugi::xml_node child(const pugi::xml_node& parent, const char* space, std::string_view name) {
    for (const auto& node : parent.children()) {
        if (local_name(node) == name && namespace_of(node) == space) return node;
    }
    return {};
}

bool is_nil(const pugi::xml_node& node) {
    if (!node) return true;
    for (const auto& attribute : node.attributes()) {
        const std::string_view name = attribute.name();
        if (!name.ends_with(":nil")) continue;
        const std::string_view value = attribute.value();
        if (declared_at(node, name.substr(0, name.size() - 4)) == ns::instance) return value == "true" || value == "1";
    }
    return false;
}

Result<Bytes> octets_in(const pugi::xml_node& node) {
    std::string base64 = node.text().get();
    std::erase_if(base64, [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; });
    return crypto::from_base64(base64);
}

}  // namespace countersign::ca::soap
