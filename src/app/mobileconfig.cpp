#include "mobileconfig.hpp"

#include "countersign/core/text.hpp"
#include "countersign/crypto/encoding.hpp"

#include <pugixml.hpp>

#include <algorithm>
#include <array>
#include <sstream>

namespace countersign::app {
namespace {

using pugi::xml_node;

constexpr int sign_and_encrypt = 5;  // Apple's "Key Usage": 1 signing, 4 encryption

void add_key(xml_node dict, const char* key) {
    dict.append_child("key").text().set(key);
}
void add_text(xml_node parent, const std::string& text) {
    parent.append_child("string").text().set(text.c_str());
}
void put_text(xml_node dict, const char* key, const std::string& text) {
    add_key(dict, key);
    add_text(dict, text);
}
void put_number(xml_node dict, const char* key, unsigned number) {
    add_key(dict, key);
    dict.append_child("integer").text().set(number);
}
void put_data(xml_node dict, const char* key, ByteView octets) {
    add_key(dict, key);
    dict.append_child("data").text().set(crypto::base64(octets).c_str());
}
xml_node put(xml_node dict, const char* key, const char* type) {
    add_key(dict, key);
    return dict.append_child(type);
}

// RFC 4122 section 4.4, in upper case as Apple writes it.
std::string uuid(Random& random) {
    Bytes octets = random.bytes(16);
    octets[6] = static_cast<std::uint8_t>((octets[6] & 0x0fU) | 0x40U);
    octets[8] = static_cast<std::uint8_t>((octets[8] & 0x3fU) | 0x80U);
    const std::string hex = upper_hex(octets);
    return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" + hex.substr(16, 4) + "-" +
           hex.substr(20);
}

// Those Apple documents short names for; every other attribute is named by its OID.
std::string attribute_name(const std::string& oid) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 6> names{{{"2.5.4.3", "CN"},
                                                                                  {"2.5.4.6", "C"},
                                                                                  {"2.5.4.7", "L"},
                                                                                  {"2.5.4.8", "ST"},
                                                                                  {"2.5.4.10", "O"},
                                                                                  {"2.5.4.11", "OU"}}};
    const auto found = std::ranges::find_if(names, [&](const auto& pair) { return pair.first == oid; });
    return found == names.end() ? oid : std::string(found->second);
}

Result<void> fit_for_xml(std::string_view text, const char* what) {
    const bool control = std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
    if (control) return fail::malformed(std::string(what) + " holds control characters, which XML cannot");
    return boost::system::in_place_value;
}

// An array of RDNs, each an array of [type, value].
Result<void> put_subject(xml_node dict, const crypto::Name& subject) {
    xml_node rdns = put(dict, "Subject", "array");
    xml_node rdn;
    std::optional<std::size_t> current;
    for (const crypto::NameAttribute& attribute : subject.attributes()) {
        if (!attribute.convertible) return fail::malformed("the subject holds text of an unknown type");
        CHECK(fit_for_xml(attribute.value, "the subject"));
        if (current != attribute.rdn) rdn = rdns.append_child("array");
        current = attribute.rdn;
        xml_node pair = rdn.append_child("array");
        add_text(pair, attribute_name(attribute.oid));
        add_text(pair, attribute.value);
    }
    return boost::system::in_place_value;
}

const char* apple_key(const crypto::GeneralName& name) {
    if (name.is_upn()) return "ntPrincipalName";
    switch (name.type) {
        case crypto::GeneralNameType::email: return "rfc822Name";
        case crypto::GeneralNameType::dns: return "dNSName";
        case crypto::GeneralNameType::uri: return "uniformResourceIdentifier";
        default: return nullptr;
    }
}

Result<void> put_sans(xml_node dict, const std::vector<crypto::GeneralName>& names) {
    if (names.empty()) return boost::system::in_place_value;
    xml_node sans = put(dict, "SubjectAltName", "dict");
    for (const char* key : {"rfc822Name", "dNSName", "uniformResourceIdentifier", "ntPrincipalName"}) {
        std::vector<std::string> values;
        for (const auto& name : names) {
            if (apple_key(name) == nullptr)
                return fail::malformed("Apple has no place for the name " + printable(crypto::to_text(name)));
            CHECK(fit_for_xml(name.value, "a name"));
            if (std::string_view(apple_key(name)) == key) values.push_back(name.value);
        }
        if (values.empty()) continue;
        // One value stands alone, as older systems want it.
        if (values.size() == 1) {
            put_text(sans, key, values.front());
            continue;
        }
        xml_node list = put(sans, key, "array");
        for (const std::string& value : values) add_text(list, value);
    }
    return boost::system::in_place_value;
}

Result<void> put_scep(xml_node dict, const MobileconfigContent& content) {
    put_text(dict, "URL", content.url);
    put_text(dict, "Name", content.name);
    CHECK(put_subject(dict, content.subject));
    CHECK(put_sans(dict, content.sans));
    if (content.challenge) put_text(dict, "Challenge", std::string(content.challenge->reveal_text()));
    put_text(dict, "Key Type", "RSA");
    put_number(dict, "Keysize", content.key_bits);
    put_number(dict, "Key Usage", sign_and_encrypt);
    put_data(dict, "CAFingerprint", content.ca_fingerprint);
    put_number(dict, "Retries", 3);
    put_number(dict, "RetryDelay", 10);
    return boost::system::in_place_value;
}

void put_identity(xml_node dict, const char* type, const std::string& identifier, const std::string& id,
                  const std::string& shown) {
    put_text(dict, "PayloadDisplayName", shown);
    put_text(dict, "PayloadIdentifier", identifier + "." + id);
    put_text(dict, "PayloadType", type);
    put_text(dict, "PayloadUUID", id);
    put_number(dict, "PayloadVersion", 1);
}

}  // namespace

Result<Secret> mobileconfig(const MobileconfigContent& content, Random& random) {
    CHECK(fit_for_xml(content.url, "the URL"));
    CHECK(fit_for_xml(content.name, "the profile's name"));
    if (content.challenge) CHECK(fit_for_xml(content.challenge->reveal_text(), "the challenge"));
    pugi::xml_document document;
    xml_node declaration = document.append_child(pugi::node_declaration);
    declaration.append_attribute("version") = "1.0";
    declaration.append_attribute("encoding") = "UTF-8";
    document.append_child(pugi::node_doctype)
        .set_value("plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\"");
    xml_node plist = document.append_child("plist");
    plist.append_attribute("version") = "1.0";
    xml_node profile = plist.append_child("dict");
    xml_node payload = put(profile, "PayloadContent", "array").append_child("dict");
    CHECK(put_scep(put(payload, "PayloadContent", "dict"), content));
    put_identity(payload, "com.apple.security.scep", "com.apple.security.scep", uuid(random), "SCEP " + content.name);
    put_identity(profile, "Configuration", "countersign." + content.name, uuid(random), "Certificate by SCEP");
    std::ostringstream text;
    document.save(text, "  ");
    std::string octets = std::move(text).str();
    Secret made(octets);
    wipe_memory(octets.data(), octets.size());
    return made;
}

}  // namespace countersign::app
