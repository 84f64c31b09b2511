#include "uri.hpp"

#include "countersign/core/text.hpp"

#include <array>
#include <cstdlib>

namespace countersign::keys::pkcs11 {

namespace {

std::string in_words(int result) {
    switch (result) {
        case P11_KIT_URI_BAD_SCHEME: return "it does not begin with pkcs11:";
        case P11_KIT_URI_BAD_ENCODING: return "a %-encoding in it is wrong";
        case P11_KIT_URI_BAD_SYNTAX: return "an attribute in it is not NAME=VALUE, or its value is too long";
        case P11_KIT_URI_BAD_VERSION: return "its version is not NUMBER.NUMBER";
        default: return "p11-kit cannot read it";
    }
}

bool is_set(const CK_UTF8CHAR* text, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
        if (text[i] != 0) return true;
    }
    return false;
}

bool names_some_token(P11KitUri* uri) {
    const CK_TOKEN_INFO* token = p11_kit_uri_get_token_info(uri);
    return is_set(token->label, sizeof token->label) || is_set(token->serialNumber, sizeof token->serialNumber) ||
           is_set(token->model, sizeof token->model) || is_set(token->manufacturerID, sizeof token->manufacturerID) ||
           p11_kit_uri_get_slot_id(uri) != static_cast<CK_SLOT_ID>(-1);
}

std::optional<Bytes> attribute(P11KitUri* uri, CK_ATTRIBUTE_TYPE type) {
    const CK_ATTRIBUTE* found = p11_kit_uri_get_attribute(uri, type);
    if (found == nullptr || found->pValue == nullptr || found->ulValueLen == 0) return std::nullopt;
    const auto* octets = static_cast<const std::uint8_t*>(found->pValue);
    return Bytes(octets, octets + found->ulValueLen);
}

Result<void> check_type(P11KitUri* uri) {
    const CK_ATTRIBUTE* found = p11_kit_uri_get_attribute(uri, CKA_CLASS);
    if (found == nullptr) return boost::system::in_place_value;
    const bool is_private = found->pValue != nullptr && found->ulValueLen == sizeof(CK_OBJECT_CLASS) &&
                            *static_cast<const CK_OBJECT_CLASS*>(found->pValue) == CKO_PRIVATE_KEY;
    if (is_private) return boost::system::in_place_value;
    return fail::malformed("it names another kind of object; write type=private or leave type out");
}

Result<void> check_pin(P11KitUri* uri) {
    if (p11_kit_uri_get_pin_value(uri) != nullptr) {
        return fail::malformed(
            "it holds a PIN (pin-value); put the PIN into a file that only the service can read and write "
            "pin-source=file:PATH instead");
    }
    const char* source = p11_kit_uri_get_pin_source(uri);
    if (source == nullptr) return boost::system::in_place_value;
    const std::string_view text(source);
    if ((text.starts_with("file:") && text.size() > 5) || (text.starts_with("credential:") && text.size() > 11))
        return boost::system::in_place_value;
    return fail::malformed(
        "its pin-source is none this program reads; write pin-source=file:PATH, or "
        "pin-source=credential:NAME for a credential of systemd");
}

}  // namespace

Result<Uri> Uri::parse(std::string_view text) {
    Uri uri;
    // What stands behind pin-value must not reach a message, whatever else is wrong with the URI.
    const bool holds_pin = to_lower(text).find("pin-value") != std::string::npos;
    uri.text_ = printable(holds_pin ? text.substr(0, text.find('?')) : text, 300);
    const auto refuse = [&](const std::string& why) { return fail::malformed(uri.text_ + ": " + why); };

    uri.uri_ = std::shared_ptr<P11KitUri>(p11_kit_uri_new(), Free());
    if (!uri.uri_) throw std::bad_alloc();
    const int parsed = p11_kit_uri_parse(std::string(text).c_str(), P11_KIT_URI_FOR_ANY, uri.uri_.get());
    if (parsed != P11_KIT_URI_OK) return refuse(in_words(parsed));
    if (const auto good = check_pin(uri.uri_.get()); !good) return refuse(good.error().detail);
    if (p11_kit_uri_any_unrecognized(uri.uri_.get()) != 0)
        return refuse("an attribute in it is not known to RFC 7512; is one misspelt?");
    if (const auto good = check_type(uri.uri_.get()); !good) return refuse(good.error().detail);
    if (!names_some_token(uri.uri_.get())) return refuse("it names no token; write pkcs11:token=LABEL;object=NAME");
    uri.id_ = attribute(uri.uri_.get(), CKA_ID);
    if (const auto label = attribute(uri.uri_.get(), CKA_LABEL)) uri.label_ = std::string(as_text(*label));
    return uri;
}

bool Uri::names_token(const CK_TOKEN_INFO& token) const {
    return p11_kit_uri_match_token_info(uri_.get(), &token) == 1;
}

bool Uri::names_module(const CK_INFO& module) const {
    return p11_kit_uri_match_module_info(uri_.get(), &module) == 1;
}

bool Uri::names_slot(CK_SLOT_ID slot, const CK_SLOT_INFO& info) const {
    const CK_SLOT_ID wanted = p11_kit_uri_get_slot_id(uri_.get());
    if (wanted != static_cast<CK_SLOT_ID>(-1) && wanted != slot) return false;
    return p11_kit_uri_match_slot_info(uri_.get(), &info) == 1;
}

std::filesystem::path Uri::module_path() const {
    const char* path = p11_kit_uri_get_module_path(uri_.get());
    return path == nullptr ? "" : path;
}

std::string Uri::pin_source() const {
    const char* source = p11_kit_uri_get_pin_source(uri_.get());
    return source == nullptr ? "" : source;
}

std::string Uri::token_part() const {
    char* formatted = nullptr;
    const auto what = static_cast<P11KitUriType>(P11_KIT_URI_FOR_TOKEN | P11_KIT_URI_FOR_SLOT | P11_KIT_URI_FOR_MODULE);
    if (p11_kit_uri_format(uri_.get(), what, &formatted) != P11_KIT_URI_OK) throw std::bad_alloc();
    std::string part(formatted);
    std::free(formatted);
    return part + "|" + module_path().string() + "|" + pin_source();
}

}  // namespace countersign::keys::pkcs11
