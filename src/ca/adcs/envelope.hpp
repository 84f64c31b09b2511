// What the SOAP 1.2 messages of [MS-WSTEP] and [MS-XCEP] have in common: envelope and headers, how they are sent, how
// answers are read. Pure functions but send(); any thread.
#pragma once

#include "countersign/ca/adcs.hpp"

#include <pugixml.hpp>

#include <string>
#include <string_view>

namespace countersign::ca::soap {

namespace ns {
inline constexpr auto soap = "http://www.w3.org/2003/05/soap-envelope";
inline constexpr auto addressing = "http://www.w3.org/2005/08/addressing";
inline constexpr auto security = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
inline constexpr auto instance = "http://www.w3.org/2001/XMLSchema-instance";
}  // namespace ns

struct Message {
    std::string to;          // URL of the service
    std::string message_id;  // "urn:uuid:..."
    std::string user;        // UsernameToken when not empty; the password is put in by send()
};
// A new one to `url`, signed in as the options say.
Message message_to(const std::string& url, const AdcsOptions& options, Random& random);

// The envelope with its header; returns where the body goes.
pugi::xml_node begin(pugi::xml_document& document, const char* action, const Message& message);
pugi::xml_node add(pugi::xml_node parent, const char* name, const char* text = "");
std::string text_of(const pugi::xml_document& document);

// As net::HttpClient::send, with the sign-in of the options.
net::ClientRequest request_to(const std::string& url, const AdcsOptions& options);
Result<net::ClientResponse> send(net::HttpClient& http, const std::string& envelope, const std::string& url,
                                 const AdcsOptions& options);

// The body of the envelope in `xml`, inside `document`. malformed: no SOAP 1.2 message. DTDs, entities and processing
// instructions are left unread.
Result<pugi::xml_node> body_in(pugi::xml_document& document, ByteView xml);
// The Reason of a Fault, fit for a log.
std::string reason_of(const pugi::xml_node& fault);

std::string_view local_name(const pugi::xml_node& node);
std::string_view namespace_of(const pugi::xml_node& node);
// The first child of that name; null: none.
pugi::xml_node child(const pugi::xml_node& parent, const char* space, std::string_view name);
// Absent, or there with xsi:nil.
bool is_nil(const pugi::xml_node& node);
// Base64 with white space; malformed.
Result<Bytes> octets_in(const pugi::xml_node& node);

}  // namespace countersign::ca::soap
