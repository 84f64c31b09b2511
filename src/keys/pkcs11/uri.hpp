// RFC 7512 URIs, parsed by p11-kit and judged here. Private to the keys room. A Uri is immutable and may be shared
// between threads.
#pragma once

#include "countersign/core/bytes.hpp"
#include "countersign/core/result.hpp"

#include <p11-kit/pkcs11.h>
#include <p11-kit/uri.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace countersign::keys::pkcs11 {

class Uri {
public:
    // malformed: not RFC 7512, an attribute p11-kit does not know, nothing that names a token or an object, a PIN in
    // it, a pin-source that is a command.
    static Result<Uri> parse(std::string_view text);

    bool names_token(const CK_TOKEN_INFO& token) const;
    bool names_module(const CK_INFO& module) const;
    bool names_slot(CK_SLOT_ID slot, const CK_SLOT_INFO& info) const;

    const std::optional<Bytes>& id() const { return id_; }
    const std::optional<std::string>& label() const { return label_; }

    std::filesystem::path module_path() const;  // empty: none named
    std::string pin_source() const;             // empty: none named
    // Equal for URIs that reach the same token in the same way.
    std::string token_part() const;
    // As written, without anything that could be secret.
    const std::string& text() const { return text_; }

private:
    struct Free {
        void operator()(P11KitUri* uri) const { p11_kit_uri_free(uri); }
    };
    std::shared_ptr<P11KitUri> uri_;
    std::optional<Bytes> id_;
    std::optional<std::string> label_;
    std::string text_;
};

}  // namespace countersign::keys::pkcs11
